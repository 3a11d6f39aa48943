// What programs do that is rude, or hard: cxx_rude VERB FOLDER OTHER-FOLDER TRADER-FRONT MD-FRONT [ARGUMENT]
//
// FOLDER has the libraries of 6.7.11, OTHER-FOLDER those of 6.3.15; they are loaded by dlopen. The fronts call back as
// fast as a client takes it. The exit code is 0 if everything was as it must be, else a line on standard error says what
// was not.
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <map>
#include <stdexcept>
#include <vector>

#include "cxx_party.h"

namespace v6_7_11 {
Party *make_md(void *library);
Party *make_trader(void *library);
}  // namespace v6_7_11
namespace v6_3_15 {
Party *make_md(void *library);
Party *make_trader(void *library);
}  // namespace v6_3_15

namespace {

std::string g_folder, g_other, g_trade, g_md, g_argument;
int g_mode = RTLD_NOW | RTLD_LOCAL;

// --- help ------------------------------------------------------------------------------------------------------------

double now() {
    timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) * 1e-9;
}

void nap(double seconds) {
    timespec left = {static_cast<time_t>(seconds), static_cast<long>((seconds - static_cast<time_t>(seconds)) * 1e9)};
    while (nanosleep(&left, &left) && errno == EINTR) {
    }
}

