#include "invoke.h"

#if defined(__cpp_exceptions) && !defined(_WIN32)
#include <cxxabi.h>
#include <exception>
#endif

namespace ctp2 {

namespace {

using Plain = void(CTP2_THISCALL*)(void*);
using Number = void(CTP2_THISCALL*)(void*, int);
using Return = void(CTP2_THISCALL*)(void*, void*);
using Refusal = void(CTP2_THISCALL*)(void*, void*, void*);
using Error = void(CTP2_THISCALL*)(void*, void*, int, bool);
using Response = void(CTP2_THISCALL*)(void*, void*, void*, int, bool);

void call(void* spi, uint16_t slot, Shape shape, const Arguments& with) {
    void* method = (*static_cast<void***>(spi))[slot];
    switch (shape) {
        case Shape::PLAIN: return reinterpret_cast<Plain>(method)(spi);
        case Shape::NUMBER: return reinterpret_cast<Number>(method)(spi, with.number);
        case Shape::RETURN: return reinterpret_cast<Return>(method)(spi, with.field);
        case Shape::REFUSAL: return reinterpret_cast<Refusal>(method)(spi, with.field, with.info);
        case Shape::ERROR: return reinterpret_cast<Error>(method)(spi, with.info, with.number, with.is_last);
        case Shape::RESPONSE:
            return reinterpret_cast<Response>(method)(spi, with.field, with.info, with.number, with.is_last);
    }
}

}  // namespace

#if defined(__cpp_exceptions) && !defined(_WIN32)

static void tell(const Face& face, uint16_t slot, const char* what) {
    const char* name = face.callback_names;
    while (slot--) name += strlen(name) + 1;
    Text line("an exception left ");
    line.add(name);
    if (what) line.add(": ").add(what);
    say(line);
}

void invoke(void* spi, const Face& face, uint16_t slot, Shape shape, const Arguments& arguments) {
    try {
        call(spi, slot, shape, arguments);
#if defined(__linux__)
    } catch (abi::__forced_unwind&) {
        // The thread is being ended; a program that stops this here is aborted.
        throw;
#endif
    } catch (const std::exception& error) {
        tell(face, slot, error.what());
    } catch (...) {
        tell(face, slot, nullptr);
    }
}

#else

void invoke(void* spi, const Face&, uint16_t slot, Shape shape, const Arguments& arguments) {
    call(spi, slot, shape, arguments);
}

#endif

}  // namespace ctp2
