// The tasks of this guest.

#include "wasmpool.h"

// Greets somebody.
WASMPOOL_TASK(greet, WP_POSTCARD, WP_ARGS(WP_STR), WP_STR) {
    wp_reader in = wp_input();
    size_t len;
    const char *name = wp_get_bytes(&in, &len);
    wp_input_end(&in);
    if (len == 0) return wp_fail("nobody is there to be greeted");
    wp_writer out = {0};
    wp_put_len(&out, strlen("Hello, !") + len);
    wp_put(&out, "Hello, ", strlen("Hello, "));
    wp_put(&out, name, len);
    wp_put(&out, "!", 1);
    return wp_output(&out);
}
