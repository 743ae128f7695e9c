// The example's tasks in AssemblyScript.

import {
  Args, Barrier, Code, Condition, Connection, Dict, Event, FOREVER, JsonReader, JsonWriter, Level, List, Lock, Namespace, Queue, RLock,
  Rmw, Semaphore, SharedArray, Value, Writer, emit, encoded, fail, hostCall, inputText, log, output, outputBytes, outputText, progress,
  putMap,
} from "../../../guest-sdk/assemblyscript/assembly";

/** How often each word occurs: a run of letters and digits of ASCII, in lower case. */
export function count(): i32 {
  const args = new Args();
  const text = args.get<string>();
  args.end();
  const counts = new Map<string, u64>();
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) | 0x20 : 0;
    const digit = i < text.length && text.charCodeAt(i) >= 0x30 && text.charCodeAt(i) <= 0x39;
    if (digit || (code >= 0x61 && code <= 0x7a)) continue;
    if (i > start) {
      const word = text.substring(start, i).toLowerCase();
      counts.set(word, counts.has(word) ? counts.get(word) + 1 : 1);
    }
    start = i + 1;
  }
  return outputBytes(putMap<string, u64>(new Writer(), counts));
}

export function square(): i32 {
  const args = new Args();
  const lock = new Lock(args), numbers = new SharedArray(args);
  args.end();
  lock.acquire();
  for (let i = 0; i < numbers.length<i64>(); i++) {
    const number = numbers.get<i64>(i);
    numbers.set<i64>(i, number * number);
  }
  lock.release();
  return 0;
}

export function increment(): i32 {
  const args = new Args();
  const lock = new Lock(args), numbers = new SharedArray(args), times = args.get<u32>();
  args.end();
  for (let time: u32 = 0; time < times; time++) {
    lock.acquire();
    for (let i = 0; i < numbers.length<i64>(); i++) numbers.set<i64>(i, numbers.get<i64>(i) + 1);
    lock.release();
  }
  return 0;
}

/**
 * Adds one to all numbers and to its own count, until that is `times`. Whoever finds that the last holder of the lock died in the middle of
 * this sets the numbers right: each is the sum of all counts. The result is how often that was.
 */
export function tally(): i32 {
  const args = new Args();
  const lock = new Lock(args), numbers = new SharedArray(args), counts = new SharedArray(args);
  const own = args.get<u32>(), times = <i64>args.get<u32>();
  args.end();
  const length = numbers.length<i64>();
  let repairs: u32 = 0;
  while (counts.get<i64>(own) < times) {
    lock.acquire();
    if (lock.abandoned) {
      let sum: i64 = 0;
      for (let i = 0; i < counts.length<i64>(); i++) sum += counts.get<i64>(i);
      for (let i = 0; i < length; i++) {
        const number = numbers.get<i64>(i);
        if (number < sum - 1 || number > sum + 1) throw new Error("an increment was lost");
        numbers.set<i64>(i, sum);
      }
      repairs++;
    }
    for (let i = 0; i < length / 2; i++) numbers.set<i64>(i, numbers.get<i64>(i) + 1);
    counts.set<i64>(own, counts.get<i64>(own) + 1);
    for (let i = length / 2; i < length; i++) numbers.set<i64>(i, numbers.get<i64>(i) + 1);
    lock.release();
  }
  return output<u32>(repairs);
}

export function produce(): i32 {
  const args = new Args();
  const numbers = new Queue<u64>(args), count = args.get<u64>();
  args.end();
  for (let n: u64 = 1; n <= count; n++) numbers.put(n);
  numbers.close();
  return 0;
}

export function consume(): i32 {
  const args = new Args();
  const numbers = new Queue<u64>(args);
  args.end();
  let sum: u64 = 0;
  while (numbers.next() == 0) sum += numbers.take();
  return output<u64>(sum);
}

// One task for each other part.

export function report(): i32 {
  const args = new Args();
  const text = args.get<string>();
  args.end();
  log(Level.Warn, text);
  progress(1, 2);
  emit<string>(text);
  return output<string>(text);
}

export function refuse(): i32 {
  return fail(new Args().get<string>());
}

export function crash(): i32 {
  throw new Error(new Args().get<string>());
}

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "proc_exit")
declare function exit(code: i32): void;

function deeper(above: i32): i32 {
  return deeper(above + 1) + above;
}

/** The same with local objects, of which the collector keeps a stack of its own. */
function wider(above: i32[]): i32 {
  const here = [above[0] + 1];
  return wider(here) + here[0];
}

