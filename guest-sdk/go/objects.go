//go:build wasip1

package wasmpool

import (
	"iter"
	"time"
	"unsafe"
)

// An Object is one of the host's that the task was given. Those below are made of it.
type Object struct {
	handle int32
}

func (object *Object) open(index uint32) error {
	handle, err := check(abiHandle(int32(index)))
	object.handle = int32(handle)
	return err
}

// Handle is the number that the imports know it by.
func (object *Object) Handle() int32 { return object.handle }

// Drop gives it up before the task ends.
func (object *Object) Drop() { abiHandleDrop(object.handle) }

// A Lock is held by one task or one thread of the host at a time.
type Lock struct {
	Object
	abandoned bool
}

// An RLock can be taken again by its holder, and is free when it was released as often.
type RLock struct{ Lock }

// Acquire takes it.
func (lock *Lock) Acquire() error { return lock.AcquireWithin(Forever) }

// AcquireWithin takes it in time, or returns CodeTimeout.
func (lock *Lock) AcquireWithin(timeout time.Duration) error {
	return lock.taken(abiLockAcquire(lock.handle, int64(timeout)))
}

func (lock *Lock) taken(result int32) error {
	lock.abandoned = Code(result) == CodeAbandoned
	if lock.abandoned {
		return nil
	}
	_, err := check(result)
	return err
}

// Release releases it.
func (lock *Lock) Release() error {
	_, err := check(abiLockRelease(lock.handle))
	return err
}

// WasAbandoned says whether the last holder failed or died while holding it, so that what it protects may be half changed.
func (lock *Lock) WasAbandoned() bool { return lock.abandoned }

// A Condition is a lock, and a place to wait for something that others do under it.
type Condition struct{ Lock }

// Wait releases the lock, waits to be notified, takes the lock again. Look again at what was waited for.
func (condition *Condition) Wait() error { return condition.WaitWithin(Forever) }

// WaitWithin waits in the same way, and returns CodeTimeout when nothing woke it in time. It holds the lock in either case.
func (condition *Condition) WaitWithin(timeout time.Duration) error {
	return condition.taken(abiConditionWait(condition.handle, int64(timeout)))
}

// Notify wakes up to count of those who wait.
func (condition *Condition) Notify(count int) {
	must(abiConditionNotify(condition.handle, int32(count)), "condition_notify")
}

// NotifyAll wakes all who wait.
func (condition *Condition) NotifyAll() { condition.Notify(-1) }

// An Array is shared by all who were given it. Its elements are numbers, or structs of them without gaps.
type Array[T any] struct {
	Lock
	length int
	window []T
}

// Reservations of windows: the collector may not take back what the host shows there.
var reserved = map[*byte][]byte{}

func (array *Array[T]) open(index uint32) error {
	if err := array.Object.open(index); err != nil {
		return err
	}
	bytes := abiShmLen(array.handle)
	if bytes < 0 {
		return Code(bytes)
	}
	array.length = int(bytes / int64(array.width()))
	return nil
}

func (array *Array[T]) width() int {
	var element T
	return int(unsafe.Sizeof(element))
}

func (array *Array[T]) offset(index, count int) int64 {
	if index < 0 || count < 0 || index > array.length-count {
		panic("an index past the end of an array")
	}
	return int64(index) * int64(array.width())
}

// Len is how many elements it has.
func (array *Array[T]) Len() int { return array.length }

// Attach shows the array in this memory: plain loads and stores of the slice reach it, and others see them at once.
func (array *Array[T]) Attach() ([]T, error) {
	if array.window != nil || array.length == 0 {
		return array.window, nil
	}
	bytes := array.length * array.width()
	room := make([]byte, (bytes+windowAlign-1)/windowAlign*windowAlign+windowAlign)
	first := uintptr(unsafe.Pointer(&room[0]))
	at := unsafe.Pointer(&room[(windowAlign-first%windowAlign)%windowAlign])
	if _, err := check(abiShmAttach(array.handle, 0, at, uint32(bytes))); err != nil {
		return nil, err
	}
	reserved[(*byte)(at)] = room
	array.window = unsafe.Slice((*T)(at), array.length)
	return array.window, nil
}

// Slice is Attach for who cannot go on without it.
func (array *Array[T]) Slice() []T {
	elements, err := array.Attach()
	if err != nil {
		panic("an array cannot be attached: " + err.Error())
	}
	return elements
}

