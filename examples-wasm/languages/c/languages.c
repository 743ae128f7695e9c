// The example's tasks in C.

#include "wasmpool.h"

// How often each word occurs: a run of letters and digits of ASCII, in lower case.

typedef struct {
    const char *at;
    size_t len;
    uint64_t times;
} word;

static int by_text(const void *left, const void *right) {
    const word *a = left, *b = right;
    int order = memcmp(a->at, b->at, a->len < b->len ? a->len : b->len);
    return order ? order : (a->len > b->len) - (a->len < b->len);
}

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

WASMPOOL_TASK(count, WP_POSTCARD, WP_ARGS(WP_STR), WP_MAP(WP_STR, WP_U64)) {
    wp_reader in = wp_input();
    size_t len, words = 0;
    const char *given = wp_get_bytes(&in, &len);
    wp_input_end(&in);
    char *text = malloc(len + 1);
    word *all = malloc((len / 2 + 1) * sizeof *all);
    if (!text || !all) return wp_fail("no memory left");
    for (size_t i = 0; i < len; i++) text[i] = given[i] >= 'A' && given[i] <= 'Z' ? given[i] + 32 : given[i];
    for (size_t i = 0; i < len;) {
        size_t start = i;
        while (i < len && is_letter(text[i])) i++;
        if (i > start) all[words++] = (word){text + start, i - start, 1};
        else i++;
    }
    qsort(all, words, sizeof *all, by_text);
    size_t kept = 0;
    for (size_t i = 0; i < words; i++) {
        if (kept && by_text(&all[kept - 1], &all[i]) == 0) all[kept - 1].times++;
        else all[kept++] = all[i];
    }
    wp_writer out = {0};
    wp_put_len(&out, kept);
    for (size_t i = 0; i < kept; i++) {
        wp_put_bytes(&out, all[i].at, all[i].len);
        wp_put_u64(&out, all[i].times);
    }
    free(all);
    free(text);
    wp_reader_free(&in);
    return wp_output(&out);
}

WASMPOOL_TASK(square, WP_POSTCARD, WP_ARGS(WP_LOCK, WP_RAW_ARRAY(WP_I64)), WP_UNIT) {
    wp_reader in = wp_input();
    int32_t lock = wp_get_object(&in), array = wp_get_object(&in);
    wp_input_end(&in);
    wp_must(wp_lock(lock, WP_FOREVER), "the lock");
    wp_window window;
    wp_must(wp_attach(array, &window), "the array");
    int64_t *numbers = window.at;
    for (size_t i = 0; i < window.len / sizeof *numbers; i++) numbers[i] *= numbers[i];
    wp_detach(&window);
    wp_unlock(lock);
    return 0;
}

WASMPOOL_TASK(increment, WP_POSTCARD, WP_ARGS(WP_LOCK, WP_RAW_ARRAY(WP_I64), WP_U32), WP_UNIT) {
    wp_reader in = wp_input();
    int32_t lock = wp_get_object(&in), array = wp_get_object(&in);
    uint32_t times = wp_get_u32(&in);
    wp_input_end(&in);
    wp_window window;
    wp_must(wp_attach(array, &window), "the array");
    int64_t *numbers = window.at;
    while (times--) {
        wp_must(wp_lock(lock, WP_FOREVER), "the lock");
        for (size_t i = 0; i < window.len / sizeof *numbers; i++) numbers[i]++;
        wp_unlock(lock);
    }
    wp_detach(&window);
    return 0;
}

