// What every file of the runtime may use without a C++ library: memory, atomics, text of fixed size.
//
// Nothing here throws, allocates behind the caller's back, knows a locale, or has a destructor that matters at exit.
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
// Built without a Windows SDK: the few functions that the C library has there.
extern "C" {
void* malloc(size_t size);
void* realloc(void* memory, size_t size);
void free(void* memory);
void* memcpy(void* to, const void* from, size_t size);
void* memmove(void* to, const void* from, size_t size);
void* memset(void* to, int byte, size_t size);
int memcmp(const void* one, const void* other, size_t size);
void* memchr(const void* where, int byte, size_t size);
size_t strlen(const char* text);
int strcmp(const char* one, const char* other);
int strncmp(const char* one, const char* other, size_t size);
char* strchr(const char* text, int byte);
char* strstr(const char* text, const char* part);
}
#else
#include <stdlib.h>
#include <string.h>
#endif

#if defined(_WIN32)
#define CTP2_EXPORT  // a list of names (.def) says what is exported
#else
#define CTP2_EXPORT __attribute__((visibility("default")))
#endif

#if defined(_WIN32) && defined(__i386__)
#define CTP2_THISCALL __attribute__((thiscall))
#else
#define CTP2_THISCALL
#endif

namespace ctp2 {

// Placement without <new>, which a freestanding build has not.
struct Here {};

// A value that several threads read and write. Sequentially consistent: ending safely rests on it.
template <typename T>
struct Atomic {
    T value;

    T load() const { return __atomic_load_n(&value, __ATOMIC_SEQ_CST); }
    void store(T next) { __atomic_store_n(&value, next, __ATOMIC_SEQ_CST); }
    T add(T more) { return __atomic_add_fetch(&value, more, __ATOMIC_SEQ_CST); }
    T swap(T next) { return __atomic_exchange_n(&value, next, __ATOMIC_SEQ_CST); }
};

// A text of bounded size; what does not fit is left out, cut between UTF-8 characters.
struct Text {
    static constexpr size_t SIZE = 1024;
    char data[SIZE];
    size_t length;

    Text() : length(0) { data[0] = '\0'; }
    explicit Text(const char* text) : Text() { add(text); }
    Text& clear();
    Text& add(const char* text);
    Text& add(const char* text, size_t size);  // up to its first NUL, at most `size` bytes; control characters as '?'
    Text& add(int64_t number);
    Text& add(int number) { return add(static_cast<int64_t>(number)); }
    Text& add(uint64_t number);
    Text& add_hex(uint64_t number);  // 16 digits
};

// Write "ctp2: ", the text and a line end to standard error, in one piece.
void say(const Text& text);
void say(const char* text);

// At most `size` - 1 bytes of `from`, ended by NUL; false when it had to be cut.
bool copy_text(char* to, size_t size, const char* from);
// Bytes before the first NUL, at most `size`.
size_t bounded_length(const char* text, size_t size);

}  // namespace ctp2

inline void* operator new(size_t, void* where, ctp2::Here) noexcept { return where; }