// Detach gives the room back. Slices of the array must not be used any more.
func (array *Array[T]) Detach() {
	if array.window == nil {
		return
	}
	at := unsafe.Pointer(&array.window[0])
	abiShmDetach(at)
	delete(reserved, (*byte)(at))
	array.window = nil
}

// Drop gives the array up.
func (array *Array[T]) Drop() {
	array.Detach()
	array.Object.Drop()
}

// Read copies elements from an index on, without room for the whole array.
func (array *Array[T]) Read(index int, into []T) {
	offset, bytes := array.offset(index, len(into)), uint32(len(into)*array.width())
	must(abiShmRead(array.handle, offset, unsafe.Pointer(unsafe.SliceData(into)), bytes), "shm_read")
}

// Write copies elements over those from an index on.
func (array *Array[T]) Write(index int, from []T) {
	offset, bytes := array.offset(index, len(from)), uint32(len(from)*array.width())
	must(abiShmWrite(array.handle, offset, unsafe.Pointer(unsafe.SliceData(from)), bytes), "shm_write")
}

// An Integer is what atomic operations work on.
type Integer interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// Atomic does an operation on an element in one step, also beside those of others. It returns what was there before.
func Atomic[T Integer](array *Array[T], op Rmw, index int, value T) T {
	var zero T
	kind := int32(op) | int32(unsafe.Sizeof(zero))<<8
	if ^zero < 0 {
		kind |= 1 << 16
	}
	return T(abiShmRmw(array.handle, kind, array.offset(index, 1), int64(value)))
}

// A Value is an array of one element.
type Value[T any] struct{ Array[T] }

// Get copies it.
func (value *Value[T]) Get() T {
	var one [1]T
	value.Read(0, one[:])
	return one[0]
}

// Set replaces it.
func (value *Value[T]) Set(to T) { value.Write(0, []T{to}) }

// A Semaphore, bounded or not, has permits.
type Semaphore struct{ Object }

// Acquire takes a permit.
func (semaphore *Semaphore) Acquire() error { return semaphore.AcquireWithin(Forever) }

// AcquireWithin takes one in time, or returns CodeTimeout.
func (semaphore *Semaphore) AcquireWithin(timeout time.Duration) error {
	_, err := check(abiSemaphoreAcquire(semaphore.handle, int64(timeout)))
	return err
}

// Release gives one back.
func (semaphore *Semaphore) Release() error {
	_, err := check(abiSemaphoreRelease(semaphore.handle))
	return err
}

// Keep keeps a permit of this task's taken when the task ends.
func (semaphore *Semaphore) Keep() error {
	_, err := check(abiSemaphoreKeep(semaphore.handle))
	return err
}

// Value is how many are free.
func (semaphore *Semaphore) Value() int {
	return must(abiSemaphoreValue(semaphore.handle), "semaphore_value")
}

// An Event is a flag to wait for.
type Event struct{ Object }

// Set sets it, and wakes all who wait.
func (event *Event) Set() { must(abiEventSet(event.handle), "event_set") }

// Clear clears it.
func (event *Event) Clear() { must(abiEventClear(event.handle), "event_clear") }

// IsSet says whether it is set.
func (event *Event) IsSet() bool { return must(abiEventIsSet(event.handle), "event_is_set") == 1 }

// Wait waits until it is set.
func (event *Event) Wait() error { return event.WaitWithin(Forever) }

// WaitWithin returns CodeTimeout when it was not set in time.
func (event *Event) WaitWithin(timeout time.Duration) error {
	_, err := check(abiEventWait(event.handle, int64(timeout)))
	return err
}

// A Barrier is where a number of parties wait for each other.
type Barrier struct{ Object }

// Wait waits for the others, and returns this one's place, 0 for the last to come; or CodeBroken.
func (barrier *Barrier) Wait() (int, error) { return barrier.WaitWithin(Forever) }

// WaitWithin returns CodeTimeout when they did not come in time.
func (barrier *Barrier) WaitWithin(timeout time.Duration) (int, error) {
	return check(abiBarrierWait(barrier.handle, int64(timeout)))
}

// Reset makes it new.
func (barrier *Barrier) Reset() { must(abiBarrierReset(barrier.handle), "barrier_reset") }

// Abort breaks it.
func (barrier *Barrier) Abort() { must(abiBarrierAbort(barrier.handle), "barrier_abort") }

