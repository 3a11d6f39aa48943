// tts://, ib:// and the like in a native program: the private `ctp2 serve` on this machine that serves the address.
#pragma once

#include "address.h"
#include "stop.h"

namespace ctp2 {

struct Launched {
    char host[64];
    uint16_t port;
    char token[64];  // sent as the 64 bytes behind the known part of hello
};

// Find or start the server of `address`; on the worker's thread, no longer than until `deadline_ns` of the monotonic
// clock, and only short after `stop` is set. False with `why` in one line (none after a stop). Asked again before each
// attempt to connect.
bool launch(const Address& address, bool is_md, Stop& stop, int64_t deadline_ns, Launched& out, Text& why);

}  // namespace ctp2
