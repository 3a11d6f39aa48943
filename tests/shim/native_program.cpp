// A program as users write them, on 6.7.11: one trader and one market data Api, libraries and addresses from the command
// line (TRADER_LIBRARY MD_LIBRARY TRADER_ADDRESS MD_ADDRESS; `-`: not that side). What happens it prints, a line each;
// what it is to do it reads: `login USER`, `subscribe CODE`, `release`. It ends, without Release, when there is no more.
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ThostFtdcMdApi.h"
#include "ThostFtdcTraderApi.h"

namespace {

void print(const char* format, const char* text, int number) {
    char line[512];
    int size = snprintf(line, sizeof line, format, text, number);
    ssize_t written = write(1, line, static_cast<size_t>(size));
    (void)written;
}

struct Trader : CThostFtdcTraderSpi {
    CThostFtdcTraderApi* api = nullptr;

    void OnFrontConnected() override { print("td connected%s\n", "", 0); }
    void OnFrontDisconnected(int reason) override { print("td disconnected%s %d\n", "", reason); }
    void OnRspUserLogin(CThostFtdcRspUserLoginField* login, CThostFtdcRspInfoField* info, int, bool) override {
        print("td login %s %d\n", login ? login->UserID : "", info ? info->ErrorID : 0);
    }
    void login(const char* user) {
        CThostFtdcReqUserLoginField field;
        memset(&field, 0, sizeof field);
        strcpy(field.BrokerID, "9999");
        strncpy(field.UserID, user, sizeof field.UserID - 1);
        strcpy(field.Password, "any");
        print("td asks%s %d\n", "", api->ReqUserLogin(&field, 1));
    }
};

struct Watcher : CThostFtdcMdSpi {
    CThostFtdcMdApi* api = nullptr;

    void OnFrontConnected() override { print("md connected%s\n", "", 0); }
    void OnFrontDisconnected(int reason) override { print("md disconnected%s %d\n", "", reason); }
    void OnRspUserLogin(CThostFtdcRspUserLoginField*, CThostFtdcRspInfoField* info, int, bool) override {
        print("md login%s %d\n", "", info ? info->ErrorID : 0);
    }
    void OnRtnDepthMarketData(CThostFtdcDepthMarketDataField* tick) override {
        print("md tick %s\n", tick->InstrumentID, 0);
    }
    void login() {
        CThostFtdcReqUserLoginField field;
        memset(&field, 0, sizeof field);
        print("md asks%s %d\n", "", api->ReqUserLogin(&field, 1));
    }
    void subscribe(char* code) { api->SubscribeMarketData(&code, 1); }
};

template <typename Factory>
Factory find(const char* library, const char* name) {
    void* loaded = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    void* found = loaded ? dlsym(loaded, name) : nullptr;
    if (!found) fprintf(stderr, "%s\n", dlerror());
    return reinterpret_cast<Factory>(found);
}

// Addresses of one side, separated by blanks.
template <typename Api>
void register_all(Api* api, char* addresses) {
    for (char* one = strtok(addresses, " "); one; one = strtok(nullptr, " ")) api->RegisterFront(one);
    api->Init();
}

Trader trader;
Watcher watcher;

bool start(char** words) {
    using MakeTrader = CThostFtdcTraderApi* (*)(const char*, bool);
    using MakeWatcher = CThostFtdcMdApi* (*)(const char*, bool, bool, bool);
    if (strcmp(words[1], "-") != 0) {
        auto make = find<MakeTrader>(words[1], "_ZN19CThostFtdcTraderApi19CreateFtdcTraderApiEPKcb");
        if (!make) return false;
        trader.api = make("", true);
        trader.api->RegisterSpi(&trader);
        register_all(trader.api, words[3]);
    }
    if (strcmp(words[2], "-") != 0) {
        auto make = find<MakeWatcher>(words[2], "_ZN15CThostFtdcMdApi15CreateFtdcMdApiEPKcbbb");
        if (!make) return false;
        watcher.api = make("", false, false, true);
        watcher.api->RegisterSpi(&watcher);
        register_all(watcher.api, words[4]);
    }
    return true;
}

void release() {
    if (trader.api) trader.api->Release();
    if (watcher.api) watcher.api->Release();
    trader.api = nullptr;
    watcher.api = nullptr;
    print("released%s\n", "", 0);
}

}  // namespace

int main(int count, char** words) {
    if (count != 5 || !start(words)) return 2;
    char line[256];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "login ", 6) == 0) {
            if (trader.api) trader.login(line + 6);
            if (watcher.api) watcher.login();
        } else if (strncmp(line, "subscribe ", 10) == 0) {
            watcher.subscribe(line + 10);
        } else if (strcmp(line, "release") == 0) {
            release();
        }
    }
    return 0;
}
