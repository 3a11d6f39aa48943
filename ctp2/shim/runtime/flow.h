// How far the private and the public flow have been received: the client half of ctp2/core/flow.py, with its files.
#pragma once

#include "platform.h"

namespace ctp2 {

enum Resume : int { RESTART = 0, RESUME = 1, QUICK = 2, NONE = 3, RESUME_FROM_SEQ_NO = 4 };
enum TopicIndex : int { PRIVATE_TOPIC = 0, PUBLIC_TOPIC = 1 };

// 64 bytes of a file, as they are there.
struct FlowRecord {
    char magic[8];
    int64_t count;
    char trading_day[8];
    char identity[40];
};
static_assert(sizeof(FlowRecord) == 64, "a flow file begins with 64 bytes");

// How far one flow has been received, in memory and, if there is a file, there too.
struct Position {
    FlowRecord kept;
    sys::File file;

    void open_memory();
    void close();
    void move(const char* trading_day, const char* identity, int64_t count);
    void receive(int64_t count) { kept.count = count; }
    // Write the count through to the system: a program that is killed has received what its callbacks returned from.
    void keep_count();
    bool is_of(const char* trading_day, const char* identity) const;
    bool is_foreign(const char* identity) const;

  private:
    const char* bytes() const { return reinterpret_cast<const char*>(&kept); }
    void write(size_t at, size_t size);
};

// Where a flow is to start at a login.
struct FlowStart {
    char trading_day[16];
    int32_t after;
};

// Names the logs that a login follows: the counter's and the user's own, 32 hexadecimal digits.
void flow_identity(const char* counter, const char* user, size_t user_size, char out[40]);

// One Api object's flows. The caller holds one lock around every call, but not around keep_count, which may have to wait
// for a disk: only the worker changes counts.
struct Flow {
    Position day;
    Position topics[2];
    int resume[2];
    int first[2];  // the first return that is wanted with RESUME_FROM_SEQ_NO
    bool has_seen_login;
    sys::File lock;

    // Files of the prefix; when they cannot be had, one line says so and positions live in memory.
    void open(const char* prefix, bool is_md);
    void close();
    FlowStart start(TopicIndex topic, const char* identity) const;
    void logged_in(const char* trading_day, const char* identity);

  private:
    int64_t first_count(int topic) const;
    bool open_file(const char* prefix, const char* name, Position* position);
};

}  // namespace ctp2
