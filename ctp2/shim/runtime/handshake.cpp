// Reaching a front: name, TCP, TLS, hello and welcome; each step with a deadline, all of them ended by Release.
#include "ending.h"
#include "launch.h"
#include "link.h"

namespace ctp2 {

namespace {

constexpr int MOST_ENDPOINTS = 8;
constexpr unsigned char TLS_ALERT = 0x15;

// --- names -----------------------------------------------------------------------------------------------------------

// The system's resolver cannot be interrupted: it has a thread of its own, which is left alone when it takes too long.
struct Lookup {
    Atomic<int> users;
    Atomic<int> is_done;
    char host[256];
    uint16_t port;
    int count;
    sys::Endpoint found[MOST_ENDPOINTS];
    Text why;
};

void leave(Lookup* lookup) {
    if (lookup->users.add(-1) == 0) free(lookup);
}

void look_up(void* argument) {
    Lookup* lookup = static_cast<Lookup*>(argument);
    lookup->count = sys::lookup(lookup->host, lookup->port, false, lookup->found, MOST_ENDPOINTS, lookup->why);
    lookup->is_done.store(1);
    leave(lookup);
}

int resolve(const char* host, uint16_t port, Stop& stop, sys::Endpoint* out, Text& why) {
    int count = sys::lookup(host, port, true, out, MOST_ENDPOINTS, why);
    if (count > 0) return count;
    void* memory = malloc(sizeof(Lookup));
    if (!memory) {
        why.add("out of memory");
        return 0;
    }
    Lookup* lookup = new (memory, Here{}) Lookup();
    lookup->users.store(2);
    lookup->port = port;
    copy_text(lookup->host, sizeof lookup->host, host);
    if (!sys::start_thread(look_up, lookup)) {
        free(lookup);
        why.add("no thread for looking up the host's name");
        return 0;
    }
    int64_t deadline = sys::monotonic_ns() + CONNECT_NS;
    for (int pause = 1; !lookup->is_done.load() && sys::monotonic_ns() < deadline && !stop.pause(pause);) {
        pause = pause < 16 ? pause * 2 : 16;
    }
    count = 0;
    if (!lookup->is_done.load()) {
        why.add("the name of host ").add(host).add(" was not resolved in time");
    } else if (lookup->count > 0) {
        count = lookup->count;
        memcpy(out, lookup->found, sizeof(sys::Endpoint) * static_cast<size_t>(count));
    } else {
        why.add(lookup->why.data);
        if (!lookup->why.length) why.add("host ").add(host).add(" has no address");
    }
    leave(lookup);
    return count;
}

// --- TCP and TLS -----------------------------------------------------------------------------------------------------

// Wait for the socket; false when the time is over or the Api is to end.
bool await(sys::Socket socket, bool want_write, Stop& stop, int64_t deadline) {
    for (;;) {
        if (stop.is_set()) return false;
        int64_t left = deadline - sys::monotonic_ns();
        if (left <= 0) return false;
        unsigned events = sys::wait_socket(socket, want_write, stop.waker, static_cast<int>(left / MS) + 1);
        if (events & (sys::READABLE | sys::WRITABLE)) return true;
    }
}

sys::Socket connect_one(const sys::Endpoint& point, Stop& stop, int64_t deadline, Text& why) {
    sys::Socket socket = sys::connect_start(point);
    int error = 0;
    if (socket == sys::NO_SOCKET) {
        error = sys::last_error();
    } else if (!await(socket, true, stop, deadline)) {
        sys::close_socket(socket);
        why.add("does not answer in time: host down, or a firewall in between");
        return sys::NO_SOCKET;
    } else {
        error = sys::connect_result(socket);
        if (!error) return socket;
        sys::close_socket(socket);
    }
    sys::error_text(error, why);
    return sys::NO_SOCKET;
}

// Those of IPv6 alone: an address of IPv4 has 16 bytes in every system.
int only_v6(sys::Endpoint* points, int count) {
    int kept = 0;
    for (int at = 0; at < count; at++) {
        if (points[at].length > 16) points[kept++] = points[at];
    }
    return kept;
}

bool connect_any(Link& link, const char* host, uint16_t port, bool is_v6, Stop& stop, Text& why) {
    sys::Endpoint points[MOST_ENDPOINTS];
    int count = resolve(host, port, stop, points, why);
    if (is_v6 && count) {
        count = only_v6(points, count);
        if (!count) why.add("host ").add(host).add(" has no address of IPv6: write tcp:// instead of tcp6://");
    }
    for (int at = 0; at < count && !stop.is_set(); at++) {
        why.clear();
        link.socket = connect_one(points[at], stop, sys::monotonic_ns() + CONNECT_NS, why);
        if (link.socket != sys::NO_SOCKET) return true;
    }
    return false;
}

bool start_tls(Link& link, const char* host, const char* ca, Stop& stop, Text& why) {
    link.tls = tls_open(link.socket, host, ca, why);
    if (!link.tls) return false;
    ending_first();
    int64_t deadline = sys::monotonic_ns() + HANDSHAKE_NS;
    for (;;) {
        TlsStep step = tls_handshake(link.tls, why);
        if (step == TlsStep::DONE) return true;
        if (step == TlsStep::FAILED) return false;
        if (!await(link.socket, step == TlsStep::WANTS_WRITE, stop, deadline)) {
            why.add("does not answer the TLS handshake: if it does not speak TLS, write tcp:// instead of ssl://");
            return false;
        }
    }
}

// --- hello and welcome -----------------------------------------------------------------------------------------------

void set(char (&member)[24], const char* text) {
    size_t size = bounded_length(text, sizeof member - 1);
    memcpy(member, text, size);
}

bool say_hello(Link& link, const Face& face, const Identity& identity, const char* token) {
    Hello hello;
    memset(&hello, 0, sizeof hello);
    size_t size = *token ? sizeof hello : offsetof(Hello, token);
    hello.header.length = static_cast<uint32_t>(size);
    hello.header.kind = HELLO;
    memcpy(hello.magic, "CTP2WIRE", 8);
    hello.major = WIRE_MAJOR;
    hello.minor = WIRE_MINOR;
    hello.side = face.side;
    hello.pointer_size = sizeof(void*);
    hello.factory = identity.factory;
    // No feature: frames are wanted as they are, and programs write their texts in UTF-8 as well as in GB18030.
    hello.checksum = face.checksum;
    set(hello.revision, face.revision);
    set(hello.platform, sys::platform_name());
    set(hello.library, face.library);
    set(hello.client, identity.client);
    memcpy(hello.token, token, bounded_length(token, sizeof hello.token - 1));
    return link.send(&hello, size);
}

bool is_ascii(const char* text, size_t size) {
    for (size_t at = 0; at < size && text[at]; at++) {
        if (static_cast<unsigned char>(text[at]) > 0x7e) return false;
    }
    return true;
}

bool read_refusal(const Header* frame, Text& why) {
    const char* body = reinterpret_cast<const char*>(frame + 1);
    size_t size = frame->length - sizeof(Header);
    const RspInfo* info = reinterpret_cast<const RspInfo*>(body);
    why.add("refuses this program");
    if (size < INFO_SIZE) return false;
    // CTP's own texts are GB18030; the rest of the line, and most terminals, are UTF-8.
    if (is_ascii(info->message, sizeof info->message)) why.add(": ").add(info->message, sizeof info->message);
    why.add(" (").add(info->error_id).add("): ");
    why.add(body + INFO_SIZE, size - INFO_SIZE);
    return false;
}

bool read_welcome(const Header* frame, const Face& face, Welcome& welcome, Text& why) {
    if (frame->kind == REFUSED) return read_refusal(frame, why);
    if (frame->kind != WELCOME || frame->length < sizeof(Header) + sizeof(Welcome)) {
        why.add("is no ctp2 front: its first frame is no welcome");
        return false;
    }
    memcpy(&welcome, frame + 1, sizeof welcome);
    if (welcome.major != WIRE_MAJOR) {
        why.add("speaks protocol ").add(static_cast<int>(welcome.major)).add(", this library ").add(WIRE_MAJOR);
        why.add(": update the older of the two");
        return false;
    }
    if (welcome.side != face.side) {
        say(Text("the front is one of the other kind (").add(welcome.side == 1 ? "trader" : "market data")
                .add("): it refuses every request"));
    }
    return true;
}

bool await_welcome(Link& link, Inbox& inbox, const Face& face, Stop& stop, Welcome& welcome, Text& why) {
    const char* hint = link.tls ? "" : ": does it expect TLS (ssl://)?";
    int64_t deadline = sys::monotonic_ns() + HANDSHAKE_NS;
    bool is_first = true;
    for (;;) {
        // Also one that sends ever more and no welcome has its time.
        if (stop.is_set() || sys::monotonic_ns() >= deadline) {
            why.add("sends no welcome").add(hint);
            return false;
        }
        inbox.make_room();
        long got = link.receive(inbox.data + inbox.end, Inbox::SIZE - inbox.end);
        if (got == sys::IO_AGAIN) {
            if (!link.flush() || !await(link.socket, link.has_waiting(), stop, deadline)) {
                why.add("does not answer the handshake").add(hint);
                return false;
            }
            continue;
        }
        if (got < 0) {
            why.add("closed the link without a word").add(hint);
            return false;
        }
        inbox.end += static_cast<size_t>(got);
        if (is_first && static_cast<unsigned char>(inbox.data[0]) == TLS_ALERT && !link.tls) {
            // No frame begins so: its length is a multiple of 8.
            why.add("expects TLS: write ssl:// instead of tcp://");
            return false;
        }
        is_first = false;
        bool is_bad = false;
        while (Header* frame = inbox.next(MAX_FRAME, is_bad)) {
            if (frame->kind != HEARTBEAT && frame->kind != PONG) return read_welcome(frame, face, welcome, why);
        }
        if (is_bad) {
            why.add("is no ctp2 front: it does not send frames");
            return false;
        }
    }
}

}  // namespace

bool link_open(Link& link, Inbox& inbox, const Address& address, const Face& face, const Identity& identity, Stop& stop,
               Welcome& welcome, Text& why) {
    Launched launched;
    memset(&launched, 0, sizeof launched);
    const char* host = address.host;
    uint16_t port = address.port;
    if (address.scheme == Scheme::LAUNCHED) {
        if (!launch(address, face.side == 2, stop, sys::monotonic_ns() + LAUNCH_NS, launched, why)) return false;
        host = launched.host;
        port = launched.port;
    }
    link.clear();
    inbox.clear();
    Text reason;
    bool is_open = connect_any(link, host, port, address.is_v6, stop, reason) &&
                   (address.scheme != Scheme::TLS || start_tls(link, host, address.ca, stop, reason));
    if (is_open && !say_hello(link, face, identity, launched.token)) {
        reason.add("broke off the handshake");
        is_open = false;
    }
    if (is_open && await_welcome(link, inbox, face, stop, welcome, reason)) return true;
    link.close();
    // Without a reason: the process is being taken down, and TLS is no more.
    if (!stop.is_set() && reason.length) why.add(address.text).add(": ").add(reason.data);
    return false;
}

}  // namespace ctp2
