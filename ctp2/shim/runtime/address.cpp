#include "address.h"

namespace ctp2 {

namespace {

constexpr char EXAMPLE[] = ", for example 127.0.0.1:20002";

// --- characters ------------------------------------------------------------------------------------------------------

bool is_space(char one) { return one == ' ' || (one >= '\t' && one <= '\r'); }

char lower(char one) { return one >= 'A' && one <= 'Z' ? static_cast<char>(one - 'A' + 'a') : one; }

bool is_scheme_letter(char one) {
    char small = lower(one);
    return (small >= 'a' && small <= 'z') || (one >= '0' && one <= '9') || one == '+' || one == '-' || one == '.';
}

// Printable, and not a blank: ASCII's control characters come from programs that register what is no text.
bool is_plain(const char* text) {
    for (; *text; text++) {
        if (static_cast<unsigned char>(*text) <= ' ' || *text == 0x7f) return false;
    }
    return true;
}

bool is_word(const char* text, size_t size, const char* word) {
    size_t at = 0;
    for (; at < size && word[at]; at++) {
        if (lower(text[at]) != word[at]) return false;
    }
    return at == size && !word[at];
}

int hex(char one) {
    if (one >= '0' && one <= '9') return one - '0';
    char small = lower(one);
    return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

// --- parts -----------------------------------------------------------------------------------------------------------

// The scheme's length if `text` begins with SCHEME://, else 0.
size_t scheme_size(const char* text) {
    size_t size = 0;
    while (is_scheme_letter(text[size])) size++;
    return size && strncmp(text + size, "://", 3) == 0 ? size : 0;
}

bool parse_port(const char* text, size_t size, uint16_t& port) {
    unsigned value = 0;
    if (!size || size > 5) return false;
    for (size_t at = 0; at < size; at++) {
        if (text[at] < '0' || text[at] > '9') return false;
        value = value * 10 + static_cast<unsigned>(text[at] - '0');
    }
    port = static_cast<uint16_t>(value);
    return value >= 1 && value <= 65535;
}

// The value of an option, with its escapes undone as Python's parse_qsl does.
bool unescape(const char* from, size_t size, char* to, size_t room) {
    size_t length = 0;
    for (size_t at = 0; at < size; at++) {
        if (length + 1 >= room) return false;
        char one = from[at] == '+' ? ' ' : from[at];
        if (one == '%' && at + 2 < size && hex(from[at + 1]) >= 0 && hex(from[at + 2]) >= 0) {
            one = static_cast<char>(hex(from[at + 1]) * 16 + hex(from[at + 2]));
            at += 2;
        }
        if (!one) return false;
        to[length++] = one;
    }
    to[length] = '\0';
    return true;
}

bool refuse(Text& why, const char* address, const char* what) {
    why.add("front address ").add(address, strlen(address)).add(": ").add(what);
    return false;
}

// What stands behind `?`: for ssl:// a file of certificates, for tcp:// nothing.
bool parse_options(const char* options, Address& out, Text& why) {
    while (*options) {
        const char* end = strchr(options, '&');
        size_t size = end ? static_cast<size_t>(end - options) : strlen(options);
        bool is_ca = size > 3 && strncmp(options, "ca=", 3) == 0;
        if (!is_ca || out.scheme != Scheme::TLS) {
            refuse(why, out.text, "unknown option ");
            why.add(options, size).add("; known: ").add(out.scheme == Scheme::TLS ? "ca=FILE" : "none");
            return false;
        }
        if (out.ca[0]) return refuse(why, out.text, "option ca is given twice");
        if (!unescape(options + 3, size - 3, out.ca, sizeof out.ca)) {
            return refuse(why, out.text, "the file of ca has no name that can be");
        }
        options += size;
        if (*options) options++;
    }
    return true;
}

// HOST:PORT, name or number; one of IPv6 may stand in brackets, and the last colon is the port's.
bool parse_place(const char* place, size_t size, Address& out, Text& why) {
    const char* write = out.scheme == Scheme::TLS ? "write ssl://HOST:PORT" : "write tcp://HOST:PORT";
    size_t colon = size;
    while (colon && place[colon - 1] != ':') colon--;
    const char* host = place;
    size_t length = colon ? colon - 1 : 0;
    bool is_bracketed = length > 2 && host[0] == '[' && host[length - 1] == ']';
    if (is_bracketed) {
        host++;
        length -= 2;
    }
    if (memchr(place, '@', size)) return refuse(why, out.text, "passwords never go into an address");
    bool is_host = length && length < sizeof out.host && !memchr(host, '[', length) && !memchr(host, ']', length);
    if (!is_host || !parse_port(place + colon, size - colon, out.port)) {
        refuse(why, out.text, write);
        why.add(EXAMPLE);
        return false;
    }
    memcpy(out.host, host, length);
    return true;
}

struct Words {
    const char* rest;

    // The next address for this side; false at the end.
    bool next(bool is_md, const char*& begin, size_t& length) {
        enum { BOTH, TRADER, MARKET } side = BOTH;
        for (;;) {
            while (is_space(*rest)) rest++;
            if (!*rest) return false;
            if (*rest == '#') {
                while (*rest && *rest != '\n') rest++;
                continue;
            }
            begin = rest;
            while (*rest && !is_space(*rest)) rest++;
            length = static_cast<size_t>(rest - begin);
            if (is_word(begin, length, "td")) {
                side = TRADER;
            } else if (is_word(begin, length, "md")) {
                side = MARKET;
            } else if (side == BOTH || (side == MARKET) == is_md) {
                return true;
            } else {
                side = BOTH;
            }
        }
    }
};

// See override_front.
uint32_t find_word(const char* text, bool is_md, uint32_t index, char* out, size_t size) {
    const char* begin = text;
    size_t length = 0;
    uint32_t count = 0;
    for (Words words{text}; words.next(is_md, begin, length);) count++;
    if (!count) return 0;
    Words words{text};
    for (uint32_t skipped = index % count + 1; skipped; skipped--) words.next(is_md, begin, length);
    if (length >= size) length = size - 1;
    memcpy(out, begin, length);
    out[length] = '\0';
    return count;
}

constexpr size_t MOST_TEXT = 65536;
constexpr char FILE_NAME[] = "ctp2_front.txt";

bool read_beside(char* text, size_t size) {
    char path[4096];
    if (!sys::library_path(path, sizeof path)) return false;
    size_t folder = strlen(path);
    while (folder && path[folder - 1] != '/' && path[folder - 1] != '\\') folder--;
    if (!copy_text(path + folder, sizeof path - folder, FILE_NAME)) return false;
    sys::File file = sys::open_file(path, sys::FILE_READ);
    if (file == sys::NO_FILE) return false;
    long length = sys::read_file(file, 0, text, size - 1);
    sys::close_file(file);
    if (length < 0) return false;
    text[length] = '\0';
    return true;
}

}  // namespace

bool parse_address(const char* text, Address& out, Text& why) {
    memset(&out, 0, sizeof out);
    if (!text) text = "";
    while (is_space(*text)) text++;
    size_t outer = scheme_size(text);
    // Programs that know only some schemes put tcp:// before all others: the inner address is meant.
    if (is_word(text, outer, "tcp") && scheme_size(text + outer + 3)) text += outer + 3;
    size_t length = bounded_length(text, MOST_ADDRESS + 1);
    if (length > MOST_ADDRESS) {
        why.add("front address ").add(text, 40).add("...: at most ").add(static_cast<int>(MOST_ADDRESS));
        why.add(" characters are possible");
        return false;
    }
    memcpy(out.text, text, length);
    while (length && is_space(out.text[length - 1])) out.text[--length] = '\0';
    if (!length) {
        why.add("a front address is empty: write tcp://HOST:PORT").add(EXAMPLE);
        return false;
    }
    if (!is_plain(out.text)) return refuse(why, out.text, "blanks and control characters are no part of one");
    size_t scheme = scheme_size(out.text);
    if (!scheme) return refuse(why, out.text, "it has no scheme: write tcp://HOST:PORT, or for example tts://7x24");
    bool is_tls = is_word(out.text, scheme, "ssl");
    out.is_v6 = is_word(out.text, scheme, "tcp6");
    if (!is_tls && !out.is_v6 && !is_word(out.text, scheme, "tcp")) {
        out.scheme = Scheme::LAUNCHED;  // what the rest means is the backend's business
        return true;
    }
    out.scheme = is_tls ? Scheme::TLS : Scheme::PLAIN;
    const char* place = out.text + scheme + 3;
    const char* options = strchr(place, '?');
    size_t size = options ? static_cast<size_t>(options - place) : strlen(place);
    if (size && place[size - 1] == '/') size--;
    return parse_place(place, size, out, why) && (!options || parse_options(options + 1, out, why));
}

uint32_t override_front(bool is_md, uint32_t index, char* out, size_t size) {
    char* text = static_cast<char*>(malloc(MOST_TEXT));
    if (!text) return 0;
    uint32_t count = 0;
    if (sys::environment("CTP2_FRONT", text, MOST_TEXT) || read_beside(text, MOST_TEXT)) {
        // Some editors begin a text so.
        bool has_mark = strncmp(text, "\xef\xbb\xbf", 3) == 0;
        count = find_word(has_mark ? text + 3 : text, is_md, index, out, size);
    }
    free(text);
    return count;
}

}  // namespace ctp2
