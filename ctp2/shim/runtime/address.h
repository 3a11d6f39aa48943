// Front addresses, as programs register them and as CTP2_FRONT or a file beside the library overrides them.
#pragma once

#include "platform.h"

namespace ctp2 {

enum class Scheme {
    PLAIN,     // tcp://HOST:PORT
    TLS,       // ssl://HOST:PORT?ca=FILE
    LAUNCHED,  // tts://…, ib://… and the like: a private server on this machine serves it
};

struct Address {
    Scheme scheme;
    char text[1024];  // as given; for messages and GetFrontInfo
    char host[256];   // a name or a number, without brackets; empty for LAUNCHED
    uint16_t port;
    char ca[768];  // file of certificates to trust; empty: the system's
};

// Read an address. False with `why` (one line: what is wrong, what to write) when nothing can come of it.
bool parse_address(const char* text, Address& out, Text& why);

// The address that replaces all that a program registers, from CTP2_FRONT (for market data first CTP2_MD_FRONT) or a
// file beside the library; false when there is none.
bool override_front(bool is_md, char* out, size_t size);

}  // namespace ctp2
