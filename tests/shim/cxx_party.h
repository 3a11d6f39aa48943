// An MdApi and a TraderApi of one revision, found by dlopen: compiled once per revision, in a namespace of its own.
//
// PARTY is the namespace, PARTY_HEADER the revision's header, PARTY_TRADER and PARTY_MD the factories' names.
#pragma once

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <functional>
#include <string>

// What a test of any revision sees of them.
struct Party {
    std::function<void()> on_tick, on_status, on_connected, on_disconnected;
    int ticks = 0, connected = 0, disconnected = 0, statuses = 0, logins = 0;
    std::string last_code;
    double last_price = 0;

    static int load(const int &counter) { return __atomic_load_n(&counter, __ATOMIC_SEQ_CST); }
    static void count(int &counter) { __atomic_add_fetch(&counter, 1, __ATOMIC_SEQ_CST); }
    virtual ~Party() {}
    virtual const char *version() = 0;
    // Connect, log in, and subscribe from inside the callbacks.
    virtual void start(const char *front) = 0;
    virtual void create() = 0;
    virtual void init(const char *front) = 0;
    virtual void release() = 0;
    virtual int join() = 0;
    virtual void unregister() = 0;
    virtual int order(const char *ref) = 0;
    virtual const char *day() = 0;
    virtual void *spi() = 0;
};

typedef Party *(*Maker)(void *library);
