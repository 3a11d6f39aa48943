// The C++ client of the benchmarks native_*.py: native_client LIBRARIES MODE FRONT [ARGUMENTS], a line of JSON at the end.
//
// The libraries are loaded by dlopen. CREATE_TRADER and CREATE_MD are the factories' names, from the build.
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "ThostFtdcMdApi.h"
#include "ThostFtdcTraderApi.h"

namespace {

// --- help ------------------------------------------------------------------------------------------------------------

std::string g_libraries, g_front;
char **g_arguments;

long long now_ns() {
    timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

[[noreturn]] void fail(const char *why) {
    fprintf(stderr, "%s\n", why);
    _exit(1);
}

// The first to say `set` lets `wait` return.
struct Done {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
    int count = 0;

    void set() {
        pthread_mutex_lock(&mutex);
        count++;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&mutex);
    }
    void wait() {
        timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += 60;
        pthread_mutex_lock(&mutex);
        while (!count) {
            if (pthread_cond_timedwait(&changed, &mutex, &until)) fail("nothing came for a minute");
        }
        count--;
        pthread_mutex_unlock(&mutex);
    }
};

template <typename Api> Api *create(const char *file, const char *factory, const char *flow) {
    void *library = dlopen((g_libraries + "/" + file).c_str(), RTLD_NOW);
    if (!library) fail(dlerror());
    // Factories have two to four flags: what is too much is not looked at.
    auto make = reinterpret_cast<Api *(*)(const char *, bool, bool, bool)>(dlsym(library, factory));
    if (!make) fail(dlerror());
    return make(flow, false, false, false);
}

CThostFtdcTraderApi *create_trader(const char *flow) {
    return create<CThostFtdcTraderApi>("libthosttraderapi_se.so", CREATE_TRADER, flow);
}

CThostFtdcMdApi *create_md() { return create<CThostFtdcMdApi>("libthostmduserapi_se.so", CREATE_MD, ""); }

template <size_t N> void put(char (&member)[N], const char *text) { snprintf(member, N, "%s", text); }

double percentile(std::vector<double> &all, double share) {
    std::sort(all.begin(), all.end());
    return all[static_cast<size_t>(share * static_cast<double>(all.size() - 1))];
}

double resident_kib() {
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &pages, &resident) != 2) fail("no /proc/self/statm");
    fclose(file);
    return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1024;
}

// --- a trader --------------------------------------------------------------------------------------------------------

// Marketable orders, a buy that opens and a sell that closes in turn; each trade's side and price are checked.
struct Trader : CThostFtdcTraderSpi {
    CThostFtdcTraderApi *api;
    Done done;
    const char *user;
    double bid, ask, lower, upper;
    CThostFtdcInputOrderField order;
    CThostFtdcTradingAccountField account;
    int sent = 0, traded = 0, until = 0;
    bool is_chained = false;  // the next order goes out of the trade's callback
    bool is_reported = false;
    long long sent_ns = 0;
    std::vector<double> first_us, trade_us;

    void log_in() {
        api->RegisterSpi(this);
        api->RegisterFront(&g_front[0]);
        api->Init();
        done.wait();
        CThostFtdcReqUserLoginField login;
        memset(&login, 0, sizeof login);
        put(login.BrokerID, "9999");
        put(login.UserID, user);
        put(login.Password, "bench");
        if (api->ReqUserLogin(&login, 1)) fail("no login");
        done.wait();
        CThostFtdcSettlementInfoConfirmField confirm;
        memset(&confirm, 0, sizeof confirm);
        put(confirm.BrokerID, "9999");
        put(confirm.InvestorID, user);
        if (api->ReqSettlementInfoConfirm(&confirm, 2)) fail("no confirmation");
        done.wait();
    }

    void prepare() {
        memset(&order, 0, sizeof order);
        put(order.BrokerID, "9999");
        put(order.InvestorID, user);
        put(order.UserID, user);
        put(order.InstrumentID, "IF2101");
        put(order.ExchangeID, "CFFEX");
        order.OrderPriceType = THOST_FTDC_OPT_LimitPrice;
        order.VolumeTotalOriginal = 1;
        order.TimeCondition = THOST_FTDC_TC_GFD;
        order.VolumeCondition = THOST_FTDC_VC_AV;
        order.MinVolume = 1;
        order.ContingentCondition = THOST_FTDC_CC_Immediately;
        order.ForceCloseReason = THOST_FTDC_FCC_NotForceClose;
        order.CombHedgeFlag[0] = THOST_FTDC_HF_Speculation;
    }

