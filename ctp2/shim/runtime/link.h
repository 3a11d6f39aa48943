// One TCP link to a front: connecting, the handshake, bytes in and out.
#pragma once

#include "address.h"
#include "face.h"
#include "stop.h"
#include "tls.h"
#include "wire.h"

namespace ctp2 {

// Where bytes arrive. Frames lie at multiples of 8, so structs are handed out where they are.
struct Inbox {
    static constexpr size_t SIZE = 262144;
    char* data;
    size_t begin, end;

    bool open();
    void close();
    void clear() { begin = end = 0; }
    // Room for at least one frame behind what is there.
    void make_room();
    // The next whole frame, or nullptr; `is_bad` when no frame can have that length.
    Header* next(uint32_t limit, bool& is_bad);
};

// The caller holds one lock around sending, flushing and opening, and with TLS around receiving too.
struct Link {
    static constexpr size_t MOST_WAITING = 4 << 20;  // bytes that may wait to be sent
    sys::Socket socket;
    Tls* tls;
    char* waiting;
    size_t waiting_at, waiting_end, capacity;
    int64_t sent_ns, moved_ns;  // when the network last took something, and when it was last seen to take what waits
    bool is_broken;             // sending failed

    void clear();
    void close();
    void forget();  // also the memory
    bool has_waiting() const { return waiting_end > waiting_at || (tls && tls_has_waiting(tls)); }
    // All or nothing: false when the link is broken or too much waits already.
    bool send(const void* data, size_t size);
    // What waits, as far as it goes now; false when the link is broken.
    bool flush();
    long receive(void* data, size_t size) {
        return tls ? tls_receive(tls, data, size) : sys::receive_some(socket, data, size);
    }

  private:
    long send_now(const void* data, size_t size);
    bool keep(const char* data, size_t size);
};

constexpr int64_t MS = 1000000;  // nanoseconds
constexpr int64_t CONNECT_NS = 3000 * MS;
constexpr int64_t HANDSHAKE_NS = 10000 * MS;  // the time that a front gives it
constexpr int64_t LAUNCH_NS = 60000 * MS;

// What hello says of a client besides its revision.
struct Identity {
    uint16_t factory;  // flags of the factory
    char client[24];   // the same at each reconnect
};

// Reach the front of `address`, say hello and read the welcome; what the front sent behind it stays in the inbox.
// False with `why` in one line, empty when `stop` was set. The socket is closed then.
bool link_open(Link& link, Inbox& inbox, const Address& address, const Face& face, const Identity& identity, Stop& stop,
               Welcome& welcome, Text& why);

}  // namespace ctp2
