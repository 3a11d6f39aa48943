// Calls a slot of a program's Spi by its number alone.
#pragma once

#include "face.h"

namespace ctp2 {

struct Arguments {
    void* field;
    void* info;
    int number;  // the request id, or the number of a callback that has one
    bool is_last;
};

// Call slot `slot` of `spi`. An exception is caught and told in one line under the callback's name; only the ending of
// a thread (pthread_exit, cancellation) goes on through.
void invoke(void* spi, const Face& face, uint16_t slot, Shape shape, const Arguments& arguments);

}  // namespace ctp2