    void send() {
        bool is_buy = ++sent % 2;
        snprintf(order.OrderRef, sizeof order.OrderRef, "%d", sent);
        order.Direction = is_buy ? THOST_FTDC_D_Buy : THOST_FTDC_D_Sell;
        order.CombOffsetFlag[0] = is_buy ? THOST_FTDC_OF_Open : THOST_FTDC_OF_Close;
        order.LimitPrice = is_buy ? upper : lower;
        is_reported = false;
        sent_ns = now_ns();
        // Refused only while the library keeps as much as it will: then the other thread has its turn.
        while (int code = api->ReqOrderInsert(&order, sent)) {
            if (code != -1 || is_chained) fail("an order was refused");
            usleep(100);
        }
    }

    // One at a time.
    void chain(int number) {
        first_us.clear();
        trade_us.clear();
        until = traded + number;
        is_chained = true;
        send();
        done.wait();
        is_chained = false;
    }

    // As fast as they go; seconds.
    double flood(int number) {
        until = traded + number;
        long long begin = now_ns();
        for (int i = 0; i < number; i++) send();
        done.wait();
        return static_cast<double>(now_ns() - begin) / 1e9;
    }

    void ask_account() {
        CThostFtdcQryTradingAccountField field;
        memset(&field, 0, sizeof field);
        put(field.BrokerID, "9999");
        put(field.InvestorID, user);
        if (api->ReqQryTradingAccount(&field, 3)) fail("no query");
        done.wait();
    }

    void OnFrontConnected() override { done.set(); }
    void OnFrontDisconnected(int) override { fail("the front ended the link"); }
    void OnRspUserLogin(CThostFtdcRspUserLoginField *, CThostFtdcRspInfoField *info, int, bool) override {
        if (info && info->ErrorID) fail("login refused");
        done.set();
    }
    void OnRspSettlementInfoConfirm(CThostFtdcSettlementInfoConfirmField *, CThostFtdcRspInfoField *, int, bool) override {
        done.set();
    }
    void OnRspOrderInsert(CThostFtdcInputOrderField *, CThostFtdcRspInfoField *, int, bool) override {
        fail("an order was refused by CTP");
    }
    void OnRspQryTradingAccount(CThostFtdcTradingAccountField *field, CThostFtdcRspInfoField *, int, bool) override {
        if (!field) fail("no account");
        account = *field;
        done.set();
    }
    void OnRtnOrder(CThostFtdcOrderField *field) override {
        // One that follows a trade may come when the next order is on its way already.
        if (!is_chained || is_reported || atoi(field->OrderRef) != sent) return;
        is_reported = true;
        first_us.push_back(static_cast<double>(now_ns() - sent_ns) / 1e3);
    }
    void OnRtnTrade(CThostFtdcTradeField *field) override {
        long long at = now_ns();
        bool is_buy = ++traded % 2;
        if (atoi(field->OrderRef) != traded) fail("trades are not in the order of the orders");
        if ((field->Direction == THOST_FTDC_D_Buy) != is_buy || field->Volume != 1) fail("another order traded");
        if (field->Price != (is_buy ? ask : bid)) fail("traded at another price");
        if (is_chained) {
            if (!is_reported) fail("the trade came before the order's report");
            trade_us.push_back(static_cast<double>(at - sent_ns) / 1e3);
            if (traded < until) return send();
        }
        if (traded == until) done.set();
    }
};

// USER FLOW BID ASK LOWER UPPER ORDERS WARM-UP
Trader *desk() {
    Trader *trader = new Trader();
    trader->user = g_arguments[0];
    trader->bid = atof(g_arguments[2]);
    trader->ask = atof(g_arguments[3]);
    trader->lower = atof(g_arguments[4]);
    trader->upper = atof(g_arguments[5]);
    trader->api = create_trader(g_arguments[1]);
    trader->prepare();
    trader->log_in();
    return trader;
}

