// The example's tasks in C++.

#include "wasmpool.h"

namespace wp = wasmpool;

/** How often each word occurs: a run of letters and digits of ASCII, in lower case. */
std::map<std::string, uint64_t> count(std::string text) {
    std::map<std::string, uint64_t> counts;
    std::string word;
    text += ' ';
    for (char c : text) {
        if (c >= 'A' && c <= 'Z') c += 32;
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            word += c;
        } else if (!word.empty()) {
            counts[word]++;
            word.clear();
        }
    }
    return counts;
}
WASMPOOL_FUNCTION(count, WP_ARGS(WP_STR), WP_MAP(WP_STR, WP_U64))

void square(wp::Lock lock, wp::RawArray<int64_t> numbers) {
    auto guard = lock.acquire();
    for (int64_t &number : numbers) number *= number;
}
WASMPOOL_FUNCTION(square, WP_ARGS(WP_LOCK, WP_RAW_ARRAY(WP_I64)), WP_UNIT)

void increment(wp::Lock lock, wp::RawArray<int64_t> numbers, uint32_t times) {
    while (times--) {
        auto guard = lock.acquire();
        for (int64_t &number : numbers) number++;
    }
}
WASMPOOL_FUNCTION(increment, WP_ARGS(WP_LOCK, WP_RAW_ARRAY(WP_I64), WP_U32), WP_UNIT)

/**
 * Adds one to all numbers and to its own count, until that is `times`. Whoever finds that the last holder of the lock died in the middle of
 * this sets the numbers right: each is the sum of all counts. The result is how often that was.
 */
uint32_t tally(wp::Lock lock, wp::RawArray<int64_t> numbers, wp::RawArray<int64_t> counts, uint32_t own, uint32_t times) {
    uint32_t repairs = 0;
    const size_t half = numbers.size() / 2;
    while (counts[own] < times) {
        auto guard = lock.acquire();
        if (guard.was_abandoned()) {
            int64_t sum = 0;
            for (int64_t count : counts) sum += count;
            for (int64_t &number : numbers) {
                if (number < sum - 1 || number > sum + 1) wp::fail("an increment was lost");
                number = sum;
            }
            repairs++;
        }
        for (size_t i = 0; i < half; i++) numbers[i]++;
        counts[own]++;
        for (size_t i = half; i < numbers.size(); i++) numbers[i]++;
    }
    return repairs;
}
WASMPOOL_FUNCTION(tally, WP_ARGS(WP_LOCK, WP_RAW_ARRAY(WP_I64), WP_RAW_ARRAY(WP_I64), WP_U32, WP_U32), WP_U32)

void produce(wp::Queue<uint64_t> numbers, uint64_t count) {
    for (uint64_t n = 1; n <= count; n++) numbers.put(n);
    numbers.close();
}
WASMPOOL_FUNCTION(produce, WP_ARGS(WP_QUEUE(WP_U64), WP_U64), WP_UNIT)

uint64_t consume(wp::Queue<uint64_t> numbers) {
    uint64_t sum = 0;
    while (auto number = numbers.get()) sum += *number;
    return sum;
}
WASMPOOL_FUNCTION(consume, WP_ARGS(WP_QUEUE(WP_U64)), WP_U64)

// One task for each other part.

std::string report(std::string text) {
    wp::log(WP_LEVEL_WARN, text);
    wp::progress(1, 2);
    wp::emit(text);
    return text;
}
WASMPOOL_FUNCTION(report, WP_ARGS(WP_STR), WP_STR)

// An error that is no crash is told by C's way: fail, and return something else than zero.
WASMPOOL_TASK(refuse, WP_POSTCARD, WP_ARGS(WP_STR), WP_UNIT) {
    wp_reader in = wp_input();
    auto text = wp::Wire<std::string>::get(in);
    wp_input_end(&in);
    return wp_fail(text.c_str());
}

void crash(std::string text) { wp::fail(text); }
WASMPOOL_FUNCTION(crash, WP_ARGS(WP_STR), WP_UNIT)

static int deeper(volatile int &above) {
    volatile int here = above + 1;
    return here ? deeper(here) + here : 0;
}

/** The same with local data, which lie in memory and not where WebAssembly's own stack is. */
static int wider(volatile const char *above) {
    volatile char here[4096];
    here[0] = above[0] + 1;
    return here[0] == above[0] ? 0 : wider(here) + here[0];
}

/** Ends in the way that it is told. */
void end(std::string how) {
    volatile int zero = 0;
    volatile uintptr_t wild = 0xfffffff0;
    if (how == "divide") zero = 7 / zero;
    if (how == "pointer") zero = *reinterpret_cast<volatile int *>(wild);
    if (how == "exit") std::exit(3);
    if (how == "memory") for (std::vector<std::string> all;;) all.emplace_back(1 << 20, 'x');
    if (how == "stack") zero = deeper(zero);
    if (how == "data") zero = wider(how.data());
    wp::fail("no such end");
}
WASMPOOL_FUNCTION(end, WP_ARGS(WP_STR), WP_UNIT)

