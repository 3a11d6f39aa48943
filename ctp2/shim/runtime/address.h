// Front addresses, as programs register them and as CTP2_FRONT or a file beside the library overrides them.
#pragma once

#include "platform.h"

namespace ctp2 {

enum class Scheme {
    PLAIN,     // tcp://HOST:PORT, tcp6://HOST:PORT
    TLS,       // ssl://HOST:PORT?ca=FILE
    LAUNCHED,  // tts://…, ib://… and the like: a private server on this machine serves it
};

constexpr size_t MOST_ADDRESS = 1000;  // characters; a longer one is refused

struct Address {
    Scheme scheme;
    char text[1024];  // without the tcp:// that some programs put before other schemes; for messages and GetFrontInfo
    char host[256];   // a name or a number, without brackets; empty for LAUNCHED
    uint16_t port;
    bool is_v6;    // whether only an IPv6 address of the host will do (tcp6://)
    char ca[768];  // file of certificates to trust; empty: the system's
};

// Read an address; nullptr is as good as "". False with `why` (one line: what is wrong, what to write) when nothing can
// come of it.
bool parse_address(const char* text, Address& out, Text& why);

// How many addresses replace all that a program registers; 0: what it registers counts. `out` becomes the one of number
// `index`, counted round. They are words of the environment variable CTP2_FRONT or, if that is not set, of the file
// ctp2_front.txt beside the library; `td` or `md` before a word makes it count for that side alone; `#` begins a comment
// up to the end of the line. What is too long for `out` is cut, to be refused when it is parsed: `size` is at least
// MOST_ADDRESS + 2.
uint32_t override_front(bool is_md, uint32_t index, char* out, size_t size);

}  // namespace ctp2
