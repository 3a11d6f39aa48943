// A program for Windows that uses a CTP library as one built with MSVC does, with nothing of ours but numbers: the factory
// is found by its decorated name, methods by their slot, callbacks through a table of its own.
//
// numbers.h (tests/shim/windows_caller.py) has slots, sizes and offsets from the schema. What happens is written to standard
// output, a line each; the exit code is 0 when all of it did.
#include "numbers.h"

#if defined(__i386__)
#define METHOD __thiscall
#else
#define METHOD
#endif

extern "C" {
#define WINDOWS(result, name, arguments) __declspec(dllimport) result __stdcall name arguments
WINDOWS(void*, LoadLibraryA, (const char*));
WINDOWS(void*, GetProcAddress, (void*, const char*));
WINDOWS(unsigned long, GetEnvironmentVariableA, (const char*, char*, unsigned long));
WINDOWS(void*, GetStdHandle, (unsigned long));
WINDOWS(int, WriteFile, (void*, const void*, unsigned long, unsigned long*, void*));
WINDOWS(void*, CreateEventA, (void*, int, int, const char*));
WINDOWS(int, SetEvent, (void*));
WINDOWS(unsigned long, WaitForSingleObject, (void*, unsigned long));
WINDOWS(void, ExitProcess, (unsigned));
WINDOWS(void*, GetCurrentProcess, ());
WINDOWS(int, GetProcessHandleCount, (void*, unsigned long*));

int _fltused = 1;
}

namespace {

struct Api {
    void** methods;
};

struct Spi {
    void** callbacks;
};

Api* api;
void* step;  // set when what main waits for has happened
bool is_order_seen;
int round_;
char library_path[512], front[256], flow[512], ending[16];

void put(const char* text) {
    unsigned long size = 0, written;
    while (text[size]) size++;
    WriteFile(GetStdHandle(static_cast<unsigned long>(-11)), text, size, &written, nullptr);
}

void put_number(int number) {
    char digits[12];
    int at = 11;
    digits[at] = 0;
    bool is_negative = number < 0;
    do {
        int digit = number % 10;
        digits[--at] = static_cast<char>('0' + (digit < 0 ? -digit : digit));
        number /= 10;
    } while (number);
    if (is_negative) digits[--at] = '-';
    put(digits + at);
}

void put_line(const char* name, const char* value) {
    put(name);
    put(" ");
    put(value);
    put("\n");
}

void put_number_line(const char* name, int number) {
    put(name);
    put(" ");
    put_number(number);
    put("\n");
}

[[noreturn]] void fail(const char* what) {
    put_line("failed:", what);
    ExitProcess(1);
    __builtin_unreachable();
}

// A method of the Api by its slot.
template <typename Result, typename... Arguments>
Result call(int slot, Arguments... arguments) {
    using Function = Result(METHOD*)(Api*, Arguments...);
    return reinterpret_cast<Function>(api->methods[slot])(api, arguments...);
}

template <typename T>
T member(const void* struct_, int offset) {
    return *reinterpret_cast<const T*>(static_cast<const char*>(struct_) + offset);
}

const char* text(const void* struct_, int offset) { return static_cast<const char*>(struct_) + offset; }

void wait(const char* what) {
    if (WaitForSingleObject(step, 60000) != 0) fail(what);
}

// --- callbacks -------------------------------------------------------------------------------------------------------
// Those that nothing is done in: one for each list of arguments, for on x86 a callback takes its arguments off the stack.

void METHOD ignore_(Spi*) {}
void METHOD ignore_n(Spi*, int) {}
void METHOD ignore_p(Spi*, void*) {}
void METHOD ignore_pp(Spi*, void*, void*) {}
void METHOD ignore_pnb(Spi*, void*, int, bool) {}
void METHOD ignore_ppnb(Spi*, void*, void*, int, bool) {}

alignas(8) char login[SIZE_LOGIN], confirmation[SIZE_CONFIRM], order[SIZE_ORDER];

void METHOD on_connected(Spi*) {
    if (ending[0] == 'o') {
        // "often": every other object is released inside its callback.
        if (round_ % 2) call<void>(SLOT_RELEASE);
        SetEvent(step);
        return;
    }
    put("connected\n");
    fill_login(login);
    if (call<int>(SLOT_LOGIN, static_cast<void*>(login), 1) != 0) fail("ReqUserLogin");
}

void METHOD on_disconnected(Spi*, int reason) {
    put_number_line("disconnected", reason);
    if (ending[0] == 'h') SetEvent(step);
}

void METHOD on_login(Spi*, void* field, void* info, int request, bool is_last) {
    put_number_line("login", info ? member<int>(info, 0) : -1);
    put_number_line("request", request);
    if (!is_last || !field) fail("OnRspUserLogin");
    put_line("day", text(field, AT_TRADING_DAY));
    SetEvent(step);
}

void METHOD on_error(Spi*, void* info, int request, bool) {
    put_number_line("error", member<int>(info, 0));
    put_number_line("request", request);
}

#if IS_TRADER
void METHOD on_confirmed(Spi*, void*, void* info, int, bool) {
    put_number_line("confirmed", info ? member<int>(info, 0) : -1);
    SetEvent(step);
}

void METHOD on_order_refused(Spi*, void*, void* info, int, bool) {
    put_number_line("refused", info ? member<int>(info, 0) : -1);
    fail("OnRspOrderInsert");
}

void METHOD on_order(Spi*, void* field) {
    const char status[2] = {member<char>(field, AT_ORDER_STATUS), 0};
    put_line(text(field, AT_ORDER_REF), status);
    // '3': it rests in the book.
    if (status[0] != '3' || is_order_seen) return;
    is_order_seen = true;
    if (member<double>(field, AT_LIMIT_PRICE) != 90.0) fail("LimitPrice");
    SetEvent(step);
}

void trade() {
    fill_confirm(confirmation);
    if (call<int>(SLOT_CONFIRM, static_cast<void*>(confirmation), 2) != 0) fail("ReqSettlementInfoConfirm");
    wait("OnRspSettlementInfoConfirm");
    fill_order(order);
    if (call<int>(SLOT_ORDER, static_cast<void*>(order), 3) != 0) fail("ReqOrderInsert");
    wait("OnRtnOrder");
    put("order\n");
}
#else
void METHOD on_tick(Spi*, void* field) {
    if (is_order_seen) return;
    is_order_seen = true;
    put_line("tick", text(field, AT_INSTRUMENT));
    if (!(member<double>(field, AT_LAST_PRICE) > 0.0)) fail("LastPrice");
    SetEvent(step);
}

void trade() {
    char code[] = "TEST";
    char* codes[] = {code};
    if (call<int>(SLOT_SUBSCRIBE, static_cast<char**>(codes), 1) != 0) fail("SubscribeMarketData");
    wait("OnRtnDepthMarketData");
}
#endif

void* callbacks[] = {CALLBACKS};
Spi spi = {callbacks};

void environment(const char* name, char* out, unsigned long size) {
    unsigned long length = GetEnvironmentVariableA(name, out, size);
    if (length >= size) fail(name);
    if (!length) out[0] = 0;
}

void* symbol(void* library, const char* name) {
    void* found = GetProcAddress(library, name);
    if (!found) fail(name);
    return found;
}

using Factory = Api* (*)(FACTORY_TYPES);

void create(Factory factory) {
    api = factory(FACTORY_ARGUMENTS(flow));
    if (!api) fail("the factory");
    call<void>(SLOT_REGISTER_SPI, &spi);
    call<void>(SLOT_REGISTER_FRONT, static_cast<char*>(front));
}

unsigned long handles() {
    unsigned long count = 0;
    GetProcessHandleCount(GetCurrentProcess(), &count);
    return count;
}

// 300 objects, one after the other. What the first of them brings for good (the library's sockets and their like) is no
// leak; what each of the others left would be.
[[noreturn]] void create_and_release(Factory factory) {
    unsigned long before = 0;
    for (round_ = 0; round_ < 300; round_++) {
        if (round_ == 20) before = handles();
        create(factory);
        call<void>(SLOT_INIT);
        wait("OnFrontConnected");
        if (round_ % 2 == 0) call<void>(SLOT_RELEASE);
    }
    // An object that was released in its callback may be about to end: as many as run at once are no leak.
    put_line("handles", handles() < before + 20 ? "kept" : "lost");
    put("done\n");
    ExitProcess(0);
    __builtin_unreachable();
}

}  // namespace

