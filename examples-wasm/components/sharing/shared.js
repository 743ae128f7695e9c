// The functions of sharing.wit. An import that fails throws; `payload` is the error that WIT tells of.
import { emit, log, progress } from "wasmpool:pool/task@0.1.0";
import { double } from "example:sharing/program";

/// Does something under a lock: whether the holder before died with it.
function locked(lock, work) {
  let abandoned = false;
  try {
    lock.acquire();
  } catch (error) {
    if (error.payload !== "abandoned") throw error;
    abandoned = true;
  }
  work(abandoned);
  lock.release();
}

/// What a call gives until its object is closed.
function* untilClosed(next) {
  for (;;) {
    try {
      yield next();
    } catch (error) {
      if (error.payload !== "closed") throw error;
      return;
    }
  }
}

const change = (numbers, how) => numbers.write(0n, BigInt64Array.from(numbers.read(0n, numbers.length()), how));

export function report(text) {
  log("info", text);
  emit(new TextEncoder().encode(text));
  progress(1n, 2n);
  return text;
}

export function square(lock, numbers) {
  locked(lock, () => change(numbers, (n) => n * n));
}

export function increment(lock, numbers, times) {
  for (let n = 0; n < times; n += 1) locked(lock, () => change(numbers, (n) => n + 1n));
}

export function tally(lock, numbers, counts, party, times) {
  let repairs = 0;
  const mine = () => counts.read(BigInt(party), 1n)[0];
  while (mine() < times) {
    locked(lock, (abandoned) => {
      if (abandoned) {
        const sum = counts.read(0n, counts.length()).reduce((sum, n) => sum + n);
        change(numbers, () => sum);
        repairs += 1;
      }
      change(numbers, (n) => n + 1n);
      counts.write(BigInt(party), BigInt64Array.of(mine() + 1n));
    });
  }
  return repairs;
}

export function values(value, raw, numbers) {
  let sum = 0n;
  locked(value, () => {
    sum += value.get();
    value.set(value.get() + 1n);
  });
  sum += BigInt(raw.rmw("sub", 1));
  locked(numbers, () => {
    const [first] = numbers.read(0n, 1n);
    numbers.write(0n, Int16Array.of(first + 1));
    sum += BigInt(first);
  });
  return sum;
}

export function meet(rlock, semaphore, event, condition, barrier) {
  locked(rlock, () => locked(rlock, () => {}));
  locked(condition, () => condition.notifyAll());
  barrier.wait();
  event.wait();
  semaphore.acquire();
  semaphore.keep();
  return semaphore.value();
}

export function produce(words, text) {
  for (const word of text.split(" ")) words.put(word);
  words.close();
}

export function consume(words) {
  return [...untilClosed(() => words.get())];
}

export function finish(jobs, words) {
  let done = 0;
  for (; jobs.length() > 0; done += 1) {
    jobs.get();
    jobs.taskDone();
  }
  words.put("done");
  return done;
}

export function echo(connection) {
  let count = 0;
  for (const text of untilClosed(() => connection.recv())) {
    connection.send(text);
    count += 1;
  }
  return count;
}

export function manage(dict, list, names) {
  const sum = dict.add("word", 1n);
  list.push(sum);
  return sum + list.length() + names.addS64("sum", sum);
}

export function ask(n) {
  try {
    return double(n);
  } catch (error) {
    throw error.payload;
  }
}
