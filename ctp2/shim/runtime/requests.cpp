// From a call of the program to a frame on its way: on the caller's own thread, without waiting.
#include "client.h"

namespace ctp2 {

namespace {

constexpr int NOT_CONNECTED = -1;
constexpr size_t MOST_STRUCT = 8192;  // asserted by the generator for every request
constexpr size_t LONGEST_NAME = 4096;

// A request as it is built: the topics of a login, its header, its struct.
struct Draft {
    size_t size;
    alignas(8) char bytes[2 * 32 + sizeof(Header) + MOST_STRUCT];

    void add_header(uint32_t length, uint8_t kind, uint8_t flags, uint16_t slot, int32_t request_id, int32_t aux) {
        Header header = {length, kind, flags, slot, request_id, aux};
        memcpy(bytes + size, &header, sizeof header);
        size += sizeof header;
    }
};

// Say where the flows start. Not while logged in: the counter ignores a second login, and so do the flows.
void add_topics(Client& client, const RequestRow& row, const char* field, Draft& draft) {
    if (client.is_logged_in) return;
    const char* user = field ? field + row.user_at : "";
    flow_identity(client.welcome.flow_identity, user, row.user_size, client.login_identity);
    if (client.face->side != 1) return;
    for (int topic = 0; topic < 2; topic++) {
        FlowStart start = client.flow.start(static_cast<TopicIndex>(topic), client.login_identity);
        draft.add_header(32, TOPIC, 0, static_cast<uint16_t>(topic + 1), 0, start.after);
        memcpy(draft.bytes + draft.size, start.trading_day, 16);
        draft.size += 16;
    }
}

// The frames of one list of names, one behind the other; only the last of them says that it is the last.
struct NameList {
    char* bytes;
    size_t size, capacity, last;

    // As many of the names from `at` on as one frame takes; false: no memory.
    bool add_frame(uint16_t slot, int32_t connection, char* const* names, int count, int& at) {
        if (capacity - size < MAX_FRAME) {
            size_t wanted = capacity * 2 + MAX_FRAME;
            char* more = static_cast<char*>(realloc(bytes, wanted));
            if (!more) return false;
            bytes = more;
            capacity = wanted;
        }
        constexpr size_t BEGIN = sizeof(Header) + 4;
        char* frame = bytes + size;
        size_t end = BEGIN;
        uint32_t packed = 0;
        for (; at < count; at++) {
            if (!names[at]) continue;
            size_t length = bounded_length(names[at], LONGEST_NAME);
            if (length == LONGEST_NAME) {
                say("an instrument code of more than 4,095 characters is left out");
                continue;
            }
            if (end + length + 1 > BEGIN + NAMES_IN_FRAME) break;
            memcpy(frame + end, names[at], length);
            frame[end + length] = '\0';
            end += length + 1;
            packed++;
        }
        if (!packed) return true;
        size_t whole = padded(end);
        memset(frame + end, 0, whole - end);
        Header header = {static_cast<uint32_t>(whole), REQUEST, FIELD, slot, 0, connection};
        memcpy(frame, &header, sizeof header);
        memcpy(frame + sizeof header, &packed, 4);
        last = size;
        size += whole;
        return true;
    }

    // Mark the last frame; how much there is to be sent.
    size_t finish() {
        reinterpret_cast<Header*>(bytes + last)->flags |= LAST;
        return size;
    }
};

int send(Client& client, const void* data, size_t size) {
    if (client.link.send(data, size)) {
        if (client.link.has_waiting()) client.stop.poke();
        return 0;
    }
    if (client.link.is_broken) {
        // The worker finds out why, and tells.
        client.is_live = false;
        client.stop.poke();
    }
    return NOT_CONNECTED;
}

}  // namespace

int client_post(Client& client, uint16_t slot, const void* field, int request_id) {
    if (client.process != process_number()) return NOT_CONNECTED;
    const RequestRow& row = client.face->requests[slot];
    Draft draft;
    draft.size = 0;
    sys::Lock lock(client.mutex);
    if (!client.is_live) return NOT_CONNECTED;
    bool is_query = row.ask == Ask::QUERY;
    if (is_query) {
        int refused = client.queries.take(row.answer, request_id, sys::monotonic_ns());
        if (refused) return refused;
    }
    if (row.ask == Ask::LOGIN) add_topics(client, row, static_cast<const char*>(field), draft);
    uint32_t length = static_cast<uint32_t>(sizeof(Header) + padded(row.size));
    draft.add_header(length, REQUEST, FIELD | LAST, slot, request_id, client.connection);
    char* body = draft.bytes + draft.size;
    // No struct is one of zeros: the counter says what is missing in it.
    memset(body + row.size, 0, padded(row.size) - row.size);
    field ? memcpy(body, field, row.size) : memset(body, 0, row.size);
    if (row.sequence_at >= 0) {
        client.request_number++;
        memcpy(body + row.sequence_at, &client.request_number, 4);
    }
    draft.size += padded(row.size);
    int result = send(client, draft.bytes, draft.size);
    if (result && is_query) client.queries.give_back();
    return result;
}

int client_post_names(Client& client, uint16_t slot, char* const* names, int count) {
    if (client.process != process_number()) return NOT_CONNECTED;
    sys::Lock lock(client.mutex);
    if (!client.is_live) return NOT_CONNECTED;
    if (!names || count <= 0) return 0;
    // All frames of the list go at once or not at all: it is one request, and nothing may come in between.
    NameList list = {nullptr, 0, 0, 0};
    bool has_memory = true;
    for (int at = 0; at < count && has_memory;) has_memory = list.add_frame(slot, client.connection, names, count, at);
    int result = NOT_CONNECTED;
    if (has_memory) result = list.size ? send(client, list.bytes, list.finish()) : 0;
    free(list.bytes);
    return result;
}

bool send_small(Client& client, uint8_t kind, uint8_t flags, uint16_t slot, int32_t request_id, int32_t aux,
                const void* body, size_t size) {
    Draft draft;
    draft.size = 0;
    uint32_t length = static_cast<uint32_t>(sizeof(Header) + padded(size));
    draft.add_header(length, kind, flags, slot, request_id, aux);
    memset(draft.bytes + draft.size, 0, padded(size));
    memcpy(draft.bytes + draft.size, body, size);
    return client.link.send(draft.bytes, length);
}

}  // namespace ctp2
