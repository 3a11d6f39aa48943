// OpenSSL 1.0.2 to 3.x, of which only functions are used that all of them have, or that have a known predecessor.
// It never sees the socket: it works on two buffers in memory, so that sending can raise no signal and blocks nowhere.
#include "tls.h"

#include "stop.h"

namespace ctp2 {

namespace {

// --- the library -----------------------------------------------------------------------------------------------------

// What is used of OpenSSL's interface; its types are only passed on.
struct Ssl;
struct Context;
struct Bio;
struct Parameters;
struct Method;

struct Library {
    const Method* (*client_method)();
    Context* (*context_new)(const Method*);
    void (*context_free)(Context*);
    long (*context_ctrl)(Context*, int, long, void*);
    int (*load_locations)(Context*, const char*, const char*);
    int (*default_paths)(Context*);
    void (*set_verify)(Context*, int, int (*)(int, void*));
    Ssl* (*ssl_new)(Context*);
    void (*ssl_free)(Ssl*);
    long (*ssl_ctrl)(Ssl*, int, long, void*);
    void (*set_bio)(Ssl*, Bio*, Bio*);
    Parameters* (*parameters)(Ssl*);
    int (*connect)(Ssl*);
    int (*read)(Ssl*, void*, int);
    int (*write)(Ssl*, const void*, int);
    int (*get_error)(const Ssl*, int);
    long (*verify_result)(const Ssl*);
    Bio* (*bio_new)(const void*);
    const void* (*bio_memory)();
    int (*bio_free)(Bio*);
    int (*bio_read)(Bio*, void*, int);
    int (*bio_write)(Bio*, const void*, int);
    int (*set_host)(Parameters*, const char*, size_t);
    int (*set_ip)(Parameters*, const char*);
    void (*set_host_flags)(Parameters*, unsigned);
    int (*set_flags)(Parameters*, unsigned long);
    unsigned long (*next_error)();
    void (*clear_errors)();
    const char* (*reason)(unsigned long);
    const char* (*verify_text)(long);
    bool is_old;  // 1.0.x: not usable by two threads at once
};

// Numbers of OpenSSL's interface, the same in all these versions.
constexpr int WANT_READ = 2, WANT_WRITE = 3, ZERO_RETURN = 6;
constexpr int VERIFY_PEER = 1;
constexpr int CTRL_OPTIONS = 32, CTRL_HOST_NAME = 55, CTRL_MIN_VERSION = 123;
constexpr long NO_OLD_VERSIONS = 0x01000000L | 0x02000000L | 0x04000000L | 0x10000000L;  // SSL 2, SSL 3, TLS 1.0, 1.1
constexpr long TLS_1_2 = 0x0303;
constexpr unsigned NO_PARTIAL_WILDCARDS = 4;
constexpr unsigned long PARTIAL_CHAIN = 0x80000;
constexpr uint64_t NO_ATEXIT = 0x00080000;

struct Names {
    const char* ssl;
    const char* crypto;
};
constexpr Names LIBRARIES[] = {
#if defined(_WIN32) && defined(_WIN64)
    {"libssl-3-x64.dll", "libcrypto-3-x64.dll"},
    {"libssl-1_1-x64.dll", "libcrypto-1_1-x64.dll"},
#elif defined(_WIN32)
    {"libssl-3.dll", "libcrypto-3.dll"},
    {"libssl-1_1.dll", "libcrypto-1_1.dll"},
#elif defined(__APPLE__)
    // Never without a version: the system ends programs that load that one.
    {"/opt/homebrew/opt/openssl@3/lib/libssl.3.dylib", "/opt/homebrew/opt/openssl@3/lib/libcrypto.3.dylib"},
    {"/usr/local/opt/openssl@3/lib/libssl.3.dylib", "/usr/local/opt/openssl@3/lib/libcrypto.3.dylib"},
    {"libssl.3.dylib", "libcrypto.3.dylib"},
    {"libssl.1.1.dylib", "libcrypto.1.1.dylib"},
#else
    {"libssl.so.3", "libcrypto.so.3"},
    {"libssl.so.1.1", "libcrypto.so.1.1"},
    {"libssl.so.10", "libcrypto.so.10"},
    {"libssl.so.1.0.2", "libcrypto.so.1.0.2"},
#endif
};

Library library;
Atomic<int> is_loaded;
Atomic<int> loading;     // a lock that needs no initialising
Atomic<int> is_over;     // the process ends: OpenSSL takes itself down, and nobody may be inside
Atomic<int> inside;      // calls that are
Atomic<int> old_turn;    // OpenSSL 1.0.x: one thread at a time

struct Turn {
    Atomic<int>* lock;

