// The tasks of this guest.

#include "wasmpool.h"

/** Greets somebody. */
std::string greet(std::string name) {
    if (name.empty()) wasmpool::fail("nobody is there to be greeted");
    return "Hello, " + name + "!";
}
WASMPOOL_FUNCTION(greet, WP_ARGS(WP_STR), WP_STR)
