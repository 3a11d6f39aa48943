#include "address.h"

namespace ctp2 {

namespace {

bool parse_port(const char* text, uint16_t& port) {
    unsigned value = 0;
    if (!*text) return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9') return false;
        value = value * 10 + static_cast<unsigned>(*text - '0');
        if (value > 65535) return false;
    }
    port = static_cast<uint16_t>(value);
    return value != 0;
}

}  // namespace

bool parse_address(const char* text, Address& out, Text& why) {
    memset(&out, 0, sizeof out);
    bool fits = copy_text(out.text, sizeof out.text, text);
    const char* rest = out.text + 6;
    if (!fits || strncmp(out.text, "tcp://", 6) != 0) {
        why.add("front address ").add(out.text).add(": not built in: write tcp://HOST:PORT");
        return false;
    }
    const char* colon = nullptr;
    for (const char* at = rest; *at; at++) {
        if (*at == ':') colon = at;
    }
    size_t size = colon ? static_cast<size_t>(colon - rest) : 0;
    if (size > 1 && rest[0] == '[' && rest[size - 1] == ']') {
        rest++;
        size -= 2;
    }
    if (!size || size >= sizeof out.host || !parse_port(colon + 1, out.port)) {
        why.add("front address ").add(out.text).add(": write tcp://HOST:PORT, for example tcp://127.0.0.1:20002");
        return false;
    }
    memcpy(out.host, rest, size);
    out.scheme = Scheme::PLAIN;
    return true;
}

bool override_front(bool is_md, char* out, size_t size) {
    if (is_md && sys::environment("CTP2_MD_FRONT", out, size)) return true;
    return sys::environment("CTP2_FRONT", out, size);
}

}  // namespace ctp2
