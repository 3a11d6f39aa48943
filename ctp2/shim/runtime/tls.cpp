#include "tls.h"

namespace ctp2 {

Tls* tls_open(sys::Socket, const char*, const char*, Text& why) {
    why.add("ssl:// is not built in: use tcp://");
    return nullptr;
}

void tls_close(Tls*) {}

TlsStep tls_handshake(Tls*, Text& why) {
    why.add("ssl:// is not built in: use tcp://");
    return TlsStep::FAILED;
}

long tls_receive(Tls*, void*, size_t) { return sys::IO_FAILED; }

long tls_send(Tls*, const void*, size_t) { return sys::IO_FAILED; }

}  // namespace ctp2
