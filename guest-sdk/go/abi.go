//go:build wasip1

package wasmpool

import "unsafe"

// What the ABI is: constants and imports. The other files make it pleasant.

// Generated from guest-sdk/abi: begin

const (
	abiVersion  = 1
	windowAlign = 65536
)

// Code: Why an import failed: its result, when that is negative.
type Code int32

const (
	// timed out
	CodeTimeout Code = -1
	// closed
	CodeClosed Code = -2
	// full
	CodeFull Code = -3
	// empty
	CodeEmpty Code = -4
	// abandoned by a holder that died
	CodeAbandoned Code = -5
	// not a handle of this task
	CodeBadHandle Code = -6
	// a handle of an earlier task, or one given up
	CodeStale Code = -7
	// bad address
	CodeBadAddress Code = -8
	// too large
	CodeTooLarge Code = -9
	// invalid argument
	CodeInvalid Code = -10
	// not allowed by the grant
	CodeDenied Code = -11
	// failed in the host
	CodeFailed Code = -12
	// not held by the caller
	CodeNotHeld Code = -13
	// broken
	CodeBroken Code = -14
	// not found
	CodeNotFound Code = -15
	// of the wrong type
	CodeWrongType Code = -16
	// the function returned an error
	CodeError Code = -17
	// held by the caller already
	CodeAlreadyHeld Code = -18
)

var codeTexts = map[Code]string{
	CodeTimeout:     "timed out",
	CodeClosed:      "closed",
	CodeFull:        "full",
	CodeEmpty:       "empty",
	CodeAbandoned:   "abandoned by a holder that died",
	CodeBadHandle:   "not a handle of this task",
	CodeStale:       "a handle of an earlier task, or one given up",
	CodeBadAddress:  "bad address",
	CodeTooLarge:    "too large",
	CodeInvalid:     "invalid argument",
	CodeDenied:      "not allowed by the grant",
	CodeFailed:      "failed in the host",
	CodeNotHeld:     "not held by the caller",
	CodeBroken:      "broken",
	CodeNotFound:    "not found",
	CodeWrongType:   "of the wrong type",
	CodeError:       "the function returned an error",
	CodeAlreadyHeld: "held by the caller already",
}

// FailKind: What the bytes are that say why a task fails.
type FailKind int32

const (
	// a message for people
	FailMessage FailKind = 0
	// message, file and line, a line for each
	FailPanic FailKind = 1
	// the input is wrong: a message for people
	FailInput FailKind = 2
	// the error value in the task's codec
	FailValue FailKind = 3
)

// Level: How loud a record of the log is.
type Level int32

const (
	// something failed
	LevelError Level = 1
	// something is wrong, and the task goes on
	LevelWarn Level = 2
	// what a user wants to read
	LevelInfo Level = 3
	// what a developer wants to read
	LevelDebug Level = 4
	// everything
	LevelTrace Level = 5
)

// Codec: How a task's input and output are encoded.
type Codec int32

const (
	// postcard
	CodecPostcard Codec = 0
	// json
	CodecJson Codec = 1
	// raw
	CodecRaw Codec = 2
)

// Kind: What an object of the host is.
type Kind int32

const (
	// RawArray
	KindRawArray Kind = 1
	// Array
	KindArray Kind = 2
	// RawValue
	KindRawValue Kind = 3
	// Value
	KindValue Kind = 4
	// ChunkMut
	KindChunk Kind = 5
	// Lock
	KindLock Kind = 6
	// RLock
	KindRLock Kind = 7
	// Semaphore
	KindSemaphore Kind = 8
	// BoundedSemaphore
	KindBoundedSemaphore Kind = 9
	// Event
	KindEvent Kind = 10
	// Condition
	KindCondition Kind = 11
	// Barrier
	KindBarrier Kind = 12
	// Queue
	KindQueue Kind = 13
	// SimpleQueue
	KindSimpleQueue Kind = 14
	// JoinableQueue
	KindJoinableQueue Kind = 15
	// Connection
	KindConnection Kind = 16
	// Dict
	KindDict Kind = 17
	// List
	KindList Kind = 18
	// Namespace
	KindNamespace Kind = 19
)

// Rmw: An atomic operation of `shm_rmw`.
type Rmw int32

const (
	// add
	RmwAdd Rmw = 0
	// sub
	RmwSub Rmw = 1
	// and
	RmwAnd Rmw = 2
	// or
	RmwOr Rmw = 3
	// xor
	RmwXor Rmw = 4
	// exchange
	RmwExchange Rmw = 5
	// min
	RmwMin Rmw = 6
	// max
	RmwMax Rmw = 7
)

// Op: An operation of `manager_call`.
type Op int32

