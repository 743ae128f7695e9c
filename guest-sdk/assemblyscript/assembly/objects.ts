// The objects of the host that a task is given: arrays, locks and their kin, queues, pipes. Each is made of the task's arguments, in
// their order: `const lock = new Lock(args);`

import * as abi from "./abi";
import { Reader, Writer } from "./codec";
import { FOREVER, message, must, valueOf } from "./task";

/** An object of the host. It is given up with `drop`, or when the task ends. */
export class Handle {
  /** The number that the imports know it by. */
  readonly handle: i32;

  constructor(args: Reader) {
    const index = args.get<u32>();
    if (args.bad) throw new Error("an object is missing among the arguments");
    this.handle = must(abi.handle(index), "an object among the arguments");
  }

  drop(): void {
    abi.handle_drop(this.handle);
  }
}

/** An object that can be locked. */
export class Locked extends Handle {
  /** Whether it was taken in time. An RLock's holder can take it again. */
  acquire(timeoutNs: i64 = FOREVER): bool {
    const taken = abi.lock_acquire(this.handle, timeoutNs);
    if (taken == abi.Code.Timeout) return false;
    this.abandoned = taken == abi.Code.Abandoned;
    if (!this.abandoned) must(taken, "lock_acquire");
    return true;
  }

  release(): void {
    must(abi.lock_release(this.handle), "lock_release");
  }

  /** Whether the last holder failed or died while holding it, so that what it protects may be half changed. */
  abandoned: bool = false;
}

export class Lock extends Locked {}
export class RLock extends Locked {}

/** A condition: a lock, and a place to wait for something that others do under it. */
export class Condition extends Locked {
  /** Releases the lock, waits to be notified, takes the lock again. Whether something woke it in time. */
  wait(timeoutNs: i64 = FOREVER): bool {
    const woken = abi.condition_wait(this.handle, timeoutNs);
    if (woken == abi.Code.Timeout) return false;
    this.abandoned = woken == abi.Code.Abandoned;
    if (!this.abandoned) must(woken, "condition_wait");
    return true;
  }

  notify(count: i32 = 1): void {
    must(abi.condition_notify(this.handle, count), "condition_notify");
  }

  notifyAll(): void {
    this.notify(-1);
  }
}

/** An array of numbers that others share. With `attach`, or the first look at an element, its pages appear in this memory. */
export class SharedArray extends Locked {
  private base: usize = 0;
  private window: usize = 0;
  /** Bytes of it. */
  readonly byteLength: i32;

  constructor(args: Reader) {
    super(args);
    const bytes = abi.shm_len(this.handle);
    if (bytes > i32.MAX_VALUE) throw new Error("an array: " + abi.codeText(abi.Code.TooLarge));
    this.byteLength = must(<i32>bytes, "an array");
  }

  /** Shows the whole array in this memory; where it begins. */
  attach(): usize {
    if (this.window || !this.byteLength) return this.window;
    const align = <usize>abi.WINDOW_ALIGN;
    const size = (<usize>this.byteLength + align - 1) & ~(align - 1);
    this.base = heap.alloc(size + align);
    const at = (this.base + align - 1) & ~(align - 1);
    must(abi.shm_attach(this.handle, 0, at, this.byteLength), "an array cannot be attached");
    this.window = at;
    return at;
  }

  /** Gives the room back. */
  detach(): void {
    if (!this.window) return;
    abi.shm_detach(this.window);
    heap.free(this.base);
    this.window = 0;
  }

  drop(): void {
    this.detach();
    super.drop();
  }

  /** How many elements of a type it has. */
  length<T>(): i32 {
    return this.byteLength / <i32>sizeof<T>();
  }

  private offset<T>(index: i32): i64 {
    if (<u32>index >= <u32>this.length<T>()) throw new RangeError("an index past the end of an array");
    return (<i64>index) * sizeof<T>();
  }

  get<T>(index: i32): T {
    const offset = <usize>this.offset<T>(index);
    return load<T>(this.attach() + offset);
  }

  set<T>(index: i32, value: T): void {
    const offset = <usize>this.offset<T>(index);
    store<T>(this.attach() + offset, value);
  }

  /** Copies bytes, without room for the whole array. */
  read(offset: i64, into: usize, length: i32): void {
    must(abi.shm_read(this.handle, offset, into, length), "shm_read");
  }

  write(offset: i64, from: usize, length: i32): void {
    must(abi.shm_write(this.handle, offset, from, length), "shm_write");
  }

  /** An atomic operation; what was there before. */
  rmw<T>(op: abi.Rmw, index: i32, value: T): T {
    const kind = op | ((<i32>sizeof<T>()) << 8) | (isSigned<T>() ? 1 << 16 : 0);
    return <T>abi.shm_rmw(this.handle, kind, this.offset<T>(index), <i64>value);
  }

  /** Adds atomically; what was there before. */
  fetchAdd<T>(index: i32, value: T): T {
    return this.rmw<T>(abi.Rmw.Add, index, value);
  }
}

/** One element that others share. A raw value has no lock. */
export class Value<T> extends SharedArray {
  load(): T {
    const out = memory.data(16);
    this.read(0, out, sizeof<T>());
    return load<T>(out);
  }

  store(value: T): void {
    const from = memory.data(16);
    store<T>(from, value);
    this.write(0, from, sizeof<T>());
  }
}

