// The system on Linux and macOS.
#if !defined(_WIN32)

#include "platform.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/eventfd.h>
#include <sys/syscall.h>
#endif

#if defined(__APPLE__)
// There `environ` belongs to programs; libraries ask for it.
extern "C" char*** _NSGetEnviron(void);
#define environ (*_NSGetEnviron())
#else
extern char** environ;
#endif

namespace ctp2 {
namespace sys {

// --- time and process ------------------------------------------------------------------------------------------------

int64_t monotonic_ns() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<int64_t>(now.tv_sec) * 1000000000 + now.tv_nsec;
}

void sleep_ms(int milliseconds) { poll(nullptr, 0, milliseconds); }

uint32_t process_id() { return static_cast<uint32_t>(getpid()); }

const char* platform_name() {
#if defined(__APPLE__) && defined(__aarch64__)
    return "macos-arm64";
#elif defined(__APPLE__)
    return "macos-x86_64";
#elif defined(__x86_64__)
    return "linux-x86_64";
#elif defined(__aarch64__)
    return "linux-aarch64";
#else
    return "posix";
#endif
}

bool environment(const char* name, char* out, size_t size) {
    const char* value = getenv(name);
    return value && *value && copy_text(out, size, value);
}

bool library_path(char* out, size_t size) {
    Dl_info info;
    static const char here = 0;
    if (!dladdr(&here, &info) || !info.dli_fname) return false;
    char* real = realpath(info.dli_fname, nullptr);
    bool fits = real && copy_text(out, size, real);
    free(real);
    return fits;
}

void write_error(const char* text, size_t size) {
    int kept = errno;
    // Nobody reads any more: that is no reason to end the program.
    sigset_t pipe, before, pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    sigpending(&pending);
    bool was_pending = sigismember(&pending, SIGPIPE) == 1;
    while (size) {
        ssize_t written = write(2, text, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) break;
        text += written;
        size -= static_cast<size_t>(written);
    }
    sigpending(&pending);
    int taken = 0;
    if (!was_pending && sigismember(&pending, SIGPIPE) == 1) sigwait(&pipe, &taken);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = kept;
}

int last_error() { return errno; }

void error_text(int error, Text& out) {
    static const struct {
        int error;
        const char* text;
    } WORDS[] = {
        {ECONNREFUSED, "nobody listens there: is the server running, and is this its port?"},
        {ETIMEDOUT, "no answer: host down, or a firewall in between"},
        {EHOSTUNREACH, "no route to this host"},
        {ENETUNREACH, "no route to this network"},
        {ECONNRESET, "the other side broke off the link"},
        {EPIPE, "the other side ended the link"},
        {EACCES, "permission denied"},
        {EPERM, "permission denied"},
        {ENOENT, "no such file or folder"},
        {ENOTDIR, "no such folder"},
        {EROFS, "the file system is read-only"},
        {ENOSPC, "the disk is full"},
        {EMFILE, "this program has too many open files"},
        {ENFILE, "the system has too many open files"},
        {EADDRNOTAVAIL, "no local address or port is free for it"},
    };
    for (const auto& row : WORDS) {
        if (row.error == error) {
            out.add(row.text);
            return;
        }
    }
    out.add("system error ").add(error);
}

// --- threads ---------------------------------------------------------------------------------------------------------

static_assert(sizeof(pthread_mutex_t) <= sizeof(Mutex::space), "a mutex fits");
static_assert(sizeof(pthread_cond_t) <= sizeof(Condition::space), "a condition fits");

static pthread_mutex_t* of(Mutex& mutex) { return reinterpret_cast<pthread_mutex_t*>(mutex.space); }
static pthread_cond_t* of(Condition& condition) { return reinterpret_cast<pthread_cond_t*>(condition.space); }

void mutex_init(Mutex& mutex) { pthread_mutex_init(of(mutex), nullptr); }
void mutex_end(Mutex& mutex) { pthread_mutex_destroy(of(mutex)); }
void lock(Mutex& mutex) { pthread_mutex_lock(of(mutex)); }
void unlock(Mutex& mutex) { pthread_mutex_unlock(of(mutex)); }

void condition_init(Condition& condition) {
#if defined(__APPLE__)
    pthread_cond_init(of(condition), nullptr);
#else
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(of(condition), &attributes);
    pthread_condattr_destroy(&attributes);
#endif
}

void condition_end(Condition& condition) { pthread_cond_destroy(of(condition)); }

bool wait(Condition& condition, Mutex& mutex, int64_t deadline_ns) {
    if (!deadline_ns) return pthread_cond_wait(of(condition), of(mutex)) == 0;
#if defined(__APPLE__)
    int64_t left = deadline_ns - monotonic_ns();
    if (left <= 0) return false;
    timespec span = {static_cast<time_t>(left / 1000000000), static_cast<long>(left % 1000000000)};
    return pthread_cond_timedwait_relative_np(of(condition), of(mutex), &span) == 0;
#else
    timespec until = {static_cast<time_t>(deadline_ns / 1000000000), static_cast<long>(deadline_ns % 1000000000)};
    return pthread_cond_timedwait(of(condition), of(mutex), &until) != ETIMEDOUT;
#endif
}

void notify_all(Condition& condition) { pthread_cond_broadcast(of(condition)); }

namespace {

struct Start {
    void (*run)(void*);
    void* argument;
};

void* thread_main(void* given) {
    Start start = *static_cast<Start*>(given);
    free(given);
    start.run(start.argument);
    return nullptr;
}

}  // namespace

bool start_thread(void (*run)(void*), void* argument) {
    Start* start = static_cast<Start*>(malloc(sizeof(Start)));
    if (!start) return false;
    *start = {run, argument};
    // The new thread inherits the mask, so there is no moment in which a signal could land on it.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    int error = pthread_create(&thread, nullptr, thread_main, start);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (error) {
        free(start);
        errno = error;
        return false;
    }
    pthread_detach(thread);
    return true;
}