const (
	// len
	OpLen Op = 0
	// clear
	OpClear Op = 1
	// dict get
	OpDictGet Op = 16
	// dict insert
	OpDictInsert Op = 17
	// dict set
	OpDictSet Op = 18
	// dict pop
	OpDictPop Op = 19
	// dict pop last
	OpDictPopLast Op = 20
	// dict contains
	OpDictContains Op = 21
	// dict page
	OpDictPage Op = 22
	// dict update
	OpDictUpdate Op = 23
	// dict get or insert
	OpDictGetOrInsert Op = 24
	// dict add
	OpDictAdd Op = 25
	// dict compare and swap
	OpDictCompareAndSwap Op = 26
	// list get
	OpListGet Op = 32
	// list set
	OpListSet Op = 33
	// list push
	OpListPush Op = 34
	// list extend
	OpListExtend Op = 35
	// list insert
	OpListInsert Op = 36
	// list remove
	OpListRemove Op = 37
	// list pop
	OpListPop Op = 38
	// list find
	OpListFind Op = 39
	// list page
	OpListPage Op = 40
	// list replace
	OpListReplace Op = 41
	// list add
	OpListAdd Op = 42
	// list compare and swap
	OpListCompareAndSwap Op = 43
	// namespace get
	OpNamespaceGet Op = 48
	// namespace set
	OpNamespaceSet Op = 49
	// namespace remove
	OpNamespaceRemove Op = 50
	// namespace names
	OpNamespaceNames Op = 51
	// namespace add
	OpNamespaceAdd Op = 52
)

// The first byte of a type.
const (
	tagUnit   byte = 0
	tagBool   byte = 1
	tagU8     byte = 2
	tagU16    byte = 3
	tagU32    byte = 4
	tagU64    byte = 5
	tagU128   byte = 6
	tagI8     byte = 7
	tagI16    byte = 8
	tagI32    byte = 9
	tagI64    byte = 10
	tagI128   byte = 11
	tagF32    byte = 12
	tagF64    byte = 13
	tagChar   byte = 14
	tagStr    byte = 15
	tagOption byte = 32
	tagSeq    byte = 33
	tagArray  byte = 34
	tagMap    byte = 35
	tagTuple  byte = 36
	tagStruct byte = 37
	tagEnum   byte = 38
	tagHandle byte = 39
	tagRec    byte = 40
)

// Bytes of this task's input.
//
//go:wasmimport wasmpool input_len
func abiInputLen() int32

// Copies up to `len` bytes of the input from `offset` on to `dst`; returns how many there were.
//
//go:wasmimport wasmpool input_read
func abiInputRead(dst unsafe.Pointer, offset int32, len uint32) int32

// Appends to the result.
//
//go:wasmimport wasmpool output_write
func abiOutputWrite(src unsafe.Pointer, len uint32)

// Why the task fails: a `FailKind` and its text or bytes. A trap after it is that failure, with its backtrace.
//
//go:wasmimport wasmpool fail
func abiFail(kind int32, src unsafe.Pointer, len uint32)

// One partial result, delivered while the task runs.
//
//go:wasmimport wasmpool emit
func abiEmit(src unsafe.Pointer, len uint32)

// How far the task is, for bars and dashboards; a total of zero or less says that it is not known.
//
//go:wasmimport wasmpool progress
func abiProgress(done int64, total int64)

// A record of the log; level 1 is error, 5 is trace.
//
//go:wasmimport wasmpool log
func abiLog(level int32, src unsafe.Pointer, len uint32)

// The handle of an object among this task's arguments, which hold its index; valid until the task ends.
//
//go:wasmimport wasmpool handle
func abiHandle(index int32) int32

// Gives a handle up before the task ends.
//
//go:wasmimport wasmpool handle_drop
func abiHandleDrop(handle int32) int32

// Bytes of an array that this task was given.
//
//go:wasmimport wasmpool shm_len
func abiShmLen(handle int32) int64

// Maps `len` bytes of an array from `offset` on over the guest's memory at `addr`; both are multiples of 64 KiB.
//
//go:wasmimport wasmpool shm_attach
func abiShmAttach(handle int32, offset int64, addr unsafe.Pointer, len uint32) int32

// Puts ordinary zeroed memory back where a window begins at `addr`.
//
//go:wasmimport wasmpool shm_detach
func abiShmDetach(addr unsafe.Pointer) int32

// Copies bytes of an array to `dst`.
//
//go:wasmimport wasmpool shm_read
func abiShmRead(handle int32, offset int64, dst unsafe.Pointer, len uint32) int32

// Copies bytes from `src` into an array.
//
//go:wasmimport wasmpool shm_write
func abiShmWrite(handle int32, offset int64, src unsafe.Pointer, len uint32) int32

// An atomic operation (a `RmwOp`) on an integer of an array; returns what was there before. What cannot be done traps.
//
//go:wasmimport wasmpool shm_rmw
func abiShmRmw(handle int32, op int32, offset int64, value int64) int64

