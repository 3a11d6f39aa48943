// What stands behind one Api object. The generated classes call these functions and nothing else of the runtime.
//
// Threads: the worker, started by Init, connects, receives and calls the Spi; every other thread sends its own
// requests. One lock guards what both touch; it is never held while the program's code runs, nor while anything blocks.
#pragma once

#include "ending.h"
#include "face.h"
#include "flow.h"
#include "link.h"
#include "queries.h"

namespace ctp2 {

struct Fronts {
    static constexpr uint32_t MOST = 64;
    char* texts[MOST];
    uint32_t count;

    void add(const char* text);
    void clear();
};

struct Client {
    // --- made once
    const Face* face;
    void* api;  // the object that the program has; lives as long as this
    Identity identity;
    uint32_t process;  // process_number of the maker
    bool is_busy;      // polls instead of waiting (CTP2_BUSY_POLL)

    // --- any thread
    Atomic<void*> spi;
    Atomic<uint64_t> worker;      // its thread's number while it runs
    Atomic<Inside*> inside;       // where the worker says that it is inside a callback
    Atomic<const char*> day_text;  // what GetTradingDay returns
    char days[2][16];
    Stop stop;

    // --- under the lock
    sys::Mutex mutex;
    sys::Condition changed;
    int users;  // who still needs the object: the program until Release, the worker, threads in Join
    bool is_initialised, is_released, is_finished;
    Fronts fronts, name_servers;
    Link link;
    bool is_live;          // between OnFrontConnected and OnFrontDisconnected
    int32_t connection;    // how many OnFrontConnected this link has seen
    bool is_logged_in;
    int32_t request_number;  // SessionReqSeq of the last numbered request
    Queries queries;
    Welcome welcome;
    char login_identity[40];
    Flow flow;
    char front_text[sizeof Address::text];  // the front in use

    // --- the worker alone
    Inbox inbox;
    uint32_t front_index;
    int64_t began_ns, heard_ns;
    bool is_announced;  // the last of OnFrontConnected and OnFrontDisconnected was the former
    bool has_warned, has_told_slot, is_choosing;
};

// --- made and ended (client.cpp) -------------------------------------------------------------------------------------

// nullptr when there is no memory. `api_size` bytes at the result's `api` are for the object of the generated class.
Client* client_create(const Face& face, size_t api_size, const char* flow_path, unsigned factory_flags);
void client_release(Client& client);
void client_init(Client& client);
int client_join(Client& client);
const char* client_trading_day(Client& client);
void client_register_front(Client& client, const char* address);
void client_register_name_server(Client& client, const char* address);
void client_register_spi(Client& client, void* spi);
void client_subscribe_topic(Client& client, TopicIndex topic, int resume, int first);
// Fills CThostFtdcFrontInfoField.
void client_front_info(Client& client, void* info);

// --- requests (requests.cpp) -----------------------------------------------------------------------------------------

int client_post(Client& client, uint16_t slot, const void* field, int request_id);
int client_post_names(Client& client, uint16_t slot, char* const* names, int count);
// Under the lock: a frame without a body, or with one of at most 64 bytes.
bool send_small(Client& client, uint8_t kind, uint8_t flags, uint16_t slot, int32_t request_id, int32_t aux,
                const void* body, size_t size);

// --- the worker (worker.cpp, deliver.cpp) ----------------------------------------------------------------------------

void worker_main(void* client);
// What a frame of a front means, callbacks included: NO_REASON, or why the link has to end.
Reason deliver(Client& client, Header* frame);
// Call a callback that has a number or nothing.
void call_back(Client& client, uint16_t slot, Shape shape, int number);
// Between OnFrontConnected and OnFrontDisconnected or not; whatever was pending ends with it.
void set_live(Client& client, bool is_live);
// The worker is done with everything: let it be known, give the object up.
void client_finish(Client& client);
void client_leave(Client& client);

}  // namespace ctp2
