// What the ABI is: constants and imports. The other files make it pleasant.

// Generated from guest-sdk/abi: begin

export const ABI_VERSION: i32 = 1;
export const WINDOW_ALIGN: usize = 65536;

/** Why an import failed: its result, when that is negative. */
export enum Code {
  /** timed out */
  Timeout = -1,
  /** closed */
  Closed = -2,
  /** full */
  Full = -3,
  /** empty */
  Empty = -4,
  /** abandoned by a holder that died */
  Abandoned = -5,
  /** not a handle of this task */
  BadHandle = -6,
  /** a handle of an earlier task, or one given up */
  Stale = -7,
  /** bad address */
  BadAddress = -8,
  /** too large */
  TooLarge = -9,
  /** invalid argument */
  Invalid = -10,
  /** not allowed by the grant */
  Denied = -11,
  /** failed in the host */
  Failed = -12,
  /** not held by the caller */
  NotHeld = -13,
  /** broken */
  Broken = -14,
  /** not found */
  NotFound = -15,
  /** of the wrong type */
  WrongType = -16,
  /** the function returned an error */
  Error = -17,
  /** held by the caller already */
  AlreadyHeld = -18,
}

/** What a code says. */
export function codeText(code: i32): string {
  switch (code) {
    case -1: return "timed out";
    case -2: return "closed";
    case -3: return "full";
    case -4: return "empty";
    case -5: return "abandoned by a holder that died";
    case -6: return "not a handle of this task";
    case -7: return "a handle of an earlier task, or one given up";
    case -8: return "bad address";
    case -9: return "too large";
    case -10: return "invalid argument";
    case -11: return "not allowed by the grant";
    case -12: return "failed in the host";
    case -13: return "not held by the caller";
    case -14: return "broken";
    case -15: return "not found";
    case -16: return "of the wrong type";
    case -17: return "the function returned an error";
    case -18: return "held by the caller already";
    default: return "code " + code.toString();
  }
}

/** What the bytes are that say why a task fails. */
export enum Fail {
  /** a message for people */
  Message = 0,
  /** message, file and line, a line for each */
  Panic = 1,
  /** the input is wrong: a message for people */
  Input = 2,
  /** the error value in the task's codec */
  Value = 3,
}

/** How loud a record of the log is. */
export enum Level {
  /** something failed */
  Error = 1,
  /** something is wrong, and the task goes on */
  Warn = 2,
  /** what a user wants to read */
  Info = 3,
  /** what a developer wants to read */
  Debug = 4,
  /** everything */
  Trace = 5,
}

/** How a task's input and output are encoded. */
export enum Codec {
  /** postcard */
  Postcard = 0,
  /** json */
  Json = 1,
  /** raw */
  Raw = 2,
}

/** What an object of the host is. */
export enum Kind {
  /** RawArray */
  RawArray = 1,
  /** Array */
  Array = 2,
  /** RawValue */
  RawValue = 3,
  /** Value */
  Value = 4,
  /** ChunkMut */
  Chunk = 5,
  /** Lock */
  Lock = 6,
  /** RLock */
  RLock = 7,
  /** Semaphore */
  Semaphore = 8,
  /** BoundedSemaphore */
  BoundedSemaphore = 9,
  /** Event */
  Event = 10,
  /** Condition */
  Condition = 11,
  /** Barrier */
  Barrier = 12,
  /** Queue */
  Queue = 13,
  /** SimpleQueue */
  SimpleQueue = 14,
  /** JoinableQueue */
  JoinableQueue = 15,
  /** Connection */
  Connection = 16,
  /** Dict */
  Dict = 17,
  /** List */
  List = 18,
  /** Namespace */
  Namespace = 19,
}

/** An atomic operation of `shm_rmw`. */
export enum Rmw {
  /** add */
  Add = 0,
  /** sub */
  Sub = 1,
  /** and */
  And = 2,
  /** or */
  Or = 3,
  /** xor */
  Xor = 4,
  /** exchange */
  Exchange = 5,
  /** min */
  Min = 6,
  /** max */
  Max = 7,
}