/** A semaphore, bounded or not. */
export class Semaphore extends Handle {
  /** Whether a permit was taken in time. */
  acquire(timeoutNs: i64 = FOREVER): bool {
    return inTime(abi.semaphore_acquire(this.handle, timeoutNs), "semaphore_acquire");
  }

  release(): void {
    must(abi.semaphore_release(this.handle), "semaphore_release");
  }

  /** A permit of this task's stays taken when the task ends. */
  keep(): void {
    must(abi.semaphore_keep(this.handle), "semaphore_keep");
  }

  /** Permits that are free. */
  get value(): i32 {
    return must(abi.semaphore_value(this.handle), "semaphore_value");
  }
}

export class Event extends Handle {
  set(): void {
    must(abi.event_set(this.handle), "event_set");
  }

  clear(): void {
    must(abi.event_clear(this.handle), "event_clear");
  }

  get isSet(): bool {
    return must(abi.event_is_set(this.handle), "event_is_set") == 1;
  }

  /** Whether it was set in time. */
  wait(timeoutNs: i64 = FOREVER): bool {
    return inTime(abi.event_wait(this.handle, timeoutNs), "event_wait");
  }
}

export class Barrier extends Handle {
  /** This one's place among the parties, 0 for the last to come; or Code.Broken or Code.Timeout. */
  wait(timeoutNs: i64 = FOREVER): i32 {
    const place = abi.barrier_wait(this.handle, timeoutNs);
    return place == abi.Code.Broken || place == abi.Code.Timeout ? place : must(place, "barrier_wait");
  }

  reset(): void {
    must(abi.barrier_reset(this.handle), "barrier_reset");
  }

  abort(): void {
    must(abi.barrier_abort(this.handle), "barrier_abort");
  }

  /** How many wait; Code.Broken when it is. */
  get waiting(): i32 {
    return abi.barrier_waiting(this.handle);
  }
}

/** A queue of values; only a joinable one has `taskDone` and `join`, and a simple one has no timeouts. */
export class Queue<T> extends Handle {
  /** Zero, or Code.Timeout, Code.Full or Code.Closed. */
  put(value: T, timeoutNs: i64 = FOREVER): i32 {
    const out = new Writer().put<T>(value);
    return expected(abi.queue_put(this.handle, out.at, out.length, timeoutNs), "queue_put");
  }

  /** Zero when there is one, which is then `last`; or Code.Timeout, Code.Empty or Code.Closed. */
  next(timeoutNs: i64 = FOREVER): i32 {
    const length = expected(abi.queue_get(this.handle, timeoutNs), "queue_get");
    this.got = length < 0 ? null : message(length);
    return min(length, 0);
  }

  /** What `next` took. */
  take(): T {
    const got = this.got;
    if (got === null) throw new Error("queue: nothing was taken");
    this.got = null;
    return valueOf<T>(got, "queue_get");
  }

  get length(): i32 {
    return must(abi.queue_len(this.handle), "queue_len");
  }

  get isFull(): bool {
    return must(abi.queue_is_full(this.handle), "queue_is_full") == 1;
  }

  /** Nothing more can be put; what is in it can be taken. */
  close(): void {
    must(abi.queue_close(this.handle), "queue_close");
  }

  /** One value that was taken has been dealt with. */
  taskDone(): void {
    must(abi.queue_task_done(this.handle), "queue_task_done");
  }

  /** Whether all that were put have been dealt with in time. */
  join(timeoutNs: i64 = FOREVER): bool {
    return inTime(abi.queue_join(this.handle, timeoutNs), "queue_join");
  }

  private got: Reader | null = null;
}

/** One end of a pipe: sends S, receives R. */
export class Connection<S, R> extends Handle {
  /** Zero, or Code.Timeout, Code.Full or Code.Closed. */
  send(value: S, timeoutNs: i64 = FOREVER): i32 {
    const out = new Writer().put<S>(value);
    return expected(abi.pipe_send(this.handle, out.at, out.length, timeoutNs), "pipe_send");
  }

  /** Zero when there is one, which `take` then returns; or Code.Timeout, Code.Empty or Code.Closed. */
  next(timeoutNs: i64 = FOREVER): i32 {
    const length = expected(abi.pipe_recv(this.handle, timeoutNs), "pipe_recv");
    this.got = length < 0 ? null : message(length);
    return min(length, 0);
  }

  /** What `next` received. */
  take(): R {
    const got = this.got;
    if (got === null) throw new Error("pipe: nothing was received");
    this.got = null;
    return valueOf<R>(got, "pipe_recv");
  }

  /** Whether there is something to receive, the end among it. */
  poll(timeoutNs: i64 = 0): bool {
    return abi.pipe_poll(this.handle, timeoutNs) == 1;
  }

  /** Closes this end. */
  close(): void {
    must(abi.pipe_close(this.handle), "pipe_close");
  }

  private got: Reader | null = null;
}

/** Whether something came in time; what else is wrong ends the task. */
function inTime(result: i32, what: string): bool {
  if (result == abi.Code.Timeout) return false;
  must(result, what);
  return true;
}

/** What a caller of a queue or a pipe expects; what else is wrong ends the task. */
function expected(result: i32, what: string): i32 {
  switch (result) {
    case abi.Code.Timeout:
    case abi.Code.Full:
    case abi.Code.Empty:
    case abi.Code.Closed:
      return result;
    default:
      return must(result, what);
  }
}
