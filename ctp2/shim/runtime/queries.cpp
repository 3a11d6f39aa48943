#include "queries.h"

namespace ctp2 {

namespace {

constexpr int64_t SECOND_NS = 1000000000;

}  // namespace

void Queries::set_limits(uint32_t in_flight, uint32_t rate) {
    limit = in_flight > MOST ? 0 : in_flight;
    per_second = rate > MOST ? 0 : rate;
    count = oldest = admissions = 0;
}

int Queries::take(uint16_t answer, int32_t request_id, int64_t now_ns) {
    if (limit && count >= limit) return -2;
    if (per_second) {
        while (admissions && now_ns - admitted[oldest] >= SECOND_NS) {
            oldest = (oldest + 1) % MOST;
            admissions--;
        }
        if (admissions >= per_second) return -3;
        admitted[(oldest + admissions++) % MOST] = now_ns;
    }
    if (limit) pending[count++] = {answer, request_id};
    return 0;
}

void Queries::give_back() {
    if (limit && count) count--;
    if (per_second && admissions) admissions--;
}

void Queries::remove(uint32_t at) {
    count--;
    for (; at < count; at++) pending[at] = pending[at + 1];
}

void Queries::answered(uint16_t answer, int32_t request_id) {
    uint32_t other = count;
    for (uint32_t at = 0; at < count; at++) {
        if (pending[at].answer != answer) continue;
        if (pending[at].request_id == request_id) return remove(at);
        if (other == count) other = at;
    }
    // An answer under another number still ends a query of its kind.
    if (other < count) remove(other);
}

void Queries::refused(int32_t request_id) {
    for (uint32_t at = 0; at < count; at++) {
        if (pending[at].request_id == request_id) return remove(at);
    }
}

}  // namespace ctp2