// Adds one to all numbers and to its own count, until that is `times`. Whoever finds that the last holder of the lock died in the middle
// of this sets the numbers right: each is the sum of all counts. The result is how often that was.
WASMPOOL_TASK(tally, WP_POSTCARD, WP_ARGS(WP_LOCK, WP_RAW_ARRAY(WP_I64), WP_RAW_ARRAY(WP_I64), WP_U32, WP_U32), WP_U32) {
    wp_reader in = wp_input();
    int32_t lock = wp_get_object(&in), array = wp_get_object(&in), each = wp_get_object(&in);
    uint32_t own = wp_get_u32(&in), times = wp_get_u32(&in), repairs = 0;
    wp_input_end(&in);
    wp_window numbers_window, counts_window;
    wp_must(wp_attach(array, &numbers_window), "the numbers");
    wp_must(wp_attach(each, &counts_window), "the counts");
    int64_t *numbers = numbers_window.at, *counts = counts_window.at;
    size_t len = numbers_window.len / sizeof *numbers, parties = counts_window.len / sizeof *counts;
    while (counts[own] < times) {
        if (wp_must(wp_lock(lock, WP_FOREVER), "the lock") == 1) {
            int64_t sum = 0;
            for (size_t i = 0; i < parties; i++) sum += counts[i];
            for (size_t i = 0; i < len; i++) {
                if (numbers[i] < sum - 1 || numbers[i] > sum + 1) return wp_fail("an increment was lost");
                numbers[i] = sum;
            }
            repairs++;
        }
        for (size_t i = 0; i < len / 2; i++) numbers[i]++;
        counts[own]++;
        for (size_t i = len / 2; i < len; i++) numbers[i]++;
        wp_unlock(lock);
    }
    wp_detach(&counts_window);
    wp_detach(&numbers_window);
    wp_writer out = {0};
    wp_put_u32(&out, repairs);
    return wp_output(&out);
}

WASMPOOL_TASK(produce, WP_POSTCARD, WP_ARGS(WP_QUEUE(WP_U64), WP_U64), WP_UNIT) {
    wp_reader in = wp_input();
    int32_t queue = wp_get_object(&in);
    uint64_t count = wp_get_u64(&in);
    wp_input_end(&in);
    wp_writer message = {0};
    for (uint64_t n = 1; n <= count; n++) {
        wp_put_u64(&message, n);
        wp_must(wp_queue_put(queue, &message, WP_FOREVER), "the queue");
    }
    wp_must(wasmpool_queue_close(queue), "the queue");
    wp_writer_free(&message);
    return 0;
}

WASMPOOL_TASK(consume, WP_POSTCARD, WP_ARGS(WP_QUEUE(WP_U64)), WP_U64) {
    wp_reader in = wp_input(), message;
    int32_t queue = wp_get_object(&in), got;
    wp_input_end(&in);
    uint64_t sum = 0;
    while ((got = wp_queue_get(queue, &message, WP_FOREVER)) != WP_CLOSED) {
        wp_must(got, "the queue");
        sum += wp_get_u64(&message);
        wp_reader_free(&message);
    }
    wp_writer out = {0};
    wp_put_u64(&out, sum);
    return wp_output(&out);
}

// One task for each other part.

WASMPOOL_TASK(report, WP_POSTCARD, WP_ARGS(WP_STR), WP_STR) {
    wp_reader in = wp_input();
    size_t len;
    const char *text = wp_get_bytes(&in, &len);
    wp_input_end(&in);
    wasmpool_log(WP_LEVEL_WARN, text, len);
    wasmpool_progress(1, 2);
    wp_writer part = {0};
    wp_put_bytes(&part, text, len);
    wp_emit(&part);
    wp_writer out = {0};
    wp_put_bytes(&out, text, len);
    return wp_output(&out);
}

WASMPOOL_TASK(refuse, WP_POSTCARD, WP_ARGS(WP_STR), WP_UNIT) {
    wp_reader in = wp_input();
    size_t len;
    const char *text = wp_get_bytes(&in, &len);
    wp_input_end(&in);
    wasmpool_fail(WP_FAIL_MESSAGE, text, len);
    return 1;
}

WASMPOOL_TASK(crash, WP_POSTCARD, WP_ARGS(WP_STR), WP_UNIT) {
    wp_reader in = wp_input();
    size_t len;
    char text[100] = {0};
    const char *given = wp_get_bytes(&in, &len);
    wp_input_end(&in);
    memcpy(text, given, len < sizeof text ? len : sizeof text - 1);
    wp_die(text);
}