// Waiting is how many wait, or CodeBroken.
func (barrier *Barrier) Waiting() (int, error) { return check(abiBarrierWaiting(barrier.handle)) }

// A Queue has messages. A simple one has no timeouts.
type Queue[T any] struct{ Object }

// A JoinableQueue knows what has been dealt with.
type JoinableQueue[T any] struct{ Queue[T] }

// Put appends a value, and waits for room.
func (queue *Queue[T]) Put(value T) error { return queue.PutWithin(value, Forever) }

// PutWithin returns CodeTimeout, or CodeFull for a timeout of zero, when there was no room in time.
func (queue *Queue[T]) PutWithin(value T, timeout time.Duration) error {
	src, length := pointer(Marshal(value))
	_, err := check(abiQueuePut(queue.handle, src, length, int64(timeout)))
	return err
}

// Get takes the oldest value. CodeClosed: nothing comes any more.
func (queue *Queue[T]) Get() (T, error) { return queue.GetWithin(Forever) }

// GetWithin returns CodeTimeout, or CodeEmpty for a timeout of zero, when there was nothing in time.
func (queue *Queue[T]) GetWithin(timeout time.Duration) (T, error) {
	return received[T](abiQueueGet(queue.handle, int64(timeout)))
}

// All takes the values as they come, until the queue is closed and empty.
func (queue *Queue[T]) All() iter.Seq2[T, error] { return untilClosed(queue.Get) }

// Len is how many messages it holds.
func (queue *Queue[T]) Len() int { return must(abiQueueLen(queue.handle), "queue_len") }

// IsFull says whether it holds as much as it may.
func (queue *Queue[T]) IsFull() bool { return must(abiQueueIsFull(queue.handle), "queue_is_full") == 1 }

// Close lets nothing more be put; what is in it can be taken.
func (queue *Queue[T]) Close() { must(abiQueueClose(queue.handle), "queue_close") }

// TaskDone says that one value that was taken has been dealt with.
func (queue *JoinableQueue[T]) TaskDone() error {
	_, err := check(abiQueueTaskDone(queue.handle))
	return err
}

// Join waits until all that were put have been dealt with.
func (queue *JoinableQueue[T]) Join() error { return queue.JoinWithin(Forever) }

// JoinWithin returns CodeTimeout when they were not in time.
func (queue *JoinableQueue[T]) JoinWithin(timeout time.Duration) error {
	_, err := check(abiQueueJoin(queue.handle, int64(timeout)))
	return err
}

// A Connection is one end of a pipe: it sends S and receives R. An end that does only one of them has the same type for both.
type Connection[S, R any] struct{ Object }

// Send sends a value to the other end.
func (end *Connection[S, R]) Send(value S) error { return end.SendWithin(value, Forever) }

// SendWithin returns CodeTimeout, or CodeFull for a timeout of zero, when there was no room in time.
func (end *Connection[S, R]) SendWithin(value S, timeout time.Duration) error {
	src, length := pointer(Marshal(value))
	_, err := check(abiPipeSend(end.handle, src, length, int64(timeout)))
	return err
}

// Recv receives the next value. CodeClosed: there is none any more.
func (end *Connection[S, R]) Recv() (R, error) { return end.RecvWithin(Forever) }

// RecvWithin returns CodeTimeout, or CodeEmpty for a timeout of zero, when there was nothing in time.
func (end *Connection[S, R]) RecvWithin(timeout time.Duration) (R, error) {
	return received[R](abiPipeRecv(end.handle, int64(timeout)))
}

// All receives the values as they come, until the other end is closed.
func (end *Connection[S, R]) All() iter.Seq2[R, error] { return untilClosed(end.Recv) }

// Poll says whether there is something to receive in time, the end among it.
func (end *Connection[S, R]) Poll(timeout time.Duration) bool {
	return abiPipePoll(end.handle, int64(timeout)) == 1
}

// Close closes this end.
func (end *Connection[S, R]) Close() { must(abiPipeClose(end.handle), "pipe_close") }

func received[T any](result int32) (value T, err error) {
	length, err := check(result)
	if err == nil {
		err = Unmarshal(message(length), &value)
	}
	return value, err
}

func untilClosed[T any](next func() (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			value, err := next()
			if err == CodeClosed || !yield(value, err) || err != nil {
				return
			}
		}
	}
}