extern "C" void start() {
    environment("CALLER_LIBRARY", library_path, sizeof library_path);
    environment("CALLER_FRONT", front, sizeof front);
    environment("CALLER_FLOW", flow, sizeof flow);
    environment("CALLER_ENDING", ending, sizeof ending);
    step = CreateEventA(nullptr, 0, 0, nullptr);

    void* library = LoadLibraryA(library_path);
    if (!library) fail("LoadLibraryA");
    auto version = reinterpret_cast<const char* (*)()>(symbol(library, NAME_VERSION));
    put_line("version", version());
    auto factory = reinterpret_cast<Factory>(symbol(library, NAME_FACTORY));
    if (ending[0] == 'o') create_and_release(factory);
    create(factory);
#if IS_TRADER
    call<void>(SLOT_PRIVATE_TOPIC, 2 PRIVATE_TOPIC_MORE);
    if (call<int>(SLOT_ORDER, static_cast<void*>(order), 0) != -1) fail("a request before Init");
#endif
    call<void>(SLOT_INIT);
    if (ending[0] == 'h') {
        // "hopeless": the front cannot be had.
        wait("OnFrontDisconnected");
    } else {
        wait("OnRspUserLogin");
        put_line("day", call<const char*>(SLOT_TRADING_DAY));
        trade();
    }
    // "exit": the program ends with its threads running.
    if (ending[0] != 'e') call<void>(SLOT_RELEASE);
    put("done\n");
    ExitProcess(0);
}
