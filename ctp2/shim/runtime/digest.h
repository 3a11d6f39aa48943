// BLAKE2b (RFC 7693), as hashlib.blake2b: names of logs in flow files are made with it on both sides.
#pragma once

#include "base.h"

namespace ctp2 {

// `digest_size` bytes (1 … 64) of the digest of `data`.
void blake2b(const void* data, size_t size, unsigned char* out, size_t digest_size);

}  // namespace ctp2
