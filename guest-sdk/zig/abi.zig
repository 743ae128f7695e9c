//! What the ABI is: constants and imports. `wasmpool.zig` makes it pleasant.

// Generated from guest-sdk/abi: begin

pub const abi_version = 1;
pub const window_align = 65536;

/// Why an import failed: its result, when that is negative.
pub const Code = enum(i32) {
    /// timed out
    timeout = -1,
    /// closed
    closed = -2,
    /// full
    full = -3,
    /// empty
    empty = -4,
    /// abandoned by a holder that died
    abandoned = -5,
    /// not a handle of this task
    bad_handle = -6,
    /// a handle of an earlier task, or one given up
    stale = -7,
    /// bad address
    bad_address = -8,
    /// too large
    too_large = -9,
    /// invalid argument
    invalid = -10,
    /// not allowed by the grant
    denied = -11,
    /// failed in the host
    failed = -12,
    /// not held by the caller
    not_held = -13,
    /// broken
    broken = -14,
    /// not found
    not_found = -15,
    /// of the wrong type
    wrong_type = -16,
    /// the function returned an error
    @"error" = -17,
    /// held by the caller already
    already_held = -18,
    _,
};

/// A `Code` as an error of Zig's.
pub const Error = error{
    Timeout,
    Closed,
    Full,
    Empty,
    Abandoned,
    BadHandle,
    Stale,
    BadAddress,
    TooLarge,
    Invalid,
    Denied,
    Failed,
    NotHeld,
    Broken,
    NotFound,
    WrongType,
    Error,
    AlreadyHeld,
};

/// The error of a negative result.
pub fn errorOf(code: Code) Error {
    return switch (code) {
        .timeout => error.Timeout,
        .closed => error.Closed,
        .full => error.Full,
        .empty => error.Empty,
        .abandoned => error.Abandoned,
        .bad_handle => error.BadHandle,
        .stale => error.Stale,
        .bad_address => error.BadAddress,
        .too_large => error.TooLarge,
        .invalid => error.Invalid,
        .denied => error.Denied,
        .failed => error.Failed,
        .not_held => error.NotHeld,
        .broken => error.Broken,
        .not_found => error.NotFound,
        .wrong_type => error.WrongType,
        .@"error" => error.Error,
        .already_held => error.AlreadyHeld,
        _ => error.Failed,
    };
}

/// What the bytes are that say why a task fails.
pub const Fail = enum(i32) {
    /// a message for people
    message = 0,
    /// message, file and line, a line for each
    panic = 1,
    /// the input is wrong: a message for people
    input = 2,
    /// the error value in the task's codec
    value = 3,
};

/// How loud a record of the log is.
pub const Level = enum(i32) {
    /// something failed
    @"error" = 1,
    /// something is wrong, and the task goes on
    warn = 2,
    /// what a user wants to read
    info = 3,
    /// what a developer wants to read
    debug = 4,
    /// everything
    trace = 5,
};

/// How a task's input and output are encoded.
pub const Codec = enum(i32) {
    /// postcard
    postcard = 0,
    /// json
    json = 1,
    /// raw
    raw = 2,
};

/// What an object of the host is.
pub const Kind = enum(i32) {
    /// RawArray
    raw_array = 1,
    /// Array
    array = 2,
    /// RawValue
    raw_value = 3,
    /// Value
    value = 4,
    /// ChunkMut
    chunk = 5,
    /// Lock
    lock = 6,
    /// RLock
    rlock = 7,
    /// Semaphore
    semaphore = 8,
    /// BoundedSemaphore
    bounded_semaphore = 9,
    /// Event
    event = 10,
    /// Condition
    condition = 11,
    /// Barrier
    barrier = 12,
    /// Queue
    queue = 13,
    /// SimpleQueue
    simple_queue = 14,
    /// JoinableQueue
    joinable_queue = 15,
    /// Connection
    connection = 16,
    /// Dict
    dict = 17,
    /// List
    list = 18,
    /// Namespace
    namespace = 19,
};

/// An atomic operation of `shm_rmw`.
pub const Rmw = enum(i32) {
    /// add
    add = 0,
    /// sub
    sub = 1,
    /// and
    @"and" = 2,
    /// or
    @"or" = 3,
    /// xor
    xor = 4,
    /// exchange
    exchange = 5,
    /// min
    min = 6,
    /// max
    max = 7,
};

