/* wasmpool.h: write tasks for wasmpool in C and C++.
 *
 * A task is a function that takes its arguments from its input, and writes its result to its output:
 *
 *     #include "wasmpool.h"
 *
 *     WASMPOOL_TASK(add, WP_POSTCARD, WP_ARGS(WP_I64, WP_I64), WP_I64) {
 *         wp_reader in = wp_input();
 *         int64_t a = wp_get_i64(&in), b = wp_get_i64(&in);
 *         wp_input_end(&in);
 *         wp_writer out = {0};
 *         wp_put_i64(&out, a + b);
 *         return wp_output(&out);
 *     }
 *
 * In C++ (17) a task is an ordinary function, and its arguments are typed: see the end of this file.
 *
 *     clang --target=wasm32-wasi -O2 -mexec-model=reactor -Wl,--stack-first -Wl,-z,stack-size=1048576 add.c -o add.wasm
 *     clang++ --target=wasm32-wasi -std=c++17 -fno-exceptions -O2 … add.cpp -o add.wasm
 *
 * The stack comes first so that one that is too deep traps. Older linkers put it behind the data, which it then runs over.
 *
 * Names with `wasmpool_` are the imports as they are, names with `wp_` make them pleasant.
 * Functions return zero or more for success and a negative `wp_code` for failure, unless they say otherwise.
 * What cannot go on (no memory left, an argument that is no such object) ends the task with a message: it traps.
 * Timeouts are in nanoseconds; WP_FOREVER waits as long as the task may run, zero does not wait.
 */