uint64_t thread_id() {
    pthread_t self = pthread_self();
    uint64_t id = 0;
    memcpy(&id, &self, sizeof self < sizeof id ? sizeof self : sizeof id);
    return id;
}

void yield_cpu() { sched_yield(); }

// --- sockets ---------------------------------------------------------------------------------------------------------

bool network_start() { return true; }

int lookup(const char* host, uint16_t port, bool numeric_only, Endpoint* out, int limit, Text& why) {
    addrinfo hints;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    if (numeric_only) hints.ai_flags = AI_NUMERICHOST;
    addrinfo* found = nullptr;
    int error = getaddrinfo(host, nullptr, &hints, &found);
    if (error) {
        if (!numeric_only) why.add("the name of host ").add(host).add(" cannot be resolved (error ").add(error).add(")");
        return -1;
    }
    int count = 0;
    for (addrinfo* at = found; at && count < limit; at = at->ai_next) {
        if (at->ai_addrlen > sizeof out->bytes) continue;
        Endpoint& point = out[count];
        memset(&point, 0, sizeof point);
        memcpy(point.bytes, at->ai_addr, at->ai_addrlen);
        point.family = static_cast<uint32_t>(at->ai_family);
        point.length = static_cast<uint32_t>(at->ai_addrlen);
        if (at->ai_family == AF_INET) {
            reinterpret_cast<sockaddr_in*>(point.bytes)->sin_port = htons(port);
        } else if (at->ai_family == AF_INET6) {
            reinterpret_cast<sockaddr_in6*>(point.bytes)->sin6_port = htons(port);
        } else {
            continue;
        }
        count++;
    }
    freeaddrinfo(found);
    return count;
}

static bool prepare(int socket) {
    int yes = 1;
#if !defined(__linux__)
    if (fcntl(socket, F_SETFD, FD_CLOEXEC) || fcntl(socket, F_SETFL, O_NONBLOCK)) return false;
#endif
#if defined(SO_NOSIGPIPE)
    setsockopt(socket, SOL_SOCKET, SO_NOSIGPIPE, &yes, sizeof yes);
#endif
    return setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) == 0;
}

