// How one thread tells the worker of an Api object to end, wherever that is waiting.
#pragma once

#include "platform.h"

namespace ctp2 {

struct Stop {
    sys::Waker waker;
    Atomic<int> set;

    bool is_set() const { return set.load() != 0; }
    void request() {
        set.store(1);
        sys::wake(waker);
    }
    // Wake the worker up for another reason.
    void poke() { sys::wake(waker); }
    // Wait, at most `milliseconds`; true when the worker is to end. Only on the worker's thread. Also a wake-up for
    // another reason ends the wait early.
    bool pause(int milliseconds) {
        if (!is_set()) sys::wait_socket(sys::NO_SOCKET, false, waker, milliseconds);
        return is_set();
    }
};

}  // namespace ctp2
