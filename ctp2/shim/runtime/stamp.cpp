#include "stamp.h"

namespace ctp2 {

// The mark stands here and in ctp2/shim/binary.py. It is also what tells a library of ours from a vendor's.
// Volatile, for the compiler must not take the initial zeros for the contents.
static volatile char stamp[16 + STAMP_TEXT] = "CTP2-SHIM-STAMP";

int stamped_python(char *out, int size) {
    int length = 0;
    while (length < STAMP_TEXT - 1 && stamp[16 + length] != '\0') {
        if (length + 1 >= size) return 0;
        out[length] = stamp[16 + length];
        ++length;
    }
    if (size > 0) out[length] = '\0';
    return length;
}

}  // namespace ctp2
