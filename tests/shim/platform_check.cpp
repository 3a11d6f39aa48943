// Every function of the seam to the system (runtime/platform.h), called on the system that it was built for. What is not
// as platform.h says is a line "failed: …"; the exit code is the number of these lines. tests/shim/test_platform.py says
// what is around: an echoing port, a closed one, a folder, variables.
#include "platform.h"

#if defined(_WIN32)
extern "C" void exit(int code);
#endif

using namespace ctp2;

namespace {

int failures;

#define CHECK(condition) \
    if (!(condition)) fail(#condition)

void put(const char* text) { sys::write_error(text, strlen(text)); }

void fail(const char* what) {
    put("failed: ");
    put(what);
    put("\n");
    failures++;
}

constexpr int64_t MILLISECOND = 1000000;

char folder[512];

// A path in the test's folder.
struct Path {
    Text text;
    explicit Path(const char* name) : text(folder) { text.add("/").add(name); }
    operator const char*() const { return text.data; }
};

void check_time_and_process() {
    int64_t before = sys::monotonic_ns();
    sys::sleep_ms(20);
    int64_t slept = sys::monotonic_ns() - before;
    CHECK(slept >= 15 * MILLISECOND && slept < 30000 * MILLISECOND);
    char value[16];
    CHECK(sys::environment("CHECK_TEXT", value, sizeof value) && strcmp(value, "\xe5\x80\xbc 1") == 0);
    CHECK(!sys::environment("CHECK_NOTHING", value, sizeof value));
    CHECK(!sys::environment("CHECK_TEXT", value, 5));
    CHECK(sys::process_id() != 0 && sys::process_lives(sys::process_id()));
    CHECK(!sys::process_lives(0x7ffffff0));
    char path[512], wanted[64];
    CHECK(sys::library_path(path, sizeof path));
    CHECK(sys::environment("CHECK_NAME", wanted, sizeof wanted) && strstr(path, wanted));
    CHECK(!sys::library_path(path, 4));
    CHECK(strstr(sys::platform_name(), "-x86"));
    Text words;
    sys::error_text(2, words);
    CHECK(words.length > 0);
}

// --- threads ---------------------------------------------------------------------------------------------------------

sys::Mutex mutex;
sys::Condition condition;
int entered, counted;
uint64_t ids[2];

void count(void* argument) {
    int index = static_cast<int>(reinterpret_cast<intptr_t>(argument));
    for (int i = 0; i < 20000; i++) {
        sys::Lock lock(mutex);
        counted++;
    }
    sys::Lock lock(mutex);
    ids[index] = sys::thread_id();
    entered++;
    sys::notify_all(condition);
}

void check_threads() {
    sys::mutex_init(mutex);
    sys::condition_init(condition);
    CHECK(sys::start_thread(count, reinterpret_cast<void*>(0)));
    CHECK(sys::start_thread(count, reinterpret_cast<void*>(1)));
    {
        sys::Lock lock(mutex);
        int64_t deadline = sys::monotonic_ns() + 30000 * MILLISECOND;
        while (entered < 2 && sys::wait(condition, mutex, deadline)) {
        }
        CHECK(entered == 2 && counted == 40000);
        CHECK(ids[0] && ids[1] && ids[0] != ids[1] && ids[0] != sys::thread_id());
        int64_t before = sys::monotonic_ns();
        while (sys::wait(condition, mutex, before + 30 * MILLISECOND)) {
        }
        CHECK(sys::monotonic_ns() - before >= 30 * MILLISECOND);
        CHECK(!sys::wait(condition, mutex, before));
    }
    sys::yield_cpu();
    sys::condition_end(condition);
    sys::mutex_end(mutex);
}

// --- sockets ---------------------------------------------------------------------------------------------------------

sys::Waker waker;

void wake_later(void*) {
    sys::sleep_ms(20);
    for (int i = 0; i < 3; i++) sys::wake(waker);
}

uint16_t port(const char* name) {
    char text[16];
    unsigned value = 0;
    CHECK(sys::environment(name, text, sizeof text));
    for (const char* at = text; *at; at++) value = value * 10 + static_cast<unsigned>(*at - '0');
    return static_cast<uint16_t>(value);
}

sys::Socket connected_to(uint16_t number, int& error) {
    sys::Endpoint endpoint;
    Text why;
    CHECK(sys::lookup("127.0.0.1", number, true, &endpoint, 1, why) == 1);
    sys::Socket made = sys::connect_start(endpoint);
    if (made == sys::NO_SOCKET) {
        error = sys::last_error();
        return made;
    }
    unsigned found = 0;
    while (!(found & sys::WRITABLE)) {
        found = sys::wait_socket(made, true, waker, 30000);
        CHECK(found);
        if (!found) break;
    }
    error = sys::connect_result(made);
    return made;
}

void check_echo(sys::Socket socket) {
    char answer[8] = {};
    size_t length = 0;
    CHECK(sys::receive_some(socket, answer, sizeof answer) == sys::IO_AGAIN);
    CHECK(sys::wait_socket(socket, false, waker, 10) == 0);
    CHECK(sys::send_some(socket, "hello", 5) == 5);
    while (length < 5) {
        CHECK(sys::wait_socket(socket, false, waker, 30000) & sys::READABLE);
        long got = sys::receive_some(socket, answer + length, sizeof answer - length);
        if (got > 0) length += static_cast<size_t>(got);
        if (got < 0 && got != sys::IO_AGAIN) break;
    }
    CHECK(length == 5 && memcmp(answer, "hello", 5) == 0);
    // The other side ends the connection when it reads this.
    CHECK(sys::send_some(socket, "end", 3) == 3);
    long got;
    do {
        CHECK(sys::wait_socket(socket, false, waker, 30000) & sys::READABLE);
        got = sys::receive_some(socket, answer, sizeof answer);
    } while (got > 0 || got == sys::IO_AGAIN);
    CHECK(got == sys::IO_CLOSED || got == sys::IO_FAILED);
    sys::shutdown_socket(socket);
    sys::close_socket(socket);
}

void check_sockets() {
    CHECK(sys::network_start());
    CHECK(sys::waker_open(waker));
    CHECK(sys::wait_socket(sys::NO_SOCKET, false, waker, 5) == 0);
    CHECK(sys::start_thread(wake_later, nullptr));
    CHECK(sys::wait_socket(sys::NO_SOCKET, false, waker, 30000) == sys::WOKEN);
    for (int i = 0; i < 100000; i++) sys::wake(waker);  // more than fit
    CHECK(sys::wait_socket(sys::NO_SOCKET, false, waker, -1) == sys::WOKEN);

    sys::Endpoint endpoint;
    Text why;
    CHECK(sys::lookup("localhost.example", 1, true, &endpoint, 1, why) <= 0);
    int error = -1;
    sys::Socket socket = connected_to(port("CHECK_ECHO"), error);
    CHECK(error == 0);
    if (error == 0) check_echo(socket);
    socket = connected_to(port("CHECK_CLOSED"), error);
    Text words;
    sys::error_text(error, words);
    CHECK(error != 0 && strstr(words.data, "nobody listens there"));
    if (socket != sys::NO_SOCKET) sys::close_socket(socket);
    sys::waker_close(waker);
}

// --- files -----------------------------------------------------------------------------------------------------------

void check_files() {
    // With characters of a language.
    Path made("\xe6\x96\x87\xe4\xbb\xb6"), file("\xe6\x96\x87\xe4\xbb\xb6/a.con");
    CHECK(!sys::is_folder(made) && sys::make_folder(made) && sys::is_folder(made) && sys::make_folder(made));
    CHECK(sys::open_file(file, sys::FILE_READ) == sys::NO_FILE && sys::last_error() != 0);
    sys::File one = sys::open_file(file, sys::FILE_WRITE | sys::FILE_CREATE);
    CHECK(one != sys::NO_FILE && sys::file_size(one) == 0);
    CHECK(sys::write_file(one, 4, "data", 4) && sys::file_size(one) == 8);
    char read[8];
    CHECK(sys::read_file(one, 0, read, sizeof read) == 8 && memcmp(read, "\0\0\0\0data", 8) == 0);
    CHECK(sys::read_file(one, 6, read, sizeof read) == 2 && sys::read_file(one, 8, read, sizeof read) == 0);
    CHECK(sys::set_file_size(one, 5) && sys::file_size(one) == 5);
    sys::File other = sys::open_file(file, sys::FILE_WRITE);
    CHECK(sys::lock_file(one) && !sys::lock_file(other));
    sys::close_file(one);
    CHECK(sys::lock_file(other));
    sys::close_file(other);
    unsigned exclusive = sys::FILE_WRITE | sys::FILE_CREATE | sys::FILE_EXCLUSIVE;
    CHECK(sys::open_file(file, exclusive) == sys::NO_FILE);
    CHECK(!sys::is_folder(file) && !sys::make_folder(file));
    CHECK(sys::remove_file(file) && !sys::remove_file(file));
    one = sys::open_file(file, exclusive);
    CHECK(one != sys::NO_FILE);
    sys::close_file(one);
    CHECK(sys::remove_file(file));
    char path[512];
    CHECK(sys::runtime_folder(path, sizeof path) && strstr(path, "runtime") && path[strlen(path) - 1] == 'e');
    CHECK(!sys::runtime_folder(path, 4));
}

// --- other programs and libraries ------------------------------------------------------------------------------------

void check_processes() {
    char own[512];
    sys::library_path(own, sizeof own);
    const char* arguments[] = {own, "child", "a b", "c\"d\\", "", nullptr};
    const char* environment[] = {"CHECK_CHILD=\xe5\x80\xbc", "check_text=", nullptr};
    Path log("child.log");
    int64_t pid = sys::start_process(arguments, environment, log);
    CHECK(pid > 0 && static_cast<uint32_t>(pid) != sys::process_id());
    // The child writes to its standard error, ten bytes last.
    int64_t deadline = sys::monotonic_ns() + 60000 * MILLISECOND;
    char end[16] = {};
    while (sys::monotonic_ns() < deadline && !strstr(end, "child ends")) {
        sys::File file = sys::open_file(log, sys::FILE_READ);
        int64_t size = file == sys::NO_FILE ? 0 : sys::file_size(file);
        if (size >= 10) sys::read_file(file, size - 10, end, 10);
        if (file != sys::NO_FILE) sys::close_file(file);
        sys::sleep_ms(5);
    }
    CHECK(strstr(end, "child ends"));
    const char* nothing[] = {"/no/such/program", nullptr};
    CHECK(sys::start_process(nothing, nullptr, nullptr) == -1 && sys::last_error() != 0);

#if defined(_WIN32)
    constexpr const char *LIBRARY = "kernel32.dll", *FUNCTION = "GetTickCount";
#else
    constexpr const char *LIBRARY = "libc.so.6", *FUNCTION = "getpid";
#endif
    void* library = sys::load_library(LIBRARY);
    CHECK(library && sys::library_symbol(library, FUNCTION) && !sys::library_symbol(library, "no_such_function"));
    CHECK(!sys::load_library("no_such_library"));
    CHECK(sys::global_symbol(FUNCTION) && !sys::global_symbol("no_such_function"));
}

void be_child() {
    char text[64];
    put(sys::environment("CHECK_CHILD", text, sizeof text) ? text : "nothing");
    put("\nchild ends");
}

void at_end() { put("the end\n"); }

void in_child() {}

int run() {
    char text[64];
    if (sys::environment("CHECK_CHILD", text, sizeof text)) {
        be_child();
        return 0;
    }
    CHECK(sys::environment("CHECK_FOLDER", folder, sizeof folder));
    CHECK(sys::at_exit(at_end) && sys::at_fork_child(in_child));
    check_time_and_process();
    check_threads();
    check_sockets();
    check_files();
    check_processes();
    put("done\n");
    return failures;
}

}  // namespace

#if defined(_WIN32)
extern "C" void start() { exit(run()); }
#else
int main() { return run(); }
#endif
