// The system: Windows 7 SP1 or newer (condition variables, K32EnumProcessModules, sockets that are not inherited).
//
// Sources: Microsoft's documentation of the functions in windows_api.h; shared/spec/native.md 6 and 10.
#include "platform.h"
#include "windows_api.h"

namespace ctp2 {
namespace sys {

using namespace win;

namespace {

constexpr size_t PATH_SIZE = 1024;

// UTF-8 → UTF-16 with NUL; false when it does not fit or is not UTF-8.
bool widen(const char* text, wchar_t* out, size_t size) {
    constexpr Dword INVALID_IS_AN_ERROR = 8;
    return MultiByteToWideChar(UTF8, INVALID_IS_AN_ERROR, text, -1, out, static_cast<int>(size)) > 0;
}

bool narrow(const wchar_t* text, char* out, size_t size) {
    return WideCharToMultiByte(UTF8, 0, text, -1, out, static_cast<int>(size), nullptr, nullptr) > 0;
}

void* mine() { return reinterpret_cast<void*>(&mine); }

// Keep this library for good: its threads run in it, and a program may call FreeLibrary at any time.
Module pinned() {
    constexpr Dword PIN = 1, FROM_ADDRESS = 4;
    Module module = nullptr;
    GetModuleHandleExW(PIN | FROM_ADDRESS, static_cast<const wchar_t*>(mine()), &module);
    return module;
}

}  // namespace

// --- time and process ------------------------------------------------------------------------------------------------

int64_t monotonic_ns() {
    LargeInteger count = {0}, second = {1};
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&second);
    // In two parts: the product of both would not fit after some days.
    int64_t seconds = count.value / second.value;
    return seconds * 1000000000 + (count.value - seconds * second.value) * 1000000000 / second.value;
}

void sleep_ms(int milliseconds) { Sleep(milliseconds < 0 ? 0 : static_cast<Dword>(milliseconds)); }

uint32_t process_id() { return GetCurrentProcessId(); }

const char* platform_name() {
#if defined(__i386__)
    return "windows-x86";
#else
    return "windows-x86_64";
#endif
}

bool environment(const char* name, char* out, size_t size) {
    wchar_t wide_name[256], value[PATH_SIZE * 2];
    constexpr Dword ROOM = PATH_SIZE * 2;
    if (!size || !widen(name, wide_name, 256)) return false;
    Dword length = GetEnvironmentVariableW(wide_name, value, ROOM);
    return length > 0 && length < ROOM && narrow(value, out, size);
}

bool library_path(char* out, size_t size) {
    constexpr Dword FROM_ADDRESS = 4, NO_COUNT = 2;
    wchar_t path[PATH_SIZE];
    Module module = nullptr;
    if (!GetModuleHandleExW(FROM_ADDRESS | NO_COUNT, static_cast<const wchar_t*>(mine()), &module)) return false;
    Dword length = GetModuleFileNameW(module, path, PATH_SIZE);
    return length > 0 && length < PATH_SIZE && narrow(path, out, size);
}

void write_error(const char* text, size_t size) {
    constexpr Dword STANDARD_ERROR = static_cast<Dword>(-12);
    Handle handle = GetStdHandle(STANDARD_ERROR);
    Dword written = 0;
    // A program with a window has none.
    if (handle && handle != invalid_handle()) WriteFile(handle, text, static_cast<Dword>(size), &written, nullptr);
}

int last_error() { return static_cast<int>(GetLastError()); }

void error_text(int error, Text& out) {
    // Windows' own words are in the user's language and code page.
    static const struct {
        int error;
        const char* text;
    } KNOWN[] = {
        {2, "no such file or folder"},
        {3, "no such folder"},
        {5, "permission denied"},
        {32, "another program uses it"},
        {112, "the disk is full"},
        {10013, "permission denied"},
        {10024, "this program has too many open files"},
        {10049, "no local address or port is free for it"},
        {10051, "no route to this network"},
        {10053, "the link broke"},
        {10054, "the other side broke off the link"},
        {10055, "the system has no room for more sockets"},
        {10060, "no answer: host down, or a firewall in between"},
        {10061, "nobody listens there: is the server running, and is this its port?"},
        {10065, "no route to this host"},
    };
    for (const auto& known : KNOWN) {
        if (known.error == error) {
            out.add(known.text);
            return;
        }
    }
    out.add("Windows error ").add(error);
}

// --- threads ---------------------------------------------------------------------------------------------------------

namespace {

// Both are one pointer, zero at first; Windows frees nothing for them.
void** slot(Mutex& mutex) { return reinterpret_cast<void**>(mutex.space); }
void** slot(Condition& condition) { return reinterpret_cast<void**>(condition.space); }

struct Start {
    void (*run)(void*);
    void* argument;
};

Dword __stdcall run_thread(void* memory) {
    Start start = *static_cast<Start*>(memory);
    free(memory);
    start.run(start.argument);
    return 0;
}

}  // namespace

void mutex_init(Mutex& mutex) { *slot(mutex) = nullptr; }
void mutex_end(Mutex&) {}
void lock(Mutex& mutex) { AcquireSRWLockExclusive(slot(mutex)); }
void unlock(Mutex& mutex) { ReleaseSRWLockExclusive(slot(mutex)); }

void condition_init(Condition& condition) { *slot(condition) = nullptr; }
void condition_end(Condition&) {}

bool wait(Condition& condition, Mutex& mutex, int64_t deadline_ns) {
    Dword milliseconds = INFINITE_TIME;
    if (deadline_ns) {
        int64_t left = deadline_ns - monotonic_ns();
        if (left <= 0) return false;
        int64_t rounded = (left + 999999) / 1000000;
        milliseconds = rounded < 0x7FFFFFFF ? static_cast<Dword>(rounded) : 0x7FFFFFFF;
    }
    return SleepConditionVariableSRW(slot(condition), slot(mutex), milliseconds, 0) != 0;
}

void notify_all(Condition& condition) { WakeAllConditionVariable(slot(condition)); }

bool start_thread(void (*run)(void*), void* argument) {
    pinned();
    auto* start = static_cast<Start*>(malloc(sizeof(Start)));
    if (!start) return false;
    *start = {run, argument};
    Dword id = 0;
    Handle thread = CreateThread(nullptr, 0, run_thread, start, 0, &id);
    if (!thread) {
        free(start);
        return false;
    }
    CloseHandle(thread);
    return true;
}

uint64_t thread_id() { return GetCurrentThreadId(); }
void yield_cpu() { SwitchToThread(); }

// --- sockets ---------------------------------------------------------------------------------------------------------

namespace {

constexpr int IP4 = 2, STREAM = 1, DATAGRAM = 2, TCP = 6, UDP = 17;
constexpr int SOCKET_LEVEL = 0xFFFF, ERROR_OPTION = 0x1007, URGENT_INLINE = 0x0100, NO_DELAY = 1;
constexpr int WOULD_BLOCK = 10035;
constexpr long NOT_BLOCKING = static_cast<long>(0x8004667E);

SocketHandle raw(Socket socket) { return static_cast<SocketHandle>(socket); }

SocketHandle new_socket(int family, int type, int protocol) {
    constexpr Dword OVERLAPPED = 1, NOT_INHERITED = 0x80;
    SocketHandle made = WSASocketW(family, type, protocol, nullptr, 0, OVERLAPPED | NOT_INHERITED);
    unsigned long on = 1;
    if (made != INVALID_SOCKET && ioctlsocket(made, NOT_BLOCKING, &on) != 0) {
        closesocket(made);
        return INVALID_SOCKET;
    }
    return made;
}

int bounded(size_t size) { return size < 0x100000 ? static_cast<int>(size) : 0x100000; }

long outcome(int result) {
    if (result >= 0) return result;
    return WSAGetLastError() == WOULD_BLOCK ? IO_AGAIN : IO_FAILED;
}

void put(SocketSet& set, SocketHandle socket) { set.sockets[set.count++] = socket; }

bool contains(const SocketSet& set, SocketHandle socket) {
    for (unsigned i = 0; i < set.count; i++) {
        if (set.sockets[i] == socket) return true;
    }
    return false;
}

}  // namespace

bool network_start() {
    // WSADATA has 400 or 408 bytes, by the size of a pointer.
    alignas(8) unsigned char data[512];
    pinned();
    return WSAStartup(0x0202, data) == 0;
}

int lookup(const char* host, uint16_t port, bool numeric_only, Endpoint* out, int limit, Text& why) {
    constexpr int NUMERIC_HOST = 4;
    AddressInfo hints = {}, *found = nullptr;
    hints.flags = numeric_only ? NUMERIC_HOST : 0;
    hints.type = STREAM;
    hints.protocol = TCP;
    Text service;
    service.add(static_cast<int>(port));
    int error = getaddrinfo(host, service.data, &hints, &found);
    if (error) {
        why.add("no address for ").add(host).add(": ");
        if (error == 11001) {
            why.add("no such host");
        } else {
            error_text(error, why);
        }
        return -1;
    }
    int count = 0;
    for (AddressInfo* at = found; at && count < limit; at = at->next) {
        Endpoint& endpoint = out[count];
        if (at->length > sizeof endpoint.bytes) continue;
        endpoint.family = static_cast<uint32_t>(at->family);
        endpoint.length = static_cast<uint32_t>(at->length);
        memcpy(endpoint.bytes, at->address, at->length);
        count++;
    }
    freeaddrinfo(found);
    return count;
}

Socket connect_start(const Endpoint& to) {
    SocketHandle made = new_socket(static_cast<int>(to.family), STREAM, TCP);
    if (made == INVALID_SOCKET) return NO_SOCKET;
    int on = 1;
    setsockopt(made, TCP, NO_DELAY, &on, sizeof on);
    // Urgent data as any other: apart it would look like a broken socket to select.
    setsockopt(made, SOCKET_LEVEL, URGENT_INLINE, &on, sizeof on);
    if (connect(made, to.bytes, static_cast<int>(to.length)) != 0 && WSAGetLastError() != WOULD_BLOCK) {
        Dword error = GetLastError();
        closesocket(made);
        SetLastError(error);
        return NO_SOCKET;
    }
    return static_cast<Socket>(made);
}

int connect_result(Socket socket) {
    int error = 0, size = sizeof error;
    if (getsockopt(raw(socket), SOCKET_LEVEL, ERROR_OPTION, &error, &size) != 0) return WSAGetLastError();
    return error;
}

long send_some(Socket socket, const void* data, size_t size) {
    return outcome(send(raw(socket), data, bounded(size), 0));
}

long receive_some(Socket socket, void* data, size_t size) {
    int count = recv(raw(socket), data, bounded(size), 0);
    return count == 0 && size > 0 ? static_cast<long>(IO_CLOSED) : outcome(count);
}

void shutdown_socket(Socket socket) { shutdown(raw(socket), 2); }
void close_socket(Socket socket) { closesocket(raw(socket)); }

// A datagram socket that is connected to itself: select waits for sockets only, and nobody else can send to it.
bool waker_open(Waker& waker) {
    waker.ends[0] = waker.ends[1] = NO_SOCKET;
    SocketHandle made = new_socket(IP4, DATAGRAM, UDP);
    if (made == INVALID_SOCKET) return false;
    Inet4 own = {};
    own.family = IP4;
    own.address[0] = 127;
    own.address[3] = 1;
    int size = sizeof own;
    if (bind(made, &own, sizeof own) != 0 || getsockname(made, &own, &size) != 0 ||
        connect(made, &own, sizeof own) != 0) {
        closesocket(made);
        return false;
    }
    waker.ends[0] = waker.ends[1] = static_cast<Socket>(made);
    return true;
}

void waker_close(Waker& waker) {
    if (waker.ends[0] != NO_SOCKET) closesocket(raw(waker.ends[0]));
    waker.ends[0] = waker.ends[1] = NO_SOCKET;
}

void wake(Waker& waker) {
    // When its buffer is full, wake-ups enough are waiting.
    send(raw(waker.ends[1]), "!", 1, 0);
}

unsigned wait_socket(Socket socket, bool want_write, Waker& waker, int timeout_ms) {
    SocketSet readable, writable, broken;
    readable.count = writable.count = broken.count = 0;
    SocketHandle own = raw(waker.ends[0]), other = raw(socket);
    put(readable, own);
    if (socket != NO_SOCKET) {
        put(readable, other);
        put(broken, other);
        if (want_write) put(writable, other);
    }
    TimeValue time = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    if (select(0, &readable, &writable, &broken, timeout_ms < 0 ? nullptr : &time) < 0) {
        // A socket that is none any more: what is done with it next fails and says so.
        return READABLE | (want_write ? WRITABLE : 0);
    }
    unsigned found = 0;
    if (contains(readable, own)) {
        char bytes[64];
        while (recv(own, bytes, sizeof bytes, 0) > 0) {
        }
        found |= WOKEN;
    }
    if (socket == NO_SOCKET) return found;
    if (contains(readable, other)) found |= READABLE;
    if (contains(writable, other)) found |= WRITABLE;
    if (contains(broken, other)) found |= READABLE | (want_write ? WRITABLE : 0);
    return found;
}

// --- files -----------------------------------------------------------------------------------------------------------

namespace {

Handle raw_file(File file) { return reinterpret_cast<Handle>(file); }

Handle open_wide(const wchar_t* path, Dword access, Dword disposition, SecurityAttributes* security) {
    constexpr Dword SHARE_ALL = 7, NORMAL = 0x80;
    return CreateFileW(path, access, SHARE_ALL, security, disposition, NORMAL, nullptr);
}

Overlapped place(int64_t at) {
    Overlapped where = {};
    where.offset = static_cast<Dword>(at & 0xFFFFFFFF);
    where.offset_high = static_cast<Dword>(at >> 32);
    return where;
}

constexpr Dword GENERIC_READ = 0x80000000, GENERIC_WRITE = 0x40000000;
constexpr Dword CREATE_NEW = 1, OPEN_EXISTING = 3, OPEN_ALWAYS = 4;

}  // namespace

File open_file(const char* path, unsigned how) {
    wchar_t wide[PATH_SIZE];
    if (!widen(path, wide, PATH_SIZE)) return NO_FILE;
    Dword disposition = OPEN_EXISTING;
    if (how & FILE_CREATE) disposition = how & FILE_EXCLUSIVE ? CREATE_NEW : OPEN_ALWAYS;
    // Who may read it follows from its folder, which is the user's own.
    Handle handle = open_wide(wide, GENERIC_READ | (how & FILE_WRITE ? GENERIC_WRITE : 0), disposition, nullptr);
    return handle == invalid_handle() ? NO_FILE : reinterpret_cast<File>(handle);
}

void close_file(File file) { CloseHandle(raw_file(file)); }

bool lock_file(File file) {
    // The byte that ctp2/core/filelock.py takes: behind the content, because such locks also keep readers out.
    return LockFile(raw_file(file), 1 << 20, 0, 1, 0) != 0;
}

int64_t file_size(File file) {
    LargeInteger size = {-1};
    return GetFileSizeEx(raw_file(file), &size) ? size.value : -1;
}

bool set_file_size(File file, int64_t size) {
    LargeInteger at = {size};
    return SetFilePointerEx(raw_file(file), at, nullptr, 0) && SetEndOfFile(raw_file(file));
}

long read_file(File file, int64_t at, void* data, size_t size) {
    constexpr Dword END_OF_FILE = 38;
    Overlapped where = place(at);
    Dword count = 0;
    if (!ReadFile(raw_file(file), data, static_cast<Dword>(bounded(size)), &count, &where)) {
        return GetLastError() == END_OF_FILE ? 0 : -1;
    }
    return static_cast<long>(count);
}

bool write_file(File file, int64_t at, const void* data, size_t size) {
    auto* rest = static_cast<const unsigned char*>(data);
    while (size > 0) {
        Overlapped where = place(at);
        Dword count = 0;
        if (!WriteFile(raw_file(file), rest, static_cast<Dword>(bounded(size)), &count, &where) || !count) return false;
        rest += count;
        at += count;
        size -= count;
    }
    return true;
}

bool remove_file(const char* path) {
    wchar_t wide[PATH_SIZE];
    return widen(path, wide, PATH_SIZE) && DeleteFileW(wide);
}

bool is_folder(const char* path) {
    constexpr Dword NONE = 0xFFFFFFFF, DIRECTORY = 0x10;
    wchar_t wide[PATH_SIZE];
    if (!widen(path, wide, PATH_SIZE)) return false;
    Dword attributes = GetFileAttributesW(wide);
    return attributes != NONE && (attributes & DIRECTORY);
}

bool make_folder(const char* path) {
    wchar_t wide[PATH_SIZE];
    return widen(path, wide, PATH_SIZE) && (CreateDirectoryW(wide, nullptr) || is_folder(path));
}

bool runtime_folder(char* out, size_t size) {
    char base[PATH_SIZE];
    Text path;
    if (environment("CTP2_HOME", base, sizeof base)) {
        path.add(base).add("\\runtime");
    } else if (environment("LOCALAPPDATA", base, sizeof base)) {
        path.add(base).add("\\Temp\\ctp2");
    } else {
        return false;
    }
    return path.length + 1 < Text::SIZE && copy_text(out, size, path.data);
}

// --- other programs and libraries ------------------------------------------------------------------------------------

namespace {

// Text that grows; once memory is out it stays bad.
struct Wide {
    wchar_t* data;
    size_t length, room;
    bool bad;

