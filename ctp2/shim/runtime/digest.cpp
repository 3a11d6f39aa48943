#include "digest.h"

namespace ctp2 {

namespace {

constexpr uint64_t START[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

constexpr uint8_t ORDER[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

constexpr uint8_t MIXED[8][4] = {
    {0, 4, 8, 12}, {1, 5, 9, 13}, {2, 6, 10, 14}, {3, 7, 11, 15},
    {0, 5, 10, 15}, {1, 6, 11, 12}, {2, 7, 8, 13}, {3, 4, 9, 14},
};

uint64_t turned(uint64_t value, int by) { return value >> by | value << (64 - by); }

void mix(uint64_t* v, const uint8_t* at, uint64_t x, uint64_t y) {
    uint64_t &a = v[at[0]], &b = v[at[1]], &c = v[at[2]], &d = v[at[3]];
    a += b + x;
    d = turned(d ^ a, 32);
    c += d;
    b = turned(b ^ c, 24);
    a += b + y;
    d = turned(d ^ a, 16);
    c += d;
    b = turned(b ^ c, 63);
}

void compress(uint64_t* state, const unsigned char* block, uint64_t count, bool is_last) {
    uint64_t words[16], v[16];
    memcpy(words, block, sizeof words);
    for (int i = 0; i < 8; i++) {
        v[i] = state[i];
        v[i + 8] = START[i];
    }
    v[12] ^= count;
    if (is_last) v[14] = ~v[14];
    for (int round = 0; round < 12; round++) {
        const uint8_t* order = ORDER[round % 10];
        for (int i = 0; i < 8; i++) mix(v, MIXED[i], words[order[2 * i]], words[order[2 * i + 1]]);
    }
    for (int i = 0; i < 8; i++) state[i] ^= v[i] ^ v[i + 8];
}

}  // namespace

void blake2b(const void* data, size_t size, unsigned char* out, size_t digest_size) {
    uint64_t state[8];
    memcpy(state, START, sizeof state);
    state[0] ^= 0x01010000 ^ digest_size;
    const unsigned char* at = static_cast<const unsigned char*>(data);
    uint64_t count = 0;
    for (; size > 128; size -= 128, at += 128) compress(state, at, count += 128, false);
    unsigned char block[128];
    memset(block, 0, sizeof block);
    memcpy(block, at, size);
    compress(state, block, count + size, true);
    memcpy(out, state, digest_size);
}

}  // namespace ctp2