#ifndef WASMPOOL_H
#define WASMPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
#define WP_C extern "C"
extern "C" {
#else
#define WP_C
#endif

#define WASMPOOL_IMPORT(name) __attribute__((import_module("wasmpool"), import_name(name)))

/* Generated from guest-sdk/abi: begin */

#define WP_ABI_VERSION 1
#define WP_WINDOW_ALIGN 65536

/** Why an import failed: its result, when that is negative. */
enum wp_code {
    /** timed out */
    WP_TIMEOUT = -1,
    /** closed */
    WP_CLOSED = -2,
    /** full */
    WP_FULL = -3,
    /** empty */
    WP_EMPTY = -4,
    /** abandoned by a holder that died */
    WP_ABANDONED = -5,
    /** not a handle of this task */
    WP_BAD_HANDLE = -6,
    /** a handle of an earlier task, or one given up */
    WP_STALE = -7,
    /** bad address */
    WP_BAD_ADDRESS = -8,
    /** too large */
    WP_TOO_LARGE = -9,
    /** invalid argument */
    WP_INVALID = -10,
    /** not allowed by the grant */
    WP_DENIED = -11,
    /** failed in the host */
    WP_FAILED = -12,
    /** not held by the caller */
    WP_NOT_HELD = -13,
    /** broken */
    WP_BROKEN = -14,
    /** not found */
    WP_NOT_FOUND = -15,
    /** of the wrong type */
    WP_WRONG_TYPE = -16,
    /** the function returned an error */
    WP_ERROR = -17,
    /** held by the caller already */
    WP_ALREADY_HELD = -18,
};
/** What they say, from the first on. */
#define WP_CODE_TEXTS "timed out", "closed", "full", "empty", "abandoned by a holder that died", "not a handle of this task", "a handle of an earlier task, or one given up", "bad address", "too large", "invalid argument", "not allowed by the grant", "failed in the host", "not held by the caller", "broken", "not found", "of the wrong type", "the function returned an error", "held by the caller already"

/** What the bytes are that say why a task fails. */
enum wp_fail {
    /** a message for people */
    WP_FAIL_MESSAGE = 0,
    /** message, file and line, a line for each */
    WP_FAIL_PANIC = 1,
    /** the input is wrong: a message for people */
    WP_FAIL_INPUT = 2,
    /** the error value in the task's codec */
    WP_FAIL_VALUE = 3,
};

/** How loud a record of the log is. */
enum wp_level {
    /** something failed */
    WP_LEVEL_ERROR = 1,
    /** something is wrong, and the task goes on */
    WP_LEVEL_WARN = 2,
    /** what a user wants to read */
    WP_LEVEL_INFO = 3,
    /** what a developer wants to read */
    WP_LEVEL_DEBUG = 4,
    /** everything */
    WP_LEVEL_TRACE = 5,
};

/** How a task's input and output are encoded. */
enum wp_codec {
    /** postcard */
    WP_CODEC_POSTCARD = 0,
    /** json */
    WP_CODEC_JSON = 1,
    /** raw */
    WP_CODEC_RAW = 2,
};
#define WP_CODEC_POSTCARD_TEXT "\000"
#define WP_CODEC_JSON_TEXT "\001"
#define WP_CODEC_RAW_TEXT "\002"

/** What an object of the host is. */
enum wp_kind {
    /** RawArray */
    WP_KIND_RAW_ARRAY = 1,
    /** Array */
    WP_KIND_ARRAY = 2,
    /** RawValue */
    WP_KIND_RAW_VALUE = 3,
    /** Value */
    WP_KIND_VALUE = 4,
    /** ChunkMut */
    WP_KIND_CHUNK = 5,
    /** Lock */
    WP_KIND_LOCK = 6,
    /** RLock */
    WP_KIND_RLOCK = 7,
    /** Semaphore */
    WP_KIND_SEMAPHORE = 8,
    /** BoundedSemaphore */
    WP_KIND_BOUNDED_SEMAPHORE = 9,
    /** Event */
    WP_KIND_EVENT = 10,
    /** Condition */
    WP_KIND_CONDITION = 11,
    /** Barrier */
    WP_KIND_BARRIER = 12,
    /** Queue */
    WP_KIND_QUEUE = 13,
    /** SimpleQueue */
    WP_KIND_SIMPLE_QUEUE = 14,
    /** JoinableQueue */
    WP_KIND_JOINABLE_QUEUE = 15,
    /** Connection */
    WP_KIND_CONNECTION = 16,
    /** Dict */
    WP_KIND_DICT = 17,
    /** List */
    WP_KIND_LIST = 18,
    /** Namespace */
    WP_KIND_NAMESPACE = 19,
};
#define WP_KIND_RAW_ARRAY_TEXT "\001"
#define WP_KIND_ARRAY_TEXT "\002"
#define WP_KIND_RAW_VALUE_TEXT "\003"
#define WP_KIND_VALUE_TEXT "\004"
#define WP_KIND_CHUNK_TEXT "\005"
#define WP_KIND_LOCK_TEXT "\006"
#define WP_KIND_RLOCK_TEXT "\007"
#define WP_KIND_SEMAPHORE_TEXT "\010"
#define WP_KIND_BOUNDED_SEMAPHORE_TEXT "\011"
#define WP_KIND_EVENT_TEXT "\012"
#define WP_KIND_CONDITION_TEXT "\013"
#define WP_KIND_BARRIER_TEXT "\014"
#define WP_KIND_QUEUE_TEXT "\015"
#define WP_KIND_SIMPLE_QUEUE_TEXT "\016"
#define WP_KIND_JOINABLE_QUEUE_TEXT "\017"
#define WP_KIND_CONNECTION_TEXT "\020"
#define WP_KIND_DICT_TEXT "\021"
#define WP_KIND_LIST_TEXT "\022"
#define WP_KIND_NAMESPACE_TEXT "\023"

/** An atomic operation of `shm_rmw`. */
enum wp_rmw {
    /** add */
    WP_RMW_ADD = 0,
    /** sub */
    WP_RMW_SUB = 1,
    /** and */
    WP_RMW_AND = 2,
    /** or */
    WP_RMW_OR = 3,
    /** xor */
    WP_RMW_XOR = 4,
    /** exchange */
    WP_RMW_EXCHANGE = 5,
    /** min */
    WP_RMW_MIN = 6,
    /** max */
    WP_RMW_MAX = 7,
};

/** An operation of `manager_call`. */
enum wp_op {
    /** len */
    WP_OP_LEN = 0,
    /** clear */
    WP_OP_CLEAR = 1,
    /** dict get */
    WP_OP_DICT_GET = 16,
    /** dict insert */
    WP_OP_DICT_INSERT = 17,
    /** dict set */
    WP_OP_DICT_SET = 18,
    /** dict pop */
    WP_OP_DICT_POP = 19,
    /** dict pop last */
    WP_OP_DICT_POP_LAST = 20,
    /** dict contains */
    WP_OP_DICT_CONTAINS = 21,
    /** dict page */
    WP_OP_DICT_PAGE = 22,
    /** dict update */
    WP_OP_DICT_UPDATE = 23,
    /** dict get or insert */
    WP_OP_DICT_GET_OR_INSERT = 24,
    /** dict add */
    WP_OP_DICT_ADD = 25,
    /** dict compare and swap */
    WP_OP_DICT_COMPARE_AND_SWAP = 26,
    /** list get */
    WP_OP_LIST_GET = 32,
    /** list set */
    WP_OP_LIST_SET = 33,
    /** list push */
    WP_OP_LIST_PUSH = 34,
    /** list extend */
    WP_OP_LIST_EXTEND = 35,
    /** list insert */
    WP_OP_LIST_INSERT = 36,
    /** list remove */
    WP_OP_LIST_REMOVE = 37,
    /** list pop */
    WP_OP_LIST_POP = 38,
    /** list find */
    WP_OP_LIST_FIND = 39,
    /** list page */
    WP_OP_LIST_PAGE = 40,
    /** list replace */
    WP_OP_LIST_REPLACE = 41,
    /** list add */
    WP_OP_LIST_ADD = 42,
    /** list compare and swap */
    WP_OP_LIST_COMPARE_AND_SWAP = 43,
    /** namespace get */
    WP_OP_NAMESPACE_GET = 48,
    /** namespace set */
    WP_OP_NAMESPACE_SET = 49,
    /** namespace remove */
    WP_OP_NAMESPACE_REMOVE = 50,
    /** namespace names */
    WP_OP_NAMESPACE_NAMES = 51,
    /** namespace add */
    WP_OP_NAMESPACE_ADD = 52,
};

/* The first byte of a type: a number, and text for the assembler. */
#define WP_TAG_UNIT 0
#define WP_TAG_UNIT_TEXT "\000"
#define WP_TAG_BOOL 1
#define WP_TAG_BOOL_TEXT "\001"
#define WP_TAG_U8 2
#define WP_TAG_U8_TEXT "\002"
#define WP_TAG_U16 3
#define WP_TAG_U16_TEXT "\003"
#define WP_TAG_U32 4
#define WP_TAG_U32_TEXT "\004"
#define WP_TAG_U64 5
#define WP_TAG_U64_TEXT "\005"
#define WP_TAG_U128 6
#define WP_TAG_U128_TEXT "\006"
#define WP_TAG_I8 7
#define WP_TAG_I8_TEXT "\007"
#define WP_TAG_I16 8
#define WP_TAG_I16_TEXT "\010"
#define WP_TAG_I32 9
#define WP_TAG_I32_TEXT "\011"
#define WP_TAG_I64 10
#define WP_TAG_I64_TEXT "\012"
#define WP_TAG_I128 11
#define WP_TAG_I128_TEXT "\013"
#define WP_TAG_F32 12
#define WP_TAG_F32_TEXT "\014"
#define WP_TAG_F64 13
#define WP_TAG_F64_TEXT "\015"
#define WP_TAG_CHAR 14
#define WP_TAG_CHAR_TEXT "\016"
#define WP_TAG_STR 15
#define WP_TAG_STR_TEXT "\017"
#define WP_TAG_OPTION 32
#define WP_TAG_OPTION_TEXT "\040"
#define WP_TAG_SEQ 33
#define WP_TAG_SEQ_TEXT "\041"
#define WP_TAG_ARRAY 34
#define WP_TAG_ARRAY_TEXT "\042"
#define WP_TAG_MAP 35
#define WP_TAG_MAP_TEXT "\043"
#define WP_TAG_TUPLE 36
#define WP_TAG_TUPLE_TEXT "\044"
#define WP_TAG_STRUCT 37
#define WP_TAG_STRUCT_TEXT "\045"
#define WP_TAG_ENUM 38
#define WP_TAG_ENUM_TEXT "\046"
#define WP_TAG_HANDLE 39
#define WP_TAG_HANDLE_TEXT "\047"
#define WP_TAG_REC 40
#define WP_TAG_REC_TEXT "\050"

/* The imports. What they do is documented at their first line, and they trap on bad pointers. */

/** Bytes of this task's input. */
WASMPOOL_IMPORT("input_len") int32_t wasmpool_input_len(void);
/** Copies up to `len` bytes of the input from `offset` on to `dst`; returns how many there were. */
WASMPOOL_IMPORT("input_read") int32_t wasmpool_input_read(void *dst, int32_t offset, size_t len);
/** Appends to the result. */
WASMPOOL_IMPORT("output_write") void wasmpool_output_write(const void *src, size_t len);
/** Why the task fails: a `FailKind` and its text or bytes. A trap after it is that failure, with its backtrace. */
WASMPOOL_IMPORT("fail") void wasmpool_fail(int32_t kind, const void *src, size_t len);
/** One partial result, delivered while the task runs. */
WASMPOOL_IMPORT("emit") void wasmpool_emit(const void *src, size_t len);
/** How far the task is, for bars and dashboards; a total of zero or less says that it is not known. */
WASMPOOL_IMPORT("progress") void wasmpool_progress(int64_t done, int64_t total);
/** A record of the log; level 1 is error, 5 is trace. */
WASMPOOL_IMPORT("log") void wasmpool_log(int32_t level, const void *src, size_t len);
/** The handle of an object among this task's arguments, which hold its index; valid until the task ends. */
WASMPOOL_IMPORT("handle") int32_t wasmpool_handle(int32_t index);
/** Gives a handle up before the task ends. */
WASMPOOL_IMPORT("handle_drop") int32_t wasmpool_handle_drop(int32_t handle);
/** Bytes of an array that this task was given. */
WASMPOOL_IMPORT("shm_len") int64_t wasmpool_shm_len(int32_t handle);
/** Maps `len` bytes of an array from `offset` on over the guest's memory at `addr`; both are multiples of 64 KiB. */
WASMPOOL_IMPORT("shm_attach") int32_t wasmpool_shm_attach(int32_t handle, int64_t offset, void *addr, size_t len);
/** Puts ordinary zeroed memory back where a window begins at `addr`. */
WASMPOOL_IMPORT("shm_detach") int32_t wasmpool_shm_detach(void *addr);
/** Copies bytes of an array to `dst`. */
WASMPOOL_IMPORT("shm_read") int32_t wasmpool_shm_read(int32_t handle, int64_t offset, void *dst, size_t len);
/** Copies bytes from `src` into an array. */
WASMPOOL_IMPORT("shm_write") int32_t wasmpool_shm_write(int32_t handle, int64_t offset, const void *src, size_t len);
/** An atomic operation (a `RmwOp`) on an integer of an array; returns what was there before. What cannot be done traps. */
WASMPOOL_IMPORT("shm_rmw") int64_t wasmpool_shm_rmw(int32_t handle, int32_t op, int64_t offset, int64_t value);
/** Takes a lock, or that of an array, a value or a condition. Abandoned: the caller holds it all the same. */
WASMPOOL_IMPORT("lock_acquire") int32_t wasmpool_lock_acquire(int32_t handle, int64_t timeout_ns);
/** Releases it. */
WASMPOOL_IMPORT("lock_release") int32_t wasmpool_lock_release(int32_t handle);
/** Takes a permit of a semaphore. */
WASMPOOL_IMPORT("semaphore_acquire") int32_t wasmpool_semaphore_acquire(int32_t handle, int64_t timeout_ns);
/** Gives one back. */
WASMPOOL_IMPORT("semaphore_release") int32_t wasmpool_semaphore_release(int32_t handle);
/** Keeps a permit of this task's taken when the task ends: it comes back by a release only. */
WASMPOOL_IMPORT("semaphore_keep") int32_t wasmpool_semaphore_keep(int32_t handle);
/** Permits that are free. */
WASMPOOL_IMPORT("semaphore_value") int32_t wasmpool_semaphore_value(int32_t handle);
/** Sets an event and wakes all who wait for it. */
WASMPOOL_IMPORT("event_set") int32_t wasmpool_event_set(int32_t handle);
/** Clears it. */
WASMPOOL_IMPORT("event_clear") int32_t wasmpool_event_clear(int32_t handle);
/** 1 when it is set, else 0. */
WASMPOOL_IMPORT("event_is_set") int32_t wasmpool_event_is_set(int32_t handle);
/** Waits until it is set. */
WASMPOOL_IMPORT("event_wait") int32_t wasmpool_event_wait(int32_t handle, int64_t timeout_ns);
/** Releases the condition's lock, waits to be notified, takes the lock again. */
WASMPOOL_IMPORT("condition_wait") int32_t wasmpool_condition_wait(int32_t handle, int64_t timeout_ns);
/** Wakes up to `count` of those who wait; a negative count is all. */
WASMPOOL_IMPORT("condition_notify") int32_t wasmpool_condition_notify(int32_t handle, int32_t count);
/** Waits until all parties do; returns this one's place among them, 0 for the last to come. */
WASMPOOL_IMPORT("barrier_wait") int32_t wasmpool_barrier_wait(int32_t handle, int64_t timeout_ns);
/** Makes it new; those who wait find it broken. */
WASMPOOL_IMPORT("barrier_reset") int32_t wasmpool_barrier_reset(int32_t handle);
/** Breaks it. */
WASMPOOL_IMPORT("barrier_abort") int32_t wasmpool_barrier_abort(int32_t handle);
/** How many wait; `Broken` when it is. */
WASMPOOL_IMPORT("barrier_waiting") int32_t wasmpool_barrier_waiting(int32_t handle);
/** Appends a message. */
WASMPOOL_IMPORT("queue_put") int32_t wasmpool_queue_put(int32_t handle, const void *src, size_t len, int64_t timeout_ns);
/** Takes the oldest message; returns its length, `message_read` has its bytes. */
WASMPOOL_IMPORT("queue_get") int32_t wasmpool_queue_get(int32_t handle, int64_t timeout_ns);
/** How many messages it holds. */
WASMPOOL_IMPORT("queue_len") int32_t wasmpool_queue_len(int32_t handle);
/** 1 when it holds as many messages or bytes as it may, else 0. */
WASMPOOL_IMPORT("queue_is_full") int32_t wasmpool_queue_is_full(int32_t handle);
/** Nothing more can be put; what is in it can be taken. */
WASMPOOL_IMPORT("queue_close") int32_t wasmpool_queue_close(int32_t handle);
/** One message that was taken has been dealt with. */
WASMPOOL_IMPORT("queue_task_done") int32_t wasmpool_queue_task_done(int32_t handle);
/** Waits until all that were put have been dealt with. */
WASMPOOL_IMPORT("queue_join") int32_t wasmpool_queue_join(int32_t handle, int64_t timeout_ns);
/** Sends a message to the other end of a pipe. */
WASMPOOL_IMPORT("pipe_send") int32_t wasmpool_pipe_send(int32_t handle, const void *src, size_t len, int64_t timeout_ns);
/** Receives one; returns its length, `message_read` has its bytes. */
WASMPOOL_IMPORT("pipe_recv") int32_t wasmpool_pipe_recv(int32_t handle, int64_t timeout_ns);
/** 1 when there is something to receive, the end of the messages among it, else 0. */
WASMPOOL_IMPORT("pipe_poll") int32_t wasmpool_pipe_poll(int32_t handle, int64_t timeout_ns);
/** Closes this end. */
WASMPOOL_IMPORT("pipe_close") int32_t wasmpool_pipe_close(int32_t handle);
/** Copies up to `len` bytes of the last message or reply from `offset` on to `dst`; returns how many there were. */
WASMPOOL_IMPORT("message_read") int32_t wasmpool_message_read(void *dst, int32_t offset, size_t len);
/** An operation on a manager's object; returns the length of the reply, `message_read` has its bytes. */
WASMPOOL_IMPORT("manager_call") int32_t wasmpool_manager_call(int32_t handle, int32_t op, const void *src, size_t len);
/** Calls a function of the embedding program; returns the length of the reply, `message_read` has its bytes. */
WASMPOOL_IMPORT("host_call") int32_t wasmpool_host_call(const char *name, size_t name_len, const void *src, size_t len);

/* Generated from guest-sdk/abi: end */

#define WP_FOREVER INT64_C(-1)

/* ---- How a module says what its tasks are --------------------------------------------------------------------------------
 *
 * WASMPOOL_TASK(name, codec, args, result) { … } exports the task `name` and declares its types, so that the host checks them before
 * the first call and `wasmpool call` takes JSON. `codec` is WP_POSTCARD, WP_JSON or WP_RAW, `args` WP_ARGS(…) of up to eight types
 * or WP_NO_ARGS. Types that have names in them (structs, enums) are declared with `wasmpool pack` instead: use WASMPOOL_EXPORT.
 */

#define WP_POSTCARD WP_CODEC_POSTCARD_TEXT
#define WP_JSON WP_CODEC_JSON_TEXT
#define WP_RAW WP_CODEC_RAW_TEXT

#define WP_UNIT WP_TAG_UNIT_TEXT
#define WP_BOOL WP_TAG_BOOL_TEXT
#define WP_U8 WP_TAG_U8_TEXT
#define WP_U16 WP_TAG_U16_TEXT
#define WP_U32 WP_TAG_U32_TEXT
#define WP_U64 WP_TAG_U64_TEXT
#define WP_I8 WP_TAG_I8_TEXT
#define WP_I16 WP_TAG_I16_TEXT
#define WP_I32 WP_TAG_I32_TEXT
#define WP_I64 WP_TAG_I64_TEXT
#define WP_F32 WP_TAG_F32_TEXT
#define WP_F64 WP_TAG_F64_TEXT
#define WP_CHAR WP_TAG_CHAR_TEXT
#define WP_STR WP_TAG_STR_TEXT
#define WP_OPTION(type) WP_TAG_OPTION_TEXT type
#define WP_SEQ(type) WP_TAG_SEQ_TEXT type
#define WP_MAP(key, value) WP_TAG_MAP_TEXT key value
#define WP_PAIR(first, second) WP_TAG_TUPLE_TEXT "\002\000" first second

/* Objects of the host. */
#define WP_RAW_ARRAY(element) WP_TAG_HANDLE_TEXT WP_KIND_RAW_ARRAY_TEXT element
#define WP_ARRAY(element) WP_TAG_HANDLE_TEXT WP_KIND_ARRAY_TEXT element
#define WP_RAW_VALUE(element) WP_TAG_HANDLE_TEXT WP_KIND_RAW_VALUE_TEXT element
#define WP_VALUE(element) WP_TAG_HANDLE_TEXT WP_KIND_VALUE_TEXT element
#define WP_CHUNK(element) WP_TAG_HANDLE_TEXT WP_KIND_CHUNK_TEXT element
#define WP_LOCK WP_TAG_HANDLE_TEXT WP_KIND_LOCK_TEXT WP_UNIT
#define WP_RLOCK WP_TAG_HANDLE_TEXT WP_KIND_RLOCK_TEXT WP_UNIT
#define WP_SEMAPHORE WP_TAG_HANDLE_TEXT WP_KIND_SEMAPHORE_TEXT WP_UNIT
#define WP_BOUNDED_SEMAPHORE WP_TAG_HANDLE_TEXT WP_KIND_BOUNDED_SEMAPHORE_TEXT WP_UNIT
#define WP_EVENT WP_TAG_HANDLE_TEXT WP_KIND_EVENT_TEXT WP_UNIT
#define WP_CONDITION WP_TAG_HANDLE_TEXT WP_KIND_CONDITION_TEXT WP_UNIT
#define WP_BARRIER WP_TAG_HANDLE_TEXT WP_KIND_BARRIER_TEXT WP_UNIT
#define WP_QUEUE(message) WP_TAG_HANDLE_TEXT WP_KIND_QUEUE_TEXT message
#define WP_SIMPLE_QUEUE(message) WP_TAG_HANDLE_TEXT WP_KIND_SIMPLE_QUEUE_TEXT message
#define WP_JOINABLE_QUEUE(message) WP_TAG_HANDLE_TEXT WP_KIND_JOINABLE_QUEUE_TEXT message
#define WP_CONNECTION(sends, receives) WP_TAG_HANDLE_TEXT WP_KIND_CONNECTION_TEXT WP_PAIR(sends, receives)
#define WP_SENDER(message) WP_TAG_HANDLE_TEXT WP_KIND_CONNECTION_TEXT WP_TAG_STRUCT_TEXT "\006Sender\001\000\005sends" message
#define WP_RECEIVER(message) WP_TAG_HANDLE_TEXT WP_KIND_CONNECTION_TEXT WP_TAG_STRUCT_TEXT "\010Receiver\001\000\010receives" message
#define WP_DICT(key, value) WP_TAG_HANDLE_TEXT WP_KIND_DICT_TEXT WP_PAIR(key, value)
#define WP_LIST(type) WP_TAG_HANDLE_TEXT WP_KIND_LIST_TEXT type
#define WP_NAMESPACE WP_TAG_HANDLE_TEXT WP_KIND_NAMESPACE_TEXT WP_UNIT

#define WP_COUNT_(a, b, c, d, e, f, g, h, n, ...) n
#define WP_COUNT(...) \
    WP_COUNT_(__VA_ARGS__, "\010", "\007", "\006", "\005", "\004", "\003", "\002", "\001", )
#define WP_ARGS(...) WP_COUNT(__VA_ARGS__), __VA_ARGS__
#define WP_NO_ARGS "\000"

#define WP_TEXT_(...) #__VA_ARGS__
#define WP_TEXT(...) WP_TEXT_(__VA_ARGS__)

/* A record of the section of tasks, laid out by the assembler, which can also count the bytes. All but the name are text for it. */
#define WP_RECORD(name, codec, args, result) \
    __asm__(".section .custom_section.wasmpool.tasks,\"\",@\n" \
            ".int32 .Lwp_end_" #name "-.Lwp_begin_" #name "\n" \
            ".Lwp_begin_" #name ":\n" \
            ".int8 " WP_TEXT(WP_ABI_VERSION) "\n" \
            ".ascii " codec "\n" \
            ".int8 .Lwp_name_end_" #name "-.Lwp_name_" #name "\n" \
            ".Lwp_name_" #name ":\n.ascii \"" #name "\"\n.Lwp_name_end_" #name ":\n" \
            ".int8 .Lwp_export_end_" #name "-.Lwp_export_" #name "\n" \
            ".Lwp_export_" #name ":\n.ascii \"wasmpool.task." #name "\"\n.Lwp_export_end_" #name ":\n" \
            ".ascii " args "\n" \
            ".ascii " result "\n" \
            ".int8 0\n" \
            ".Lwp_end_" #name ":\n" \
            ".text\n")

/* Exports a task without declaring it; `wasmpool pack` does that. */
#define WASMPOOL_EXPORT(name) \
    WP_C __attribute__((export_name("wasmpool.task." #name))) int32_t wp_task_##name(void)

#define WASMPOOL_TASK(name, codec, args, result) \
    WP_RECORD(name, WP_TEXT(codec), WP_TEXT(args), WP_TEXT(result)); \
    WASMPOOL_EXPORT(name)

/* ---- How a task fails ------------------------------------------------------------------------------------------------- */

/** What a code says. */
static inline const char *wp_code_text(int64_t code) {
    static const char *const texts[] = {"done", WP_CODE_TEXTS};
    return code <= 0 && -code < (int64_t)(sizeof texts / sizeof *texts) ? texts[-code] : "an unknown failure";
}

/** Says why the task fails, and returns what the task then has to return: `return wp_fail("no such thing");` */
static inline int32_t wp_fail(const char *message) {
    wasmpool_fail(WP_FAIL_MESSAGE, message, strlen(message));
    return 1;
}

/** Ends the task at once with a message, and the backtrace of who called this. */
__attribute__((noreturn)) static inline void wp_die(const char *message) {
    wp_fail(message);
    __builtin_trap();
}

/** Ends the task at once, when `result` is the failure of what `of` names; else returns it. */
static inline int64_t wp_must(int64_t result, const char *of) {
    if (result < 0) {
        char message[128];
        snprintf(message, sizeof message, "%s: %s", of, wp_code_text(result));
        wp_die(message);
    }
    return result;
}

/** Ends the task: its input is not what it takes. */
__attribute__((noreturn)) static inline void wp_wrong_input(const char *message) {
    wasmpool_fail(WP_FAIL_INPUT, message, strlen(message));
    __builtin_trap();
}

/** A record of the log; `level` is one of WP_LEVEL_ERROR to WP_LEVEL_TRACE. */
static inline void wp_log(int32_t level, const char *text) {
    wasmpool_log(level, text, strlen(text));
}

/* ---- Values as bytes: postcard -----------------------------------------------------------------------------------------
 *
 * A struct is its fields, one after the other; an enum is the number of its variant (wp_put_u32) and then what it carries; an option is
 * a bool and then its value; a sequence or a map is its length (wp_put_len) and then its items; a tuple or an array is its items alone.
 */

/** Bytes that are written. `wp_writer out = {0};` is empty; wp_writer_free gives the memory back. */
typedef struct {
    uint8_t *bytes;
    size_t len, room;
} wp_writer;

static inline void wp_writer_free(wp_writer *out) {
    free(out->bytes);
    out->bytes = NULL;
    out->len = out->room = 0;
}

/** Appends bytes as they are. */
static inline void wp_put(wp_writer *out, const void *bytes, size_t len) {
    if (len > out->room - out->len) {
        size_t room = out->room < 32 ? 64 : out->room * 2;
        if (room < out->len + len) room = out->len + len;
        uint8_t *grown = (uint8_t *)realloc(out->bytes, room);
        if (!grown) wp_die("no memory left");
        out->bytes = grown;
        out->room = room;
    }
    if (len) memcpy(out->bytes + out->len, bytes, len);
    out->len += len;
}

static inline void wp_put_u8(wp_writer *out, uint8_t value) { wp_put(out, &value, 1); }
static inline void wp_put_i8(wp_writer *out, int8_t value) { wp_put(out, &value, 1); }
static inline void wp_put_bool(wp_writer *out, bool value) { wp_put_u8(out, value); }

static inline void wp_put_u64(wp_writer *out, uint64_t value) {
    uint8_t bytes[10];
    size_t len = 0;
    for (; value >= 0x80; value >>= 7) bytes[len++] = (uint8_t)(value | 0x80);
    bytes[len++] = (uint8_t)value;
    wp_put(out, bytes, len);
}

static inline void wp_put_i64(wp_writer *out, int64_t value) {
    wp_put_u64(out, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

static inline void wp_put_u16(wp_writer *out, uint16_t value) { wp_put_u64(out, value); }
static inline void wp_put_u32(wp_writer *out, uint32_t value) { wp_put_u64(out, value); }
static inline void wp_put_i16(wp_writer *out, int16_t value) { wp_put_i64(out, value); }
static inline void wp_put_i32(wp_writer *out, int32_t value) { wp_put_i64(out, value); }
static inline void wp_put_f32(wp_writer *out, float value) { wp_put(out, &value, sizeof value); }
static inline void wp_put_f64(wp_writer *out, double value) { wp_put(out, &value, sizeof value); }

/** The length of the sequence or map whose items follow. */
static inline void wp_put_len(wp_writer *out, size_t len) { wp_put_u64(out, len); }

/** Bytes, or the UTF-8 of a string. */
static inline void wp_put_bytes(wp_writer *out, const void *bytes, size_t len) {
    wp_put_len(out, len);
    wp_put(out, bytes, len);
}

/** A string that ends with a zero. */
static inline void wp_put_str(wp_writer *out, const char *text) { wp_put_bytes(out, text, strlen(text)); }

/** Bytes that are read. After a value that is not there all others are zero, and `bad` is set. */
typedef struct {
    const uint8_t *at, *end;
    uint8_t *owned;
    bool bad;
} wp_reader;

/** Reads bytes that are somebody else's. */
static inline wp_reader wp_reader_of(const void *bytes, size_t len) {
    wp_reader in = {(const uint8_t *)bytes, (const uint8_t *)bytes + len, NULL, false};
    return in;
}

static inline void wp_reader_free(wp_reader *in) {
    free(in->owned);
    *in = wp_reader_of(NULL, 0);
}

/** Whether everything was there and nothing is left over. */
static inline bool wp_reader_done(const wp_reader *in) { return !in->bad && in->at == in->end; }

/** The next `len` bytes as they are, in the reader's memory; NULL when they are not there. */
static inline const uint8_t *wp_get(wp_reader *in, size_t len) {
    if (in->bad || len > (size_t)(in->end - in->at)) {
        in->bad = true;
        return NULL;
    }
    const uint8_t *bytes = in->at;
    in->at += len;
    return bytes;
}

static inline uint8_t wp_get_u8(wp_reader *in) {
    const uint8_t *byte = wp_get(in, 1);
    return byte ? *byte : 0;
}

static inline int8_t wp_get_i8(wp_reader *in) { return (int8_t)wp_get_u8(in); }

static inline bool wp_get_bool(wp_reader *in) {
    uint8_t byte = wp_get_u8(in);
    if (byte > 1) in->bad = true;
    return byte == 1;
}

/** A number of at most `bits` bits. */
static inline uint64_t wp_get_varint(wp_reader *in, unsigned bits) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
        uint8_t byte = wp_get_u8(in);
        if (bits - shift < 7 && byte >> (bits - shift)) break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return in->bad ? 0 : value;
    }
    in->bad = true;
    return 0;
}

static inline int64_t wp_unzigzag(uint64_t value) { return (int64_t)(value >> 1) ^ -(int64_t)(value & 1); }

static inline uint16_t wp_get_u16(wp_reader *in) { return (uint16_t)wp_get_varint(in, 16); }
static inline uint32_t wp_get_u32(wp_reader *in) { return (uint32_t)wp_get_varint(in, 32); }
static inline uint64_t wp_get_u64(wp_reader *in) { return wp_get_varint(in, 64); }
static inline int16_t wp_get_i16(wp_reader *in) { return (int16_t)wp_unzigzag(wp_get_varint(in, 16)); }
static inline int32_t wp_get_i32(wp_reader *in) { return (int32_t)wp_unzigzag(wp_get_varint(in, 32)); }
static inline int64_t wp_get_i64(wp_reader *in) { return wp_unzigzag(wp_get_varint(in, 64)); }

static inline float wp_get_f32(wp_reader *in) {
    float value = 0;
    const uint8_t *bytes = wp_get(in, sizeof value);
    if (bytes) memcpy(&value, bytes, sizeof value);
    return value;
}

static inline double wp_get_f64(wp_reader *in) {
    double value = 0;
    const uint8_t *bytes = wp_get(in, sizeof value);
    if (bytes) memcpy(&value, bytes, sizeof value);
    return value;
}

/** The length of a sequence or map. It is a claim: items are at least a byte each, unless they are nothing. */
static inline size_t wp_get_len(wp_reader *in) { return wp_get_u32(in); }

/** Bytes or a string, in the reader's memory and without a zero at the end; `len` gets how many there are. */
static inline const char *wp_get_bytes(wp_reader *in, size_t *len) {
    size_t found = wp_get_len(in);
    const uint8_t *bytes = wp_get(in, found);
    *len = bytes ? found : 0;
    return (const char *)bytes;
}

/** The object of an argument, by its index among the input's bytes. One that is not there ends the task. */
static inline int32_t wp_get_object(wp_reader *in) {
    uint32_t index = wp_get_u32(in);
    if (in->bad || index > INT32_MAX) wp_wrong_input("an object is missing among the arguments");
    return (int32_t)wp_must(wasmpool_handle((int32_t)index), "an object among the arguments");
}

/* ---- Input and output ------------------------------------------------------------------------------------------------- */

/** The task's whole input. */
static inline wp_reader wp_input(void) {
    size_t len = (size_t)wasmpool_input_len();
    uint8_t *bytes = (uint8_t *)malloc(len ? len : 1);
    if (!bytes) wp_die("no memory left");
    wasmpool_input_read(bytes, 0, len);
    wp_reader in = wp_reader_of(bytes, len);
    in.owned = bytes;
    return in;
}

/** Ends the task when the input was shorter or longer than what it read. The input's memory stays until wp_reader_free. */
static inline void wp_input_end(const wp_reader *in) {
    if (!wp_reader_done(in)) wp_wrong_input("the input is not what the task takes");
}

/** Appends to the result, and gives the writer's memory back. Returns what the task has to return. */
static inline int32_t wp_output(wp_writer *out) {
    wasmpool_output_write(out->bytes, out->len);
    wp_writer_free(out);
    return 0;
}

/** One partial result, delivered while the task runs. Gives the writer's memory back. */
static inline void wp_emit(wp_writer *out) {
    wasmpool_emit(out->bytes, out->len);
    wp_writer_free(out);
}

/** The last message or reply, of the length that the import said. */
static inline wp_reader wp_message(int32_t len) {
    uint8_t *bytes = (uint8_t *)malloc(len > 0 ? (size_t)len : 1);
    if (!bytes) wp_die("no memory left");
    int32_t copied = len > 0 ? wasmpool_message_read(bytes, 0, (size_t)len) : 0;
    wp_reader in = wp_reader_of(bytes, copied > 0 ? (size_t)copied : 0);
    in.owned = bytes;
    return in;
}

/* ---- Arrays and values ------------------------------------------------------------------------------------------------ */

/** A part of this memory that shows an array. */
typedef struct {
    void *at;
    /** Bytes of it. */
    size_t len;
} wp_window;

/** Shows a whole array: plain loads and stores reach it. WP_TOO_LARGE when there is no memory for it. */
static inline int32_t wp_attach(int32_t array, wp_window *window) {
    int64_t len = wasmpool_shm_len(array);
    window->at = NULL;
    window->len = 0;
    if (len <= 0) return (int32_t)len;
    if (len > INT32_MAX) return WP_TOO_LARGE;
    size_t rounded = ((size_t)len + WP_WINDOW_ALIGN - 1) / WP_WINDOW_ALIGN * WP_WINDOW_ALIGN;
    void *at = aligned_alloc(WP_WINDOW_ALIGN, rounded);
    if (!at) return WP_TOO_LARGE;
    int32_t attached = wasmpool_shm_attach(array, 0, at, (size_t)len);
    if (attached < 0) {
        free(at);
        return attached;
    }
    window->at = at;
    window->len = (size_t)len;
    return 0;
}

/** Puts ordinary memory back and frees it. */
static inline void wp_detach(wp_window *window) {
    if (window->at) {
        wasmpool_shm_detach(window->at);
        free(window->at);
    }
    window->at = NULL;
    window->len = 0;
}

/** The number that wasmpool_shm_rmw takes for an operation (WP_RMW_ADD …) on an integer type. */
#define WP_RMW_OF(op, type) ((op) | (int32_t)sizeof(type) << 8 | ((type)-1 < (type)1 ? 1 << 16 : 0))

/** An atomic operation on the element `index`; what was there before. Not done atomically by plain loads and stores. */
#define WP_RMW(array, op, type, index, value) \
    ((type)wasmpool_shm_rmw((array), WP_RMW_OF(op, type), (int64_t)(index) * (int64_t)sizeof(type), (int64_t)(value)))

/** Copies the element of a value, or any bytes of an array, to `into`. */
#define WP_LOAD(array, offset, into, bytes) wasmpool_shm_read((array), (int64_t)(offset), (into), (bytes))

/** Copies bytes into a value or an array. */
#define WP_STORE(array, offset, from, bytes) wasmpool_shm_write((array), (int64_t)(offset), (from), (bytes))

/* ---- Locks and their kin ----------------------------------------------------------------------------------------------
 *
 * Semaphores, events and barriers need no more than the imports: wasmpool_event_wait(event, WP_FOREVER).
 */

/** Takes a lock, or that of an array, a value or a condition; an RLock's holder can take it again. Returns 0, or 1 when its last holder
 * died while holding it, so that what it protects may be half changed. */
static inline int32_t wp_lock(int32_t lock, int64_t timeout_ns) {
    int32_t taken = wasmpool_lock_acquire(lock, timeout_ns);
    return taken == WP_ABANDONED ? 1 : taken;
}

static inline void wp_unlock(int32_t lock) { wp_must(wasmpool_lock_release(lock), "lock_release"); }

/** Waits under a condition's lock; returns as wp_lock does. Look again at what was waited for. */
static inline int32_t wp_wait(int32_t condition, int64_t timeout_ns) {
    int32_t woken = wasmpool_condition_wait(condition, timeout_ns);
    return woken == WP_ABANDONED ? 1 : woken;
}

/* ---- Queues and pipes ------------------------------------------------------------------------------------------------- */

/** Puts what was written into a queue as one message; the writer is empty afterwards, and keeps its memory. */
static inline int32_t wp_queue_put(int32_t queue, wp_writer *message, int64_t timeout_ns) {
    int32_t put = wasmpool_queue_put(queue, message->bytes, message->len, timeout_ns);
    if (put >= 0) message->len = 0;
    return put;
}

/** Takes the oldest message; free the reader after it. WP_CLOSED when nothing comes any more. */
static inline int32_t wp_queue_get(int32_t queue, wp_reader *message, int64_t timeout_ns) {
    int32_t len = wasmpool_queue_get(queue, timeout_ns);
    *message = len < 0 ? wp_reader_of(NULL, 0) : wp_message(len);
    return len;
}

/** Sends what was written to the other end of a pipe; the writer is empty afterwards. */
static inline int32_t wp_pipe_send(int32_t pipe, wp_writer *message, int64_t timeout_ns) {
    int32_t sent = wasmpool_pipe_send(pipe, message->bytes, message->len, timeout_ns);
    if (sent >= 0) message->len = 0;
    return sent;
}

/** Receives a message; free the reader after it. WP_CLOSED at the end. */
static inline int32_t wp_pipe_recv(int32_t pipe, wp_reader *message, int64_t timeout_ns) {
    int32_t len = wasmpool_pipe_recv(pipe, timeout_ns);
    *message = len < 0 ? wp_reader_of(NULL, 0) : wp_message(len);
    return len;
}

/* ---- Managers' objects and the host -----------------------------------------------------------------------------------
 *
 * An operation (WP_OP_DICT_GET …) takes a tuple in postcard, in which each key or value is a byte string with its own encoding
 * in it: wp_put_value. What goes along with each, and what comes back, stands at the functions.
 */

/** A key or a value, encoded by itself, as the operations take it. */
static inline void wp_put_value(wp_writer *out, const wp_writer *value) { wp_put_bytes(out, value->bytes, value->len); }

/** Any operation. The reader gets the reply, and has to be freed; the arguments are empty afterwards. */
static inline int32_t wp_manager(int32_t object, int32_t op, wp_writer *args, wp_reader *reply) {
    int32_t len = wasmpool_manager_call(object, op, args->bytes, args->len);
    *reply = len < 0 ? wp_reader_of(NULL, 0) : wp_message(len);
    args->len = 0;
    return len;
}

/** As wp_manager, with up to three values (NULL: no more) as the arguments. */
static inline int32_t wp_manager_values(int32_t object, int32_t op, const wp_writer *a, const wp_writer *b,
                                        const wp_writer *c, wp_reader *reply) {
    wp_writer args = {NULL, 0, 0};
    if (a) wp_put_value(&args, a);
    if (b) wp_put_value(&args, b);
    if (c) wp_put_value(&args, c);
    int32_t done = wp_manager(object, op, &args, reply);
    wp_writer_free(&args);
    return done;
}

/** As wp_manager, with an index and up to two values. */
static inline int32_t wp_manager_index(int32_t object, int32_t op, uint64_t index, const wp_writer *a, const wp_writer *b,
                                       wp_reader *reply) {
    wp_writer args = {NULL, 0, 0};
    wp_put_u64(&args, index);
    if (a) wp_put_value(&args, a);
    if (b) wp_put_value(&args, b);
    int32_t done = wp_manager(object, op, &args, reply);
    wp_writer_free(&args);
    return done;
}

/** For operations whose reply nobody needs. */
static inline int32_t wp_done(int32_t result, wp_reader *reply) {
    wp_reader_free(reply);
    return result < 0 ? result : 0;
}

/** How many items a dictionary, a list or a namespace has. */
static inline int64_t wp_len(int32_t object) {
    wp_reader reply;
    int32_t asked = wp_manager_values(object, WP_OP_LEN, NULL, NULL, NULL, &reply);
    int64_t len = asked < 0 ? asked : (int64_t)wp_get_u64(&reply);
    wp_reader_free(&reply);
    return len;
}

/** Takes all items out. */
static inline int32_t wp_clear(int32_t object) {
    wp_reader reply;
    return wp_done(wp_manager_values(object, WP_OP_CLEAR, NULL, NULL, NULL, &reply), &reply);
}

/** The value of a key → the value. */
static inline int32_t wp_dict_get(int32_t dict, const wp_writer *key, wp_reader *value) {
    return wp_manager_values(dict, WP_OP_DICT_GET, key, NULL, NULL, value);
}

/** Puts a value in. */
static inline int32_t wp_dict_set(int32_t dict, const wp_writer *key, const wp_writer *value) {
    wp_reader reply;
    return wp_done(wp_manager_values(dict, WP_OP_DICT_SET, key, value, NULL, &reply), &reply);
}

/** Puts a value in → an option (a bool, and the value) of what was there. */
static inline int32_t wp_dict_insert(int32_t dict, const wp_writer *key, const wp_writer *value, wp_reader *before) {
    return wp_manager_values(dict, WP_OP_DICT_INSERT, key, value, NULL, before);
}

/** Takes a key out → the value. */
static inline int32_t wp_dict_pop(int32_t dict, const wp_writer *key, wp_reader *value) {
    return wp_manager_values(dict, WP_OP_DICT_POP, key, NULL, NULL, value);
}

/** Takes the item out that came last → the key and the value. */
static inline int32_t wp_dict_pop_last(int32_t dict, wp_reader *item) {
    return wp_manager_values(dict, WP_OP_DICT_POP_LAST, NULL, NULL, NULL, item);
}

/** 1 when the key is there, else 0. */
static inline int32_t wp_dict_contains(int32_t dict, const wp_writer *key) {
    wp_reader reply;
    int32_t asked = wp_manager_values(dict, WP_OP_DICT_CONTAINS, key, NULL, NULL, &reply);
    int32_t found = asked < 0 ? asked : wp_get_bool(&reply);
    wp_reader_free(&reply);
    return found;
}

/** The value of a key, put in when there is none → a bool whether it was, and the value. */
static inline int32_t wp_dict_get_or_insert(int32_t dict, const wp_writer *key, const wp_writer *value, wp_reader *found) {
    return wp_manager_values(dict, WP_OP_DICT_GET_OR_INSERT, key, value, NULL, found);
}

/** Adds to a number, which begins at zero → the sum. */
static inline int32_t wp_dict_add(int32_t dict, const wp_writer *key, const wp_writer *number, wp_reader *sum) {
    return wp_manager_values(dict, WP_OP_DICT_ADD, key, number, NULL, sum);
}

/** Puts `value` in the place of `expected`, if that is there; NULL is a missing key. 1 when it was, else 0. */
static inline int32_t wp_dict_compare_and_swap(int32_t dict, const wp_writer *key, const wp_writer *expected,
                                               const wp_writer *value) {
    wp_writer args = {NULL, 0, 0};
    wp_reader reply;
    wp_put_value(&args, key);
    wp_put_bool(&args, expected != NULL);
    if (expected) wp_put_value(&args, expected);
    wp_put_bool(&args, value != NULL);
    if (value) wp_put_value(&args, value);
    int32_t asked = wp_manager(dict, WP_OP_DICT_COMPARE_AND_SWAP, &args, &reply);
    int32_t swapped = asked < 0 ? asked : wp_get_bool(&reply);
    wp_writer_free(&args);
    wp_reader_free(&reply);
    return swapped;
}

/** A page of items after a cursor (0 at first) → the next cursor (u64), a bool whether there is more, and a sequence of
 * items. `part` is 0 for keys, 1 for values, 2 for both. */
static inline int32_t wp_dict_page(int32_t dict, uint64_t cursor, uint8_t part, wp_reader *page) {
    wp_writer args = {NULL, 0, 0};
    wp_put_u64(&args, cursor);
    wp_put_u8(&args, part);
    int32_t asked = wp_manager(dict, WP_OP_DICT_PAGE, &args, page);
    wp_writer_free(&args);
    return asked;
}

/** Puts several items in, all or none: `items` is the sequence of them (wp_put_len, then wp_put_value of each key and value). */
static inline int32_t wp_dict_update(int32_t dict, wp_writer *items) {
    wp_reader reply;
    return wp_done(wp_manager(dict, WP_OP_DICT_UPDATE, items, &reply), &reply);
}

/** The value at an index → the value. */
static inline int32_t wp_list_get(int32_t list, uint64_t index, wp_reader *value) {
    return wp_manager_index(list, WP_OP_LIST_GET, index, NULL, NULL, value);
}

/** Puts a value in the place of the one at an index. */
static inline int32_t wp_list_set(int32_t list, uint64_t index, const wp_writer *value) {
    wp_reader reply;
    return wp_done(wp_manager_index(list, WP_OP_LIST_SET, index, value, NULL, &reply), &reply);
}

/** Appends. */
static inline int32_t wp_list_push(int32_t list, const wp_writer *value) {
    wp_reader reply;
    return wp_done(wp_manager_values(list, WP_OP_LIST_PUSH, value, NULL, NULL, &reply), &reply);
}

/** Appends several, all or none: `values` is the sequence of them (wp_put_len, then wp_put_value of each). */
static inline int32_t wp_list_extend(int32_t list, wp_writer *values) {
    wp_reader reply;
    return wp_done(wp_manager(list, WP_OP_LIST_EXTEND, values, &reply), &reply);
}

/** Puts a value before the one at an index, or at the end. */
static inline int32_t wp_list_insert(int32_t list, uint64_t index, const wp_writer *value) {
    wp_reader reply;
    return wp_done(wp_manager_index(list, WP_OP_LIST_INSERT, index, value, NULL, &reply), &reply);
}

/** Takes the one at an index out → the value. */
static inline int32_t wp_list_remove(int32_t list, uint64_t index, wp_reader *value) {
    return wp_manager_index(list, WP_OP_LIST_REMOVE, index, NULL, NULL, value);
}

/** Takes the last one out → the value. */
static inline int32_t wp_list_pop(int32_t list, wp_reader *value) {
    return wp_manager_values(list, WP_OP_LIST_POP, NULL, NULL, NULL, value);
}

/** The index of the first that is equal. */
static inline int64_t wp_list_find(int32_t list, const wp_writer *value) {
    wp_reader reply;
    int32_t asked = wp_manager_values(list, WP_OP_LIST_FIND, value, NULL, NULL, &reply);
    int64_t index = asked < 0 ? asked : (int64_t)wp_get_u64(&reply);
    wp_reader_free(&reply);
    return index;
}

/** Values from an index on → the list's version (u64), a bool whether there is more, and a sequence of values. */
static inline int32_t wp_list_page(int32_t list, uint64_t from, wp_reader *page) {
    return wp_manager_index(list, WP_OP_LIST_PAGE, from, NULL, NULL, page);
}

/** Puts these values (wp_put_u64 of the version, then the sequence as for wp_list_extend) in the place of all, unless the
 * list has changed. 1 when it was done, else 0. */
static inline int32_t wp_list_replace(int32_t list, wp_writer *version_and_values) {
    wp_reader reply;
    int32_t asked = wp_manager(list, WP_OP_LIST_REPLACE, version_and_values, &reply);
    int32_t replaced = asked < 0 ? asked : wp_get_bool(&reply);
    wp_reader_free(&reply);
    return replaced;
}

/** Adds to the number at an index → the sum. */
static inline int32_t wp_list_add(int32_t list, uint64_t index, const wp_writer *number, wp_reader *sum) {
    return wp_manager_index(list, WP_OP_LIST_ADD, index, number, NULL, sum);
}

/** Puts `value` in the place of `expected`, if that is there. 1 when it was, else 0. */
static inline int32_t wp_list_compare_and_swap(int32_t list, uint64_t index, const wp_writer *expected, const wp_writer *value) {
    wp_reader reply;
    int32_t asked = wp_manager_index(list, WP_OP_LIST_COMPARE_AND_SWAP, index, expected, value, &reply);
    int32_t swapped = asked < 0 ? asked : wp_get_bool(&reply);
    wp_reader_free(&reply);
    return swapped;
}

/** As wp_manager for a namespace: a name, a type's bytes (such as `(uint8_t[]){WP_TAG_I64}, 1`) and a value, or NULL. */
static inline int32_t wp_namespace(int32_t space, int32_t op, const char *name, const uint8_t *type, size_t type_len,
                                   const wp_writer *value, wp_reader *reply) {
    wp_writer args = {NULL, 0, 0};
    wp_put_str(&args, name);
    if (type) wp_put_bytes(&args, type, type_len);
    if (value) wp_put_value(&args, value);
    int32_t done = wp_manager(space, op, &args, reply);
    wp_writer_free(&args);
    return done;
}

/** The value of a name → the value. */
static inline int32_t wp_namespace_get(int32_t space, const char *name, const uint8_t *type, size_t type_len, wp_reader *value) {
    return wp_namespace(space, WP_OP_NAMESPACE_GET, name, type, type_len, NULL, value);
}

/** Puts a value in. */
static inline int32_t wp_namespace_set(int32_t space, const char *name, const uint8_t *type, size_t type_len,
                                       const wp_writer *value) {
    wp_reader reply;
    return wp_done(wp_namespace(space, WP_OP_NAMESPACE_SET, name, type, type_len, value, &reply), &reply);
}

/** Adds to a number, which begins at zero → the sum. */
static inline int32_t wp_namespace_add(int32_t space, const char *name, const uint8_t *type, size_t type_len,
                                       const wp_writer *number, wp_reader *sum) {
    return wp_namespace(space, WP_OP_NAMESPACE_ADD, name, type, type_len, number, sum);
}

/** Takes a name out. */
static inline int32_t wp_namespace_remove(int32_t space, const char *name) {
    wp_reader reply;
    return wp_done(wp_namespace(space, WP_OP_NAMESPACE_REMOVE, name, NULL, 0, NULL, &reply), &reply);
}

/** The names after one ("" at first) → a bool whether there is more, and a sequence of names. */
static inline int32_t wp_namespace_names(int32_t space, const char *after, wp_reader *page) {
    return wp_namespace(space, WP_OP_NAMESPACE_NAMES, after, NULL, 0, NULL, page);
}

/** Calls a function of the embedding program with arguments in postcard → its result. With WP_ERROR and WP_WRONG_TYPE the
 * reader has the message. */
static inline int32_t wp_host_call(const char *name, wp_writer *args, wp_reader *result) {
    int32_t len = wasmpool_host_call(name, strlen(name), args->bytes, args->len);
    args->len = 0;
    if (len == WP_ERROR || len == WP_WRONG_TYPE) {
        // Nothing has said how long the message is; longer ones are cut.
        *result = wp_message(4096);
    } else {
        *result = len < 0 ? wp_reader_of(NULL, 0) : wp_message(len);
    }
    return len;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------------
 *
 * For tasks with WP_JSON. The input is the one argument, or an array of several. A wp_writer is written to; a wp_reader is read, whose
 * `bad` is set by what is not there:
 *
 *     if (wp_json_open(&in, '{')) do {
 *         char key[16]; wp_json_str(&in, key, sizeof key); wp_json_is(&in, ':');
 *         if (!strcmp(key, "n")) n = wp_json_i64(&in); else wp_json_skip(&in);
 *     } while (wp_json_next(&in, '}'));
 */

static inline int wp_json_peek(wp_reader *in) {
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\t' || *in->at == '\n' || *in->at == '\r')) in->at++;
    return !in->bad && in->at < in->end ? *in->at : -1;
}

/** Takes one sign, if it is the next one. */
static inline bool wp_json_is(wp_reader *in, char sign) {
    if (wp_json_peek(in) != sign) return false;
    in->at++;
    return true;
}

/** Begins an array (`[`) or an object (`{`); whether there is something in it. */
static inline bool wp_json_open(wp_reader *in, char sign) {
    if (!wp_json_is(in, sign)) in->bad = true;
    return !in->bad && !wp_json_is(in, sign == '[' ? ']' : '}');
}

/** Goes to the next item; false at the end, which is `]` or `}`. */
static inline bool wp_json_next(wp_reader *in, char end) {
    if (wp_json_is(in, ',')) return true;
    if (!wp_json_is(in, end)) in->bad = true;
    return false;
}

/** `null`, `true` or `false`, if it is next. */
static inline bool wp_json_word(wp_reader *in, const char *word) {
    size_t len = strlen(word);
    wp_json_peek(in);
    if (in->bad || (size_t)(in->end - in->at) < len || memcmp(in->at, word, len)) return false;
    in->at += len;
    return true;
}

static inline bool wp_json_bool(wp_reader *in) {
    if (wp_json_word(in, "true")) return true;
    if (!wp_json_word(in, "false")) in->bad = true;
    return false;
}

/** The text of a number; a number has no more than 63 signs here. */
static inline bool wp_json_number(wp_reader *in, char text[64]) {
    size_t len = 0;
    wp_json_peek(in);
    while (!in->bad && in->at < in->end && len < 63 && *in->at && strchr("+-.0123456789eE", *in->at)) text[len++] = (char)*in->at++;
    text[len] = 0;
    if (!len) in->bad = true;
    return len > 0;
}

static inline double wp_json_f64(wp_reader *in) {
    char text[64], *end;
    if (!wp_json_number(in, text)) return 0;
    double value = strtod(text, &end);
    if (*end) in->bad = true;
    return value;
}

static inline int64_t wp_json_i64(wp_reader *in) {
    char text[64], *end;
    if (!wp_json_number(in, text)) return 0;
    int64_t value = strtoll(text, &end, 10);
    if (*end) in->bad = true;
    return value;
}

static inline uint64_t wp_json_u64(wp_reader *in) {
    char text[64], *end;
    if (!wp_json_number(in, text)) return 0;
    uint64_t value = strtoull(text, &end, 10);
    if (*end || *text == '-') in->bad = true;
    return value;
}

static inline uint32_t wp_json_hex(wp_reader *in) {
    const uint8_t *digits = wp_get(in, 4);
    uint32_t value = 0;
    for (int i = 0; digits && i < 4; i++) {
        uint8_t d = digits[i];
        uint8_t nibble = d >= '0' && d <= '9' ? d - '0' : (d | 32) >= 'a' && (d | 32) <= 'f' ? (d | 32) - 'a' + 10 : 16;
        if (nibble > 15) in->bad = true;
        value = value << 4 | nibble;
    }
    return value;
}

/** A string as UTF-8 with a zero at its end, cut to `room` bytes; `text` may be NULL. Returns its whole length. */
static inline size_t wp_json_str(wp_reader *in, char *text, size_t room) {
    size_t len = 0;
    if (!wp_json_is(in, '"')) in->bad = true;
    while (!in->bad) {
        uint8_t byte = wp_get_u8(in), utf8[4];
        size_t count = 1;
        if (byte == '"' || in->bad) break;
        utf8[0] = byte;
        if (byte == '\\') {
            static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
            uint8_t sign = wp_get_u8(in);
            const char *found = sign ? strchr(from, sign) : NULL;
            if (found) {
                utf8[0] = (uint8_t)to[found - from];
            } else if (sign == 'u') {
                uint32_t letter = wp_json_hex(in);
                if (letter >= 0xd800 && letter < 0xdc00) {
                    uint32_t low = 0;
                    const uint8_t *next = wp_get(in, 2);
                    if (next && next[0] == '\\' && next[1] == 'u') low = wp_json_hex(in);
                    if (low < 0xdc00 || low > 0xdfff) in->bad = true;
                    letter = 0x10000 + ((letter - 0xd800) << 10) + (low - 0xdc00);
                } else if (letter >= 0xdc00 && letter <= 0xdfff) {
                    in->bad = true;
                }
                count = letter < 0x80 ? 1 : letter < 0x800 ? 2 : letter < 0x10000 ? 3 : 4;
                static const uint8_t leads[] = {0, 0xc0, 0xe0, 0xf0};
                for (size_t i = count; i-- > 1; letter >>= 6) utf8[i] = (uint8_t)(0x80 | (letter & 0x3f));
                utf8[0] = (uint8_t)(leads[count - 1] | letter);
            } else {
                in->bad = true;
            }
        } else if (byte < 0x20) {
            in->bad = true;
        }
        for (size_t i = 0; i < count; i++, len++) {
            if (text && len + 1 < room) text[len] = (char)utf8[i];
        }
    }
    if (text && room) text[len < room ? len : room - 1] = 0;
    return len;
}

/** Leaves a value out, whatever it is. Deeper than 64 levels is bad. */
static inline void wp_json_skip(wp_reader *in) {
    char ends[64];
    size_t depth = 0;
    do {
        int next = wp_json_peek(in);
        char number[64];
        if (next == '{' || next == '[') {
            if (depth == sizeof ends) in->bad = true;
            if (!in->bad && wp_json_open(in, (char)next)) {
                ends[depth++] = next == '[' ? ']' : '}';
                if (next == '{') {
                    wp_json_str(in, NULL, 0);
                    if (!wp_json_is(in, ':')) in->bad = true;
                }
                continue;
            }
        } else if (next == '"') {
            wp_json_str(in, NULL, 0);
        } else if (!wp_json_word(in, "null") && !wp_json_word(in, "true") && !wp_json_word(in, "false")) {
            wp_json_number(in, number);
        }
        while (!in->bad && depth && !wp_json_next(in, ends[depth - 1])) depth--;
        if (!in->bad && depth && ends[depth - 1] == '}') {
            wp_json_str(in, NULL, 0);
            if (!wp_json_is(in, ':')) in->bad = true;
        }
    } while (!in->bad && depth);
}

/** Ends the task when there is more, or when something was not there. */
static inline void wp_json_end(wp_reader *in) {
    if (wp_json_peek(in) != -1 || in->bad) wp_wrong_input("the input is not what the task takes");
}

/** Signs as they are: `wp_json_put(&out, "{\"n\":")`. */
static inline void wp_json_put(wp_writer *out, const char *signs) { wp_put(out, signs, strlen(signs)); }

static inline void wp_json_put_i64(wp_writer *out, int64_t value) {
    char text[24];
    wp_put(out, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)value));
}

static inline void wp_json_put_u64(wp_writer *out, uint64_t value) {
    char text[24];
    wp_put(out, text, (size_t)snprintf(text, sizeof text, "%llu", (unsigned long long)value));
}

/** JSON has no infinities and no NaN: they become null. */
static inline void wp_json_put_f64(wp_writer *out, double value) {
    char text[32];
    if (value - value != 0) {
        wp_json_put(out, "null");
    } else {
        wp_put(out, text, (size_t)snprintf(text, sizeof text, "%.17g", value));
    }
}

static inline void wp_json_put_str(wp_writer *out, const char *text, size_t len) {
    wp_put_u8(out, '"');
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = (uint8_t)text[i];
        char escaped[8];
        if (byte == '"' || byte == '\\') {
            wp_put_u8(out, '\\');
            wp_put_u8(out, byte);
        } else if (byte < 0x20) {
            wp_put(out, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\u%04x", byte));
        } else {
            wp_put_u8(out, byte);
        }
    }
    wp_put_u8(out, '"');
}

#ifdef __cplusplus
} // extern "C"

/* ---- C++ --------------------------------------------------------------------------------------------------------------
 *
 *     int64_t add(wasmpool::Lock lock, wasmpool::RawArray<int64_t> numbers, int64_t n) {
 *         auto guard = lock.acquire();
 *         for (int64_t &number : numbers) number += n;
 *         return static_cast<int64_t>(numbers.size());
 *     }
 *     WASMPOOL_FUNCTION(add, WP_ARGS(WP_LOCK, WP_RAW_ARRAY(WP_I64), WP_I64), WP_I64)
 *
 * The declared types are checked against the function's while it is compiled. Structs cross when `wasmpool::Wire` is specialized for them:
 * see that of std::pair. Exceptions are not needed: what cannot go on ends the task with a message.
 */

#include <array>
#include <map>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace wasmpool {

constexpr int64_t forever = WP_FOREVER;

/** Ends the task with a message. */
[[noreturn]] inline void fail(const std::string &message) { wp_die(message.c_str()); }

/** Without exceptions `new` returns null when no memory is left, and the library writes there. So it ends the task instead. */
inline const std::new_handler before_no_memory = std::set_new_handler([] { wp_die("no memory left"); });

inline void log(int32_t level, std::string_view text) { wasmpool_log(level, text.data(), text.size()); }
inline void progress(int64_t done, int64_t total) { wasmpool_progress(done, total); }

/** The bytes of a type's description. */
struct Type {
    char bytes[512] = {};
    size_t len = 0;
    constexpr void put(int byte) { bytes[len++] = static_cast<char>(byte); }
    constexpr void put(const char *text, size_t size) {
        for (size_t i = 0; i < size; i++) put(text[i]);
    }
};

/** How a type is described, written and read: `describe`, `put` and `get`. */
template <class T, class = void> struct Wire;

template <> struct Wire<bool> {
    static constexpr void describe(Type &type) { type.put(WP_TAG_BOOL); }
    static void put(wp_writer &out, bool value) { wp_put_bool(&out, value); }
    static bool get(wp_reader &in) { return wp_get_bool(&in); }
};

template <class T> struct Wire<T, std::enable_if_t<std::is_integral_v<T>>> {
    static constexpr void describe(Type &type) {
        constexpr int tags[2][4] = {{WP_TAG_U8, WP_TAG_U16, WP_TAG_U32, WP_TAG_U64}, {WP_TAG_I8, WP_TAG_I16, WP_TAG_I32, WP_TAG_I64}};
        type.put(tags[std::is_signed_v<T>][sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 1 : sizeof(T) == 4 ? 2 : 3]);
    }
    static void put(wp_writer &out, T value) {
        if constexpr (sizeof(T) == 1) wp_put(&out, &value, 1);
        else if constexpr (std::is_signed_v<T>) wp_put_i64(&out, value);
        else wp_put_u64(&out, value);
    }
    static T get(wp_reader &in) {
        if constexpr (sizeof(T) == 1) return static_cast<T>(wp_get_u8(&in));
        uint64_t raw = wp_get_varint(&in, 8 * sizeof(T));
        return std::is_signed_v<T> ? static_cast<T>(wp_unzigzag(raw)) : static_cast<T>(raw);
    }
};

template <class T> struct Wire<T, std::enable_if_t<std::is_floating_point_v<T>>> {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "float and double cross, long double does not");
    static constexpr void describe(Type &type) { type.put(sizeof(T) == 4 ? WP_TAG_F32 : WP_TAG_F64); }
    static void put(wp_writer &out, T value) { wp_put(&out, &value, sizeof value); }
    static T get(wp_reader &in) {
        T value = 0;
        if (const uint8_t *bytes = wp_get(&in, sizeof value)) memcpy(&value, bytes, sizeof value);
        return value;
    }
};

template <> struct Wire<std::string> {
    static constexpr void describe(Type &type) { type.put(WP_TAG_STR); }
    static void put(wp_writer &out, std::string_view text) { wp_put_bytes(&out, text.data(), text.size()); }
    static std::string get(wp_reader &in) {
        size_t len;
        const char *text = wp_get_bytes(&in, &len);
        return text ? std::string(text, len) : std::string();
    }
};

template <class T> struct Wire<std::vector<T>> {
    static constexpr void describe(Type &type) {
        type.put(WP_TAG_SEQ);
        Wire<T>::describe(type);
    }
    static void put(wp_writer &out, const std::vector<T> &items) {
        wp_put_len(&out, items.size());
        for (const auto &item : items) Wire<T>::put(out, item);
    }
    static std::vector<T> get(wp_reader &in) {
        std::vector<T> items;
        for (size_t left = wp_get_len(&in); left > 0 && !in.bad; left--) items.push_back(Wire<T>::get(in));
        return items;
    }
};

template <class T> struct Wire<std::optional<T>> {
    static constexpr void describe(Type &type) {
        type.put(WP_TAG_OPTION);
        Wire<T>::describe(type);
    }
    static void put(wp_writer &out, const std::optional<T> &value) {
        wp_put_bool(&out, value.has_value());
        if (value) Wire<T>::put(out, *value);
    }
    static std::optional<T> get(wp_reader &in) {
        if (!wp_get_bool(&in)) return std::nullopt;
        return Wire<T>::get(in);
    }
};

template <class K, class V> struct Wire<std::map<K, V>> {
    static constexpr void describe(Type &type) {
        type.put(WP_TAG_MAP);
        Wire<K>::describe(type);
        Wire<V>::describe(type);
    }
    static void put(wp_writer &out, const std::map<K, V> &items) {
        wp_put_len(&out, items.size());
        for (const auto &[key, value] : items) {
            Wire<K>::put(out, key);
            Wire<V>::put(out, value);
        }
    }
    static std::map<K, V> get(wp_reader &in) {
        std::map<K, V> items;
        for (size_t left = wp_get_len(&in); left > 0 && !in.bad; left--) {
            K key = Wire<K>::get(in);
            items.insert_or_assign(std::move(key), Wire<V>::get(in));
        }
        return items;
    }
};

template <class... T> struct Wire<std::tuple<T...>> {
    static constexpr void describe(Type &type) {
        type.put(WP_TAG_TUPLE);
        type.put(sizeof...(T));
        type.put(0);
        (Wire<T>::describe(type), ...);
    }
    static void put(wp_writer &out, const std::tuple<T...> &items) {
        std::apply([&](const T &...item) { (Wire<T>::put(out, item), ...); }, items);
    }
    static std::tuple<T...> get([[maybe_unused]] wp_reader &in) { return std::tuple<T...>{Wire<T>::get(in)...}; }
};

template <class A, class B> struct Wire<std::pair<A, B>> {
    static constexpr void describe(Type &type) { Wire<std::tuple<A, B>>::describe(type); }
    static void put(wp_writer &out, const std::pair<A, B> &pair) {
        Wire<A>::put(out, pair.first);
        Wire<B>::put(out, pair.second);
    }
    static std::pair<A, B> get(wp_reader &in) {
        A first = Wire<A>::get(in);
        return {std::move(first), Wire<B>::get(in)};
    }
};

/** A value's bytes, freed at the end. */
class Bytes : public wp_writer {
  public:
    Bytes() : wp_writer{nullptr, 0, 0} {}
    Bytes(const Bytes &) = delete;
    Bytes &operator=(const Bytes &) = delete;
    ~Bytes() { wp_writer_free(this); }
    template <class T> static Bytes of(const T &value) {
        Bytes bytes;
        Wire<T>::put(bytes, value);
        return bytes;
    }

  private:
    Bytes(Bytes &&) = default;
};

/** The value of a whole message or reply, which is freed. */
template <class T> T value_of(wp_reader &in, const char *of) {
    T value = Wire<T>::get(in);
    if (!wp_reader_done(&in)) fail(std::string(of) + ": not a value of the expected type");
    wp_reader_free(&in);
    return value;
}

/** An object of the host, given up at the end. */
class Object {
  public:
    explicit Object(int32_t handle) : handle_(handle) {}
    Object(Object &&other) noexcept : handle_(std::exchange(other.handle_, -1)) {}
    Object &operator=(Object &&) = delete;
    ~Object() {
        if (handle_ >= 0) wasmpool_handle_drop(handle_);
    }
    /** The number that the imports know it by. */
    int32_t handle() const { return handle_; }

  private:
    int32_t handle_;
};

/** A lock that is held until the end. */
class Guard {
  public:
    Guard(int32_t lock, int64_t timeout_ns) : lock_(lock), taken_(wp_lock(lock, timeout_ns)) {
        if (taken_ != WP_TIMEOUT) wp_must(taken_, "lock_acquire");
    }
    Guard(Guard &&other) noexcept : lock_(other.lock_), taken_(std::exchange(other.taken_, WP_TIMEOUT)) {}
    Guard &operator=(Guard &&) = delete;
    ~Guard() { release(); }
    void release() {
        if (taken_ >= 0) wp_unlock(lock_);
        taken_ = WP_TIMEOUT;
    }
    /** Whether it is held: false when the time passed. */
    explicit operator bool() const { return taken_ >= 0; }
    /** Whether the last holder failed or died while holding it. */
    bool was_abandoned() const { return taken_ == 1; }

  protected:
    int32_t lock_, taken_;
};

/** What can be locked. */
template <class Base> class Locked : public Base {
  public:
    using Base::Base;
    Guard acquire(int64_t timeout_ns = forever) const { return Guard(this->handle(), timeout_ns); }
};

class Lock : public Locked<Object> { public: using Locked::Locked; };
class RLock : public Locked<Object> { public: using Locked::Locked; };

/** An array of numbers or plain structs that others share. The first look at an element makes room for all of it. */
template <class T> class RawArray : public Object {
    static_assert(std::is_trivially_copyable_v<T>, "an element is plain memory");

  public:
    explicit RawArray(int32_t handle) : Object(handle), bytes_(static_cast<size_t>(wp_must(wasmpool_shm_len(handle), "an array"))) {}
    RawArray(RawArray &&other) noexcept
        : Object(std::move(other)), bytes_(other.bytes_), window_(std::exchange(other.window_, wp_window{nullptr, 0})) {}
    ~RawArray() { detach(); }
    size_t size() const { return bytes_ / sizeof(T); }
    T *data() {
        if (!window_.at) wp_must(wp_attach(handle(), &window_), "an array cannot be attached");
        return static_cast<T *>(window_.at);
    }
    T *begin() { return data(); }
    T *end() { return data() + size(); }
    T &operator[](size_t index) {
        if (index >= size()) fail("an index past the end of an array");
        return data()[index];
    }
    /** Gives the room back. */
    void detach() { wp_detach(&window_); }
    /** Copies, without room for the whole array. */
    void read(size_t index, T *into, size_t count) const {
        wp_must(wasmpool_shm_read(handle(), offset(index), into, count * sizeof(T)), "shm_read");
    }
    void write(size_t index, const T *from, size_t count) {
        wp_must(wasmpool_shm_write(handle(), offset(index), from, count * sizeof(T)), "shm_write");
    }
    /** Atomic: `op` is one of WP_RMW_ADD to WP_RMW_MAX. Returns what was there before. */
    T rmw(int32_t op, size_t index, T value) {
        static_assert(std::is_integral_v<T>, "atomic operations work on integers");
        return static_cast<T>(wasmpool_shm_rmw(handle(), WP_RMW_OF(op, T), offset(index), static_cast<int64_t>(value)));
    }
    T fetch_add(size_t index, T value) { return rmw(WP_RMW_ADD, index, value); }

  private:
    static int64_t offset(size_t index) { return static_cast<int64_t>(index) * static_cast<int64_t>(sizeof(T)); }
    size_t bytes_;
    wp_window window_ = {nullptr, 0};
};

template <class T> class Array : public Locked<RawArray<T>> { public: using Locked<RawArray<T>>::Locked; };
template <class T> class Chunk : public RawArray<T> { public: using RawArray<T>::RawArray; };

/** One element that others share. */
template <class T> class RawValue : public Object {
    static_assert(std::is_trivially_copyable_v<T>, "a value is plain memory");

  public:
    using Object::Object;
    T get() const {
        T value;
        wp_must(wasmpool_shm_read(handle(), 0, &value, sizeof value), "shm_read");
        return value;
    }
    void set(const T &value) { wp_must(wasmpool_shm_write(handle(), 0, &value, sizeof value), "shm_write"); }
    /** Atomic; returns what was there before. */
    T rmw(int32_t op, T value) {
        return static_cast<T>(wasmpool_shm_rmw(handle(), WP_RMW_OF(op, T), 0, static_cast<int64_t>(value)));
    }
    T fetch_add(T value) { return rmw(WP_RMW_ADD, value); }
};

template <class T> class Value : public Locked<RawValue<T>> { public: using Locked<RawValue<T>>::Locked; };

class Semaphore : public Object {
  public:
    using Object::Object;
    /** Whether a permit was taken in time. */
    bool acquire(int64_t timeout_ns = forever) const {
        int32_t taken = wasmpool_semaphore_acquire(handle(), timeout_ns);
        return taken == WP_TIMEOUT ? false : (wp_must(taken, "semaphore_acquire"), true);
    }
    void release() const { wp_must(wasmpool_semaphore_release(handle()), "semaphore_release"); }
    /** A permit of this task's stays taken when the task ends. */
    void keep() const { wp_must(wasmpool_semaphore_keep(handle()), "semaphore_keep"); }
    int32_t value() const { return static_cast<int32_t>(wp_must(wasmpool_semaphore_value(handle()), "semaphore_value")); }
};

class BoundedSemaphore : public Semaphore { public: using Semaphore::Semaphore; };

class Event : public Object {
  public:
    using Object::Object;
    void set() const { wp_must(wasmpool_event_set(handle()), "event_set"); }
    void clear() const { wp_must(wasmpool_event_clear(handle()), "event_clear"); }
    bool is_set() const { return wp_must(wasmpool_event_is_set(handle()), "event_is_set") == 1; }
    /** Whether it was set in time. */
    bool wait(int64_t timeout_ns = forever) const {
        int32_t waited = wasmpool_event_wait(handle(), timeout_ns);
        return waited == WP_TIMEOUT ? false : (wp_must(waited, "event_wait"), true);
    }
};

/** The lock of a condition. */
class ConditionGuard : public Guard {
  public:
    using Guard::Guard;
    /** Releases the lock, waits to be notified, takes the lock again. Whether something woke it in time. */
    bool wait(int64_t timeout_ns = forever) {
        int32_t woken = wp_wait(lock_, timeout_ns);
        if (woken == WP_TIMEOUT) return false;
        taken_ = static_cast<int32_t>(wp_must(woken, "condition_wait"));
        return true;
    }
    template <class F> void wait_for(F condition) {
        while (!condition()) wait();
    }
    void notify(int32_t count = 1) const { wp_must(wasmpool_condition_notify(lock_, count), "condition_notify"); }
    void notify_all() const { notify(-1); }
};

class Condition : public Object {
  public:
    using Object::Object;
    ConditionGuard acquire(int64_t timeout_ns = forever) const { return ConditionGuard(handle(), timeout_ns); }
};

class Barrier : public Object {
  public:
    using Object::Object;
    /** This one's place among the parties, 0 for the last to come; or WP_BROKEN or WP_TIMEOUT. */
    int32_t wait(int64_t timeout_ns = forever) const {
        int32_t place = wasmpool_barrier_wait(handle(), timeout_ns);
        return place == WP_BROKEN || place == WP_TIMEOUT ? place : static_cast<int32_t>(wp_must(place, "barrier_wait"));
    }
    void reset() const { wp_must(wasmpool_barrier_reset(handle()), "barrier_reset"); }
    void abort() const { wp_must(wasmpool_barrier_abort(handle()), "barrier_abort"); }
    /** How many wait; WP_BROKEN when it is. */
    int32_t waiting() const { return wasmpool_barrier_waiting(handle()); }
};

/** A queue: SimpleQueue and JoinableQueue are the same here, of which only the last has task_done and join. */
template <class T> class Queue : public Object {
  public:
    using Object::Object;
    void put(const T &value) const { wp_must(put(value, forever), "queue_put"); }
    /** Zero, or WP_TIMEOUT, WP_FULL, WP_CLOSED and their kin. */
    int32_t put(const T &value, int64_t timeout_ns) const {
        Bytes bytes = Bytes::of<T>(value);
        return wp_queue_put(handle(), &bytes, timeout_ns);
    }
    /** The next one; nothing when the queue is closed and empty. */
    std::optional<T> get() const {
        T value{};
        int32_t got = get(value, forever);
        if (got == WP_CLOSED) return std::nullopt;
        wp_must(got, "queue_get");
        return value;
    }
    /** Zero, or WP_TIMEOUT, WP_EMPTY, WP_CLOSED and their kin. */
    int32_t get(T &value, int64_t timeout_ns) const {
        wp_reader in;
        int32_t len = wp_queue_get(handle(), &in, timeout_ns);
        if (len >= 0) value = value_of<T>(in, "queue_get");
        return len < 0 ? len : 0;
    }
    size_t size() const { return static_cast<size_t>(wp_must(wasmpool_queue_len(handle()), "queue_len")); }
    bool is_full() const { return wp_must(wasmpool_queue_is_full(handle()), "queue_is_full") == 1; }
    void close() const { wp_must(wasmpool_queue_close(handle()), "queue_close"); }
};

template <class T> class SimpleQueue : public Queue<T> { public: using Queue<T>::Queue; };

template <class T> class JoinableQueue : public Queue<T> {
  public:
    using Queue<T>::Queue;
    void task_done() const { wp_must(wasmpool_queue_task_done(this->handle()), "queue_task_done"); }
    /** Whether all was dealt with in time. */
    bool join(int64_t timeout_ns = forever) const {
        int32_t joined = wasmpool_queue_join(this->handle(), timeout_ns);
        return joined == WP_TIMEOUT ? false : (wp_must(joined, "queue_join"), true);
    }
};

/** One end of a pipe: sends S, receives R. */
template <class S, class R> class Connection : public Object {
  public:
    using Object::Object;
    void send(const S &value) const { wp_must(send(value, forever), "pipe_send"); }
    int32_t send(const S &value, int64_t timeout_ns) const {
        Bytes bytes = Bytes::of<S>(value);
        return wp_pipe_send(handle(), &bytes, timeout_ns);
    }
    /** The next one; nothing at the end. */
    std::optional<R> recv() const {
        R value{};
        int32_t got = recv(value, forever);
        if (got == WP_CLOSED) return std::nullopt;
        wp_must(got, "pipe_recv");
        return value;
    }
    int32_t recv(R &value, int64_t timeout_ns) const {
        wp_reader in;
        int32_t len = wp_pipe_recv(handle(), &in, timeout_ns);
        if (len >= 0) value = value_of<R>(in, "pipe_recv");
        return len < 0 ? len : 0;
    }
    bool poll(int64_t timeout_ns = 0) const { return wasmpool_pipe_poll(handle(), timeout_ns) == 1; }
    void close() const { wp_must(wasmpool_pipe_close(handle()), "pipe_close"); }
};

template <class T> class Sender : public Connection<T, T> { public: using Connection<T, T>::Connection; };
template <class T> class Receiver : public Connection<T, T> { public: using Connection<T, T>::Connection; };

/** A manager's dictionary. Each method is one question to the host, done as a whole. */
template <class K, class V> class Dict : public Object {
  public:
    using Object::Object;
    std::optional<V> get(const K &key) const {
        wp_reader value;
        return found(wp_dict_get(handle(), bytes<K>(key).get(), &value), value, "dict get");
    }
    void set(const K &key, const V &value) const {
        wp_must(wp_dict_set(handle(), bytes<K>(key).get(), bytes<V>(value).get()), "dict set");
    }
    /** What was there before. */
    std::optional<V> insert(const K &key, const V &value) const {
        wp_reader before;
        wp_must(wp_dict_insert(handle(), bytes<K>(key).get(), bytes<V>(value).get(), &before), "dict insert");
        return value_of<std::optional<V>>(before, "dict insert");
    }
    std::optional<V> pop(const K &key) const {
        wp_reader value;
        return found(wp_dict_pop(handle(), bytes<K>(key).get(), &value), value, "dict pop");
    }
    std::optional<std::pair<K, V>> pop_last() const {
        wp_reader item;
        int32_t len = wp_dict_pop_last(handle(), &item);
        if (len == WP_NOT_FOUND) return std::nullopt;
        wp_must(len, "dict pop last");
        return value_of<std::pair<K, V>>(item, "dict pop last");
    }
    bool contains(const K &key) const { return wp_must(wp_dict_contains(handle(), bytes<K>(key).get()), "dict contains") == 1; }
    uint64_t size() const { return static_cast<uint64_t>(wp_must(wp_len(handle()), "len")); }
    void clear() const { wp_must(wp_clear(handle()), "clear"); }
    /** The value of a key, which is put in when there is none. */
    V get_or_insert(const K &key, const V &value) const {
        wp_reader reply;
        wp_must(wp_dict_get_or_insert(handle(), bytes<K>(key).get(), bytes<V>(value).get(), &reply), "dict get or insert");
        return value_of<std::pair<bool, V>>(reply, "dict get or insert").second;
    }
    /** Adds to a number, which begins at zero; the sum. */
    V add(const K &key, const V &number) const {
        wp_reader sum;
        wp_must(wp_dict_add(handle(), bytes<K>(key).get(), bytes<V>(number).get(), &sum), "dict add");
        return value_of<V>(sum, "dict add");
    }
    /** Whether `expected` (nothing: a missing key) was there, and `value` is now. */
    bool compare_and_swap(const K &key, const std::optional<V> &expected, const std::optional<V> &value) const {
        auto old = expected ? bytes<V>(*expected) : Held(), fresh = value ? bytes<V>(*value) : Held();
        return wp_must(wp_dict_compare_and_swap(handle(), bytes<K>(key).get(), old.get(), fresh.get()), "dict compare and swap") == 1;
    }
    /** Puts several in, all or none. */
    void update(const std::vector<std::pair<K, V>> &items) const {
        Bytes args;
        wp_put_len(&args, items.size());
        for (const auto &[key, value] : items) {
            wp_put_value(&args, bytes<K>(key).get());
            wp_put_value(&args, bytes<V>(value).get());
        }
        wp_must(wp_dict_update(handle(), &args), "dict update");
    }
    /** The items in the order in which their keys came. */
    std::vector<std::pair<K, V>> items() const { return pages<std::pair<K, V>>(2); }
    std::vector<K> keys() const { return pages<K>(0); }
    std::vector<V> values() const { return pages<V>(1); }

  private:
    struct Held : std::optional<wp_writer> {
        Held() = default;
        explicit Held(wp_writer writer) : std::optional<wp_writer>(writer) {}
        Held(Held &&other) noexcept : std::optional<wp_writer>(other) { other.reset(); }
        ~Held() {
            if (*this) wp_writer_free(&**this);
        }
        const wp_writer *get() const { return *this ? &**this : nullptr; }
    };
    template <class T> static Held bytes(const T &value) {
        wp_writer out = {nullptr, 0, 0};
        Wire<T>::put(out, value);
        return Held(out);
    }
    static std::optional<V> found(int32_t len, wp_reader &value, const char *of) {
        if (len == WP_NOT_FOUND) return std::nullopt;
        wp_must(len, of);
        return value_of<V>(value, of);
    }
    template <class T> std::vector<T> pages(uint8_t part) const {
        std::vector<T> all;
        uint64_t cursor = 0;
        for (bool more = true; more;) {
            wp_reader reply;
            wp_must(wp_dict_page(handle(), cursor, part, &reply), "dict page");
            auto page = value_of<std::tuple<uint64_t, bool, std::vector<T>>>(reply, "dict page");
            cursor = std::get<0>(page);
            more = std::get<1>(page);
            for (auto &item : std::get<2>(page)) all.push_back(std::move(item));
        }
        return all;
    }
};

/** A manager's list. */
template <class T> class List : public Object {
  public:
    using Object::Object;
    void push(const T &value) const {
        Bytes bytes = Bytes::of<T>(value);
        wp_must(wp_list_push(handle(), &bytes), "list push");
    }
    /** Appends several, all or none. */
    void extend(const std::vector<T> &values) const {
        Bytes args;
        encode(args, values);
        wp_must(wp_list_extend(handle(), &args), "list extend");
    }
    std::optional<T> get(uint64_t index) const {
        wp_reader value;
        return found(wp_list_get(handle(), index, &value), value, "list get");
    }
    void set(uint64_t index, const T &value) const {
        Bytes bytes = Bytes::of<T>(value);
        wp_must(wp_list_set(handle(), index, &bytes), "list set");
    }
    void insert(uint64_t index, const T &value) const {
        Bytes bytes = Bytes::of<T>(value);
        wp_must(wp_list_insert(handle(), index, &bytes), "list insert");
    }
    std::optional<T> remove(uint64_t index) const {
        wp_reader value;
        return found(wp_list_remove(handle(), index, &value), value, "list remove");
    }
    std::optional<T> pop() const {
        wp_reader value;
        return found(wp_list_pop(handle(), &value), value, "list pop");
    }
    std::optional<uint64_t> index_of(const T &value) const {
        Bytes bytes = Bytes::of<T>(value);
        int64_t index = wp_list_find(handle(), &bytes);
        if (index == WP_NOT_FOUND) return std::nullopt;
        return static_cast<uint64_t>(wp_must(index, "list find"));
    }
    uint64_t size() const { return static_cast<uint64_t>(wp_must(wp_len(handle()), "len")); }
    void clear() const { wp_must(wp_clear(handle()), "clear"); }
    /** Adds to a number; the sum. */
    T add(uint64_t index, const T &number) const {
        Bytes bytes = Bytes::of<T>(number);
        wp_reader sum;
        wp_must(wp_list_add(handle(), index, &bytes, &sum), "list add");
        return value_of<T>(sum, "list add");
    }
    bool compare_and_swap(uint64_t index, const T &expected, const T &value) const {
        Bytes old = Bytes::of<T>(expected), fresh = Bytes::of<T>(value);
        return wp_must(wp_list_compare_and_swap(handle(), index, &old, &fresh), "list compare and swap") == 1;
    }
    std::vector<T> values() const { return all().second; }
    /** Changes all values as a whole. When others changed the list meanwhile, `change` is called again with what is there then. */
    template <class F> void change(F change) const {
        for (;;) {
            auto [version, values] = all();
            change(values);
            Bytes args;
            wp_put_u64(&args, version);
            encode(args, values);
            if (wp_must(wp_list_replace(handle(), &args), "list replace") == 1) return;
        }
    }

  private:
    static void encode(wp_writer &out, const std::vector<T> &values) {
        wp_put_len(&out, values.size());
        for (const auto &value : values) {
            Bytes bytes = Bytes::of<T>(value);
            wp_put_value(&out, &bytes);
        }
    }
    static std::optional<T> found(int32_t len, wp_reader &value, const char *of) {
        if (len == WP_NOT_FOUND) return std::nullopt;
        wp_must(len, of);
        return value_of<T>(value, of);
    }
    /** Version and values, read again when the list changed meanwhile. */
    std::pair<uint64_t, std::vector<T>> all() const {
        for (;;) {
            std::vector<T> values;
            uint64_t version = 0;
            bool more = true, same = true;
            while (more && same) {
                wp_reader reply;
                wp_must(wp_list_page(handle(), values.size(), &reply), "list page");
                auto page = value_of<std::tuple<uint64_t, bool, std::vector<T>>>(reply, "list page");
                same = values.empty() || version == std::get<0>(page);
                version = std::get<0>(page);
                more = std::get<1>(page);
                for (auto &value : std::get<2>(page)) values.push_back(std::move(value));
            }
            if (same) return {version, std::move(values)};
        }
    }
};

/** A manager's namespace. */
class Namespace : public Object {
  public:
    using Object::Object;
    template <class T> std::optional<T> get(const std::string &name) const {
        wp_reader value;
        int32_t len = wp_namespace_get(handle(), name.c_str(), type<T>(), type_len<T>(), &value);
        if (len == WP_NOT_FOUND) return std::nullopt;
        wp_must(len, "namespace get");
        return value_of<T>(value, "namespace get");
    }
    template <class T> void set(const std::string &name, const T &value) const {
        Bytes bytes = Bytes::of<T>(value);
        wp_must(wp_namespace_set(handle(), name.c_str(), type<T>(), type_len<T>(), &bytes), "namespace set");
    }
    /** Adds to a number, which begins at zero; the sum. */
    template <class T> T add(const std::string &name, const T &number) const {
        Bytes bytes = Bytes::of<T>(number);
        wp_reader sum;
        wp_must(wp_namespace_add(handle(), name.c_str(), type<T>(), type_len<T>(), &bytes, &sum), "namespace add");
        return value_of<T>(sum, "namespace add");
    }
    /** Whether it was there. */
    bool remove(const std::string &name) const {
        int32_t removed = wp_namespace_remove(handle(), name.c_str());
        return removed == WP_NOT_FOUND ? false : (wp_must(removed, "namespace remove"), true);
    }
    std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (bool more = true; more;) {
            wp_reader reply;
            wp_must(wp_namespace_names(handle(), all.empty() ? "" : all.back().c_str(), &reply), "namespace names");
            auto page = value_of<std::pair<bool, std::vector<std::string>>>(reply, "namespace names");
            more = page.first;
            for (auto &name : page.second) all.push_back(std::move(name));
        }
        return all;
    }
    uint64_t size() const { return static_cast<uint64_t>(wp_must(wp_len(handle()), "len")); }
    void clear() const { wp_must(wp_clear(handle()), "clear"); }

  private:
    template <class T> static constexpr Type described() {
        Type type;
        Wire<T>::describe(type);
        return type;
    }
    template <class T> static const uint8_t *type() {
        static constexpr Type bytes = described<T>();
        return reinterpret_cast<const uint8_t *>(bytes.bytes);
    }
    template <class T> static constexpr size_t type_len() { return described<T>().len; }
};

