// One revision's side of cxx_rude.cpp.
#include "cxx_party.h"

namespace PARTY {

#include PARTY_HEADER

namespace {

template <typename Function> Function find(void *library, const char *name) {
    Function found = reinterpret_cast<Function>(dlsym(library, name));
    if (!found) {
        fprintf(stderr, "no %s\n", name);
        abort();
    }
    return found;
}

void copy(char *to, size_t size, const char *from) {
    size_t length = strlen(from);
    memcpy(to, from, length < size ? length + 1 : size);
}

// What both sides have in common.
template <typename Api, typename Spi> struct Both : Party, Spi {
    void *library;
    Api *api = nullptr;

    explicit Both(void *from) : library(from) {}
    void make(const char *factory) {
        // Revisions have two or three flags: what is too much is not looked at.
        api = find<Api *(*)(const char *, bool, bool, bool)>(library, factory)("", false, false, true);
        api->RegisterSpi(this);
    }
    void init(const char *front) override {
        std::string text = front;
        api->RegisterFront(&text[0]);
        api->Init();
    }
    void start(const char *front) override {
        create();
        init(front);
    }
    void release() override { api->Release(); }
    int join() override { return api->Join(); }
    void unregister() override { api->RegisterSpi(nullptr); }
    const char *day() override { return api->GetTradingDay(); }
    void *spi() override { return static_cast<Spi *>(this); }
    void OnFrontDisconnected(int) override {
        count(disconnected);
        if (on_disconnected) on_disconnected();
    }
    void connect() {
        count(connected);
        CThostFtdcReqUserLoginField field;
        memset(&field, 0, sizeof field);
        copy(field.BrokerID, sizeof field.BrokerID, "9999");
        copy(field.UserID, sizeof field.UserID, "alice");
        log_in(field);
        if (on_connected) on_connected();
    }
    virtual void log_in(CThostFtdcReqUserLoginField &field) = 0;
};

struct MdParty final : Both<CThostFtdcMdApi, CThostFtdcMdSpi> {
    using Both::Both;
    const char *version() override {
        return find<const char *(*)()>(library, "_ZN15CThostFtdcMdApi13GetApiVersionEv")();
    }
    void create() override { make(PARTY_MD); }
    void log_in(CThostFtdcReqUserLoginField &field) override { api->ReqUserLogin(&field, 1); }
    int order(const char *) override { return -9; }
    void OnFrontConnected() override { connect(); }
    void OnRspUserLogin(CThostFtdcRspUserLoginField *, CThostFtdcRspInfoField *, int, bool) override {
        count(logins);
        char code[] = "rb2605";
        char *codes[] = {code};
        api->SubscribeMarketData(codes, 1);
    }
    void OnRtnDepthMarketData(CThostFtdcDepthMarketDataField *field) override {
        last_code.assign(field->InstrumentID, strnlen(field->InstrumentID, sizeof field->InstrumentID));
        last_price = field->LastPrice;
        count(ticks);
        if (on_tick) on_tick();
    }
};

struct TraderParty final : Both<CThostFtdcTraderApi, CThostFtdcTraderSpi> {
    using Both::Both;
    const char *version() override {
        return find<const char *(*)()>(library, "_ZN19CThostFtdcTraderApi13GetApiVersionEv")();
    }
    void create() override { make(PARTY_TRADER); }
    void log_in(CThostFtdcReqUserLoginField &field) override { api->ReqUserLogin(&field, 1); }
    int order(const char *ref) override {
        CThostFtdcInputOrderField field;
        memset(&field, 0, sizeof field);
        copy(field.OrderRef, sizeof field.OrderRef, ref);
        return api->ReqOrderInsert(&field, atoi(ref));
    }
    void OnFrontConnected() override { connect(); }
    void OnRspUserLogin(CThostFtdcRspUserLoginField *, CThostFtdcRspInfoField *, int, bool) override { count(logins); }
    void OnRtnInstrumentStatus(CThostFtdcInstrumentStatusField *) override {
        count(statuses);
        if (on_status) on_status();
    }
};

}  // namespace

Party *make_md(void *library) { return new MdParty(library); }
Party *make_trader(void *library) { return new TraderParty(library); }

}  // namespace PARTY