    Wide() : data(nullptr), length(0), room(0), bad(false) {}
    ~Wide() { free(data); }
    Wide(const Wide&) = delete;
    Wide& operator=(const Wide&) = delete;

    void add(wchar_t one) {
        if (!bad && length == room) {
            size_t wanted = room ? room * 2 : 256;
            auto* grown = static_cast<wchar_t*>(realloc(data, wanted * sizeof(wchar_t)));
            if (!grown) {
                bad = true;
            } else {
                data = grown;
                room = wanted;
            }
        }
        if (!bad) data[length++] = one;
    }

    void add(const wchar_t* text) {
        for (; *text; text++) add(*text);
    }
};

// One argument, so that the program's C library gives it back as it is (CommandLineToArgvW's rules): in quotes, with
// backslashes doubled where they stand before a quote.
void add_argument(Wide& line, const wchar_t* text) {
    if (line.length) line.add(L' ');
    line.add(L'"');
    size_t backslashes = 0;
    for (; *text; text++) {
        if (*text == L'"') {
            for (size_t i = 0; i <= backslashes; i++) line.add(L'\\');
        }
        backslashes = *text == L'\\' ? backslashes + 1 : 0;
        line.add(*text);
    }
    for (size_t i = 0; i < backslashes; i++) line.add(L'\\');
    line.add(L'"');
}

wchar_t upper(wchar_t one) { return one >= L'a' && one <= L'z' ? static_cast<wchar_t>(one - L'a' + L'A') : one; }

// Whether both NAME=VALUE have the same name; Windows does not tell large from small letters in it.
bool same_name(const wchar_t* one, const wchar_t* other) {
    // The names of the drives' current folders begin with '='.
    for (size_t i = 0; upper(one[i]) == upper(other[i]); i++) {
        if (!one[i] || (one[i] == L'=' && i)) return true;
    }
    return false;
}

bool is_replaced(const wchar_t* entry, const char* const* additions) {
    for (; *additions; additions++) {
        wchar_t wide[PATH_SIZE];
        if (widen(*additions, wide, PATH_SIZE) && same_name(entry, wide)) return true;
    }
    return false;
}

// Our environment with the additions instead of what has their names: entries, each with its NUL, then one more NUL.
bool add_environment(Wide& block, const char* const* additions) {
    for (const char* const* at = additions; *at; at++) {
        wchar_t wide[PATH_SIZE];
        if (!widen(*at, wide, PATH_SIZE)) return false;
        block.add(wide);
        block.add(L'\0');
    }
    wchar_t* ours = GetEnvironmentStringsW();
    if (!ours) return false;
    for (const wchar_t* at = ours; *at;) {
        if (!is_replaced(at, additions)) {
            block.add(at);
            block.add(L'\0');
        }
        while (*at) at++;
        at++;
    }
    FreeEnvironmentStringsW(ours);
    block.add(L'\0');
    return !block.bad;
}

// Start with `handles` inherited and no others.
int64_t create_process(wchar_t* line, wchar_t* environment_block, StartupInfo& startup, Handle* handles, int count) {
    constexpr size_t HANDLE_LIST = 0x00020002;
    constexpr Dword UNICODE_ENVIRONMENT = 0x400, EXTENDED_STARTUP = 0x80000, NO_WINDOW = 0x08000000, NEW_GROUP = 0x200;
    // 48 bytes for one attribute on x86_64; more than enough.
    alignas(16) unsigned char attributes[256];
    size_t size = sizeof attributes;
    if (!InitializeProcThreadAttributeList(attributes, 1, 0, &size)) return -1;
    startup.attributes = attributes;
    ProcessInformation made = {};
    bool ok = UpdateProcThreadAttribute(attributes, 0, HANDLE_LIST, handles, sizeof(Handle) * static_cast<size_t>(count),
                                        nullptr, nullptr) &&
              CreateProcessW(nullptr, line, nullptr, nullptr, 1,
                             UNICODE_ENVIRONMENT | EXTENDED_STARTUP | NO_WINDOW | NEW_GROUP, environment_block, nullptr,
                             &startup, &made);
    Dword error = GetLastError();
    DeleteProcThreadAttributeList(attributes);
    SetLastError(error);
    if (!ok) return -1;
    CloseHandle(made.thread);
    CloseHandle(made.process);
    return made.process_id;
}

Handle open_log(const char* log, SecurityAttributes* security) {
    constexpr Dword APPEND = 4, SYNCHRONIZE = 0x00100000;
    wchar_t wide[PATH_SIZE];
    if (!log || !widen(log, wide, PATH_SIZE)) return invalid_handle();
    return open_wide(wide, APPEND | SYNCHRONIZE, OPEN_ALWAYS, security);
}

}  // namespace

int64_t start_process(const char* const* arguments, const char* const* environment, const char* log) {
    constexpr Dword USE_HANDLES = 0x100;
    Wide line, block;
    for (const char* const* at = arguments; *at; at++) {
        wchar_t wide[PATH_SIZE];
        if (!widen(*at, wide, PATH_SIZE)) return -1;
        add_argument(line, wide);
    }
    line.add(L'\0');
    if (line.bad || (environment && !add_environment(block, environment))) return -1;

    SecurityAttributes inherited = {sizeof(SecurityAttributes), nullptr, 1};
    Handle null = open_wide(L"NUL", GENERIC_READ | GENERIC_WRITE, OPEN_EXISTING, &inherited);
    if (null == invalid_handle()) return -1;
    Handle error = open_log(log, &inherited);
    bool has_log = error != invalid_handle();
    StartupInfo startup = {};
    startup.size = sizeof startup;
    startup.flags = USE_HANDLES;
    startup.input = startup.output = null;
    startup.error = has_log ? error : null;
    Handle handles[] = {null, error};
    int64_t pid = create_process(line.data, block.data, startup, handles, has_log ? 2 : 1);
    Dword why = GetLastError();
    CloseHandle(null);
    if (has_log) CloseHandle(error);
    SetLastError(why);
    return pid;
}

bool process_lives(int64_t pid) {
    constexpr Dword SYNCHRONIZE = 0x00100000, STILL_RUNNING = 258, ACCESS_DENIED = 5;
    if (pid <= 0) return false;
    Handle process = OpenProcess(SYNCHRONIZE, 0, static_cast<Dword>(pid));
    // One that we may not even wait for is there.
    if (!process) return GetLastError() == ACCESS_DENIED;
    bool lives = WaitForSingleObject(process, 0) == STILL_RUNNING;
    CloseHandle(process);
    return lives;
}

void* load_library(const char* name) {
    wchar_t wide[PATH_SIZE];
    return widen(name, wide, PATH_SIZE) ? LoadLibraryW(wide) : nullptr;
}

void* library_symbol(void* library, const char* name) {
    return reinterpret_cast<void*>(GetProcAddress(library, name));
}

void* global_symbol(const char* name) {
    Module modules[512];
    Dword size = 0;
    if (!K32EnumProcessModules(GetCurrentProcess(), modules, sizeof modules, &size)) return nullptr;
    Dword count = size < sizeof modules ? size / sizeof(Module) : sizeof modules / sizeof(Module);
    for (Dword i = 0; i < count; i++) {
        if (void* found = library_symbol(modules[i], name)) return found;
    }
    return nullptr;
}

// --- the end ---------------------------------------------------------------------------------------------------------

namespace {

constexpr int MAX_ENDINGS = 4;
Atomic<int> endings_count;
void (*endings[MAX_ENDINGS])();

// A C library calls this in exit(), while all threads run. When it is called later, from a library's detaching, Windows
// has ended the other threads wherever they were, perhaps with our locks held: then there is nothing to wait for.
void __cdecl run_endings() {
    using Ending = unsigned char(__stdcall*)();
    Module ntdll = GetModuleHandleW(L"ntdll.dll");
    auto is_ending = reinterpret_cast<Ending>(library_symbol(ntdll, "RtlDllShutdownInProgress"));
    if (is_ending && is_ending()) return;
    for (int i = endings_count.load(); i > 0; i--) endings[i - 1]();
}

// The C libraries that a program may have, each with a list of its own of what exit() calls. A program that carries its C
// library inside (linked statically) has one that nobody else can reach.
bool register_endings() {
    static const struct {
        const wchar_t* library;
        const char* function;
    } LIBRARIES[] = {{L"ucrtbase.dll", "_crt_atexit"}, {L"ucrtbased.dll", "_crt_atexit"}, {L"msvcrt.dll", "_onexit"}};
    using Registrar = intptr_t(__cdecl*)(void(__cdecl*)());
    bool is_registered = false;
    for (const auto& one : LIBRARIES) {
        Module library = GetModuleHandleW(one.library);
        auto registrar = reinterpret_cast<Registrar>(library ? library_symbol(library, one.function) : nullptr);
        if (registrar) {
            registrar(run_endings);
            is_registered = true;
        }
    }
    return is_registered;
}

}  // namespace

bool at_exit(void (*run)()) {
    pinned();
    int count = endings_count.load();
    if (count >= MAX_ENDINGS) return false;
    endings[count] = run;
    // Once for all; a second call of an ending by another C library finds nothing left to do.
    if (endings_count.add(1) > 1) return true;
    return register_endings();
}

bool at_fork_child(void (*)()) { return true; }

}  // namespace sys
}  // namespace ctp2