#define CHECK(what)                                               \
    do {                                                          \
        if (!(what)) {                                            \
            fprintf(stderr, "not so in line %d: %s\n", __LINE__, #what); \
            _exit(1);                                             \
        }                                                         \
    } while (0)

template <typename Condition> bool comes(Condition condition, double seconds = 60) {
    double until = now() + seconds;
    while (!condition()) {
        if (now() > until) return false;
        nap(0.001);
    }
    return true;
}

int entries(const char *folder) {
    DIR *open = opendir(folder);
    int found = 0;
    while (readdir(open)) found++;
    closedir(open);
    return found;
}

void *load(const std::string &folder, const char *name) {
    void *library = dlopen((folder + "/" + name).c_str(), g_mode);
    if (!library) fprintf(stderr, "%s\n", dlerror());
    CHECK(library);
    return library;
}

// Never ended where a test does not do it: an exit hook is not what these programs are about.
std::vector<Party *> &kept() {
    static auto *all = new std::vector<Party *>();
    return *all;
}

Party *keep(Party *party) {
    kept().push_back(party);
    return party;
}

Party *md() { return keep(v6_7_11::make_md(load(g_folder, "libthostmduserapi_se.so"))); }
Party *trader() { return keep(v6_7_11::make_trader(load(g_folder, "libthosttraderapi_se.so"))); }

bool has_ticks(Party &party, int number) {
    return comes([&] { return Party::load(party.ticks) >= number; });
}

Party *streaming() {
    Party *party = md();
    party->start(g_md.c_str());
    CHECK(has_ticks(*party, 20));
    return party;
}

// Ticks go on.
bool goes_on(Party &party) { return has_ticks(party, Party::load(party.ticks) + 50); }

// No tick comes any more; what is on its way is given the time to come.
bool is_still(Party &party) {
    int before = Party::load(party.ticks);
    nap(0.2);
    return Party::load(party.ticks) == before;
}

// --- callbacks that do something -------------------------------------------------------------------------------------

void throws() {
    Party *party = md();
    int turn = 0;
    party->on_tick = [&] {
        switch (turn++ % 3) {
            case 0: throw std::runtime_error("a bug");
            case 1: throw 42;
            default: return;
        }
    };
    party->start(g_md.c_str());
    CHECK(has_ticks(*party, 30));
    party->release();
}

void exits_inside() {
    Party *party = md();
    party->on_tick = [&] { exit(0); };
    party->start(g_md.c_str());
    pause();
}

void thread_exits_inside() {
    Party *party = md();
    party->on_tick = [&] { pthread_exit(nullptr); };
    party->start(g_md.c_str());
    CHECK(has_ticks(*party, 1));
    // The object is as good as released: Join returns, nothing comes any more, and Release is allowed.
    CHECK(party->join() == 0);
    CHECK(is_still(*party) && Party::load(party->ticks) == 1);
    CHECK(party->order("1") == -9);
    party->release();
}

void releases_inside() {
    Party *party = md();
    int after = -1;
    party->on_tick = [&] {
        if (Party::load(party->ticks) == 10) {
            party->release();
            __atomic_store_n(&after, Party::load(party->ticks), __ATOMIC_SEQ_CST);
        }
    };
    party->start(g_md.c_str());
    CHECK(comes([&] { return __atomic_load_n(&after, __ATOMIC_SEQ_CST) >= 0; }));
    CHECK(is_still(*party) && Party::load(party->ticks) == 10);
}

void is_slow() {
    Party *party = md();
    party->on_tick = [&] { if (Party::load(party->ticks) == 10) nap(2.5); };
    party->start(g_md.c_str());
    CHECK(has_ticks(*party, 500));
    CHECK(Party::load(party->disconnected) == 0 && Party::load(party->connected) == 1);
    party->release();
}

void asks_inside() {
    // Ten orders out of each of a hundred callbacks; Python counts them.
    Party *party = trader();
    int sent = 0;
    party->on_status = [&] {
        for (int i = 0; i < 10 && Party::load(sent) < 1000; i++) {
            if (party->order(std::to_string(Party::load(sent) + 1).c_str()) == 0) Party::count(sent);
        }
    };
    party->start(g_trade.c_str());
    CHECK(comes([&] { return Party::load(sent) == 1000; }));
    puts("1000");
    fflush(stdout);
    char line[8];
    CHECK(fgets(line, sizeof line, stdin));
    party->release();
}

// --- Release, Join, RegisterSpi --------------------------------------------------------------------------------------

void releases_while_hanging() {
    Party *party = md();
    int is_inside = 0, may_leave = 0, has_left = 0;
    party->on_tick = [&] {
        Party::count(is_inside);
        while (!Party::load(may_leave)) nap(0.001);
        Party::count(has_left);
    };
    party->start(g_md.c_str());
    CHECK(comes([&] { return Party::load(is_inside) > 0; }));
    double begin = now();
    party->release();
    double took = now() - begin;
    CHECK(took > 0.9 && took < 10);
    Party::count(may_leave);
    CHECK(comes([&] { return Party::load(has_left) == 1; }));
    CHECK(is_still(*party) && Party::load(is_inside) == 1);
}

void releases_quickly() {
    Party *party = streaming();
    double begin = now();
    party->release();
    CHECK(now() - begin < 0.9);
    int before = Party::load(party->ticks);
    CHECK(is_still(*party) && Party::load(party->ticks) == before);
    // Like a program that is about to end: it frees what it called back with.
    delete party;
}

void *join_it(void *party) {
    static_cast<Party *>(party)->join();
    return party;
}

void joins() {
    Party *party = streaming();
    pthread_t threads[3];
    for (pthread_t &one : threads) CHECK(pthread_create(&one, nullptr, join_it, party) == 0);
    CHECK(goes_on(*party));
    party->release();
    for (pthread_t &one : threads) {
        void *result;
        CHECK(pthread_join(one, &result) == 0 && result == party);
    }
}

void joins_inside() {
    Party *party = md();
    party->on_tick = [&] { if (Party::load(party->ticks) == 5) party->join(); };
    party->start(g_md.c_str());
    CHECK(has_ticks(*party, 50));
    party->release();
}

void unregisters() {
    Party *party = streaming();
    party->unregister();
    int before = Party::load(party->ticks);
    CHECK(is_still(*party) && Party::load(party->ticks) == before);
    party->release();
}

void never_starts() {
    for (int round = 0; round < 20; round++) {
        Party *one = round % 2 ? md() : trader();
        one->create();
        CHECK(strcmp(one->day(), "") == 0);
        CHECK(one->order("1") == (round % 2 ? -9 : -1));
        CHECK(one->join() == 0);
        one->release();
    }
}

void asks_after_release() {
    Party *party = trader();
    party->start(g_trade.c_str());
    CHECK(comes([&] { return Party::load(party->statuses) > 10; }));
    CHECK(strcmp(party->day(), "20260105") == 0);
    party->release();
    CHECK(party->order("1") == -1);
}

// --- processes and libraries -----------------------------------------------------------------------------------------

void forks() {
    Party *party = streaming();
    Party *orders = trader();
    orders->start(g_trade.c_str());
    CHECK(comes([&] { return Party::load(orders->logins) == 1; }));
    for (int round = 0; round < 4; round++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (!pid) {
            double begin = now();
            if (orders->order("1") != -1) _exit(11);
            int before = Party::load(party->ticks);
            party->unregister();
            if (orders->join() != 0) _exit(12);
            if (round % 2) {
                orders->release();
                party->release();
            }
            nap(0.05);
            if (Party::load(party->ticks) != before) _exit(13);
            if (now() - begin > 30) _exit(14);
            if (round < 2) exit(0);
            _exit(0);
        }
        int status = -1;
        CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
        CHECK(WEXITSTATUS(status) == 0);
    }
    // The parent's own links are as they were.
    CHECK(goes_on(*party) && Party::load(party->disconnected) == 0);
    CHECK(orders->order("2") == 0);
    orders->release();
    party->release();
}

int g_is_over;

void *make_and_release(void *) {
    while (!Party::load(g_is_over)) {
        Party *party = v6_7_11::make_md(load(g_folder, "libthostmduserapi_se.so"));
        party->create();
        party->release();
        delete party;
    }
    return nullptr;
}

// As a pool of worker processes does: the child has an object of its own, whatever the parent's threads were at.
void forks_and_starts() {
    Party *party = streaming();
    pthread_t other;
    CHECK(pthread_create(&other, nullptr, make_and_release, nullptr) == 0);
    for (int round = 0; round < 20; round++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (!pid) {
            Party *own = streaming();
            if (!goes_on(*own)) _exit(11);
            own->release();
            for (int i = 0; i < 100; i++) {
                Party *more = trader();
                more->create();
                more->release();
            }
            _exit(0);
        }
        int status = -1;
        CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
        CHECK(WEXITSTATUS(status) == 0);
    }
    Party::count(g_is_over);
    pthread_join(other, nullptr);
    CHECK(goes_on(*party) && Party::load(party->disconnected) == 0);
    party->release();
}

void closes_while_connected() {
    for (int round = 0; round < 5; round++) {
        void *library = load(g_folder, "libthostmduserapi_se.so");
        Party *party = keep(v6_7_11::make_md(library));
        party->start(g_md.c_str());
        CHECK(has_ticks(*party, 5));
        if (round % 2) party->release();
        CHECK(dlclose(library) == 0);
        if (!(round % 2)) CHECK(goes_on(*party));
    }
}

void rounds() {
    int number = atoi(g_argument.c_str());
    int threads = entries("/proc/self/task");
#if defined(__SANITIZE_THREAD__)
    threads++;  // the checker's own, which starts with the first of ours
#endif
    Party *first = md();
    first->start(g_md.c_str());
    CHECK(has_ticks(*first, 1));
    first->release();
    CHECK(comes([&] { return entries("/proc/self/task") == threads; }));
    int descriptors = entries("/proc/self/fd");
    std::vector<Party *> parties;
    for (int round = 0; round < number; round++) {
        Party *party = round % 2 ? md() : trader();
        party->start((round % 2 ? g_md : g_trade).c_str());
        // At any moment: before, while and after it connects.
        if (round % 7 == 0) CHECK(comes([&] { return Party::load(party->connected) == 1; }));
        if (round % 7 == 1) nap(0.0005);
        party->release();
        parties.push_back(party);
    }
    CHECK(comes([&] { return entries("/proc/self/task") == threads; }));
    CHECK(entries("/proc/self/fd") == descriptors);
    for (Party *party : parties) delete party;
}

void two_versions() {
    if (g_argument == "global") g_mode = RTLD_NOW | RTLD_GLOBAL;
    Party *all[] = {
        md(),
        trader(),
        keep(v6_3_15::make_md(load(g_other, "libthostmduserapi_se.so"))),
        keep(v6_3_15::make_trader(load(g_other, "libthosttraderapi_se.so"))),
    };
    const char *versions[] = {"v6.7.11_20250617 ctp2", "6.3.15_20190220 ctp2"};
    for (int at = 0; at < 4; at++) {
        CHECK(strcmp(all[at]->version(), versions[at / 2]) == 0);
        all[at]->start((at % 2 ? g_trade : g_md).c_str());
    }
    CHECK(has_ticks(*all[0], 100) && has_ticks(*all[2], 100));
    for (int at : {1, 3}) {
        CHECK(comes([&] { return Party::load(all[at]->statuses) >= 100; }));
        CHECK(strcmp(all[at]->day(), "20260105") == 0);
        CHECK(all[at]->order("7") == 0);
    }
    for (Party *one : all) one->release();
    // Each from its own layout: in the older one the code is elsewhere.
    for (int at : {0, 2}) CHECK(all[at]->last_code == "rb2605" && all[at]->last_price == 1.5);
}

// OTHER-FOLDER has the vendor's libraries; nobody listens where they connect to.
void beside_the_vendor() {
    Party *ours = nullptr;
    if (g_argument == "ours first") ours = streaming();
    Party *theirs[] = {keep(v6_3_15::make_md(load(g_other, "libthostmduserapi_se.so"))),
                       keep(v6_3_15::make_trader(load(g_other, "libthosttraderapi_se.so")))};
    for (Party *one : theirs) {
        CHECK(!strstr(one->version(), "ctp2") && strstr(one->version(), "6.3.15"));
        one->create();
        one->init("tcp://127.0.0.1:1");
    }
    if (!ours) ours = streaming();
    CHECK(strcmp(ours->version(), "v6.7.11_20250617 ctp2") == 0);
    CHECK(goes_on(*ours));
    for (Party *one : theirs) CHECK(Party::load(one->connected) == 0);
    ours->release();
    // And ours under the vendor's names: each its own.
    Party *again = streaming();
    for (Party *one : theirs) one->release();
    CHECK(goes_on(*again));
    again->release();
}

// --- threads and signals ---------------------------------------------------------------------------------------------

Party *g_party;
int g_sent, g_next;

void *send_many(void *) {
    for (int i = 0; i < 1000; i++) {
        int number = __atomic_add_fetch(&g_next, 1, __ATOMIC_SEQ_CST);
        // Refused only while more waits to be sent than the library keeps.
        while (g_party->order(std::to_string(number).c_str())) nap(0.001);
        Party::count(g_sent);
    }
    return nullptr;
}

void many_threads() {
    g_party = trader();
    g_party->start(g_trade.c_str());
    CHECK(comes([&] { return Party::load(g_party->logins) == 1; }));
    pthread_t threads[8];
    for (pthread_t &one : threads) CHECK(pthread_create(&one, nullptr, send_many, nullptr) == 0);
    for (pthread_t &one : threads) pthread_join(one, nullptr);
    CHECK(Party::load(g_sent) == 8000);
    puts("8000");
    fflush(stdout);
    char line[8];
    CHECK(fgets(line, sizeof line, stdin));
    CHECK(Party::load(g_party->disconnected) == 0);
    g_party->release();
}

pthread_t g_main;
int g_signals, g_elsewhere;

void on_signal(int) {
    Party::count(g_signals);
    if (!pthread_equal(pthread_self(), g_main)) Party::count(g_elsewhere);
}

void *signal_it(void *) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    for (int round = 0; round < 200; round++) {
        int before = Party::load(g_signals);
        kill(getpid(), round % 2 ? SIGINT : SIGTERM);
        while (Party::load(g_signals) == before) nap(0.0002);
    }
    return nullptr;
}

