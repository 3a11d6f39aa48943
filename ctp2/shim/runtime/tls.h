// TLS 1.2 or later over a socket that does not block, through the system's libssl, loaded when it is first needed.
//
// The caller holds one lock around all calls for one Tls: its two directions are one state.
#pragma once

#include "platform.h"

namespace ctp2 {

struct Tls;

// Loads the library and prepares a link; host names are checked against the certificate. nullptr with `why` when that
// cannot be done. `ca`: a file of certificates to trust, and no others; empty for the system's.
Tls* tls_open(sys::Socket socket, const char* host, const char* ca, Text& why);
void tls_close(Tls* tls);

enum class TlsStep { DONE, WANTS_READ, WANTS_WRITE, FAILED };
// Go on with the handshake; `why` says what failed (a certificate that is not trusted, no TLS at the other side, …).
TlsStep tls_handshake(Tls* tls, Text& why);

// As sys::receive_some and sys::send_some. Read until IO_AGAIN: bytes may wait inside, where no socket tells of them.
// A send that was answered by IO_AGAIN may be repeated with other or more data.
long tls_receive(Tls* tls, void* data, size_t size);
long tls_send(Tls* tls, const void* data, size_t size);
// Whether something that tls_send took still waits for the network: then call tls_flush when the socket can be written.
bool tls_has_waiting(const Tls* tls);
// Bytes that the network took, or IO_AGAIN, or IO_FAILED.
long tls_flush(Tls* tls);

}  // namespace ctp2
