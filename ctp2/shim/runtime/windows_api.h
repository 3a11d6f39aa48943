// The functions of KERNEL32 and WS2_32 that the runtime calls, declared here: a build needs no Windows SDK.
//
// Names, types and values are Microsoft's, as documented for Windows 7. ctp2/shim/windows.py reads the lines CTP2_KERNEL32
// and CTP2_WS2_32 for the import libraries, so each stands on a line of its own.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace ctp2 {
namespace win {

using Handle = void*;
using Module = void*;
using Bool = int;
using Dword = unsigned long;  // 32 bits on every Windows

inline Handle invalid_handle() { return reinterpret_cast<Handle>(static_cast<intptr_t>(-1)); }

constexpr Dword INFINITE_TIME = 0xFFFFFFFF;
constexpr unsigned UTF8 = 65001;

struct LargeInteger {
    int64_t value;
};

struct Overlapped {
    uintptr_t internal, internal_high;
    Dword offset, offset_high;
    Handle event;
};

struct SecurityAttributes {
    Dword length;
    void* descriptor;
    Bool inherit;
};

struct StartupInfo {
    Dword size;
    wchar_t *reserved, *desktop, *title;
    Dword x, y, x_size, y_size, x_chars, y_chars, fill, flags;
    uint16_t show, reserved_size;
    unsigned char* reserved_bytes;
    Handle input, output, error;
    void* attributes;  // STARTUPINFOEX
};

struct ProcessInformation {
    Handle process, thread;
    Dword process_id, thread_id;
};

using ThreadStart = Dword(__stdcall*)(void*);
using Procedure = intptr_t(__stdcall*)();

// --- sockets ---------------------------------------------------------------------------------------------------------

using SocketHandle = uintptr_t;
constexpr SocketHandle INVALID_SOCKET = ~static_cast<SocketHandle>(0);
constexpr int SOCKET_ERROR = -1;

struct AddressInfo {
    int flags, family, type, protocol;
    size_t length;
    char* name;
    void* address;
    AddressInfo* next;
};

struct SocketSet {
    unsigned count;
    SocketHandle sockets[64];
};

struct TimeValue {
    long seconds, microseconds;
};

struct Inet4 {
    uint16_t family, port;  // port in network order
    unsigned char address[4];
    unsigned char zero[8];
};

extern "C" {
#define CTP2_KERNEL32(result, name, arguments) __declspec(dllimport) result __stdcall name arguments
#define CTP2_WS2_32(result, name, arguments) __declspec(dllimport) result __stdcall name arguments

// clang-format off
CTP2_KERNEL32(Bool, QueryPerformanceCounter, (LargeInteger*));
CTP2_KERNEL32(Bool, QueryPerformanceFrequency, (LargeInteger*));
CTP2_KERNEL32(void, Sleep, (Dword));
CTP2_KERNEL32(Bool, SwitchToThread, ());
CTP2_KERNEL32(Dword, GetCurrentProcessId, ());
CTP2_KERNEL32(Dword, GetCurrentThreadId, ());
CTP2_KERNEL32(Handle, GetCurrentProcess, ());
CTP2_KERNEL32(Dword, GetLastError, ());
CTP2_KERNEL32(void, SetLastError, (Dword));
CTP2_KERNEL32(Dword, GetEnvironmentVariableW, (const wchar_t*, wchar_t*, Dword));
CTP2_KERNEL32(wchar_t*, GetEnvironmentStringsW, ());
CTP2_KERNEL32(Bool, FreeEnvironmentStringsW, (wchar_t*));
CTP2_KERNEL32(int, MultiByteToWideChar, (unsigned, Dword, const char*, int, wchar_t*, int));
CTP2_KERNEL32(int, WideCharToMultiByte, (unsigned, Dword, const wchar_t*, int, char*, int, const char*, Bool*));
CTP2_KERNEL32(Handle, GetStdHandle, (Dword));
CTP2_KERNEL32(Handle, CreateThread, (void*, size_t, ThreadStart, void*, Dword, Dword*));
CTP2_KERNEL32(Bool, CloseHandle, (Handle));
CTP2_KERNEL32(void, AcquireSRWLockExclusive, (void**));
CTP2_KERNEL32(void, ReleaseSRWLockExclusive, (void**));
CTP2_KERNEL32(Bool, SleepConditionVariableSRW, (void**, void**, Dword, unsigned long));
CTP2_KERNEL32(void, WakeAllConditionVariable, (void**));
CTP2_KERNEL32(Handle, CreateFileW, (const wchar_t*, Dword, Dword, void*, Dword, Dword, Handle));
CTP2_KERNEL32(Bool, ReadFile, (Handle, void*, Dword, Dword*, Overlapped*));
CTP2_KERNEL32(Bool, WriteFile, (Handle, const void*, Dword, Dword*, Overlapped*));
CTP2_KERNEL32(Bool, GetFileSizeEx, (Handle, LargeInteger*));
CTP2_KERNEL32(Bool, SetFilePointerEx, (Handle, LargeInteger, LargeInteger*, Dword));
CTP2_KERNEL32(Bool, SetEndOfFile, (Handle));
CTP2_KERNEL32(Bool, LockFile, (Handle, Dword, Dword, Dword, Dword));
CTP2_KERNEL32(Bool, DeleteFileW, (const wchar_t*));
CTP2_KERNEL32(Dword, GetFileAttributesW, (const wchar_t*));
CTP2_KERNEL32(Bool, CreateDirectoryW, (const wchar_t*, void*));
CTP2_KERNEL32(Bool, CreateProcessW, (const wchar_t*, wchar_t*, void*, void*, Bool, Dword, void*, const wchar_t*, StartupInfo*, ProcessInformation*));
CTP2_KERNEL32(Bool, InitializeProcThreadAttributeList, (void*, Dword, Dword, size_t*));
CTP2_KERNEL32(Bool, UpdateProcThreadAttribute, (void*, Dword, size_t, void*, size_t, void*, size_t*));
CTP2_KERNEL32(void, DeleteProcThreadAttributeList, (void*));
CTP2_KERNEL32(Handle, OpenProcess, (Dword, Bool, Dword));
CTP2_KERNEL32(Dword, WaitForSingleObject, (Handle, Dword));
CTP2_KERNEL32(Module, LoadLibraryW, (const wchar_t*));
CTP2_KERNEL32(Procedure, GetProcAddress, (Module, const char*));
CTP2_KERNEL32(Module, GetModuleHandleW, (const wchar_t*));
CTP2_KERNEL32(Bool, GetModuleHandleExW, (Dword, const wchar_t*, Module*));
CTP2_KERNEL32(Dword, GetModuleFileNameW, (Module, wchar_t*, Dword));
CTP2_KERNEL32(Bool, K32EnumProcessModules, (Handle, Module*, Dword, Dword*));
CTP2_KERNEL32(Bool, DisableThreadLibraryCalls, (Module));

CTP2_WS2_32(int, WSAStartup, (uint16_t, void*));
CTP2_WS2_32(int, WSAGetLastError, ());
CTP2_WS2_32(SocketHandle, WSASocketW, (int, int, int, void*, unsigned, Dword));
CTP2_WS2_32(int, getaddrinfo, (const char*, const char*, const AddressInfo*, AddressInfo**));
CTP2_WS2_32(void, freeaddrinfo, (AddressInfo*));
CTP2_WS2_32(int, bind, (SocketHandle, const void*, int));
CTP2_WS2_32(int, connect, (SocketHandle, const void*, int));
CTP2_WS2_32(int, getsockname, (SocketHandle, void*, int*));
CTP2_WS2_32(int, getsockopt, (SocketHandle, int, int, void*, int*));
CTP2_WS2_32(int, setsockopt, (SocketHandle, int, int, const void*, int));
CTP2_WS2_32(int, ioctlsocket, (SocketHandle, long, unsigned long*));
CTP2_WS2_32(int, select, (int, SocketSet*, SocketSet*, SocketSet*, const TimeValue*));
CTP2_WS2_32(int, send, (SocketHandle, const void*, int, int));
CTP2_WS2_32(int, recv, (SocketHandle, void*, int, int));
CTP2_WS2_32(int, shutdown, (SocketHandle, int));
CTP2_WS2_32(int, closesocket, (SocketHandle));
// clang-format on
#undef CTP2_KERNEL32
#undef CTP2_WS2_32
}

}  // namespace win
}  // namespace ctp2