void signals() {
    g_main = pthread_self();
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    // Also a link that breaks raises none.
    Party *party = streaming();
    pthread_t other;
    CHECK(pthread_create(&other, nullptr, signal_it, nullptr) == 0);
    while (Party::load(g_signals) < 200) nap(0.001);
    pthread_join(other, nullptr);
    CHECK(g_elsewhere == 0);
    CHECK(goes_on(*party) && Party::load(party->disconnected) == 0);
    party->release();
}

// --- the end ---------------------------------------------------------------------------------------------------------

void *call_exit(void *) { exit(0); }

// At a moment that the argument says, in ms: while it connects, or while ticks flow.
void ends(const std::string &how) {
    Party *parties[] = {md(), trader(), md()};
    for (int at = 0; at < 3; at++) parties[at]->start((at == 1 ? g_trade : g_md).c_str());
    int delay = atoi(g_argument.c_str());
    if (delay % 2) CHECK(has_ticks(*parties[0], 1));
    nap(delay * 0.001);
    if (how == "exit") exit(0);
    if (how == "_exit") _exit(0);
    if (how == "quick_exit") quick_exit(0);
    if (how == "abort") abort();
    if (how == "thread") {
        pthread_t other;
        pthread_create(&other, nullptr, call_exit, nullptr);
        pause();
    }
}

const std::map<std::string, void (*)()> VERBS = {
    {"throws", throws}, {"exits_inside", exits_inside}, {"thread_exits_inside", thread_exits_inside},
    {"releases_inside", releases_inside}, {"is_slow", is_slow}, {"asks_inside", asks_inside},
    {"releases_while_hanging", releases_while_hanging}, {"releases_quickly", releases_quickly}, {"joins", joins},
    {"joins_inside", joins_inside}, {"unregisters", unregisters}, {"never_starts", never_starts},
    {"asks_after_release", asks_after_release}, {"forks", forks}, {"forks_and_starts", forks_and_starts}, {"closes_while_connected", closes_while_connected},
    {"rounds", rounds}, {"beside_the_vendor", beside_the_vendor}, {"two_versions", two_versions}, {"many_threads", many_threads}, {"signals", signals},
};

}  // namespace

int main(int count, char **given) {
    if (count < 6) return 2;
    std::string verb = given[1];
    g_folder = given[2];
    g_other = given[3];
    g_trade = given[4];
    g_md = given[5];
    g_argument = count > 6 ? given[6] : "";
    if (verb.compare(0, 5, "ends-") == 0) {
        ends(verb.substr(5));
    } else {
        VERBS.at(verb)();
    }
    return 0;
}
