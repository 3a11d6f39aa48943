// What a revision's generated source tells the runtime about one of its two classes: no struct is known by its members.
#pragma once

#include "base.h"

namespace ctp2 {

constexpr uint16_t NO_SLOT = 0xffff;

enum class Shape : uint8_t {
    PLAIN,     // ()
    NUMBER,    // (int)
    RETURN,    // (field)
    REFUSAL,   // (field, rsp)
    ERROR,     // (rsp, int, bool)
    RESPONSE,  // (field, rsp, int, bool)
};

// One slot of the Spi.
struct CallbackRow {
    Shape shape;
    uint16_t size;  // of the struct; 0: none
};

enum class Ask : uint8_t {
    LOCAL,  // never sent
    PLAIN,
    QUERY,  // counts for -2 and -3
    LOGIN,  // says where the flows start
    NAMES,  // carries a list of codes
};

// One slot of the Api.
struct RequestRow {
    Ask ask;
    uint8_t user_size;     // of the member UserID, of a login
    uint16_t size;         // of the struct
    uint16_t answer;       // slot of the callback that answers
    int16_t user_at;       // offset of UserID in a login
    int16_t sequence_at;   // offset of SessionReqSeq, which the Api fills in; -1: there is none
};

struct Face {
    const char* revision;     // as hello names it
    const char* api_version;  // what GetApiVersion says
    const char* library;      // for the front's log
    uint64_t checksum;
    uint8_t side;  // 1 trader, 2 market data
    bool warns;    // whether a missing heartbeat is told (OnHeartBeatWarning)
    uint16_t request_count;
    uint16_t callback_count;
    const RequestRow* requests;
    const CallbackRow* callbacks;
    const char* callback_names;  // each ended by NUL, for messages
    uint16_t warning;            // slots that the runtime knows by meaning; NO_SLOT: not in this revision
    uint16_t login;
    uint16_t error;
    uint16_t private_number;
    uint16_t front_address_at, front_address_size, query_rate_at, package_rate_at;  // in CThostFtdcFrontInfoField
    uint16_t front_info_size;
};

constexpr uint16_t SLOT_CONNECTED = 0;     // OnFrontConnected, in every revision
constexpr uint16_t SLOT_DISCONNECTED = 1;  // OnFrontDisconnected

}  // namespace ctp2
