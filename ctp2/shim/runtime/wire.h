// The frames of docs/protocol.md, as far as a native client speaks them. Little endian, like the machines it runs on.
#pragma once

#include "base.h"

namespace ctp2 {

constexpr uint16_t WIRE_MAJOR = 1;
constexpr uint16_t WIRE_MINOR = 0;
constexpr uint32_t MAX_FRAME = 65536;
constexpr uint32_t MAX_BEFORE_WELCOME = 4096;  // of hello; a front's welcome is far smaller
constexpr uint32_t NAMES_IN_FRAME = MAX_FRAME - 16 - 4 - 8;  // bytes of codes with their NULs

enum Kind : uint8_t {
    HELLO = 1,
    WELCOME = 2,
    REFUSED = 3,
    REQUEST = 4,
    CALLBACK = 5,
    TOPIC = 6,
    HEARTBEAT = 7,
    PING = 8,
    PONG = 9,
    GOODBYE = 12,
    PASSED = 13,
};

enum Flag : uint8_t { LAST = 1, FIELD = 2, INFO = 4, PRIVATE_FLOW = 8, PUBLIC_FLOW = 16 };

struct Header {
    uint32_t length;
    uint8_t kind;
    uint8_t flags;
    uint16_t slot;
    int32_t request_id;
    int32_t aux;
};
static_assert(sizeof(Header) == 16, "a header has 16 bytes");

struct Hello {
    Header header;
    char magic[8];
    uint16_t major, minor;
    uint8_t side;
    uint8_t pointer_size;
    uint16_t factory;
    uint32_t features;
    uint32_t zero;
    char revision[24];
    uint64_t checksum;
    char platform[24];
    char library[24];
    char client[24];
    char token[64];  // behind the known part, for private servers alone; else the frame ends before it
};
static_assert(offsetof(Hello, token) == 144, "hello has 128 bytes behind its header");

struct Welcome {
    uint16_t major, minor;
    uint8_t side;
    uint8_t zero;
    uint16_t zeros;
    uint32_t features;
    uint32_t heartbeat_ms;
    uint32_t client_heartbeat_ms;
    uint32_t warning_ms;
    uint32_t silence_ms;
    uint32_t max_frame;
    uint32_t queries_in_flight;
    uint32_t queries_per_second;
    uint32_t requests_per_second;
    uint32_t subscriptions;
    int64_t now_ns;
    uint64_t link;
    char trading_day[16];
    char flow_identity[40];
    char server[32];
};
static_assert(sizeof(Welcome) == 152, "welcome has 152 bytes behind its header");

// CThostFtdcRspInfoField, the same in every revision.
struct RspInfo {
    int32_t error_id;
    char message[81];
};
constexpr size_t INFO_SIZE = 88;
static_assert(sizeof(RspInfo) == INFO_SIZE, "an RspInfo has 88 bytes");

// Reasons of OnFrontDisconnected.
enum Reason : int {
    NO_REASON = 0,
    READ_FAILED = 4097,
    WRITE_FAILED = 4098,
    HEARTBEAT_TIMEOUT = 8193,
    HEARTBEAT_SEND_FAILED = 8194,
    BAD_PACKET = 8195,
};

constexpr size_t padded(size_t size) { return (size + 7) & ~static_cast<size_t>(7); }

}  // namespace ctp2
