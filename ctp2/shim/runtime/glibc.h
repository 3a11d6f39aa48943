// Included before everything else where the system's own g++ or clang++ builds for Linux: binds names that glibc 2.34
// moved from libpthread and libdl into libc, or gave new versions, to the versions that glibc 2.17 has too.
// (zig builds for glibc 2.17 by itself.) The build checks the result; a name that is missing here is named there.
#pragma once

#define CTP2_OLD(name, version) __asm__(".symver " #name "," #name "@GLIBC_" #version)

CTP2_OLD(dladdr, 2.2.5);
CTP2_OLD(dlclose, 2.2.5);
CTP2_OLD(dlerror, 2.2.5);
CTP2_OLD(dlopen, 2.2.5);
CTP2_OLD(dlsym, 2.2.5);
CTP2_OLD(pthread_condattr_setclock, 2.3.3);
CTP2_OLD(pthread_create, 2.2.5);
CTP2_OLD(pthread_detach, 2.2.5);
CTP2_OLD(pthread_getspecific, 2.2.5);
CTP2_OLD(pthread_join, 2.2.5);
CTP2_OLD(pthread_key_create, 2.2.5);
CTP2_OLD(pthread_key_delete, 2.2.5);
CTP2_OLD(pthread_kill, 2.2.5);
CTP2_OLD(pthread_mutex_trylock, 2.2.5);
CTP2_OLD(pthread_once, 2.2.5);
CTP2_OLD(pthread_setspecific, 2.2.5);
CTP2_OLD(pthread_sigmask, 2.2.5);

#undef CTP2_OLD

// From glibc 2.38 on, headers may send these to variants that read binary numbers.
__asm__(".symver __isoc23_strtol,strtol@GLIBC_2.2.5");
__asm__(".symver __isoc23_strtoll,strtoll@GLIBC_2.2.5");
__asm__(".symver __isoc23_strtoul,strtoul@GLIBC_2.2.5");
__asm__(".symver __isoc23_strtoull,strtoull@GLIBC_2.2.5");