// Takes a lock, or that of an array, a value or a condition. Abandoned: the caller holds it all the same.
//
//go:wasmimport wasmpool lock_acquire
func abiLockAcquire(handle int32, timeoutNs int64) int32

// Releases it.
//
//go:wasmimport wasmpool lock_release
func abiLockRelease(handle int32) int32

// Takes a permit of a semaphore.
//
//go:wasmimport wasmpool semaphore_acquire
func abiSemaphoreAcquire(handle int32, timeoutNs int64) int32

// Gives one back.
//
//go:wasmimport wasmpool semaphore_release
func abiSemaphoreRelease(handle int32) int32

// Keeps a permit of this task's taken when the task ends: it comes back by a release only.
//
//go:wasmimport wasmpool semaphore_keep
func abiSemaphoreKeep(handle int32) int32

// Permits that are free.
//
//go:wasmimport wasmpool semaphore_value
func abiSemaphoreValue(handle int32) int32

// Sets an event and wakes all who wait for it.
//
//go:wasmimport wasmpool event_set
func abiEventSet(handle int32) int32

// Clears it.
//
//go:wasmimport wasmpool event_clear
func abiEventClear(handle int32) int32

// 1 when it is set, else 0.
//
//go:wasmimport wasmpool event_is_set
func abiEventIsSet(handle int32) int32

// Waits until it is set.
//
//go:wasmimport wasmpool event_wait
func abiEventWait(handle int32, timeoutNs int64) int32

// Releases the condition's lock, waits to be notified, takes the lock again.
//
//go:wasmimport wasmpool condition_wait
func abiConditionWait(handle int32, timeoutNs int64) int32

// Wakes up to `count` of those who wait; a negative count is all.
//
//go:wasmimport wasmpool condition_notify
func abiConditionNotify(handle int32, count int32) int32

// Waits until all parties do; returns this one's place among them, 0 for the last to come.
//
//go:wasmimport wasmpool barrier_wait
func abiBarrierWait(handle int32, timeoutNs int64) int32

// Makes it new; those who wait find it broken.
//
//go:wasmimport wasmpool barrier_reset
func abiBarrierReset(handle int32) int32

// Breaks it.
//
//go:wasmimport wasmpool barrier_abort
func abiBarrierAbort(handle int32) int32

// How many wait; `Broken` when it is.
//
//go:wasmimport wasmpool barrier_waiting
func abiBarrierWaiting(handle int32) int32

// Appends a message.
//
//go:wasmimport wasmpool queue_put
func abiQueuePut(handle int32, src unsafe.Pointer, len uint32, timeoutNs int64) int32

// Takes the oldest message; returns its length, `message_read` has its bytes.
//
//go:wasmimport wasmpool queue_get
func abiQueueGet(handle int32, timeoutNs int64) int32

// How many messages it holds.
//
//go:wasmimport wasmpool queue_len
func abiQueueLen(handle int32) int32

// 1 when it holds as many messages or bytes as it may, else 0.
//
//go:wasmimport wasmpool queue_is_full
func abiQueueIsFull(handle int32) int32

// Nothing more can be put; what is in it can be taken.
//
//go:wasmimport wasmpool queue_close
func abiQueueClose(handle int32) int32

// One message that was taken has been dealt with.
//
//go:wasmimport wasmpool queue_task_done
func abiQueueTaskDone(handle int32) int32

// Waits until all that were put have been dealt with.
//
//go:wasmimport wasmpool queue_join
func abiQueueJoin(handle int32, timeoutNs int64) int32

// Sends a message to the other end of a pipe.
//
//go:wasmimport wasmpool pipe_send
func abiPipeSend(handle int32, src unsafe.Pointer, len uint32, timeoutNs int64) int32

// Receives one; returns its length, `message_read` has its bytes.
//
//go:wasmimport wasmpool pipe_recv
func abiPipeRecv(handle int32, timeoutNs int64) int32

// 1 when there is something to receive, the end of the messages among it, else 0.
//
//go:wasmimport wasmpool pipe_poll
func abiPipePoll(handle int32, timeoutNs int64) int32

// Closes this end.
//
//go:wasmimport wasmpool pipe_close
func abiPipeClose(handle int32) int32

// Copies up to `len` bytes of the last message or reply from `offset` on to `dst`; returns how many there were.
//
//go:wasmimport wasmpool message_read
func abiMessageRead(dst unsafe.Pointer, offset int32, len uint32) int32

// An operation on a manager's object; returns the length of the reply, `message_read` has its bytes.
//
//go:wasmimport wasmpool manager_call
func abiManagerCall(handle int32, op int32, src unsafe.Pointer, len uint32) int32

// Calls a function of the embedding program; returns the length of the reply, `message_read` has its bytes.
//
//go:wasmimport wasmpool host_call
func abiHostCall(name unsafe.Pointer, nameLen uint32, src unsafe.Pointer, len uint32) int32

// Generated from guest-sdk/abi: end