    explicit Turn(Atomic<int>* of) : lock(of) {
        while (lock && lock->swap(1)) sys::yield_cpu();
    }
    ~Turn() {
        if (lock) lock->store(0);
    }
};

// Around every use; `ok` is false when the process is being taken down.
struct Use {
    bool ok;
    Turn turn;

    Use() : ok(enter()), turn(ok && library.is_old ? &old_turn : nullptr) {}
    ~Use() {
        if (ok) inside.add(-1);
    }

    static bool enter() {
        inside.add(1);
        if (!is_over.load()) return true;
        inside.add(-1);
        return false;
    }
};

void end_of_process() {
    is_over.store(1);
    int64_t deadline = sys::monotonic_ns() + 1000000000;
    while (inside.load() && sys::monotonic_ns() < deadline) sys::sleep_ms(1);
}

struct Row {
    bool is_crypto;
    const char* name;
    const char* predecessor;  // of 1.0.x
    void* place;
};

bool bind(void* ssl, void* crypto) {
    Library& lib = library;
    const Row rows[] = {
        {false, "TLS_client_method", "SSLv23_client_method", &lib.client_method},
        {false, "SSL_CTX_new", nullptr, &lib.context_new},
        {false, "SSL_CTX_free", nullptr, &lib.context_free},
        {false, "SSL_CTX_ctrl", nullptr, &lib.context_ctrl},
        {false, "SSL_CTX_load_verify_locations", nullptr, &lib.load_locations},
        {false, "SSL_CTX_set_default_verify_paths", nullptr, &lib.default_paths},
        {false, "SSL_CTX_set_verify", nullptr, &lib.set_verify},
        {false, "SSL_new", nullptr, &lib.ssl_new},
        {false, "SSL_free", nullptr, &lib.ssl_free},
        {false, "SSL_ctrl", nullptr, &lib.ssl_ctrl},
        {false, "SSL_set_bio", nullptr, &lib.set_bio},
        {false, "SSL_get0_param", nullptr, &lib.parameters},
        {false, "SSL_connect", nullptr, &lib.connect},
        {false, "SSL_read", nullptr, &lib.read},
        {false, "SSL_write", nullptr, &lib.write},
        {false, "SSL_get_error", nullptr, &lib.get_error},
        {false, "SSL_get_verify_result", nullptr, &lib.verify_result},
        {true, "BIO_new", nullptr, &lib.bio_new},
        {true, "BIO_s_mem", nullptr, &lib.bio_memory},
        {true, "BIO_free", nullptr, &lib.bio_free},
        {true, "BIO_read", nullptr, &lib.bio_read},
        {true, "BIO_write", nullptr, &lib.bio_write},
        {true, "X509_VERIFY_PARAM_set1_host", nullptr, &lib.set_host},
        {true, "X509_VERIFY_PARAM_set1_ip_asc", nullptr, &lib.set_ip},
        {true, "X509_VERIFY_PARAM_set_hostflags", nullptr, &lib.set_host_flags},
        {true, "X509_VERIFY_PARAM_set_flags", nullptr, &lib.set_flags},
        {true, "ERR_get_error", nullptr, &lib.next_error},
        {true, "ERR_clear_error", nullptr, &lib.clear_errors},
        {true, "ERR_reason_error_string", nullptr, &lib.reason},
        {true, "X509_verify_cert_error_string", nullptr, &lib.verify_text},
    };
    for (const Row& row : rows) {
        void* found = sys::library_symbol(row.is_crypto ? crypto : ssl, row.name);
        if (!found && row.predecessor) found = sys::library_symbol(ssl, row.predecessor);
        if (!found) return false;
        memcpy(row.place, &found, sizeof found);
    }
    return true;
}

// Make OpenSSL ready, if nobody did before. Where its own end can be put off (1.1.1b and later) it is; in any case our
// end comes before it, as what is registered last runs first.
void begin(void* ssl, void* crypto) {
    using Begin = int (*)(uint64_t, const void*);
    using OldBegin = int (*)();
    using OldTexts = void (*)();
    if (void* found = sys::library_symbol(crypto, "OPENSSL_init_crypto")) {
        Begin init;
        memcpy(&init, &found, sizeof init);
        library.is_old = false;
        init(NO_ATEXIT, nullptr);
    } else {
        library.is_old = true;
        OldBegin init;
        OldTexts texts;
        if ((found = sys::library_symbol(ssl, "SSL_library_init"))) {
            memcpy(&init, &found, sizeof init);
            init();
        }
        if ((found = sys::library_symbol(ssl, "SSL_load_error_strings"))) {
            memcpy(&texts, &found, sizeof texts);
            texts();
        }
    }
    sys::at_exit(end_of_process);
}

bool load(Text& why) {
    if (is_loaded.load()) return true;
    Turn turn(&loading);
    if (is_loaded.load()) return true;
    for (const Names& names : LIBRARIES) {
        void* crypto = sys::load_library(names.crypto);
        void* ssl = crypto ? sys::load_library(names.ssl) : nullptr;
        if (!ssl || !bind(ssl, crypto)) continue;
        begin(ssl, crypto);
        is_loaded.store(1);
        return true;
    }
    why.add("ssl:// needs the system's OpenSSL, and none of ");
    const char* comma = "";
    for (const Names& names : LIBRARIES) {
        why.add(comma).add(names.ssl);
        comma = ", ";
    }
    why.add(" can be loaded: install OpenSSL (1.0.2 or later), or use tcp:// through a tunnel");
    return false;
}

constexpr size_t ROOM = 16384;
constexpr unsigned char FIRST_RECORD = 0x14, LAST_RECORD = 0x17;  // first bytes of TLS

}  // namespace

// --- one link --------------------------------------------------------------------------------------------------------

struct Tls {
    sys::Socket socket;
    Context* context;
    Ssl* ssl;
    Bio* from_network;  // both are freed with `ssl`
    Bio* to_network;
    bool has_ca;
    bool is_started;  // something came from the other side
    bool is_other;    // and it was no TLS
    size_t moved;     // bytes that the network took so far
    size_t begin, end;
    char waiting[ROOM];  // taken from `to_network`, not yet by the network

