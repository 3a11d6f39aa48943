#include "link.h"

namespace ctp2 {

// --- bytes in --------------------------------------------------------------------------------------------------------

bool Inbox::open() {
    clear();
    data = static_cast<char*>(malloc(SIZE));
    return data != nullptr;
}

void Inbox::close() {
    free(data);
    data = nullptr;
    clear();
}

void Inbox::make_room() {
    if (begin == end) {
        begin = end = 0;
    } else if (SIZE - end < MAX_FRAME) {
        memmove(data, data + begin, end - begin);
        end -= begin;
        begin = 0;
    }
}

Header* Inbox::next(uint32_t limit, bool& is_bad) {
    is_bad = false;
    if (end - begin < sizeof(Header)) return nullptr;
    Header* frame = reinterpret_cast<Header*>(data + begin);
    if (frame->length < sizeof(Header) || frame->length > limit || frame->length % 8) {
        is_bad = true;
        return nullptr;
    }
    if (end - begin < frame->length) return nullptr;
    begin += frame->length;
    return frame;
}

// --- bytes out -------------------------------------------------------------------------------------------------------

void Link::clear() {
    socket = sys::NO_SOCKET;
    tls = nullptr;
    waiting_at = waiting_end = 0;
    sent_ns = moved_ns = 0;
    is_broken = false;
}

void Link::close() {
    if (tls) tls_close(tls);
    if (socket != sys::NO_SOCKET) sys::close_socket(socket);
    clear();
}

void Link::forget() {
    free(waiting);
    waiting = nullptr;
    capacity = waiting_at = waiting_end = 0;
}

long Link::send_now(const void* data, size_t size) {
    return tls ? tls_send(tls, data, size) : sys::send_some(socket, data, size);
}

bool Link::keep(const char* data, size_t size) {
    if (waiting_at) {
        memmove(waiting, waiting + waiting_at, waiting_end - waiting_at);
        waiting_end -= waiting_at;
        waiting_at = 0;
    }
    if (waiting_end + size > capacity) {
        size_t wanted = capacity ? capacity : 16384;
        while (wanted < waiting_end + size) wanted *= 2;
        char* more = static_cast<char*>(realloc(waiting, wanted));
        if (!more) return false;
        waiting = more;
        capacity = wanted;
    }
    memcpy(waiting + waiting_end, data, size);
    waiting_end += size;
    return true;
}

bool Link::send(const void* data, size_t size) {
    if (is_broken || !flush()) return false;
    if (has_waiting()) {
        bool fits = waiting_end - waiting_at + size <= MOST_WAITING;
        return fits && keep(static_cast<const char*>(data), size);
    }
    long sent = send_now(data, size);
    if (sent == sys::IO_AGAIN) sent = 0;
    if (sent < 0) {
        is_broken = true;
        return false;
    }
    sent_ns = moved_ns = sys::monotonic_ns();
    size_t taken = static_cast<size_t>(sent);
    if (taken == size) return true;
    if (keep(static_cast<const char*>(data) + taken, size - taken)) return true;
    // A part is on its way and the rest is lost: nothing that follows could be understood.
    is_broken = is_broken || taken != 0;
    return false;
}

// What TLS has taken already goes before what waits here.
bool Link::flush() {
    if (tls && tls_has_waiting(tls)) {
        long moved = tls_flush(tls);
        if (moved == sys::IO_FAILED) is_broken = true;
        if (moved > 0) sent_ns = moved_ns = sys::monotonic_ns();
    }
    while (waiting_end > waiting_at && !is_broken) {
        long sent = send_now(waiting + waiting_at, waiting_end - waiting_at);
        if (sent == sys::IO_AGAIN) break;
        if (sent < 0) {
            is_broken = true;
            break;
        }
        waiting_at += static_cast<size_t>(sent);
        sent_ns = moved_ns = sys::monotonic_ns();
        if (waiting_at == waiting_end) waiting_at = waiting_end = 0;
    }
    return !is_broken;
}

}  // namespace ctp2