/// An operation of `manager_call`.
pub const Op = enum(i32) {
    /// len
    len = 0,
    /// clear
    clear = 1,
    /// dict get
    dict_get = 16,
    /// dict insert
    dict_insert = 17,
    /// dict set
    dict_set = 18,
    /// dict pop
    dict_pop = 19,
    /// dict pop last
    dict_pop_last = 20,
    /// dict contains
    dict_contains = 21,
    /// dict page
    dict_page = 22,
    /// dict update
    dict_update = 23,
    /// dict get or insert
    dict_get_or_insert = 24,
    /// dict add
    dict_add = 25,
    /// dict compare and swap
    dict_compare_and_swap = 26,
    /// list get
    list_get = 32,
    /// list set
    list_set = 33,
    /// list push
    list_push = 34,
    /// list extend
    list_extend = 35,
    /// list insert
    list_insert = 36,
    /// list remove
    list_remove = 37,
    /// list pop
    list_pop = 38,
    /// list find
    list_find = 39,
    /// list page
    list_page = 40,
    /// list replace
    list_replace = 41,
    /// list add
    list_add = 42,
    /// list compare and swap
    list_compare_and_swap = 43,
    /// namespace get
    namespace_get = 48,
    /// namespace set
    namespace_set = 49,
    /// namespace remove
    namespace_remove = 50,
    /// namespace names
    namespace_names = 51,
    /// namespace add
    namespace_add = 52,
};

/// The first byte of a type.
pub const Tag = enum(u8) {
    unit = 0,
    bool = 1,
    u8 = 2,
    u16 = 3,
    u32 = 4,
    u64 = 5,
    u128 = 6,
    i8 = 7,
    i16 = 8,
    i32 = 9,
    i64 = 10,
    i128 = 11,
    f32 = 12,
    f64 = 13,
    char = 14,
    str = 15,
    option = 32,
    seq = 33,
    array = 34,
    map = 35,
    tuple = 36,
    @"struct" = 37,
    @"enum" = 38,
    handle = 39,
    rec = 40,
};

/// Bytes of this task's input.
pub extern "wasmpool" fn input_len() i32;

/// Copies up to `len` bytes of the input from `offset` on to `dst`; returns how many there were.
pub extern "wasmpool" fn input_read(dst: [*]u8, offset: i32, len: usize) i32;

/// Appends to the result.
pub extern "wasmpool" fn output_write(src: [*]const u8, len: usize) void;

/// Why the task fails: a `FailKind` and its text or bytes. A trap after it is that failure, with its backtrace.
pub extern "wasmpool" fn fail(kind: i32, src: [*]const u8, len: usize) void;

/// One partial result, delivered while the task runs.
pub extern "wasmpool" fn emit(src: [*]const u8, len: usize) void;

/// How far the task is, for bars and dashboards; a total of zero or less says that it is not known.
pub extern "wasmpool" fn progress(done: i64, total: i64) void;

/// A record of the log; level 1 is error, 5 is trace.
pub extern "wasmpool" fn log(level: i32, src: [*]const u8, len: usize) void;

/// The handle of an object among this task's arguments, which hold its index; valid until the task ends.
pub extern "wasmpool" fn handle(index: i32) i32;

/// Gives a handle up before the task ends.
pub extern "wasmpool" fn handle_drop(handle: i32) i32;

/// Bytes of an array that this task was given.
pub extern "wasmpool" fn shm_len(handle: i32) i64;

/// Maps `len` bytes of an array from `offset` on over the guest's memory at `addr`; both are multiples of 64 KiB.
pub extern "wasmpool" fn shm_attach(handle: i32, offset: i64, addr: [*]u8, len: usize) i32;

/// Puts ordinary zeroed memory back where a window begins at `addr`.
pub extern "wasmpool" fn shm_detach(addr: [*]u8) i32;

/// Copies bytes of an array to `dst`.
pub extern "wasmpool" fn shm_read(handle: i32, offset: i64, dst: [*]u8, len: usize) i32;

/// Copies bytes from `src` into an array.
pub extern "wasmpool" fn shm_write(handle: i32, offset: i64, src: [*]const u8, len: usize) i32;

/// An atomic operation (a `RmwOp`) on an integer of an array; returns what was there before. What cannot be done traps.
pub extern "wasmpool" fn shm_rmw(handle: i32, op: i32, offset: i64, value: i64) i64;