/** An operation of `manager_call`. */
export enum Op {
  /** len */
  Len = 0,
  /** clear */
  Clear = 1,
  /** dict get */
  DictGet = 16,
  /** dict insert */
  DictInsert = 17,
  /** dict set */
  DictSet = 18,
  /** dict pop */
  DictPop = 19,
  /** dict pop last */
  DictPopLast = 20,
  /** dict contains */
  DictContains = 21,
  /** dict page */
  DictPage = 22,
  /** dict update */
  DictUpdate = 23,
  /** dict get or insert */
  DictGetOrInsert = 24,
  /** dict add */
  DictAdd = 25,
  /** dict compare and swap */
  DictCompareAndSwap = 26,
  /** list get */
  ListGet = 32,
  /** list set */
  ListSet = 33,
  /** list push */
  ListPush = 34,
  /** list extend */
  ListExtend = 35,
  /** list insert */
  ListInsert = 36,
  /** list remove */
  ListRemove = 37,
  /** list pop */
  ListPop = 38,
  /** list find */
  ListFind = 39,
  /** list page */
  ListPage = 40,
  /** list replace */
  ListReplace = 41,
  /** list add */
  ListAdd = 42,
  /** list compare and swap */
  ListCompareAndSwap = 43,
  /** namespace get */
  NamespaceGet = 48,
  /** namespace set */
  NamespaceSet = 49,
  /** namespace remove */
  NamespaceRemove = 50,
  /** namespace names */
  NamespaceNames = 51,
  /** namespace add */
  NamespaceAdd = 52,
}

/** The first byte of a type. */
export enum Tag {
  Unit = 0,
  Bool = 1,
  U8 = 2,
  U16 = 3,
  U32 = 4,
  U64 = 5,
  U128 = 6,
  I8 = 7,
  I16 = 8,
  I32 = 9,
  I64 = 10,
  I128 = 11,
  F32 = 12,
  F64 = 13,
  Char = 14,
  Str = 15,
  Option = 32,
  Seq = 33,
  Array = 34,
  Map = 35,
  Tuple = 36,
  Struct = 37,
  Enum = 38,
  Handle = 39,
  Rec = 40,
}

/** Bytes of this task's input. */
@external("wasmpool", "input_len")
export declare function input_len(): i32;

/** Copies up to `len` bytes of the input from `offset` on to `dst`; returns how many there were. */
@external("wasmpool", "input_read")
export declare function input_read(dst: usize, offset: i32, len: usize): i32;

/** Appends to the result. */
@external("wasmpool", "output_write")
export declare function output_write(src: usize, len: usize): void;

/** Why the task fails: a `FailKind` and its text or bytes. A trap after it is that failure, with its backtrace. */
@external("wasmpool", "fail")
export declare function fail(kind: i32, src: usize, len: usize): void;

/** One partial result, delivered while the task runs. */
@external("wasmpool", "emit")
export declare function emit(src: usize, len: usize): void;

/** How far the task is, for bars and dashboards; a total of zero or less says that it is not known. */
@external("wasmpool", "progress")
export declare function progress(done: i64, total: i64): void;

/** A record of the log; level 1 is error, 5 is trace. */
@external("wasmpool", "log")
export declare function log(level: i32, src: usize, len: usize): void;

/** The handle of an object among this task's arguments, which hold its index; valid until the task ends. */
@external("wasmpool", "handle")
export declare function handle(index: i32): i32;

/** Gives a handle up before the task ends. */
@external("wasmpool", "handle_drop")
export declare function handle_drop(handle: i32): i32;

/** Bytes of an array that this task was given. */
@external("wasmpool", "shm_len")
export declare function shm_len(handle: i32): i64;

/** Maps `len` bytes of an array from `offset` on over the guest's memory at `addr`; both are multiples of 64 KiB. */
@external("wasmpool", "shm_attach")
export declare function shm_attach(handle: i32, offset: i64, addr: usize, len: usize): i32;

/** Puts ordinary zeroed memory back where a window begins at `addr`. */
@external("wasmpool", "shm_detach")
export declare function shm_detach(addr: usize): i32;

/** Copies bytes of an array to `dst`. */
@external("wasmpool", "shm_read")
export declare function shm_read(handle: i32, offset: i64, dst: usize, len: usize): i32;

/** Copies bytes from `src` into an array. */
@external("wasmpool", "shm_write")
export declare function shm_write(handle: i32, offset: i64, src: usize, len: usize): i32;

/** An atomic operation (a `RmwOp`) on an integer of an array; returns what was there before. What cannot be done traps. */
@external("wasmpool", "shm_rmw")
export declare function shm_rmw(handle: i32, op: i32, offset: i64, value: i64): i64;

/** Takes a lock, or that of an array, a value or a condition. Abandoned: the caller holds it all the same. */
@external("wasmpool", "lock_acquire")
export declare function lock_acquire(handle: i32, timeoutNs: i64): i32;

/** Releases it. */
@external("wasmpool", "lock_release")
export declare function lock_release(handle: i32): i32;