/** Ends in the way that it is told. */
export function end(): i32 {
  const how = new Args().get<string>();
  if (how == "divide") return 1 / (how.length - 6);
  if (how == "pointer") return load<i32>(0xfffffff0);
  if (how == "exit") exit(3);
  if (how == "memory") for (const all = new Array<Uint8Array>(); ; ) all.push(new Uint8Array(1 << 20));
  if (how == "stack") return deeper(0);
  if (how == "data") return wider([0]);
  return fail("no such end");
}

export function values(): i32 {
  const args = new Args();
  const value = new Value<i64>(args), raw = new Value<u32>(args), array = new SharedArray(args);
  args.end();
  value.acquire();
  const number = value.load() + 1;
  value.store(number);
  value.release();
  const before = raw.rmw<u32>(Rmw.Exchange, 0, 7);
  array.acquire();
  const lowest = array.rmw<i16>(Rmw.Min, 1, -5);
  const sum = number + before + lowest + array.get<i16>(0) + array.get<i16>(1);
  array.release();
  return output<i64>(sum);
}

export function meet(): i32 {
  const args = new Args();
  const rlock = new RLock(args), semaphore = new Semaphore(args), event = new Event(args);
  const condition = new Condition(args), barrier = new Barrier(args);
  args.end();
  rlock.acquire();
  rlock.acquire(0);
  rlock.release();
  rlock.release();
  semaphore.acquire();
  const left = semaphore.value;
  semaphore.release();
  semaphore.acquire(0);
  semaphore.keep();
  barrier.wait();
  event.wait();
  event.clear();
  if (event.isSet) return fail("the event is set");
  condition.acquire();
  if (condition.wait(1000000)) return fail("nobody notifies");
  condition.notifyAll();
  condition.release();
  event.set();
  barrier.reset();
  barrier.abort();
  if (barrier.wait() != Code.Broken || barrier.waiting != Code.Broken) return fail("the barrier is not broken");
  barrier.drop();
  return output<u32>(left);
}

export function echo(): i32 {
  const args = new Args();
  const pipe = new Connection<string, string>(args);
  args.end();
  if (!pipe.poll(FOREVER)) return fail("nothing comes");
  let times: u32 = 0;
  for (; pipe.next() == 0; times++) pipe.send(pipe.take());
  pipe.close();
  return output<u32>(times);
}

export function finish(): i32 {
  const args = new Args();
  const jobs = new Queue<u64>(args), words = new Queue<string>(args);
  args.end();
  let sum: u64 = 0;
  while (jobs.length > 0) {
    if (jobs.next(0) == 0) sum += jobs.take();
    jobs.taskDone();
  }
  jobs.join();
  if (jobs.isFull || jobs.next(0) != Code.Empty) return fail("an empty queue is not");
  words.put("done");
  return output<u64>(sum);
}

export function manage(): i32 {
  const args = new Args();
  const dict = new Dict<string, i64>(args), list = new List<i64>(args), space = new Namespace(args);
  args.end();
  dict.set("a", 1);
  let sum = dict.add("a", 2);
  sum += dict.getOrInsert("b", 2);
  if (!dict.compareAndSwap("a", encoded<i64>(3), encoded<i64>(1))) return fail("a was not 3");
  if (dict.items().length != 2) return fail("not two items");
  sum += dict.pop("b", 0);
  if (dict.has("b") || dict.getOr("b", -1) != -1) return fail("b is there");
  list.extend([3, 1]);
  list.push(2);
  list.insert(0, 2);
  sum += list.add(1, 1);
  sum += list.indexOf(1);
  sum += list.pop(0);
  sum += list.size;
  space.set<i64>("n", 2);
  sum += space.add<i64>("n", 3);
  const names = space.names();
  if (names.length != 1 || names[0] != "n") return fail("not one name");
  space.delete("n");
  return output<i64>(sum);
}

export function ask(): i32 {
  const args = new Args();
  const n = args.get<i64>();
  args.end();
  return output<i64>(hostCall<i64>("double", encoded<i64>(n)));
}

export function total(): i32 {
  const json = new JsonReader(inputText());
  let sum = 0.0;
  json.open("[");
  if (json.open("[")) do sum += json.num<f64>(); while (json.next("]"));
  json.next("]");
  const unit = json.str();
  json.next("]");
  json.end();
  // A whole number is written without its fraction, as the others do.
  const whole = <i64>sum;
  return outputText(new JsonWriter().str((<f64>whole == sum ? whole.toString() : sum.toString()) + " " + unit).text);
}
