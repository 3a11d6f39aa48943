// The end of the process, and its copies: no callback may run while a program is taken down.
#pragma once

#include "base.h"

namespace ctp2 {

// One worker's place in the table of those that are inside a callback.
struct Inside {
    Atomic<uint64_t> thread;  // 0: not inside
    char apart[56];           // workers write often: each its own cache line
};

// Watch the end of this process; called by every factory, as Python may be there only at a later one.
void ending_install();
// What registers last ends first: once TLS has its own end registered, callbacks have to be stopped before that one.
void ending_first();
// A place for a worker, or nullptr when all are taken: then nobody waits for that one.
Inside* ending_claim();
void ending_release(Inside* place);
// Whether a callback may be called now; then `ending_leave` has to follow.
bool ending_enter(Inside* place, uint64_t thread);
void ending_leave(Inside* place);
bool ending_is_near();
// In the child of a fork: another thread may have been retiring an object at that moment (client.cpp).
void retired_after_fork();
// Changes in the child of a fork: objects of another number belong to the parent.
uint32_t process_number();

// A lock for a few instructions, usable before anything was initialised. In the child of a fork it is free, whoever had
// it in the parent.
struct Spin {
    Atomic<uint32_t> taken_in;  // a process_number; 0: free
    void lock();
    void unlock() { taken_in.store(0); }
};

}  // namespace ctp2