    // Hand on what OpenSSL has to say: 0 when all of it went, IO_AGAIN, or IO_FAILED.
    long push() {
        for (;;) {
            if (begin == end) {
                int got = library.bio_read(to_network, waiting, static_cast<int>(sizeof waiting));
                begin = 0;
                end = got > 0 ? static_cast<size_t>(got) : 0;
                if (!end) return 0;
            }
            long sent = sys::send_some(socket, waiting + begin, end - begin);
            if (sent < 0) return sent;
            begin += static_cast<size_t>(sent);
            moved += static_cast<size_t>(sent);
        }
    }

    // Give OpenSSL what is there: bytes, or IO_AGAIN, IO_CLOSED, IO_FAILED.
    long pull() {
        unsigned char data[ROOM];
        long got = sys::receive_some(socket, data, sizeof data);
        if (got <= 0) return got;
        if (!is_started) is_other = data[0] < FIRST_RECORD || data[0] > LAST_RECORD;
        is_started = true;
        int taken = library.bio_write(from_network, data, static_cast<int>(got));
        return taken == got ? got : static_cast<long>(sys::IO_FAILED);
    }
};

namespace {

// What to do about a certificate that is not accepted, by OpenSSL's number of the reason.
const char* remedy(long verdict, bool has_ca) {
    switch (verdict) {
        case 9:  // not yet valid
            return "is the clock of this machine right?";
        case 10:  // expired
            return "the server needs a new one";
        case 62:  // the host's name is not in it
        case 64:  // nor its number
            return "write the server's name as it stands in it (ctp2 serve --make-cert --cert-name NAME adds names)";
    }
    return has_ca ? "it is another than in ?ca=" : "name the server's certificate with ?ca=FILE";
}

TlsStep fail(const Tls& tls, Text& why, bool is_ended) {
    long verdict = library.verify_result(tls.ssl);
    if (verdict != 0) {
        why.add("its certificate is not trusted (").add(library.verify_text(verdict)).add("): ");
        why.add(remedy(verdict, tls.has_ca));
    } else if (tls.is_other || (is_ended && !tls.is_started)) {
        why.add("does not speak TLS: write tcp:// instead of ssl://");
    } else if (is_ended) {
        why.add("broke off the TLS handshake");
    } else {
        const char* reason = library.reason(library.next_error());
        why.add("no TLS with it: ").add(reason ? reason : "unknown reason");
    }
    return TlsStep::FAILED;
}

bool expect_name(Tls& tls, const char* host) {
    sys::Endpoint point;
    Text unused;
    Parameters* parameters = library.parameters(tls.ssl);
    if (tls.has_ca) library.set_flags(parameters, PARTIAL_CHAIN);  // what the file holds is trusted, an authority or not
    if (sys::lookup(host, 1, true, &point, 1, unused) > 0) return library.set_ip(parameters, host) == 1;
    library.set_host_flags(parameters, NO_PARTIAL_WILDCARDS);
    return library.set_host(parameters, host, 0) == 1 &&
           library.ssl_ctrl(tls.ssl, CTRL_HOST_NAME, 0, const_cast<char*>(host)) == 1;
}

bool prepare(Tls& tls, const char* host, const char* ca, Text& why) {
    tls.context = library.context_new(library.client_method());
    if (!tls.context) {
        why.add("OpenSSL cannot be used: ").add(library.reason(library.next_error()));
        return false;
    }
    if (library.is_old) {
        library.context_ctrl(tls.context, CTRL_OPTIONS, NO_OLD_VERSIONS, nullptr);
    } else {
        library.context_ctrl(tls.context, CTRL_MIN_VERSION, TLS_1_2, nullptr);
    }
    library.set_verify(tls.context, VERIFY_PEER, nullptr);
    if (tls.has_ca ? library.load_locations(tls.context, ca, nullptr) != 1 : library.default_paths(tls.context) != 1) {
        why.add(tls.has_ca ? "there is no certificate in the file of ca: " : "the system's certificates cannot be read");
        why.add(ca);
        return false;
    }
    tls.ssl = library.ssl_new(tls.context);
    tls.from_network = library.bio_new(library.bio_memory());
    tls.to_network = library.bio_new(library.bio_memory());
    if (!tls.ssl || !tls.from_network || !tls.to_network) {
        if (tls.from_network) library.bio_free(tls.from_network);
        if (tls.to_network) library.bio_free(tls.to_network);
        why.add("out of memory");
        return false;
    }
    library.set_bio(tls.ssl, tls.from_network, tls.to_network);
    if (expect_name(tls, host)) return true;
    why.add("the name ").add(host).add(" cannot be checked in a certificate");
    return false;
}

}  // namespace

Tls* tls_open(sys::Socket socket, const char* host, const char* ca, Text& why) {
    if (!load(why)) return nullptr;
    Tls* tls = static_cast<Tls*>(malloc(sizeof(Tls)));
    if (!tls) {
        why.add("out of memory");
        return nullptr;
    }
    memset(tls, 0, sizeof *tls);
    tls->socket = socket;
    tls->has_ca = *ca != '\0';
    bool is_ready = false;
    {
        Use use;
        if (use.ok) {
            library.clear_errors();
            is_ready = prepare(*tls, host, ca, why);
        }
    }
    if (is_ready) return tls;
    tls_close(tls);
    return nullptr;
}

void tls_close(Tls* tls) {
    {
        Use use;
        if (use.ok) {
            if (tls->ssl) library.ssl_free(tls->ssl);
            if (tls->context) library.context_free(tls->context);
        }
    }
    free(tls);
}

TlsStep tls_handshake(Tls* tls, Text& why) {
    Use use;
    if (!use.ok) return TlsStep::FAILED;
    for (;;) {
        library.clear_errors();
        int result = library.connect(tls->ssl);
        int error = result == 1 ? 0 : library.get_error(tls->ssl, result);
        // Also when it failed: the other side is told why.
        long pushed = tls->push();
        if (result == 1) return TlsStep::DONE;
        if (error != WANT_READ) return fail(*tls, why, false);
        if (pushed == sys::IO_AGAIN) return TlsStep::WANTS_WRITE;
        long got = tls->pull();
        if (got == sys::IO_AGAIN) return TlsStep::WANTS_READ;
        if (got < 0) return fail(*tls, why, true);
    }
}

long tls_receive(Tls* tls, void* data, size_t size) {
    Use use;
    if (!use.ok) return sys::IO_FAILED;
    if (size > ROOM) size = ROOM;
    for (;;) {
        library.clear_errors();
        int got = library.read(tls->ssl, data, static_cast<int>(size));
        if (got > 0) return got;
        int error = library.get_error(tls->ssl, got);
        if (error == ZERO_RETURN) return sys::IO_CLOSED;
        if (error != WANT_READ && error != WANT_WRITE) return sys::IO_FAILED;
        if (tls->push() == sys::IO_FAILED) return sys::IO_FAILED;
        long pulled = tls->pull();
        if (pulled <= 0) return pulled;
    }
}

long tls_send(Tls* tls, const void* data, size_t size) {
    Use use;
    if (!use.ok) return sys::IO_FAILED;
    long pushed = tls->push();
    if (pushed < 0) return pushed;
    if (size > ROOM) size = ROOM;
    library.clear_errors();
    int taken = library.write(tls->ssl, data, static_cast<int>(size));
    if (taken <= 0) return library.get_error(tls->ssl, taken) == WANT_READ ? sys::IO_AGAIN : sys::IO_FAILED;
    return tls->push() == sys::IO_FAILED ? static_cast<long>(sys::IO_FAILED) : taken;
}

bool tls_has_waiting(const Tls* tls) { return tls->begin != tls->end; }

long tls_flush(Tls* tls) {
    Use use;
    if (!use.ok) return sys::IO_FAILED;
    size_t before = tls->moved;
    long pushed = tls->push();
    if (pushed == sys::IO_FAILED || tls->moved == before) return pushed;
    return static_cast<long>(tls->moved - before);
}

}  // namespace ctp2