/** Calls a function of the embedding program. Its failure ends the task with what it says. */
template <class R, class... A> R host_call(const char *name, const A &...args) {
    Bytes bytes;
    (Wire<A>::put(bytes, args), ...);
    wp_reader result;
    int32_t len = wp_host_call(name, &bytes, &result);
    if (len < 0) {
        std::string said(reinterpret_cast<const char *>(result.at), static_cast<size_t>(result.end - result.at));
        fail(std::string(name) + ": " + (said.empty() ? wp_code_text(len) : said));
    }
    return value_of<R>(result, name);
}

/** One partial result, delivered while the task runs. */
template <class T> void emit(const T &value) {
    Bytes bytes = Bytes::of<T>(value);
    wp_emit(&bytes);
}

/** What objects are: their kind, and what they hold. They come as arguments and go nowhere. */
template <class T> struct Argument {
    static T get(wp_reader &in) { return T(wp_get_object(&in)); }
    static constexpr void kind(Type &type, int kind) {
        type.put(WP_TAG_HANDLE);
        type.put(kind);
    }
};

#define WP_PLAIN(name, number) \
    template <> struct Wire<name> : Argument<name> { \
        static constexpr void describe(Type &type) { kind(type, number), type.put(WP_TAG_UNIT); } \
    };