static int deeper(volatile int *above) {
    volatile int here = *above + 1;
    return here ? deeper(&here) + here : 0;
}

// The same with local data, which lie in memory and not where WebAssembly's own stack is.
static int wider(volatile char *above) {
    volatile char here[4096];
    here[0] = above[0] + 1;
    return here[0] == above[0] ? 0 : wider(here) + here[0];
}

// Ends in the way that it is told.
WASMPOOL_TASK(end, WP_POSTCARD, WP_ARGS(WP_STR), WP_UNIT) {
    wp_reader in = wp_input();
    size_t len;
    char how[20] = {0};
    const char *given = wp_get_bytes(&in, &len);
    wp_input_end(&in);
    memcpy(how, given, len < sizeof how ? len : sizeof how - 1);
    volatile int zero = 0;
    volatile uintptr_t wild = 0xfffffff0;
    if (!strcmp(how, "divide")) return 7 / zero;
    if (!strcmp(how, "pointer")) return *(volatile int *)wild;
    if (!strcmp(how, "exit")) exit(3);
    if (!strcmp(how, "memory")) {
        for (char *volatile more; (more = malloc(1 << 20));) more[0] = 1;
        return wp_fail("no memory left");
    }
    if (!strcmp(how, "stack")) return deeper(&zero);
    if (!strcmp(how, "data")) return wider(how);
    return wp_fail("no such end");
}

WASMPOOL_TASK(values, WP_POSTCARD, WP_ARGS(WP_VALUE(WP_I64), WP_RAW_VALUE(WP_U32), WP_ARRAY(WP_I16)), WP_I64) {
    wp_reader in = wp_input();
    int32_t value = wp_get_object(&in), raw = wp_get_object(&in), array = wp_get_object(&in);
    wp_input_end(&in);
    int64_t number;
    wp_must(wp_lock(value, WP_FOREVER), "the value");
    wp_must(WP_LOAD(value, 0, &number, sizeof number), "the value");
    number += 1;
    wp_must(WP_STORE(value, 0, &number, sizeof number), "the value");
    wp_unlock(value);
    uint32_t before = WP_RMW(raw, WP_RMW_EXCHANGE, uint32_t, 0, 7);
    wp_must(wp_lock(array, WP_FOREVER), "the array");
    int16_t lowest = WP_RMW(array, WP_RMW_MIN, int16_t, 1, -5), first[2];
    wp_must(WP_LOAD(array, 0, first, sizeof first), "the array");
    wp_unlock(array);
    wp_writer out = {0};
    wp_put_i64(&out, number + before + lowest + first[0] + first[1]);
    return wp_output(&out);
}

WASMPOOL_TASK(meet, WP_POSTCARD, WP_ARGS(WP_RLOCK, WP_SEMAPHORE, WP_EVENT, WP_CONDITION, WP_BARRIER), WP_U32) {
    wp_reader in = wp_input();
    int32_t rlock = wp_get_object(&in), semaphore = wp_get_object(&in), event = wp_get_object(&in);
    int32_t condition = wp_get_object(&in), barrier = wp_get_object(&in);
    wp_input_end(&in);
    wp_must(wp_lock(rlock, WP_FOREVER), "the lock");
    wp_must(wp_lock(rlock, 0), "the lock again");
    wp_unlock(rlock);
    wp_unlock(rlock);
    wp_must(wasmpool_semaphore_acquire(semaphore, WP_FOREVER), "the semaphore");
    uint32_t left = (uint32_t)wp_must(wasmpool_semaphore_value(semaphore), "the semaphore");
    wp_must(wasmpool_semaphore_release(semaphore), "the semaphore");
    wp_must(wasmpool_semaphore_acquire(semaphore, 0), "the semaphore");
    wp_must(wasmpool_semaphore_keep(semaphore), "the semaphore");
    wp_must(wasmpool_barrier_wait(barrier, WP_FOREVER), "the barrier");
    wp_must(wasmpool_event_wait(event, WP_FOREVER), "the event");
    wp_must(wasmpool_event_clear(event), "the event");
    if (wasmpool_event_is_set(event)) return wp_fail("the event is set");
    wp_must(wp_lock(condition, WP_FOREVER), "the condition");
    if (wp_wait(condition, 1000000) != WP_TIMEOUT) return wp_fail("nobody notifies");
    wp_must(wasmpool_condition_notify(condition, -1), "the condition");
    wp_unlock(condition);
    wp_must(wasmpool_event_set(event), "the event");
    wp_must(wasmpool_barrier_waiting(barrier), "the barrier");
    wp_must(wasmpool_barrier_reset(barrier), "the barrier");
    wp_must(wasmpool_barrier_abort(barrier), "the barrier");
    if (wasmpool_barrier_wait(barrier, WP_FOREVER) != WP_BROKEN) return wp_fail("the barrier is not broken");
    wasmpool_handle_drop(barrier);
    wp_writer out = {0};
    wp_put_u32(&out, left);
    return wp_output(&out);
}

