// The system, as far as the runtime needs it: the only seam. One file per system implements all of it
// (platform_posix.cpp, platform_windows.cpp); everything else is portable C++17.
//
// Nothing here throws. What fails says so in its result; `error_text` puts the system's last error into words.
#pragma once

#include "base.h"

namespace ctp2 {
namespace sys {

// --- time and process ------------------------------------------------------------------------------------------------

int64_t monotonic_ns();
void sleep_ms(int milliseconds);
uint32_t process_id();
// "linux-x86_64", "windows-x86", "macos-arm64" …: for the log of the front.
const char* platform_name();
// Value of an environment variable; false when it is not set, is empty, or does not fit.
bool environment(const char* name, char* out, size_t size);
// Absolute path (UTF-8) of the file of this very library; false when it cannot be told.
bool library_path(char* out, size_t size);
// Write to standard error, in one call where possible; errors do not matter.
void write_error(const char* text, size_t size);
// The calling thread's last error of the system: number, and words for it in plain ASCII.
int last_error();
void error_text(int error, Text& out);

// --- threads ---------------------------------------------------------------------------------------------------------

// Made by mutex_init, never moved; ended by mutex_end when nobody uses it any more.
struct Mutex {
    alignas(8) unsigned char space[64];
};
void mutex_init(Mutex& mutex);
void mutex_end(Mutex& mutex);
void lock(Mutex& mutex);
void unlock(Mutex& mutex);

struct Condition {
    alignas(8) unsigned char space[64];
};
void condition_init(Condition& condition);
void condition_end(Condition& condition);
// Wait until notified (also for no reason) or until the monotonic clock shows `deadline_ns`; false at the deadline.
// A deadline of 0 is none.
bool wait(Condition& condition, Mutex& mutex, int64_t deadline_ns);
void notify_all(Condition& condition);

struct Lock {
    Mutex& mutex;
    explicit Lock(Mutex& of) : mutex(of) { lock(of); }
    ~Lock() { unlock(mutex); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
};

// Start a detached thread that gets no signal; false when the system has none left.
bool start_thread(void (*run)(void*), void* argument);
// A number that no other thread of this process has now; never 0.
uint64_t thread_id();
void yield_cpu();

// --- sockets ---------------------------------------------------------------------------------------------------------

// What network functions return besides a number of bytes.
enum : long { IO_AGAIN = -1, IO_CLOSED = -2, IO_FAILED = -3 };

using Socket = intptr_t;
constexpr Socket NO_SOCKET = -1;

// One numeric address of a host, with its port.
struct Endpoint {
    uint32_t family;
    uint32_t length;
    alignas(8) unsigned char bytes[128];
};

// Once per process, before any other function of this part (WSAStartup); false when there is no network at all.
bool network_start();
// Addresses of a host: 0 … limit found, or -1 with `why` filled. Blocks as long as the system's resolver does, unless
// `numeric_only`: then a name simply has none.
int lookup(const char* host, uint16_t port, bool numeric_only, Endpoint* out, int limit, Text& why);
// A socket that does not block, is not inherited by other programs, has Nagle's delay off and raises no signal; its
// connecting has begun: wait for WRITABLE, then ask connect_result. NO_SOCKET with last_error() when that fails at once.
Socket connect_start(const Endpoint& to);
// 0: connected; else the error.
int connect_result(Socket socket);
// Bytes taken, or IO_AGAIN, or IO_FAILED.
long send_some(Socket socket, const void* data, size_t size);
// Bytes read, or IO_AGAIN, IO_CLOSED (the other side ended), IO_FAILED.
long receive_some(Socket socket, void* data, size_t size);
// No more of either direction; the descriptor stays until close_socket.
void shutdown_socket(Socket socket);
void close_socket(Socket socket);

// Ends the wait of one thread from others.
struct Waker {
    Socket ends[2];
};
bool waker_open(Waker& waker);
void waker_close(Waker& waker);
// From any thread, any number of times; one wake-up may stand for many.
void wake(Waker& waker);

enum : unsigned { READABLE = 1, WRITABLE = 2, WOKEN = 4 };
// Wait until the socket (NO_SOCKET: none) can be read (always asked) or, if wanted, written, or until woken (which is
// then used up) or until the time is over: 0. A broken socket counts as readable. timeout_ms < 0: no limit.
unsigned wait_socket(Socket socket, bool want_write, Waker& waker, int timeout_ms);

// --- files -----------------------------------------------------------------------------------------------------------

using File = intptr_t;
constexpr File NO_FILE = -1;
enum : unsigned {
    FILE_READ = 0,
    FILE_WRITE = 1,      // for reading and writing
    FILE_CREATE = 2,     // make it (mode 0600) when it is not there
    FILE_EXCLUSIVE = 4,  // with FILE_CREATE: fail when it is there
};

// Paths are UTF-8 on Windows and bytes elsewhere.
File open_file(const char* path, unsigned how);
void close_file(File file);
// Try to be its only user, until it is closed (other processes, and other open_file calls of this one); false when
// another has it. The same lock as ctp2/core/filelock.py.
bool lock_file(File file);
int64_t file_size(File file);
bool set_file_size(File file, int64_t size);
// Bytes read (fewer at the end of the file), or -1.
long read_file(File file, int64_t at, void* data, size_t size);
bool write_file(File file, int64_t at, const void* data, size_t size);
bool remove_file(const char* path);
bool is_folder(const char* path);
// Make a folder that only its user may enter (mode 0700); true also when it is there already.
bool make_folder(const char* path);
// The folder in which the runtime keeps lock files, as ctp2.core.paths names it; no line end, no last separator.
bool runtime_folder(char* out, size_t size);

// --- other programs and libraries ------------------------------------------------------------------------------------

// Start a program that outlives this one: arguments end with nullptr, its standard input and output are the null
// device, standard error goes to the file `log` (appended; nullptr: the null device), nothing else of ours is open in
// it. `environment` is a list NAME=VALUE of additions, ended by nullptr, or nullptr. Its pid, or -1 with last_error().
int64_t start_process(const char* const* arguments, const char* const* environment, const char* log);
bool process_lives(int64_t pid);

// A shared library by file name, kept for good; nullptr when there is none.
void* load_library(const char* name);
void* library_symbol(void* library, const char* name);
// A function that the program or any of its libraries already offers to all (RTLD_DEFAULT); nullptr when none does.
void* global_symbol(const char* name);

// --- the end ---------------------------------------------------------------------------------------------------------

// Call `run` when the program ends in order (C atexit).
bool at_exit(void (*run)());
// Call `run` in the child after each fork; where there is no fork, never.
bool at_fork_child(void (*run)());

}  // namespace sys
}  // namespace ctp2
