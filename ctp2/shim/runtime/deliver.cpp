// From a frame to a callback: what it changes first, then the Spi, with pointers straight into the receive buffer.
#include "client.h"
#include "invoke.h"

namespace ctp2 {

namespace {

constexpr Shape NO_STRUCT_SHAPES[] = {Shape::PLAIN, Shape::NUMBER, Shape::ERROR};

bool has_struct(Shape shape) {
    for (Shape none : NO_STRUCT_SHAPES) {
        if (shape == none) return false;
    }
    return true;
}

void call(Client& client, uint16_t slot, Shape shape, const Arguments& arguments) {
    Inside* inside = client.inside.value;
    if (!ending_enter(inside, client.worker.value)) return;
    // Read behind the mark: whoever takes the Spi away is seen here, or sees the mark and waits.
    void* spi = client.spi.load();
    if (spi) invoke(spi, *client.face, slot, shape, arguments);
    ending_leave(inside);
}

// OnRspUserLogin: the trading day is the first member of its struct in every revision.
void take_login(Client& client, const char* field, uint16_t size, const RspInfo* info) {
    if (!field || (info && info->error_id != 0)) return;
    char day[16];
    memset(day, 0, sizeof day);
    memcpy(day, field, bounded_length(field, size < 9 ? size : 9));
    sys::Lock lock(client.mutex);
    client.is_logged_in = true;
    client.flow.logged_in(day, client.login_identity);
    const char* shown = client.day_text.load();
    if (strcmp(shown, day) != 0) {
        // The other place: a program may be reading the one that it was given.
        char* next = shown == client.days[0] ? client.days[1] : client.days[0];
        memcpy(next, day, sizeof day);
        client.day_text.store(next);
    }
}

void received(Client& client, const Header* frame) {
    if (!(frame->flags & (PRIVATE_FLOW | PUBLIC_FLOW)) || frame->aux == 0) return;
    TopicIndex topic = frame->flags & PRIVATE_FLOW ? PRIVATE_TOPIC : PUBLIC_TOPIC;
    bool is_numbered = false;
    {
        sys::Lock lock(client.mutex);
        client.flow.topics[topic].receive(frame->aux);
        is_numbered = topic == PRIVATE_TOPIC && client.flow.resume[topic] == RESUME_FROM_SEQ_NO;
    }
    client.flow.topics[topic].keep_count();
    if (is_numbered && client.face->private_number != NO_SLOT) {
        call_back(client, client.face->private_number, Shape::NUMBER, frame->aux);
    }
}

// What a callback changes, just before it is called.
void prepare(Client& client, const Header* frame, char* field, uint16_t size, const RspInfo* info) {
    const Face& face = *client.face;
    uint16_t slot = frame->slot;
    if (slot == SLOT_CONNECTED || slot == SLOT_DISCONNECTED) {
        client.is_announced = slot == SLOT_CONNECTED;
        set_live(client, slot == SLOT_CONNECTED);
    } else if (slot == face.login) {
        take_login(client, field, size, info);
    } else if (slot == face.error) {
        sys::Lock lock(client.mutex);
        client.queries.refused(frame->request_id);
    } else if (frame->flags & LAST && face.callbacks[slot].shape == Shape::RESPONSE) {
        sys::Lock lock(client.mutex);
        client.queries.answered(slot, frame->request_id);
    }
}

Reason deliver_callback(Client& client, Header* frame) {
    const Face& face = *client.face;
    uint16_t slot = frame->slot;
    if (slot >= face.callback_count) {
        // Behind the end of the program's vtable: whatever is there is no callback.
        if (!client.has_told_slot) {
            client.has_told_slot = true;
            say(Text("a callback of slot ").add(static_cast<int>(slot)).add(" is left out: revision ")
                    .add(face.revision).add(" has ").add(static_cast<int>(face.callback_count)));
        }
        return NO_REASON;
    }
    const CallbackRow& row = face.callbacks[slot];
    char* body = reinterpret_cast<char*>(frame + 1);
    size_t left = frame->length - sizeof(Header);
    Arguments arguments = {nullptr, nullptr, frame->request_id, (frame->flags & LAST) != 0};
    if (row.shape == Shape::NUMBER) arguments.number = frame->aux;
    if (frame->flags & FIELD && row.size) {
        if (left < row.size) return BAD_PACKET;
        arguments.field = body;
        size_t taken = padded(row.size);
        body += taken;
        left -= taken;
    }
    if (frame->flags & INFO) {
        if (left < INFO_SIZE) return BAD_PACKET;
        arguments.info = body;
    }
    bool needs_field = row.shape == Shape::RETURN || row.shape == Shape::REFUSAL;
    bool needs_info = row.shape == Shape::REFUSAL || row.shape == Shape::ERROR;
    if ((needs_field && !arguments.field) || (needs_info && !arguments.info)) return BAD_PACKET;
    char* field = has_struct(row.shape) ? static_cast<char*>(arguments.field) : nullptr;
    prepare(client, frame, field, row.size, static_cast<const RspInfo*>(arguments.info));
    call(client, slot, row.shape, arguments);
    received(client, frame);
    if (slot == SLOT_DISCONNECTED) client.is_choosing = true;
    return NO_REASON;
}

void answer_ping(Client& client, const Header* frame) {
    // The clock of a client is its own business.
    int64_t time = 0;
    sys::Lock lock(client.mutex);
    send_small(client, PONG, 0, 0, frame->request_id, 0, &time, sizeof time);
}

void tell_goodbye(Client& client, const Header* frame) {
    Text line(client.front_text);
    line.add(" ends the link: ").add(reinterpret_cast<const char*>(frame + 1), frame->length - sizeof(Header));
    say(line);
}

}  // namespace

void call_back(Client& client, uint16_t slot, Shape shape, int number) {
    call(client, slot, shape, Arguments{nullptr, nullptr, number, true});
}

void set_live(Client& client, bool is_live) {
    sys::Lock lock(client.mutex);
    client.is_live = is_live && !client.is_released && !client.link.is_broken;
    client.is_logged_in = false;
    client.queries.clear();
    if (!is_live) return;
    client.connection++;
    client.request_number = 0;
}

Reason deliver(Client& client, Header* frame) {
    switch (frame->kind) {
        case CALLBACK: return deliver_callback(client, frame);
        case PASSED: received(client, frame); break;
        case PING: answer_ping(client, frame); break;
        case GOODBYE: tell_goodbye(client, frame); break;
        default: break;  // kinds of later versions, and what this client has no use for
    }
    return NO_REASON;
}

}  // namespace ctp2
