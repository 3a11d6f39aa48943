// What an Api answers by itself: -2 while too many queries are pending, -3 when they come too fast.
#pragma once

#include "base.h"

namespace ctp2 {

// The caller holds one lock around every call.
struct Queries {
    static constexpr uint32_t MOST = 256;

    struct Pending {
        uint16_t answer;
        int32_t request_id;
    };
    Pending pending[MOST];
    uint32_t count;
    uint32_t limit;  // 0: none
    int64_t admitted[MOST];
    uint32_t oldest, admissions;
    uint32_t per_second;  // 0: no limit

    // A front's limits; what is larger than can be counted is as good as none.
    void set_limits(uint32_t in_flight, uint32_t rate);
    void clear() { count = 0; }
    // 0, -2 or -3; a query that is refused does not count.
    int take(uint16_t answer, int32_t request_id, int64_t now_ns);
    // Undo the last take.
    void give_back();
    // The last row of an answer came.
    void answered(uint16_t answer, int32_t request_id);
    // OnRspError came.
    void refused(int32_t request_id);

  private:
    void remove(uint32_t at);
};

}  // namespace ctp2
