#include "flow.h"

#include "digest.h"

namespace ctp2 {

namespace {

constexpr char MAGIC[9] = "CTP2FLW1";
constexpr size_t COUNT_AT = offsetof(FlowRecord, count);
constexpr size_t PATH_SIZE = 4096;

bool is_empty(const char* text) { return !text[0]; }

// A member of a record against a text: it has no NUL when it is full.
template <size_t N>
bool equals(const char (&member)[N], const char* text) {
    size_t size = bounded_length(text, N);
    return memcmp(member, text, size) == 0 && (size == N || !member[size]);
}

template <size_t N>
void set(char (&member)[N], const char* text) {
    memset(member, 0, N);
    memcpy(member, text, bounded_length(text, N));
}

}  // namespace

// --- one position ----------------------------------------------------------------------------------------------------

void Position::open_memory() {
    memset(&kept, 0, sizeof kept);
    memcpy(kept.magic, MAGIC, 8);
    file = sys::NO_FILE;
}

void Position::close() {
    sys::close_file(file);
    file = sys::NO_FILE;
}

void Position::write(size_t at, size_t size) {
    if (file == sys::NO_FILE || sys::write_file(file, static_cast<int64_t>(at), bytes() + at, size)) return;
    Text why("a flow file cannot be written: ");
    sys::error_text(sys::last_error(), why);
    close();
    say(why.add(": flow positions are kept in memory only"));
}

void Position::move(const char* trading_day, const char* identity, int64_t count) {
    if (equals(kept.trading_day, trading_day) && equals(kept.identity, identity) && kept.count == count) return;
    set(kept.trading_day, trading_day);
    set(kept.identity, identity);
    kept.count = count;
    write(0, sizeof kept);
}

void Position::keep_count() { write(COUNT_AT, sizeof kept.count); }

bool Position::is_of(const char* trading_day, const char* identity) const {
    return equals(kept.trading_day, trading_day) && !is_foreign(identity);
}

bool Position::is_foreign(const char* identity) const {
    return !is_empty(identity) && kept.identity[0] && !equals(kept.identity, identity);
}

void flow_identity(const char* counter, const char* user, size_t user_size, char out[40]) {
    char name[40 + 1 + 256];
    size_t size = bounded_length(counter, 40);
    memcpy(name, counter, size);
    name[size++] = '/';
    size_t length = bounded_length(user, user_size < 256 ? user_size : 256);
    memcpy(name + size, user, length);
    unsigned char digest[16];
    blake2b(name, size + length, digest, sizeof digest);
    memset(out, 0, 40);
    for (int i = 0; i < 16; i++) {
        out[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
}

// --- files -----------------------------------------------------------------------------------------------------------

bool Flow::open_file(const char* prefix, const char* name, Position* position) {
    char path[PATH_SIZE];
    copy_text(path, sizeof path, prefix);
    size_t length = strlen(path);
    Text why;
    if (!copy_text(path + length, sizeof path - length, name)) {
        why.add("the path is too long");
    } else {
        sys::File file = sys::open_file(path, sys::FILE_WRITE | sys::FILE_CREATE);
        if (file == sys::NO_FILE) {
            sys::error_text(sys::last_error(), why);
        } else if (sys::file_size(file) < static_cast<int64_t>(sizeof(FlowRecord)) &&
                   !sys::set_file_size(file, sizeof(FlowRecord))) {
            sys::error_text(sys::last_error(), why);
            sys::close_file(file);
        } else if (!position) {
            sys::close_file(file);
        } else {
            FlowRecord record;
            if (sys::read_file(file, 0, &record, sizeof record) == static_cast<long>(sizeof record) &&
                memcmp(record.magic, MAGIC, 8) == 0 && record.count >= 0 && record.count <= INT32_MAX) {
                position->kept = record;
            }
            // Else new, or written by another library under the same name: nothing is known.
            position->file = file;
        }
    }
    if (!why.length) return true;
    say(Text("flow file ").add(path).add(": ").add(why.data).add(": flow positions are kept in memory only"));
    return false;
}

void Flow::open(const char* prefix, bool is_md) {
    day.open_memory();
    topics[0].open_memory();
    topics[1].open_memory();
    resume[0] = resume[1] = RESTART;
    first[0] = first[1] = 1;
    has_seen_login = false;
    lock = sys::NO_FILE;
    if (!open_file(prefix, "DialogRsp.con", nullptr)) return;
    if (!is_md) {
        // Market data has no flows, so its objects share a prefix with anybody.
        char path[PATH_SIZE];
        copy_text(path, sizeof path, prefix);
        size_t length = strlen(path);
        copy_text(path + length, sizeof path - length, "DialogRsp.con");
        lock = sys::open_file(path, sys::FILE_WRITE);
        if (lock == sys::NO_FILE || !sys::lock_file(lock)) {
            say(Text("flow path '").add(prefix).add("' is in use by another Api object: give each one of its own; ")
                    .add("flow positions of this one are kept in memory only"));
            return;
        }
    }
    bool all = open_file(prefix, "QueryRsp.con", nullptr) && open_file(prefix, "TradingDay.con", &day);
    if (all && !is_md) {
        all = open_file(prefix, "Public.con", &topics[PUBLIC_TOPIC]) &&
              open_file(prefix, "Private.con", &topics[PRIVATE_TOPIC]);
    }
}

void Flow::close() {
    day.close();
    topics[0].close();
    topics[1].close();
    sys::close_file(lock);
    lock = sys::NO_FILE;
}

// --- what the modes mean ---------------------------------------------------------------------------------------------

int64_t Flow::first_count(int topic) const {
    return resume[topic] == RESUME_FROM_SEQ_NO && first[topic] > 1 ? first[topic] - 1 : 0;
}

FlowStart Flow::start(TopicIndex topic, const char* identity) const {
    FlowStart start;
    memset(&start, 0, sizeof start);
    int mode = resume[topic];
    const Position& position = topics[topic];
    if (mode == QUICK) {
        start.after = -1;
    } else if (mode == NONE) {
        start.after = -2;
    } else if (!has_seen_login && mode != RESUME) {
        start.after = static_cast<int32_t>(first_count(topic));
    } else if (!position.is_foreign(identity)) {
        memcpy(start.trading_day, position.kept.trading_day, sizeof position.kept.trading_day);
        start.after = static_cast<int32_t>(position.kept.count);
    }
    return start;
}

void Flow::logged_in(const char* trading_day, const char* identity) {
    day.move(trading_day, identity, 0);
    for (int topic = 0; topic < 2; topic++) {
        Position& position = topics[topic];
        int64_t count = position.is_of(trading_day, identity) ? position.kept.count : 0;
        if (!has_seen_login && (resume[topic] == RESTART || resume[topic] == RESUME_FROM_SEQ_NO)) {
            count = first_count(topic);
        }
        position.move(trading_day, identity, count);
    }
    has_seen_login = true;
}

}  // namespace ctp2
