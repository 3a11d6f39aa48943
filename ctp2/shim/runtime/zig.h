// Included before everything else where zig builds for Linux: what its C++ library leaves out of <cxxabi.h> and the
// program's libstdc++ has. Catching and rethrowing it is what lets `pthread_exit` and cancellation through.
#pragma once

namespace __cxxabiv1 {

class __forced_unwind {
    virtual ~__forced_unwind() throw();
    virtual void __pure_dummy() = 0;
};

}  // namespace __cxxabiv1
