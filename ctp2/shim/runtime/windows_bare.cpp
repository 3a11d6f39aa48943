// What a C++ compiler takes for granted and a library without a C runtime must bring itself (Windows, MSVC's ABI).
//
// Elsewhere this file is empty. Static constructors do not run here: there are none.
#if defined(_MSC_VER)

#include "platform.h"
#include "windows_api.h"

extern "C" {

// Says that floating point is used.
int _fltused = 1;

// A pure virtual function was called: cannot happen, and must not go on.
[[noreturn]] void __cdecl _purecall() { __builtin_trap(); }

// Windows calls this when the library comes and goes. At the end of a process its other threads are gone by then, so
// there is nothing to end here (platform_windows.cpp, at_exit).
ctp2::win::Bool __stdcall _DllMainCRTStartup(ctp2::win::Module module, ctp2::win::Dword reason, void*) {
    constexpr ctp2::win::Dword ATTACH = 1;
    if (reason == ATTACH) ctp2::win::DisableThreadLibraryCalls(module);
    return 1;
}

}  // extern "C"

// The stack grows by touching one page after the other; a function with a large frame calls this first.
// Size in eax/rax. Documented for x64 ("__chkstk Routine"): keeps all registers; on x86 it also moves esp.
#if defined(__x86_64__)
__asm__(
    ".text\n"
    ".globl __chkstk\n"
    "__chkstk:\n"
    "  pushq %rcx\n"
    "  pushq %rax\n"
    "  leaq 24(%rsp), %rcx\n"
    "  cmpq $4096, %rax\n"
    "  jb 2f\n"
    "1:\n"
    "  subq $4096, %rcx\n"
    "  testq %rcx, (%rcx)\n"
    "  subq $4096, %rax\n"
    "  cmpq $4096, %rax\n"
    "  ja 1b\n"
    "2:\n"
    "  subq %rax, %rcx\n"
    "  testq %rcx, (%rcx)\n"
    "  popq %rax\n"
    "  popq %rcx\n"
    "  retq\n");
#else
__asm__(
    ".text\n"
    ".globl __chkstk\n"
    "__chkstk:\n"
    "  pushl %ecx\n"
    "  leal 8(%esp), %ecx\n"
    "  cmpl $4096, %eax\n"
    "  jb 2f\n"
    "1:\n"
    "  subl $4096, %ecx\n"
    "  testl %ecx, (%ecx)\n"
    "  subl $4096, %eax\n"
    "  cmpl $4096, %eax\n"
    "  ja 1b\n"
    "2:\n"
    "  subl %eax, %ecx\n"
    "  testl %ecx, (%ecx)\n"
    "  movl %esp, %eax\n"
    "  movl %ecx, %esp\n"
    "  movl (%eax), %ecx\n"
    "  pushl 4(%eax)\n"
    "  ret\n");

// 64-bit division, which x86 code calls: arguments on the stack, taken off by the function, result in edx:eax.
namespace {

// Bit by bit: this is called a few times per message, and anything shorter would call itself.
uint64_t divide(uint64_t number, uint64_t by, uint64_t* rest) {
    uint64_t result = 0, left = 0;
    for (int bit = 0; bit < 64; bit++) {
        bool overflows = left >> 63;
        left = left << 1 | number >> 63;
        number <<= 1;
        result <<= 1;
        if (overflows || left >= by) {
            left -= by;
            result |= 1;
        }
    }
    *rest = left;
    return result;
}

uint64_t magnitude(int64_t number) { return number < 0 ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number); }

}  // namespace

extern "C" {

uint64_t __stdcall unsigned_quotient(uint64_t number, uint64_t by) __asm__("__aulldiv");
uint64_t __stdcall unsigned_rest(uint64_t number, uint64_t by) __asm__("__aullrem");
int64_t __stdcall quotient(int64_t number, int64_t by) __asm__("__alldiv");
int64_t __stdcall rest(int64_t number, int64_t by) __asm__("__allrem");

uint64_t __stdcall unsigned_quotient(uint64_t number, uint64_t by) {
    uint64_t left;
    return divide(number, by, &left);
}

uint64_t __stdcall unsigned_rest(uint64_t number, uint64_t by) {
    uint64_t left;
    divide(number, by, &left);
    return left;
}

int64_t __stdcall quotient(int64_t number, int64_t by) {
    uint64_t left, result = divide(magnitude(number), magnitude(by), &left);
    return static_cast<int64_t>((number < 0) != (by < 0) ? 0 - result : result);
}

int64_t __stdcall rest(int64_t number, int64_t by) {
    uint64_t left;
    divide(magnitude(number), magnitude(by), &left);
    return static_cast<int64_t>(number < 0 ? 0 - left : left);
}

}  // extern "C"
#endif

#endif
