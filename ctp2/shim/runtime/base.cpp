#include "base.h"

#include "platform.h"

namespace ctp2 {

Text& Text::clear() {
    length = 0;
    data[0] = '\0';
    return *this;
}

Text& Text::add(const char* text) { return add(text, SIZE); }

Text& Text::add(const char* text, size_t size) {
    if (!text) return *this;
    size_t at = 0;
    for (; at < size && text[at] && length < SIZE - 1; at++) {
        unsigned char byte = static_cast<unsigned char>(text[at]);
        data[length++] = byte < 0x20 || byte == 0x7f ? '?' : text[at];
    }
    if (at < size && text[at]) {
        // Cut: not within a character of UTF-8.
        while (length > 0 && (static_cast<unsigned char>(data[length - 1]) & 0xc0) == 0x80) length--;
        if (length > 0 && static_cast<unsigned char>(data[length - 1]) >= 0xc0) length--;
    }
    data[length] = '\0';
    return *this;
}

Text& Text::add(int64_t number) {
    if (number >= 0) return add(static_cast<uint64_t>(number));
    add("-");
    return add(~static_cast<uint64_t>(number) + 1);
}

Text& Text::add(uint64_t number) {
    char digits[24];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = static_cast<char>('0' + number % 10);
        number /= 10;
    } while (number);
    return add(digits + at);
}

Text& Text::add_hex(uint64_t number) {
    char digits[17];
    for (int i = 15; i >= 0; i--, number >>= 4) digits[i] = "0123456789abcdef"[number & 15];
    digits[16] = '\0';
    return add(digits);
}

void say(const Text& text) {
    char line[Text::SIZE + 8];
    memcpy(line, "ctp2: ", 6);
    memcpy(line + 6, text.data, text.length);
    line[6 + text.length] = '\n';
    sys::write_error(line, text.length + 7);
}

void say(const char* text) { say(Text(text)); }

bool copy_text(char* to, size_t size, const char* from) {
    size_t length = bounded_length(from, size);
    bool fits = length < size;
    if (!fits) length = size - 1;
    memcpy(to, from, length);
    to[length] = '\0';
    return fits;
}

size_t bounded_length(const char* text, size_t size) {
    size_t length = 0;
    while (length < size && text[length]) length++;
    return length;
}

}  // namespace ctp2
