// What `ctp2 shim build` and `install` write into a finished library: a marked slot of fixed size, found by its mark.
#pragma once

namespace ctp2 {

// The slot holds 16 bytes of mark, then this many bytes of text, NUL-terminated.
constexpr int STAMP_TEXT = 1008;

// Copies the interpreter that starts private servers (`PYTHON -m ctp2 serve --private`), as UTF-8, into `out`.
// Returns its length; 0 when none was written into this library, or when `size` is too small.
int stamped_python(char *out, int size);

}  // namespace ctp2
