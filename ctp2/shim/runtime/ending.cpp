#include "ending.h"

#include "platform.h"

namespace ctp2 {

namespace {

constexpr int MOST_WORKERS = 1024;
constexpr int64_t PATIENCE_NS = 1000000000;

Inside g_inside[MOST_WORKERS];
Atomic<int> g_claimed[MOST_WORKERS];
Atomic<int> g_is_near;
Atomic<int> g_installed;
Atomic<int> g_python;
Atomic<int> g_first;
Atomic<uint32_t> g_process = {1};

// Set the flag that every worker tests right before a callback, then let those that are inside one come out. A worker
// that itself ends the program is not waited for.
void stop_callbacks() {
    if (g_is_near.swap(1)) return;
    uint64_t self = sys::thread_id();
    int64_t deadline = sys::monotonic_ns() + PATIENCE_NS;
    for (int at = 0; at < MOST_WORKERS; at++) {
        for (;;) {
            uint64_t thread = g_inside[at].thread.load();
            if (!thread || thread == self) break;
            if (sys::monotonic_ns() >= deadline) return;
            sys::sleep_ms(1);
        }
    }
}

// The parent's workers do not exist in the child.
void become_child() {
    for (int at = 0; at < MOST_WORKERS; at++) {
        g_inside[at].thread.store(0);
        g_claimed[at].store(0);
    }
    retired_after_fork();
    g_process.add(1);
}

// --- Python ----------------------------------------------------------------------------------------------------------
// When the interpreter ends, a worker that asks for its lock is ended by unwinding, and the process aborts in the
// binding. So no callback may run by then: a function of ours stands in Python's atexit (spec native 6.4).

struct Python {
    int (*is_initialized)();
    int (*has_lock)();
    int (*later)(int (*)(void*), void*);
    int (*ensure)();
    void (*release)(int);
    void* (*import)(const char*);
    void* (*new_function)(void*, void*, void*);
    void* (*call_method)(void*, const char*, const char*, ...);
    void* (*build_value)(const char*, ...);
    void* (*save_thread)();
    void (*restore_thread)(void*);
    void (*clear_error)();
};

Python g_functions;

template <typename Function>
bool find(Function& function, const char* name) {
    function = reinterpret_cast<Function>(sys::global_symbol(name));
    return function != nullptr;
}

bool find_python(Python& python) {
    return find(python.is_initialized, "Py_IsInitialized") && find(python.has_lock, "PyGILState_Check") &&
           find(python.later, "Py_AddPendingCall") && find(python.ensure, "PyGILState_Ensure") &&
           find(python.release, "PyGILState_Release") && find(python.import, "PyImport_ImportModule") &&
           find(python.new_function, "PyCFunction_NewEx") && find(python.call_method, "PyObject_CallMethod") &&
           find(python.build_value, "Py_BuildValue") && find(python.save_thread, "PyEval_SaveThread") &&
           find(python.restore_thread, "PyEval_RestoreThread") && find(python.clear_error, "PyErr_Clear");
}

void* at_python_exit(void*, void*) {
    // A callback may be waiting for the interpreter's lock: it has to get it, to come out.
    void* state = g_functions.save_thread();
    stop_callbacks();
    g_functions.restore_thread(state);
    return g_functions.build_value("");
}

// PyMethodDef, the same in every Python 3.
struct Method {
    const char* name;
    void* (*function)(void*, void*);
    int flags;
    const char* text;
};
Method g_method = {"ctp2_stop_callbacks", at_python_exit, 4, nullptr};  // METH_NOARGS

// With the interpreter's lock, on whichever thread.
int register_at_exit(void*) {
    int state = g_functions.ensure();
    void* module = g_functions.import("atexit");
    void* function = module ? g_functions.new_function(&g_method, nullptr, nullptr) : nullptr;
    void* done = function ? g_functions.call_method(module, "register", "O", function) : nullptr;
    if (!done) g_functions.clear_error();
    g_functions.release(state);
    return 0;
}

bool install_python() {
    if (!find_python(g_functions) || !g_functions.is_initialized()) return false;
    if (g_functions.has_lock()) return register_at_exit(nullptr) == 0;
    // Not waiting for the lock, whose owner may be waiting for this thread: the interpreter does it when it comes to it,
    // at the latest before it ends.
    return g_functions.later(register_at_exit, nullptr) == 0;
}

}  // namespace

void ending_install() {
    if (!g_installed.swap(1)) {
        sys::at_exit(stop_callbacks);
        sys::at_fork_child(become_child);
    }
    if (!g_python.swap(1) && !install_python()) g_python.store(0);
}

void ending_first() {
    if (!g_first.swap(1)) sys::at_exit(stop_callbacks);
}

Inside* ending_claim() {
    for (int at = 0; at < MOST_WORKERS; at++) {
        if (!g_claimed[at].load() && !g_claimed[at].swap(1)) return &g_inside[at];
    }
    return nullptr;
}

void ending_release(Inside* place) {
    if (!place) return;
    place->thread.store(0);
    g_claimed[place - g_inside].store(0);
}

bool ending_enter(Inside* place, uint64_t thread) {
    // First the mark, then the test: whoever sets the flag either is seen here or sees the mark.
    if (place) place->thread.store(thread);
    if (!g_is_near.load()) return true;
    if (place) place->thread.store(0);
    return false;
}

void ending_leave(Inside* place) {
    if (place) place->thread.store(0);
}

bool ending_is_near() { return g_is_near.load() != 0; }

uint32_t process_number() { return g_process.load(); }

void Spin::lock() {
    while (taken_in.swap(process_number()) == process_number()) sys::yield_cpu();
}

}  // namespace ctp2