Socket connect_start(const Endpoint& to) {
#if defined(__linux__)
    int made = socket(static_cast<int>(to.family), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
#else
    int made = socket(static_cast<int>(to.family), SOCK_STREAM, 0);
#endif
    if (made < 0) return NO_SOCKET;
    if (prepare(made)) {
        if (connect(made, reinterpret_cast<const sockaddr*>(to.bytes), to.length) == 0) return made;
        if (errno == EINPROGRESS || errno == EINTR) return made;
    }
    int error = errno;
    close(made);
    errno = error;
    return NO_SOCKET;
}

int connect_result(Socket socket) {
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(static_cast<int>(socket), SOL_SOCKET, SO_ERROR, &error, &size)) return errno;
    return error;
}

#if !defined(MSG_NOSIGNAL)
#define MSG_NOSIGNAL 0  // macOS: SO_NOSIGPIPE says it for the socket
#endif

static bool is_again(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

long send_some(Socket socket, const void* data, size_t size) {
    ssize_t sent = send(static_cast<int>(socket), data, size, MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<long>(sent);
    return is_again(errno) ? IO_AGAIN : IO_FAILED;
}

long receive_some(Socket socket, void* data, size_t size) {
    ssize_t got = recv(static_cast<int>(socket), data, size, 0);
    if (got > 0) return static_cast<long>(got);
    if (got == 0) return IO_CLOSED;
    return is_again(errno) ? IO_AGAIN : IO_FAILED;
}

void shutdown_socket(Socket socket) { shutdown(static_cast<int>(socket), SHUT_RDWR); }

void close_socket(Socket socket) { close(static_cast<int>(socket)); }

bool waker_open(Waker& waker) {
#if defined(__linux__)
    int made = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    waker.ends[0] = waker.ends[1] = made;
    return made >= 0;
#else
    int pair[2];
    if (pipe(pair)) return false;
    for (int i = 0; i < 2; i++) {
        fcntl(pair[i], F_SETFD, FD_CLOEXEC);
        fcntl(pair[i], F_SETFL, O_NONBLOCK);
        waker.ends[i] = pair[i];
    }
    return true;
#endif
}

void waker_close(Waker& waker) {
    if (waker.ends[0] >= 0) close(static_cast<int>(waker.ends[0]));
    if (waker.ends[1] >= 0 && waker.ends[1] != waker.ends[0]) close(static_cast<int>(waker.ends[1]));
    waker.ends[0] = waker.ends[1] = NO_SOCKET;
}

void wake(Waker& waker) {
    uint64_t one = 1;
    int kept = errno;
    // Full means that the wake-up is on its way already.
    ssize_t written = write(static_cast<int>(waker.ends[1]), &one, sizeof one);
    (void)written;
    errno = kept;
}

unsigned wait_socket(Socket socket, bool want_write, Waker& waker, int timeout_ms) {
    pollfd both[2];
    both[0] = {static_cast<int>(waker.ends[0]), POLLIN, 0};
    both[1] = {static_cast<int>(socket), static_cast<short>(want_write ? POLLIN | POLLOUT : POLLIN), 0};
    int ready = poll(both, socket == NO_SOCKET ? 1 : 2, timeout_ms);
    if (ready <= 0) return 0;
    unsigned events = 0;
    if (both[0].revents) {
        char used[64];
        ssize_t drained = read(static_cast<int>(waker.ends[0]), used, sizeof used);
        (void)drained;
        events |= WOKEN;
    }
    if (socket != NO_SOCKET) {
        if (both[1].revents & ~POLLOUT) events |= READABLE;
        if (both[1].revents & (POLLOUT | POLLERR | POLLHUP | POLLNVAL)) events |= want_write ? WRITABLE : 0u;
    }
    return events;
}

// --- files -----------------------------------------------------------------------------------------------------------

File open_file(const char* path, unsigned how) {
    int flags = (how & FILE_WRITE ? O_RDWR : O_RDONLY) | O_CLOEXEC;
    if (how & FILE_CREATE) flags |= O_CREAT;
    if (how & FILE_EXCLUSIVE) flags |= O_EXCL;
    return open(path, flags, 0600);
}

void close_file(File file) {
    if (file < 0) return;
    // A lock lives as long as any copy of the descriptor, and a child by fork has one that it does not know of.
    flock(static_cast<int>(file), LOCK_UN);
    close(static_cast<int>(file));
}

bool lock_file(File file) { return flock(static_cast<int>(file), LOCK_EX | LOCK_NB) == 0; }

// lseek and not fstat, whose name in new C libraries old ones do not have.
int64_t file_size(File file) { return lseek(static_cast<int>(file), 0, SEEK_END); }

bool set_file_size(File file, int64_t size) { return ftruncate(static_cast<int>(file), size) == 0; }

long read_file(File file, int64_t at, void* data, size_t size) {
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(static_cast<int>(file), static_cast<char*>(data) + done, size - done,
                            static_cast<off_t>(at) + static_cast<off_t>(done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0) break;
        done += static_cast<size_t>(got);
    }
    return static_cast<long>(done);
}

bool write_file(File file, int64_t at, const void* data, size_t size) {
    size_t done = 0;
    while (done < size) {
        ssize_t put = pwrite(static_cast<int>(file), static_cast<const char*>(data) + done, size - done,
                             static_cast<off_t>(at) + static_cast<off_t>(done));
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        done += static_cast<size_t>(put);
    }
    return true;
}

bool remove_file(const char* path) { return unlink(path) == 0; }

bool is_folder(const char* path) {
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return false;
    close(folder);
    return true;
}

bool make_folder(const char* path) { return mkdir(path, 0700) == 0 || (errno == EEXIST && is_folder(path)); }

bool runtime_folder(char* out, size_t size) {
    // The order of ctp2/core/paths.py and platformdirs.
    static const struct {
        const char* variable;
        const char* below;
    } PLACES[] = {
        {"CTP2_HOME", "/runtime"},
#if defined(__APPLE__)
        {"HOME", "/Library/Caches/TemporaryItems/ctp2"},
#else
        {"XDG_RUNTIME_DIR", "/ctp2"},
        {"XDG_STATE_HOME", "/ctp2/runtime"},
        {"HOME", "/.local/state/ctp2/runtime"},
#endif
    };
    for (const auto& place : PLACES) {
        if (!environment(place.variable, out, size)) continue;
        size_t length = strlen(out);
        return copy_text(out + length, size - length, place.below);
    }
    return false;
}

// --- other programs and libraries ------------------------------------------------------------------------------------

namespace {

constexpr int MOST_ADDITIONS = 16;

// What the new program's environment is to be; one allocation, freed by the caller.
char** joined_environment(const char* const* more) {
    size_t count = 0;
    while (environ && environ[count]) count++;
    char** all = static_cast<char**>(malloc((count + MOST_ADDITIONS + 1) * sizeof(char*)));
    if (!all) return nullptr;
    size_t kept = 0;
    for (int i = 0; more && more[i] && i < MOST_ADDITIONS; i++) all[kept++] = const_cast<char*>(more[i]);
    size_t added = kept;
    for (size_t i = 0; i < count; i++) {
        bool is_replaced = false;
        for (size_t j = 0; j < added && !is_replaced; j++) {
            const char* equals = strchr(all[j], '=');
            size_t name = equals ? static_cast<size_t>(equals - all[j]) + 1 : 0;
            is_replaced = name && strncmp(all[j], environ[i], name) == 0;
        }
        if (!is_replaced) all[kept++] = environ[i];
    }
    all[kept] = nullptr;
    return all;
}

void close_from(int first, int but) {
    rlimit limit;
    long end = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 65536 ? static_cast<long>(limit.rlim_cur) : 65536;
    for (long fd = first; fd < end; fd++) {
        if (fd != but) close(static_cast<int>(fd));
    }
}

int above_standard(int file) { return file >= 0 && file < 3 ? fcntl(file, F_DUPFD_CLOEXEC, 3) : file; }

// In the grandchild, between fork and exec: only calls that are safe there. `report` closes itself on success.
[[noreturn]] void become(const char* const* arguments, char** variables, const char* log, int report) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    // What this program ignores, a shell's background job the keyboard's signals, is its own business.
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    // Where this program has closed its standard files, new ones get their numbers: they go above them first.
    report = above_standard(report);
    int null = above_standard(open("/dev/null", O_RDWR));
    int errors = log ? above_standard(open(log, O_WRONLY | O_CREAT | O_APPEND, 0600)) : null;
    dup2(null, 0);
    dup2(null, 1);
    dup2(errors >= 0 ? errors : null, 2);
    close_from(3, report);
    environ = variables;
    execvp(arguments[0], const_cast<char* const*>(arguments));
    int64_t failed[2] = {-1, errno};
    ssize_t written = write(report, failed, sizeof failed);
    (void)written;
    _exit(127);
}

}  // namespace

int64_t start_process(const char* const* arguments, const char* const* environment, const char* log) {
    char** variables = joined_environment(environment);
    int report[2];
    if (!variables) return -1;
    if (pipe(report)) {
        free(variables);
        return -1;
    }
    fcntl(report[0], F_SETFD, FD_CLOEXEC);
    fcntl(report[1], F_SETFD, FD_CLOEXEC);
    // Twice, so that the program never has a child that it does not know of.
    pid_t child = fork();
    if (child == 0) {
        setsid();
        pid_t grandchild = fork();
        if (grandchild == 0) become(arguments, variables, log, report[1]);
        int64_t made[2] = {grandchild, grandchild < 0 ? errno : 0};
        ssize_t written = write(report[1], made, sizeof made);
        _exit(written == sizeof made ? 0 : 1);
    }
    int error = errno;
    close(report[1]);
    free(variables);
    int64_t pid = -1;
    if (child > 0) {
        while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
        }
        // First or second the pid, and if starting failed also the reason.
        int64_t said[2];
        error = 0;
        while (read(report[0], said, sizeof said) == static_cast<ssize_t>(sizeof said)) {
            if (said[0] > 0) pid = said[0];
            if (said[1]) error = static_cast<int>(said[1]);
        }
        if (error) pid = -1;
    }
    close(report[0]);
    errno = error;
    return pid;
}

