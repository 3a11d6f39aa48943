// A program that calls three parts of the runtime as the worker does, one a command: reading addresses, finding a
// private server, TLS. What it prints the tests compare.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "launch.h"
#include "tls.h"

using namespace ctp2;

namespace {

const char* const SCHEMES[] = {"plain", "tls", "launched"};

int fail(const Text& why) {
    printf("why: %s\n", why.data);
    return 1;
}

// parse ADDRESS…: one line each.
int parse(char** texts) {
    for (; *texts; texts++) {
        Address address;
        Text why;
        if (parse_address(*texts, address, why)) {
            printf("%s%s|%s|%u|%s|%s\n", SCHEMES[static_cast<int>(address.scheme)], address.is_v6 ? "6" : "",
                   address.host, unsigned(address.port), address.ca, address.text);
        } else {
            printf("why: %s\n", why.data);
        }
    }
    return 0;
}

// override td|md: all that counts, one line each.
int override(const char* side) {
    char text[MOST_ADDRESS + 2];
    bool is_md = strcmp(side, "md") == 0;
    uint32_t count = override_front(is_md, 0, text, sizeof text);
    for (uint32_t at = 0; at < count; at++) {
        override_front(is_md, at + count, text, sizeof text);  // counted round
        puts(text);
    }
    return 0;
}

struct Stopping {
    Stop stop;
    int after_ms;
};

void stop_later(void* argument) {
    Stopping* stopping = static_cast<Stopping*>(argument);
    sys::sleep_ms(stopping->after_ms);
    stopping->stop.request();
}

// launch td|md ADDRESS SECONDS STOP_MS: where it is served, and how long it took. STOP_MS 0: not stopped.
int find(const char* side, const char* text, int seconds, int stop_ms) {
    Address address;
    Text why;
    Stopping stopping;
    memset(&stopping, 0, sizeof stopping);
    stopping.after_ms = stop_ms;
    if (!sys::network_start() || !sys::waker_open(stopping.stop.waker)) return fail(why);
    if (!parse_address(text, address, why)) return fail(why);
    if (stop_ms && !sys::start_thread(stop_later, &stopping)) return fail(why);
    Launched launched;
    int64_t began = sys::monotonic_ns();
    bool is_found = launch(address, strcmp(side, "md") == 0, stopping.stop, began + seconds * 1000000000LL, launched, why);
    long long ms = (sys::monotonic_ns() - began) / 1000000;
    if (is_found) {
        printf("%s %u %s\n", launched.host, unsigned(launched.port), launched.token);
    } else {
        printf("why: %s\n", why.data);
    }
    printf("%lld ms\n", ms);
    sys::waker_close(stopping.stop.waker);
    return is_found ? 0 : 1;
}

sys::Socket connect(const char* host, int port, sys::Waker& waker) {
    sys::Endpoint points[4];
    Text why;
    int count = sys::lookup(host, static_cast<uint16_t>(port), false, points, 4, why);
    for (int at = 0; at < count; at++) {
        sys::Socket socket = sys::connect_start(points[at]);
        if (socket == sys::NO_SOCKET) continue;
        sys::wait_socket(socket, true, waker, 10000);
        if (!sys::connect_result(socket)) return socket;
        sys::close_socket(socket);
    }
    return sys::NO_SOCKET;
}

// A link that ends with its place in the program.
struct Secure {
    sys::Waker waker;
    sys::Socket socket = sys::NO_SOCKET;
    Tls* tls = nullptr;

    ~Secure() {
        if (tls) tls_close(tls);
        if (socket != sys::NO_SOCKET) sys::close_socket(socket);
        sys::waker_close(waker);
    }
};

bool shake_hands(Secure& link, const char* host, const char* ca, Text& why) {
    link.tls = tls_open(link.socket, host, ca, why);
    while (link.tls) {
        TlsStep step = tls_handshake(link.tls, why);
        if (step == TlsStep::FAILED) return false;
        if (step == TlsStep::DONE) return true;
        if (!sys::wait_socket(link.socket, step == TlsStep::WANTS_WRITE, link.waker, 30000)) {
            why.add("time is over");
            return false;
        }
    }
    return false;
}

// tls HOST PORT CA PINGS: a handshake, then so many pings (16 bytes each, answered by 24).
int secure(const char* host, int port, const char* ca, int pings) {
    Secure link;
    Text why;
    if (!sys::network_start() || !sys::waker_open(link.waker)) return fail(why);
    link.socket = connect(host, port, link.waker);
    if (link.socket == sys::NO_SOCKET) return fail(why.add("no connection"));
    if (!shake_hands(link, host, ca, why)) return fail(why);
    long long to_send = 16LL * pings, to_read = 24LL * pings, sent = 0, got = 0;
    static char data[65536], ping[16] = {16, 0, 0, 0, 8}, heard[4096];
    for (size_t at = 0; at < sizeof data; at++) data[at] = ping[at % sizeof ping];
    while (got < to_read) {
        while (sent < to_send) {
            size_t begin = static_cast<size_t>(sent % 16), size = sizeof data - begin;
            if (to_send - sent < static_cast<long long>(size)) size = static_cast<size_t>(to_send - sent);
            long taken = tls_send(link.tls, data + begin, size);
            if (taken == sys::IO_AGAIN) break;
            if (taken < 0) return fail(why.add("sending failed"));
            sent += taken;
        }
        if (tls_flush(link.tls) == sys::IO_FAILED) return fail(why.add("sending failed"));
        long read = tls_receive(link.tls, heard, sizeof heard);
        if (read > 0) {
            got += read;
        } else if (read == sys::IO_AGAIN) {
            bool wants_write = sent < to_send || tls_has_waiting(link.tls);
            if (!sys::wait_socket(link.socket, wants_write, link.waker, 30000)) return fail(why.add("time is over"));
        } else {
            return fail(why.add(read == sys::IO_CLOSED ? "closed" : "reading failed"));
        }
    }
    printf("%lld bytes sent, %lld read\n", sent, got);
    return 0;
}

}  // namespace

int main(int count, char** words) {
    if (count > 1 && strcmp(words[1], "parse") == 0) return parse(words + 2);
    if (count == 3 && strcmp(words[1], "override") == 0) return override(words[2]);
    if (count == 6 && strcmp(words[1], "launch") == 0) return find(words[2], words[3], atoi(words[4]), atoi(words[5]));
    if (count == 6 && strcmp(words[1], "tls") == 0) return secure(words[2], atoi(words[3]), words[4], atoi(words[5]));
    return 2;
}
