#include "launch.h"

namespace ctp2 {

bool launch(const Address& address, bool, Stop&, int64_t, Launched&, Text& why) {
    why.add(address.text).add(": starting a private server is not built in: run `ctp2 serve` and write tcp://HOST:PORT");
    return false;
}

}  // namespace ctp2
