// The thread of an Api object: it connects, reads, keeps the heartbeats, and tries again.
#include "client.h"

namespace ctp2 {

namespace {

constexpr int64_t FIRST_PAUSE_MS = 1000;
constexpr int64_t LONGEST_PAUSE_MS = 8000;
constexpr int64_t RETRY_NS = 1000 * MS;       // a front that cuts the link at once is not asked again sooner
constexpr int64_t HEARTBEAT_NS = 15000 * MS;  // where the front does not say
constexpr int64_t SILENCE_NS = 120000 * MS;
constexpr int64_t SEND_LIMIT_NS = 40000 * MS;
constexpr int64_t LONGEST_WAIT_NS = 60000 * MS;  // whatever times a front names, milliseconds fit into an int
constexpr int MOST_TOLD = 16;

bool is_ending(Client& client) { return client.stop.is_set() || ending_is_near(); }

// --- choosing a front ------------------------------------------------------------------------------------------------

// What was said already while nothing could be reached: each failure is told once, not every few seconds.
struct Told {
    uint64_t seen[MOST_TOLD];
    int count;

    // False when it was told already.
    bool tell(const Text& why) {
        uint64_t hash = 1469598103934665603u;
        for (size_t at = 0; at < why.length; at++) {
            hash = (hash ^ static_cast<unsigned char>(why.data[at])) * 1099511628211u;
        }
        for (int at = 0; at < count; at++) {
            if (seen[at] == hash) return false;
        }
        if (count == MOST_TOLD) return false;
        seen[count++] = hash;
        Text line(why.data);
        say(line.add("; trying again"));
        return true;
    }
};

// The address to try as number `index`, and of how many; 0: there is none yet.
uint32_t front_at(Client& client, uint32_t index, char* out, size_t size) {
    if (uint32_t count = override_front(client.face->side == 2, index, out, size)) return count;
    sys::Lock lock(client.mutex);
    const Fronts& fronts = client.name_servers.count ? client.name_servers : client.fronts;
    if (fronts.count) copy_text(out, size, fronts.texts[index % fronts.count]);
    return fronts.count;
}

bool try_front(Client& client, const char* text, Told& told) {
    Address address;
    Text why;
    Welcome welcome;
    Link link = client.link;  // closed: nobody sends, and only its memory goes on
    bool is_open = parse_address(text, address, why) &&
        link_open(link, client.inbox, address, *client.face, client.identity, client.stop, welcome, why);
    {
        sys::Lock lock(client.mutex);
        client.link = link;
    }
    if (is_open) {
        sys::Lock lock(client.mutex);
        client.welcome = welcome;
        client.welcome.flow_identity[sizeof welcome.flow_identity - 1] = '\0';
        client.connection = 0;
        client.queries.set_limits(welcome.queries_in_flight, welcome.queries_per_second);
        copy_text(client.front_text, sizeof client.front_text, address.text);
        return true;
    }
    if (!why.length || is_ending(client) || !told.tell(why)) return false;
    // A server of its own that cannot be had is told to the program too: nobody else is there to start one.
    if (address.scheme == Scheme::LAUNCHED) call_back(client, SLOT_DISCONNECTED, Shape::NUMBER, READ_FAILED);
    return false;
}

// Until a link is open (true) or the Api is to end.
bool open_any(Client& client) {
    Told told;
    told.count = 0;
    int64_t pause = FIRST_PAUSE_MS;
    char text[sizeof Address::text];
    while (!is_ending(client)) {
        uint32_t count = front_at(client, client.front_index, text, sizeof text);
        if (!count && !is_ending(client)) told.tell(Text("Init without RegisterFront: nothing to connect to"));
        for (uint32_t tried = 0; tried < count && !is_ending(client); tried++) {
            front_at(client, client.front_index, text, sizeof text);
            if (try_front(client, text, told)) return true;
            client.front_index++;
        }
        client.stop.pause(static_cast<int>(pause));
        pause = pause * 2 < LONGEST_PAUSE_MS ? pause * 2 : LONGEST_PAUSE_MS;
    }
    return false;
}

bool has_alternatives(Client& client) {
    char text[sizeof Address::text];
    return front_at(client, 0, text, sizeof text) > 1;
}

// --- time ------------------------------------------------------------------------------------------------------------

struct Spans {
    int64_t beat, silence, warning;  // nanoseconds; warning 0: never
};

Spans spans_of(Client& client) {
    const Welcome& welcome = client.welcome;
    Spans spans;
    spans.beat = welcome.client_heartbeat_ms ? welcome.client_heartbeat_ms * MS : HEARTBEAT_NS;
    spans.silence = welcome.silence_ms ? welcome.silence_ms * MS : SILENCE_NS;
    spans.warning = client.face->warns && client.face->warning != NO_SLOT ? welcome.warning_ms * MS : 0;
    return spans;
}

// Milliseconds until something is due; also whether something waits to be sent.
int time_left(Client& client, const Spans& spans, bool& wants_write) {
    int64_t due = client.heard_ns + spans.silence;
    int64_t warning = client.heard_ns + spans.warning;
    if (spans.warning && !client.has_warned && warning < due) due = warning;
    {
        sys::Lock lock(client.mutex);
        wants_write = client.link.has_waiting();
        int64_t other = wants_write ? client.link.moved_ns + SEND_LIMIT_NS : client.link.sent_ns + spans.beat;
        if (other < due) due = other;
    }
    int64_t left = due - sys::monotonic_ns();
    if (left > LONGEST_WAIT_NS) left = LONGEST_WAIT_NS;
    return left <= 0 ? 0 : static_cast<int>(left / MS) + 1;
}

// Heartbeats, and what their absence means. Only `is_idle`, where nothing is there to be read, is silence: a callback
// may have taken longer than that.
Reason look_at_time(Client& client, const Spans& spans, bool is_idle) {
    int64_t now = sys::monotonic_ns();
    int64_t silent = is_idle ? now - client.heard_ns : 0;
    if (silent >= spans.silence) return HEARTBEAT_TIMEOUT;
    {
        sys::Lock lock(client.mutex);
        if (client.link.has_waiting()) {
            if (now - client.link.moved_ns >= SEND_LIMIT_NS) return HEARTBEAT_SEND_FAILED;
        } else if (now - client.link.sent_ns >= spans.beat) {
            client.link.sent_ns = now;
            send_small(client, HEARTBEAT, 0, 0, 0, 0, "", 0);
        }
    }
    if (spans.warning && !client.has_warned && silent >= spans.warning) {
        client.has_warned = true;
        call_back(client, client.face->warning, Shape::NUMBER, static_cast<int>((silent + 500 * MS) / (1000 * MS)));
    }
    return NO_REASON;
}

// --- reading ---------------------------------------------------------------------------------------------------------

Reason deliver_all(Client& client) {
    bool is_bad = false;
    while (Header* frame = client.inbox.next(MAX_FRAME, is_bad)) {
        Reason reason = deliver(client, frame);
        if (reason != NO_REASON) return reason;
        if (is_ending(client)) return NO_REASON;
        if (client.is_choosing) {
            // Alternatives: choose again instead of waiting for this one to come back.
            if (has_alternatives(client)) return READ_FAILED;
            client.is_choosing = false;
        }
    }
    return is_bad ? BAD_PACKET : NO_REASON;
}

// One piece of what is there; `more` tells whether there may be another.
Reason read_some(Client& client, bool& more) {
    Inbox& inbox = client.inbox;
    inbox.make_room();
    size_t room = Inbox::SIZE - inbox.end;
    long got;
    if (client.link.tls) {
        sys::Lock lock(client.mutex);
        got = client.link.receive(inbox.data + inbox.end, room);
    } else {
        got = client.link.receive(inbox.data + inbox.end, room);
    }
    more = got > 0 && (client.link.tls || static_cast<size_t>(got) == room);
    if (got == sys::IO_AGAIN) return NO_REASON;
    if (got < 0) return READ_FAILED;
    inbox.end += static_cast<size_t>(got);
    client.heard_ns = sys::monotonic_ns();
    client.has_warned = false;
    return deliver_all(client);
}

// Look without waiting, for programs that give a core for the time that waking up takes.
unsigned poll_busily(Client& client, int milliseconds, bool wants_write) {
    int64_t until = sys::monotonic_ns() + milliseconds * MS;
    unsigned events = 0;
    do {
        events = sys::wait_socket(client.link.socket, wants_write, client.stop.waker, 0);
    } while (!events && !is_ending(client) && sys::monotonic_ns() < until);
    return events;
}

Reason read_on(Client& client) {
    Spans spans = spans_of(client);
    Reason reason = deliver_all(client);
    bool more = client.link.tls != nullptr;
    while (reason == NO_REASON && !is_ending(client)) {
        bool wants_write = false;
        int left = more ? 0 : time_left(client, spans, wants_write);
        unsigned events = sys::READABLE;
        if (!more && client.is_busy) {
            events = poll_busily(client, left, wants_write);
        } else if (!more) {
            events = sys::wait_socket(client.link.socket, wants_write, client.stop.waker, left);
        }
        if (events & (sys::READABLE | sys::WOKEN)) {
            // Woken also when sending failed: then reading tells that the link is gone.
            reason = read_some(client, more);
            if (reason != NO_REASON) break;
        }
        if (more || events & (sys::WRITABLE | sys::WOKEN)) {
            sys::Lock lock(client.mutex);
            if (!client.link.flush()) reason = WRITE_FAILED;
        }
        if (reason == NO_REASON) reason = look_at_time(client, spans, !(events & sys::READABLE));
    }
    return reason;
}

void end_link(Client& client, Reason reason) {
    {
        sys::Lock lock(client.mutex);
        if (client.is_choosing || is_ending(client)) send_small(client, GOODBYE, 0, 0, 0, 0, "released", 8);
        client.is_live = client.is_logged_in = false;
        client.queries.clear();
        client.connection = 0;
        client.link.close();
    }
    client.inbox.clear();
    if (is_ending(client)) return;
    if (client.is_announced) {
        client.is_announced = false;
        call_back(client, SLOT_DISCONNECTED, Shape::NUMBER, reason);
    }
    if (has_alternatives(client)) client.front_index++;
    client.is_choosing = false;
    for (;;) {
        int64_t left = client.began_ns + RETRY_NS - sys::monotonic_ns();
        if (left <= 0 || client.stop.pause(static_cast<int>(left / MS) + 1)) break;
    }
}

void run(Client& client) {
    while (open_any(client)) {
        client.began_ns = client.heard_ns = sys::monotonic_ns();
        client.has_warned = false;
        end_link(client, read_on(client));
    }
}

}  // namespace

void worker_main(void* argument) {
    Client& client = *static_cast<Client*>(argument);
    client.worker.store(sys::thread_id());
    client.inside.store(ending_claim());
    if (!client.inbox.open()) {
        say("out of memory: this Api object does nothing");
        return client_finish(client);
    }
#if defined(__cpp_exceptions) && !defined(_WIN32)
    try {
        run(client);
    } catch (...) {
        // A callback ended this thread (pthread_exit, cancellation): the object is as good as released.
        client_finish(client);
        throw;
    }
#else
    run(client);
#endif
    client_finish(client);
}

}  // namespace ctp2