WASMPOOL_TASK(echo, WP_POSTCARD, WP_ARGS(WP_CONNECTION(WP_STR, WP_STR)), WP_U32) {
    wp_reader in = wp_input(), message;
    int32_t pipe = wp_get_object(&in), got;
    wp_input_end(&in);
    uint32_t times = 0;
    wp_writer answer = {0};
    if (wasmpool_pipe_poll(pipe, WP_FOREVER) != 1) return wp_fail("nothing comes");
    for (; (got = wp_pipe_recv(pipe, &message, WP_FOREVER)) != WP_CLOSED; times++) {
        wp_must(got, "the pipe");
        size_t len;
        const char *text = wp_get_bytes(&message, &len);
        wp_put_bytes(&answer, text, len);
        wp_must(wp_pipe_send(pipe, &answer, WP_FOREVER), "the pipe");
        wp_reader_free(&message);
    }
    wasmpool_pipe_close(pipe);
    wp_writer_free(&answer);
    wp_writer out = {0};
    wp_put_u32(&out, times);
    return wp_output(&out);
}

WASMPOOL_TASK(finish, WP_POSTCARD, WP_ARGS(WP_JOINABLE_QUEUE(WP_U64), WP_SIMPLE_QUEUE(WP_STR)), WP_U64) {
    wp_reader in = wp_input(), message;
    int32_t jobs = wp_get_object(&in), words = wp_get_object(&in);
    wp_input_end(&in);
    uint64_t sum = 0;
    while (wasmpool_queue_len(jobs) > 0) {
        wp_must(wp_queue_get(jobs, &message, 0), "the jobs");
        sum += wp_get_u64(&message);
        wp_reader_free(&message);
        wp_must(wasmpool_queue_task_done(jobs), "the jobs");
    }
    wp_must(wasmpool_queue_join(jobs, WP_FOREVER), "the jobs");
    if (wasmpool_queue_is_full(jobs)) return wp_fail("an empty queue is full");
    if (wp_queue_get(jobs, &message, 0) != WP_EMPTY) return wp_fail("an empty queue has something");
    wp_writer done = {0};
    wp_put_str(&done, "done");
    wp_must(wp_queue_put(words, &done, WP_FOREVER), "the words");
    wp_writer_free(&done);
    wp_writer out = {0};
    wp_put_u64(&out, sum);
    return wp_output(&out);
}

static wp_writer text_of(const char *text) {
    wp_writer out = {0};
    wp_put_str(&out, text);
    return out;
}

static wp_writer number_of(int64_t number) {
    wp_writer out = {0};
    wp_put_i64(&out, number);
    return out;
}

static int64_t number_in(wp_reader *reply) {
    int64_t number = wp_get_i64(reply);
    if (!wp_reader_done(reply)) wp_die("the reply is no number");
    wp_reader_free(reply);
    return number;
}