void tell_account(Trader &trader) {
    trader.ask_account();
    const CThostFtdcTradingAccountField &account = trader.account;
#define TOLD(member) printf(", \"" #member "\": %.17g", account.member)
    TOLD(PreBalance);
    TOLD(Deposit);
    TOLD(Withdraw);
    TOLD(CloseProfit);
    TOLD(PositionProfit);
    TOLD(Commission);
    TOLD(Balance);
    TOLD(FrozenMargin);
    TOLD(FrozenCommission);
    TOLD(FrozenCash);
    TOLD(CurrMargin);
    printf(", \"orders\": %d}\n", trader.sent);
    trader.api->Release();
}

void latency() {
    Trader &trader = *desk();
    int orders = atoi(g_arguments[6]);
    trader.chain(atoi(g_arguments[7]));
    trader.chain(orders);
    if (trader.first_us.size() != static_cast<size_t>(orders)) fail("an order was not reported");
    printf("{\"first\": [%.3f, %.3f]", percentile(trader.first_us, 0.5), percentile(trader.first_us, 0.99));
    printf(", \"trade\": [%.3f, %.3f]", percentile(trader.trade_us, 0.5), percentile(trader.trade_us, 0.99));
    tell_account(trader);
}

void pipeline() {
    Trader &trader = *desk();
    trader.flood(atoi(g_arguments[7]));
    printf("{\"seconds\": %.9f", trader.flood(atoi(g_arguments[6])));
    tell_account(trader);
}

// --- ticks -----------------------------------------------------------------------------------------------------------

struct Watcher : CThostFtdcMdSpi {
    Done done;
    long long ticks = 0, until = 0, volume = 0, begin_ns = 0, end_ns = 0;
    double turnover = 0;

    void OnFrontConnected() override { done.set(); }
    void OnRtnDepthMarketData(CThostFtdcDepthMarketDataField *field) override {
        if (!ticks++) begin_ns = now_ns();
        volume += field->Volume;
        turnover += field->LastPrice;
        if (ticks == until) {
            end_ns = now_ns();
            done.set();
        }
    }
};

// TICKS
void ticks() {
    Watcher watcher;
    watcher.until = atoll(g_arguments[0]);
    CThostFtdcMdApi *api = create_md();
    api->RegisterSpi(&watcher);
    api->RegisterFront(&g_front[0]);
    api->Init();
    watcher.done.wait();
    watcher.done.wait();
    api->Release();
    printf("{\"seconds\": %.9f, \"volume\": %lld, \"price\": %.17g}\n",
           static_cast<double>(watcher.end_ns - watcher.begin_ns) / 1e9, watcher.volume, watcher.turnover);
}

// --- memory and start ------------------------------------------------------------------------------------------------

struct Connected : CThostFtdcTraderSpi {
    Done done;
    void OnFrontConnected() override { done.set(); }
};

// FLOW NUMBER
void memory() {
    int number = atoi(g_arguments[1]);
    std::vector<CThostFtdcTraderApi *> apis;
    Connected spi;
    double before = 0;
    for (int at = 0; at <= number; at++) {
        std::string flow = std::string(g_arguments[0]) + std::to_string(at);
        CThostFtdcTraderApi *api = create_trader(flow.c_str());
        api->RegisterSpi(&spi);
        api->RegisterFront(&g_front[0]);
        api->Init();
        spi.done.wait();
        // The first brings the library itself.
        if (!at) before = resident_kib();
        apis.push_back(api);
    }
    printf("{\"kib\": %.3f}\n", (resident_kib() - before) / number);
    for (CThostFtdcTraderApi *api : apis) api->Release();
}

// FLOW
void start() {
    Connected spi;
    long long begin = now_ns();
    CThostFtdcTraderApi *api = create_trader(g_arguments[0]);
    api->RegisterSpi(&spi);
    api->RegisterFront(&g_front[0]);
    api->Init();
    spi.done.wait();
    printf("{\"ms\": %.6f}\n", static_cast<double>(now_ns() - begin) / 1e6);
    api->Release();
}

const struct {
    const char *name;
    int arguments;
    void (*run)();
} MODES[] = {{"latency", 8, latency}, {"pipeline", 8, pipeline}, {"ticks", 1, ticks}, {"memory", 2, memory}, {"start", 1, start}};

}  // namespace

int main(int count, char **given) {
    for (const auto &mode : MODES) {
        if (count < 4 || strcmp(given[2], mode.name) || count != 4 + mode.arguments) continue;
        g_libraries = given[1];
        g_front = given[3];
        g_arguments = given + 4;
        mode.run();
        return 0;
    }
    fail("native_client LIBRARIES MODE FRONT [ARGUMENTS]");
}
