// A program for Windows as users write it: the generated header, a class derived from the Spi, linked with the import
// library. Built by clang for MSVC's interface: its table of callbacks and its calls are what MSVC makes of the header.
#include "ThostFtdcTraderApi.h"

extern "C" {
__declspec(dllimport) unsigned long __stdcall GetEnvironmentVariableA(const char*, char*, unsigned long);
__declspec(dllimport) void* __stdcall GetStdHandle(unsigned long);
__declspec(dllimport) int __stdcall WriteFile(void*, const void*, unsigned long, unsigned long*, void*);
__declspec(dllimport) void* __stdcall CreateEventA(void*, int, int, const char*);
__declspec(dllimport) int __stdcall SetEvent(void*);
__declspec(dllimport) unsigned long __stdcall WaitForSingleObject(void*, unsigned long);
__declspec(dllimport) void __stdcall ExitProcess(unsigned);

int _fltused = 1;
void _purecall() { ExitProcess(3); }
}

namespace {

void put(const char* text) {
    unsigned long size = 0, written;
    while (text[size]) size++;
    WriteFile(GetStdHandle(static_cast<unsigned long>(-11)), text, size, &written, nullptr);
}

template <size_t N>
void set(char (&member)[N], const char* value) {
    for (size_t i = 0; i < N; i++) {
        member[i] = *value;
        if (*value) value++;
    }
}

class Spi : public CThostFtdcTraderSpi {
  public:
    CThostFtdcTraderApi* api = nullptr;
    void* done = nullptr;

    void OnFrontConnected() override {
        CThostFtdcReqUserLoginField login = {};
        set(login.BrokerID, "9999");
        set(login.UserID, "bob");
        set(login.Password, "secret");
        api->ReqUserLogin(&login, 1);
    }

    void OnRspUserLogin(CThostFtdcRspUserLoginField* login, CThostFtdcRspInfoField* info, int id, bool last) override {
        if (!info || info->ErrorID || id != 1 || !last) return end("login refused\n");
        put(login->TradingDay);
        put(" is the day\n");
        CThostFtdcQryTradingAccountField account = {};
        set(account.BrokerID, "9999");
        set(account.InvestorID, "bob");
        if (api->ReqQryTradingAccount(&account, 2) != 0) end("query not sent\n");
    }

    void OnRspQryTradingAccount(CThostFtdcTradingAccountField* account, CThostFtdcRspInfoField*, int id,
                                bool last) override {
        if (!account || id != 2 || !last) return end("no account\n");
        put(account->AccountID);
        end(account->Balance == 10000000.0 ? " has ten millions\n" : " has another balance\n");
    }

    void OnRspError(CThostFtdcRspInfoField*, int, bool) override { end("an error\n"); }

  private:
    void end(const char* text) {
        put(text);
        SetEvent(done);
    }
};

Spi spi;
char front[256];

}  // namespace

extern "C" void start() {
    GetEnvironmentVariableA("CALLER_FRONT", front, sizeof front);
    spi.done = CreateEventA(nullptr, 0, 0, nullptr);
    spi.api = CThostFtdcTraderApi::CreateFtdcTraderApi("C:\\linked-");
    put(CThostFtdcTraderApi::GetApiVersion());
    put("\n");
    spi.api->RegisterSpi(&spi);
    spi.api->RegisterFront(front);
    spi.api->SubscribePrivateTopic(THOST_TERT_QUICK);
    spi.api->Init();
    bool is_late = WaitForSingleObject(spi.done, 60000) != 0;
    spi.api->Release();
    put(is_late ? "too late\n" : "done\n");
    ExitProcess(is_late);
}