WASMPOOL_TASK(manage, WP_POSTCARD, WP_ARGS(WP_DICT(WP_STR, WP_I64), WP_LIST(WP_I64), WP_NAMESPACE), WP_I64) {
    wp_reader in = wp_input(), reply;
    int32_t dict = wp_get_object(&in), list = wp_get_object(&in), space = wp_get_object(&in);
    wp_input_end(&in);
    wp_writer key = text_of("a"), other = text_of("b"), one = number_of(1), two = number_of(2);
    wp_must(wp_dict_set(dict, &key, &one), "dict set");
    wp_must(wp_dict_add(dict, &key, &two, &reply), "dict add");
    int64_t sum = number_in(&reply);
    wp_must(wp_dict_get_or_insert(dict, &other, &two, &reply), "dict get or insert");
    if (!wp_get_bool(&reply)) return wp_fail("b was there");
    sum += number_in(&reply);
    wp_writer three = number_of(3);
    if (wp_dict_compare_and_swap(dict, &key, &three, &one) != 1) return wp_fail("a was not 3");
    wp_must(wp_dict_page(dict, 0, 2, &reply), "dict page");
    wp_get_u64(&reply);
    if (wp_get_bool(&reply) || wp_get_len(&reply) != 2) return wp_fail("not two items");
    wp_reader_free(&reply);
    wp_must(wp_dict_pop(dict, &other, &reply), "dict pop");
    sum += number_in(&reply);
    if (wp_dict_contains(dict, &other) != 0 || wp_dict_get(dict, &other, &reply) != WP_NOT_FOUND) return wp_fail("b is there");
    wp_writer several = {0};
    wp_put_len(&several, 2);
    wp_put_value(&several, &three);
    wp_put_value(&several, &one);
    wp_must(wp_list_extend(list, &several), "list extend");
    wp_must(wp_list_push(list, &two), "list push");
    wp_must(wp_list_insert(list, 0, &two), "list insert");
    wp_must(wp_list_add(list, 1, &one, &reply), "list add");
    sum += number_in(&reply);
    sum += wp_must(wp_list_find(list, &one), "list find");
    wp_must(wp_list_pop(list, &reply), "list pop");
    sum += number_in(&reply);
    sum += wp_must(wp_len(list), "len");
    const uint8_t type[] = {WP_TAG_I64};
    wp_must(wp_namespace_set(space, "n", type, sizeof type, &two), "namespace set");
    wp_must(wp_namespace_add(space, "n", type, sizeof type, &three, &reply), "namespace add");
    sum += number_in(&reply);
    wp_must(wp_namespace_names(space, "", &reply), "namespace names");
    if (wp_get_bool(&reply) || wp_get_len(&reply) != 1) return wp_fail("not one name");
    wp_reader_free(&reply);
    wp_must(wp_namespace_remove(space, "n"), "namespace remove");
    return wp_output((wp_writer[]){number_of(sum)});
}

WASMPOOL_TASK(ask, WP_POSTCARD, WP_ARGS(WP_I64), WP_I64) {
    wp_reader in = wp_input(), reply;
    wp_writer args = number_of(wp_get_i64(&in));
    wp_input_end(&in);
    int32_t asked = wp_host_call("double", &args, &reply);
    if (asked == WP_ERROR) {
        wasmpool_fail(WP_FAIL_MESSAGE, reply.at, (size_t)(reply.end - reply.at));
        return 1;
    }
    wp_must(asked, "double");
    return wp_output((wp_writer[]){number_of(number_in(&reply))});
}

WASMPOOL_TASK(total, WP_JSON, WP_ARGS(WP_SEQ(WP_F64), WP_STR), WP_STR) {
    wp_reader in = wp_input();
    double sum = 0;
    char unit[32], text[64];
    wp_json_open(&in, '[');
    if (wp_json_open(&in, '[')) {
        do sum += wp_json_f64(&in);
        while (wp_json_next(&in, ']'));
    }
    wp_json_next(&in, ']');
    wp_json_str(&in, unit, sizeof unit);
    wp_json_next(&in, ']');
    wp_json_end(&in);
    int len = snprintf(text, sizeof text, "%g %s", sum, unit);
    wp_writer out = {0};
    wp_json_put_str(&out, text, (size_t)len);
    return wp_output(&out);
}