/** Takes a permit of a semaphore. */
@external("wasmpool", "semaphore_acquire")
export declare function semaphore_acquire(handle: i32, timeoutNs: i64): i32;

/** Gives one back. */
@external("wasmpool", "semaphore_release")
export declare function semaphore_release(handle: i32): i32;

/** Keeps a permit of this task's taken when the task ends: it comes back by a release only. */
@external("wasmpool", "semaphore_keep")
export declare function semaphore_keep(handle: i32): i32;

/** Permits that are free. */
@external("wasmpool", "semaphore_value")
export declare function semaphore_value(handle: i32): i32;

/** Sets an event and wakes all who wait for it. */
@external("wasmpool", "event_set")
export declare function event_set(handle: i32): i32;

/** Clears it. */
@external("wasmpool", "event_clear")
export declare function event_clear(handle: i32): i32;

/** 1 when it is set, else 0. */
@external("wasmpool", "event_is_set")
export declare function event_is_set(handle: i32): i32;

/** Waits until it is set. */
@external("wasmpool", "event_wait")
export declare function event_wait(handle: i32, timeoutNs: i64): i32;

/** Releases the condition's lock, waits to be notified, takes the lock again. */
@external("wasmpool", "condition_wait")
export declare function condition_wait(handle: i32, timeoutNs: i64): i32;

/** Wakes up to `count` of those who wait; a negative count is all. */
@external("wasmpool", "condition_notify")
export declare function condition_notify(handle: i32, count: i32): i32;

/** Waits until all parties do; returns this one's place among them, 0 for the last to come. */
@external("wasmpool", "barrier_wait")
export declare function barrier_wait(handle: i32, timeoutNs: i64): i32;

/** Makes it new; those who wait find it broken. */
@external("wasmpool", "barrier_reset")
export declare function barrier_reset(handle: i32): i32;

/** Breaks it. */
@external("wasmpool", "barrier_abort")
export declare function barrier_abort(handle: i32): i32;

/** How many wait; `Broken` when it is. */
@external("wasmpool", "barrier_waiting")
export declare function barrier_waiting(handle: i32): i32;

/** Appends a message. */
@external("wasmpool", "queue_put")
export declare function queue_put(handle: i32, src: usize, len: usize, timeoutNs: i64): i32;

/** Takes the oldest message; returns its length, `message_read` has its bytes. */
@external("wasmpool", "queue_get")
export declare function queue_get(handle: i32, timeoutNs: i64): i32;

/** How many messages it holds. */
@external("wasmpool", "queue_len")
export declare function queue_len(handle: i32): i32;

/** 1 when it holds as many messages or bytes as it may, else 0. */
@external("wasmpool", "queue_is_full")
export declare function queue_is_full(handle: i32): i32;

/** Nothing more can be put; what is in it can be taken. */
@external("wasmpool", "queue_close")
export declare function queue_close(handle: i32): i32;

/** One message that was taken has been dealt with. */
@external("wasmpool", "queue_task_done")
export declare function queue_task_done(handle: i32): i32;

/** Waits until all that were put have been dealt with. */
@external("wasmpool", "queue_join")
export declare function queue_join(handle: i32, timeoutNs: i64): i32;

/** Sends a message to the other end of a pipe. */
@external("wasmpool", "pipe_send")
export declare function pipe_send(handle: i32, src: usize, len: usize, timeoutNs: i64): i32;

/** Receives one; returns its length, `message_read` has its bytes. */
@external("wasmpool", "pipe_recv")
export declare function pipe_recv(handle: i32, timeoutNs: i64): i32;

/** 1 when there is something to receive, the end of the messages among it, else 0. */
@external("wasmpool", "pipe_poll")
export declare function pipe_poll(handle: i32, timeoutNs: i64): i32;

/** Closes this end. */
@external("wasmpool", "pipe_close")
export declare function pipe_close(handle: i32): i32;

/** Copies up to `len` bytes of the last message or reply from `offset` on to `dst`; returns how many there were. */
@external("wasmpool", "message_read")
export declare function message_read(dst: usize, offset: i32, len: usize): i32;

/** An operation on a manager's object; returns the length of the reply, `message_read` has its bytes. */
@external("wasmpool", "manager_call")
export declare function manager_call(handle: i32, op: i32, src: usize, len: usize): i32;

/** Calls a function of the embedding program; returns the length of the reply, `message_read` has its bytes. */
@external("wasmpool", "host_call")
export declare function host_call(name: usize, nameLen: usize, src: usize, len: usize): i32;

// Generated from guest-sdk/abi: end