int64_t values(wp::Value<int64_t> value, wp::RawValue<uint32_t> raw, wp::Array<int16_t> array) {
    int64_t number;
    {
        auto guard = value.acquire();
        value.set(number = value.get() + 1);
    }
    uint32_t before = raw.rmw(WP_RMW_EXCHANGE, 7);
    auto guard = array.acquire();
    int16_t lowest = array.rmw(WP_RMW_MIN, 1, -5), first[2];
    array.read(0, first, 2);
    return number + before + lowest + first[0] + first[1];
}
WASMPOOL_FUNCTION(values, WP_ARGS(WP_VALUE(WP_I64), WP_RAW_VALUE(WP_U32), WP_ARRAY(WP_I16)), WP_I64)

uint32_t meet(wp::RLock rlock, wp::Semaphore semaphore, wp::Event event, wp::Condition condition, wp::Barrier barrier) {
    {
        auto once = rlock.acquire();
        auto twice = rlock.acquire(0);
    }
    semaphore.acquire();
    auto left = static_cast<uint32_t>(semaphore.value());
    semaphore.release();
    semaphore.acquire(0);
    semaphore.keep();
    barrier.wait();
    event.wait();
    event.clear();
    if (event.is_set()) wp::fail("the event is set");
    {
        auto guard = condition.acquire();
        if (guard.wait(1000000)) wp::fail("nobody notifies");
        guard.notify_all();
    }
    event.set();
    barrier.reset();
    barrier.abort();
    if (barrier.wait() != WP_BROKEN) wp::fail("the barrier is not broken");
    return left;
}
WASMPOOL_FUNCTION(meet, WP_ARGS(WP_RLOCK, WP_SEMAPHORE, WP_EVENT, WP_CONDITION, WP_BARRIER), WP_U32)

uint32_t echo(wp::Connection<std::string, std::string> pipe) {
    uint32_t times = 0;
    if (!pipe.poll(wp::forever)) wp::fail("nothing comes");
    for (; auto text = pipe.recv(); times++) pipe.send(*text);
    pipe.close();
    return times;
}
WASMPOOL_FUNCTION(echo, WP_ARGS(WP_CONNECTION(WP_STR, WP_STR)), WP_U32)

uint64_t finish(wp::JoinableQueue<uint64_t> jobs, wp::SimpleQueue<std::string> words) {
    uint64_t sum = 0, job = 0;
    while (jobs.size() > 0) {
        if (jobs.get(job, 0) < 0) wp::fail("a job went away");
        sum += job;
        jobs.task_done();
    }
    jobs.join();
    if (jobs.is_full() || jobs.get(job, 0) != WP_EMPTY) wp::fail("an empty queue is not");
    words.put("done");
    return sum;
}
WASMPOOL_FUNCTION(finish, WP_ARGS(WP_JOINABLE_QUEUE(WP_U64), WP_SIMPLE_QUEUE(WP_STR)), WP_U64)

int64_t manage(wp::Dict<std::string, int64_t> dict, wp::List<int64_t> list, wp::Namespace space) {
    dict.set("a", 1);
    int64_t sum = dict.add("a", 2);
    sum += dict.get_or_insert("b", 2);
    if (!dict.compare_and_swap("a", 3, 1)) wp::fail("a was not 3");
    if (dict.items().size() != 2) wp::fail("not two items");
    sum += dict.pop("b").value_or(0);
    if (dict.contains("b") || dict.get("b")) wp::fail("b is there");
    list.extend({3, 1});
    list.push(2);
    list.insert(0, 2);
    sum += list.add(1, 1);
    sum += static_cast<int64_t>(list.index_of(1).value_or(100));
    sum += list.pop().value_or(0);
    sum += static_cast<int64_t>(list.size());
    space.set("n", int64_t{2});
    sum += space.add("n", int64_t{3});
    if (space.names() != std::vector<std::string>{"n"}) wp::fail("not one name");
    space.remove("n");
    return sum;
}
WASMPOOL_FUNCTION(manage, WP_ARGS(WP_DICT(WP_STR, WP_I64), WP_LIST(WP_I64), WP_NAMESPACE), WP_I64)

int64_t ask(int64_t n) { return wp::host_call<int64_t>("double", n); }
WASMPOOL_FUNCTION(ask, WP_ARGS(WP_I64), WP_I64)

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
    wp::Bytes out;
    wp_json_put_str(&out, text, static_cast<size_t>(len));
    return wp_output(&out);
}