#if defined(__linux__)
// Ended, but nobody has asked for its end yet: in a container there may be no process that does.
static bool is_zombie(int64_t pid) {
    Text path("/proc/");
    path.add(pid).add("/stat");
    int file = open(path.data, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    char text[512];
    ssize_t size = read(file, text, sizeof text - 1);
    close(file);
    text[size > 0 ? size : 0] = '\0';
    // PID (NAME) STATE: a name may hold brackets and blanks itself.
    const char* end = strrchr(text, ')');
    return end && end[1] == ' ' && (end[2] == 'Z' || end[2] == 'X');
}
#endif

bool process_lives(int64_t pid) {
    if (pid <= 0) return false;
    // Only if this program has become its parent, as the first process of a container does.
    if (waitpid(static_cast<pid_t>(pid), nullptr, WNOHANG) > 0) return false;
    if (kill(static_cast<pid_t>(pid), 0) && errno != EPERM) return false;
#if defined(__linux__)
    return !is_zombie(pid);
#else
    return true;
#endif
}

void* load_library(const char* name) { return dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE); }

void* library_symbol(void* library, const char* name) { return dlsym(library, name); }

void* global_symbol(const char* name) { return dlsym(RTLD_DEFAULT, name); }

// --- the end ---------------------------------------------------------------------------------------------------------

bool at_exit(void (*run)()) { return atexit(run) == 0; }

bool at_fork_child(void (*run)()) { return pthread_atfork(nullptr, nullptr, run) == 0; }

}  // namespace sys
}  // namespace ctp2

#endif