#define WP_HOLDS(name, number) \
    template <class T> struct Wire<name<T>> : Argument<name<T>> { \
        static constexpr void describe(Type &type) { Argument<name<T>>::kind(type, number), Wire<T>::describe(type); } \
    };
#define WP_HOLDS_TWO(name, number) \
    template <class A, class B> struct Wire<name<A, B>> : Argument<name<A, B>> { \
        static constexpr void describe(Type &type) { \
            Argument<name<A, B>>::kind(type, number), Wire<std::pair<A, B>>::describe(type); \
        } \
    };
#define WP_HALF(name, field) \
    template <class T> struct Wire<name<T>> : Argument<name<T>> { \
        static constexpr void describe(Type &type) { \
            Argument<name<T>>::kind(type, WP_KIND_CONNECTION), type.put(WP_TAG_STRUCT), type.put(sizeof #name - 1); \
            type.put(#name, sizeof #name - 1), type.put(1), type.put(0), type.put(sizeof field - 1); \
            type.put(field, sizeof field - 1), Wire<T>::describe(type); \
        } \
    };
WP_PLAIN(Lock, WP_KIND_LOCK)
WP_PLAIN(RLock, WP_KIND_RLOCK)
WP_PLAIN(Semaphore, WP_KIND_SEMAPHORE)
WP_PLAIN(BoundedSemaphore, WP_KIND_BOUNDED_SEMAPHORE)
WP_PLAIN(Event, WP_KIND_EVENT)
WP_PLAIN(Condition, WP_KIND_CONDITION)
WP_PLAIN(Barrier, WP_KIND_BARRIER)
WP_PLAIN(Namespace, WP_KIND_NAMESPACE)
WP_HOLDS(RawArray, WP_KIND_RAW_ARRAY)
WP_HOLDS(Array, WP_KIND_ARRAY)
WP_HOLDS(Chunk, WP_KIND_CHUNK)
WP_HOLDS(RawValue, WP_KIND_RAW_VALUE)
WP_HOLDS(Value, WP_KIND_VALUE)
WP_HOLDS(Queue, WP_KIND_QUEUE)
WP_HOLDS(SimpleQueue, WP_KIND_SIMPLE_QUEUE)
WP_HOLDS(JoinableQueue, WP_KIND_JOINABLE_QUEUE)
WP_HOLDS(List, WP_KIND_LIST)
WP_HOLDS_TWO(Dict, WP_KIND_DICT)
WP_HOLDS_TWO(Connection, WP_KIND_CONNECTION)
WP_HALF(Sender, "sends")
WP_HALF(Receiver, "receives")
#undef WP_PLAIN
#undef WP_HOLDS
#undef WP_HOLDS_TWO
#undef WP_HALF

/** Decodes the arguments of a function, calls it, encodes its result. */
template <class R, class... A> int32_t run(R (*task)(A...)) {
    wp_reader in = wp_input();
    std::tuple<std::decay_t<A>...> args{Wire<std::decay_t<A>>::get(in)...};
    wp_input_end(&in);
    wp_reader_free(&in);
    if constexpr (std::is_void_v<R>) {
        std::apply([&](auto &...arg) { task(std::move(arg)...); }, args);
    } else {
        R result = std::apply([&](auto &...arg) { return task(std::move(arg)...); }, args);
        Bytes out = Bytes::of<R>(result);
        wasmpool_output_write(out.bytes, out.len);
    }
    return 0;
}

/** Whether the types of a function are those that were declared. */
template <class R, class... A, size_t... N> constexpr bool is_declared(R (*)(A...), const char (&...declared)[N]) {
    Type real, said;
    real.put(sizeof...(A));
    (Wire<std::decay_t<A>>::describe(real), ...);
    if constexpr (std::is_void_v<R>) real.put(WP_TAG_UNIT);
    else Wire<R>::describe(real);
    (said.put(declared, N - 1), ...);
    bool same = real.len == said.len;
    for (size_t i = 0; i < real.len; i++) same = same && real.bytes[i] == said.bytes[i];
    return same;
}

} // namespace wasmpool

/** Exports a function as a task, with the types of its arguments and its result. */
#define WASMPOOL_FUNCTION(name, args, result) \
    static_assert(wasmpool::is_declared(&name, args, result), "the declared types are not those of the function"); \
    WP_RECORD(name, WP_TEXT(WP_POSTCARD), WP_TEXT(args), WP_TEXT(result)); \
    WASMPOOL_EXPORT(name) { return wasmpool::run(&name); }

#endif

#endif /* WASMPOOL_H */