/// Takes a lock, or that of an array, a value or a condition. Abandoned: the caller holds it all the same.
pub extern "wasmpool" fn lock_acquire(handle: i32, timeout_ns: i64) i32;

/// Releases it.
pub extern "wasmpool" fn lock_release(handle: i32) i32;

/// Takes a permit of a semaphore.
pub extern "wasmpool" fn semaphore_acquire(handle: i32, timeout_ns: i64) i32;

/// Gives one back.
pub extern "wasmpool" fn semaphore_release(handle: i32) i32;

/// Keeps a permit of this task's taken when the task ends: it comes back by a release only.
pub extern "wasmpool" fn semaphore_keep(handle: i32) i32;

/// Permits that are free.
pub extern "wasmpool" fn semaphore_value(handle: i32) i32;

/// Sets an event and wakes all who wait for it.
pub extern "wasmpool" fn event_set(handle: i32) i32;

/// Clears it.
pub extern "wasmpool" fn event_clear(handle: i32) i32;

/// 1 when it is set, else 0.
pub extern "wasmpool" fn event_is_set(handle: i32) i32;

/// Waits until it is set.
pub extern "wasmpool" fn event_wait(handle: i32, timeout_ns: i64) i32;

/// Releases the condition's lock, waits to be notified, takes the lock again.
pub extern "wasmpool" fn condition_wait(handle: i32, timeout_ns: i64) i32;

/// Wakes up to `count` of those who wait; a negative count is all.
pub extern "wasmpool" fn condition_notify(handle: i32, count: i32) i32;

/// Waits until all parties do; returns this one's place among them, 0 for the last to come.
pub extern "wasmpool" fn barrier_wait(handle: i32, timeout_ns: i64) i32;

/// Makes it new; those who wait find it broken.
pub extern "wasmpool" fn barrier_reset(handle: i32) i32;

/// Breaks it.
pub extern "wasmpool" fn barrier_abort(handle: i32) i32;

/// How many wait; `Broken` when it is.
pub extern "wasmpool" fn barrier_waiting(handle: i32) i32;

/// Appends a message.
pub extern "wasmpool" fn queue_put(handle: i32, src: [*]const u8, len: usize, timeout_ns: i64) i32;

/// Takes the oldest message; returns its length, `message_read` has its bytes.
pub extern "wasmpool" fn queue_get(handle: i32, timeout_ns: i64) i32;

/// How many messages it holds.
pub extern "wasmpool" fn queue_len(handle: i32) i32;

/// 1 when it holds as many messages or bytes as it may, else 0.
pub extern "wasmpool" fn queue_is_full(handle: i32) i32;

/// Nothing more can be put; what is in it can be taken.
pub extern "wasmpool" fn queue_close(handle: i32) i32;

/// One message that was taken has been dealt with.
pub extern "wasmpool" fn queue_task_done(handle: i32) i32;

/// Waits until all that were put have been dealt with.
pub extern "wasmpool" fn queue_join(handle: i32, timeout_ns: i64) i32;

/// Sends a message to the other end of a pipe.
pub extern "wasmpool" fn pipe_send(handle: i32, src: [*]const u8, len: usize, timeout_ns: i64) i32;

/// Receives one; returns its length, `message_read` has its bytes.
pub extern "wasmpool" fn pipe_recv(handle: i32, timeout_ns: i64) i32;

/// 1 when there is something to receive, the end of the messages among it, else 0.
pub extern "wasmpool" fn pipe_poll(handle: i32, timeout_ns: i64) i32;

/// Closes this end.
pub extern "wasmpool" fn pipe_close(handle: i32) i32;

/// Copies up to `len` bytes of the last message or reply from `offset` on to `dst`; returns how many there were.
pub extern "wasmpool" fn message_read(dst: [*]u8, offset: i32, len: usize) i32;

/// An operation on a manager's object; returns the length of the reply, `message_read` has its bytes.
pub extern "wasmpool" fn manager_call(handle: i32, op: i32, src: [*]const u8, len: usize) i32;

/// Calls a function of the embedding program; returns the length of the reply, `message_read` has its bytes.
pub extern "wasmpool" fn host_call(name: [*]const u8, name_len: usize, src: [*]const u8, len: usize) i32;

// Generated from guest-sdk/abi: end
