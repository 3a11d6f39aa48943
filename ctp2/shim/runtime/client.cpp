// The life of an Api object, and what it answers by itself.
#include "client.h"

namespace ctp2 {

namespace {

constexpr int64_t PATIENCE_NS = 1000 * MS;  // Release and RegisterSpi never wait longer
constexpr int MOST_RETIRED = 64;

// Objects that nobody needs any more stay a while, so that a request that comes after Release is answered by -1.
Spin g_lock;
Client* g_retired[MOST_RETIRED];
uint32_t g_next;
Atomic<uint32_t> g_number;

void destroy(Client* client) {
    sys::mutex_end(client->mutex);
    sys::condition_end(client->changed);
    free(client->api);
    free(client);
}

void retire(Client* client) {
    g_lock.lock();
    Client* oldest = g_retired[g_next];
    g_retired[g_next] = client;
    g_next = (g_next + 1) % MOST_RETIRED;
    g_lock.unlock();
    if (oldest) destroy(oldest);
}

bool is_of_parent(const Client& client) { return client.process != process_number(); }

bool is_worker(const Client& client) { return client.worker.load() == sys::thread_id(); }

// Everything that is more than memory: descriptors, files, the large buffers.
void give_up(Client& client) {
    client.link.close();
    client.link.forget();
    client.inbox.close();
    client.flow.close();
    sys::waker_close(client.stop.waker);
}

void wait_for_callback(Client& client) {
    Inside* inside = client.inside.load();
    if (!inside || is_worker(client)) return;
    int64_t deadline = sys::monotonic_ns() + PATIENCE_NS;
    while (inside->thread.load() == client.worker.load() && client.worker.load() && sys::monotonic_ns() < deadline) {
        sys::sleep_ms(1);
    }
}

void set_identity(Client& client, unsigned factory_flags) {
    client.identity.factory = static_cast<uint16_t>(factory_flags);
    Text name;
    name.add(static_cast<uint64_t>(sys::process_id())).add("-").add(static_cast<uint64_t>(g_number.add(1)));
    copy_text(client.identity.client, sizeof client.identity.client, name.data);
}

}  // namespace

void retired_after_fork() { g_lock.unlock(); }

// --- fronts ----------------------------------------------------------------------------------------------------------

void Fronts::add(const char* text) {
    for (uint32_t at = 0; at < count; at++) {
        if (strcmp(texts[at], text) == 0) return;
    }
    size_t size = strlen(text) + 1;
    char* kept = count < MOST ? static_cast<char*>(malloc(size)) : nullptr;
    if (!kept) return say("too many front addresses: this one is left out");
    memcpy(kept, text, size);
    texts[count++] = kept;
}

void Fronts::clear() {
    while (count) free(texts[--count]);
}

// --- life ------------------------------------------------------------------------------------------------------------

Client* client_create(const Face& face, size_t api_size, const char* flow_path, unsigned factory_flags) {
    ending_install();
    Client* client = static_cast<Client*>(malloc(sizeof(Client)));
    void* api = malloc(api_size);
    if (!client || !api || !sys::network_start()) {
        free(client);
        free(api);
        say("out of memory, or no network in this system: no Api object");
        return nullptr;
    }
    memset(static_cast<void*>(client), 0, sizeof *client);
    client->face = &face;
    client->api = api;
    client->process = process_number();
    char busy[8];
    client->is_busy = sys::environment("CTP2_BUSY_POLL", busy, sizeof busy) && strcmp(busy, "0") != 0;
    set_identity(*client, factory_flags);
    sys::mutex_init(client->mutex);
    sys::condition_init(client->changed);
    if (!sys::waker_open(client->stop.waker)) {
        say("no descriptor is free: no Api object");
        destroy(client);
        return nullptr;
    }
    client->users = 1;
    client->link.clear();
    client->flow.open(flow_path ? flow_path : "", face.side == 2);
    memcpy(client->days[0], client->flow.day.kept.trading_day, sizeof client->flow.day.kept.trading_day);
    client->day_text.store(client->days[0]);
    return client;
}

void client_leave(Client& client) {
    sys::lock(client.mutex);
    bool is_last = --client.users == 0;
    sys::unlock(client.mutex);
    if (is_last) retire(&client);
}

void client_finish(Client& client) {
    ending_release(client.inside.swap(nullptr));
    {
        sys::Lock lock(client.mutex);
        client.is_live = false;
        give_up(client);
        client.worker.store(0);
        client.is_finished = true;
        sys::notify_all(client.changed);
    }
    client_leave(client);
}

void client_init(Client& client) {
    if (is_of_parent(client)) return;
    sys::Lock lock(client.mutex);
    if (client.is_initialised || client.is_released) return;
    client.is_initialised = true;
    client.users++;
    if (sys::start_thread(worker_main, &client)) return;
    client.users--;
    client.is_finished = true;
    say("no thread could be started: this Api object does nothing");
}

void client_release(Client& client) {
    if (is_of_parent(client)) {
        // A copy made by fork: the link is the parent's, only this process's descriptor of it ends, without a word.
        if (!client.is_released && client.link.socket != sys::NO_SOCKET) sys::close_socket(client.link.socket);
        client.is_released = true;
        return;
    }
    client.spi.store(nullptr);
    {
        sys::Lock lock(client.mutex);
        if (client.is_released) return;
        client.is_released = true;
        client.is_live = false;
        client.fronts.clear();
        client.name_servers.clear();
        client.stop.request();
        if (!client.is_initialised || client.is_finished) {
            if (!client.is_initialised) give_up(client);
            client.is_finished = true;
            sys::notify_all(client.changed);
        } else if (!is_worker(client)) {
            // Never without a bound: the callback may be waiting for what the caller holds.
            int64_t deadline = sys::monotonic_ns() + PATIENCE_NS;
            while (!client.is_finished && sys::wait(client.changed, client.mutex, deadline)) {
            }
        }
    }
    client_leave(client);
}

int client_join(Client& client) {
    if (is_of_parent(client)) return 0;
    if (is_worker(client)) {
        say("Join inside a callback would wait for itself: it returns at once");
        return 0;
    }
    {
        sys::Lock lock(client.mutex);
        if (!client.is_initialised || client.is_finished) return 0;
        client.users++;
        while (!client.is_finished) sys::wait(client.changed, client.mutex, 0);
    }
    client_leave(client);
    return 0;
}

// --- what is registered, and facts -----------------------------------------------------------------------------------

static void register_address(Client& client, Fronts& fronts, const char* address) {
    if (!address || is_of_parent(client)) return;
    if (bounded_length(address, sizeof Address::text) == sizeof Address::text) {
        return say("a front address of more than 1,023 characters is left out");
    }
    sys::Lock lock(client.mutex);
    if (client.is_released) return;
    fronts.add(address);
    if (client.is_initialised) client.stop.poke();
}

void client_register_front(Client& client, const char* address) { register_address(client, client.fronts, address); }

void client_register_name_server(Client& client, const char* address) {
    register_address(client, client.name_servers, address);
}

void client_register_spi(Client& client, void* spi) {
    if (is_of_parent(client)) return;
    void* old = nullptr;
    {
        sys::Lock lock(client.mutex);
        if (client.is_released) return;
        old = client.spi.swap(spi);
    }
    // The program may delete the old one as soon as this returns.
    if (old && old != spi) wait_for_callback(client);
}

void client_subscribe_topic(Client& client, TopicIndex topic, int resume, int first) {
    if (is_of_parent(client)) return;
    sys::Lock lock(client.mutex);
    // A mode that no revision knows is taken as none having been chosen.
    client.flow.resume[topic] = resume >= RESTART && resume <= RESUME_FROM_SEQ_NO ? resume : static_cast<int>(RESTART);
    client.flow.first[topic] = first;
}

const char* client_trading_day(Client& client) { return client.day_text.load(); }

void client_front_info(Client& client, void* info) {
    const Face& face = *client.face;
    if (!info || !face.front_info_size) return;
    char* out = static_cast<char*>(info);
    memset(out, 0, face.front_info_size);
    if (is_of_parent(client)) return;
    sys::Lock lock(client.mutex);
    if (!client.is_live) return;
    copy_text(out + face.front_address_at, face.front_address_size, client.front_text);
    if (!client.is_logged_in) return;
    memcpy(out + face.query_rate_at, &client.welcome.queries_per_second, 4);
    memcpy(out + face.package_rate_at, &client.welcome.requests_per_second, 4);
}

}  // namespace ctp2
