"""Measures Python's multiprocessing: one measurement for each run, figures in seconds as a JSON array.

neighbour.py apply CALLS CALLER_CORE WORKER_CORE
neighbour.py map TASKS WORKERS CHUNKSIZE        (chunksize 0: its default)
neighbour.py start METHOD
neighbour.py dictionary OPERATIONS CALLER_CORE SERVER_CORE
neighbour.py lock TIMES                         (the shortest of ten)
neighbour.py locks TIMES FIRST_CORE SECOND_CORE
neighbour.py queue MESSAGES BYTES PUTTER_CORE GETTER_CORE
neighbour.py sum NUMBERS                        (by numpy where it is installed)
neighbour.py process TIMES                      (start and join of one)
neighbour.py pebble                             (from a time limit to the next result; nothing where it is not installed)
neighbour.py loky                               (from a kill to the next result; nothing where it is not installed)
"""

import array
import json
import multiprocessing
import os
import signal
import sys
import time
from multiprocessing import shared_memory


def double(n):
    return n * 2


def pin(core):
    if core >= 0:
        os.sched_setaffinity(0, {core})


def apply(calls, caller, worker):
    pin(worker)
    with multiprocessing.Pool(1) as pool:
        for n in range(200):
            pool.apply(double, (n,))
        pin(caller)
        times = []
        for n in range(calls):
            begun = time.perf_counter()
            answer = pool.apply(double, (n,))
            times.append(time.perf_counter() - begun)
            assert answer == n * 2
        return times


def map_(tasks, workers, chunksize):
    with multiprocessing.Pool(workers) as pool:
        pool.map(double, range(1000))
        begun = time.perf_counter()
        answers = pool.map(double, range(tasks), chunksize=chunksize or None)
        taken = time.perf_counter() - begun
        assert answers == [n * 2 for n in range(tasks)]
        return [taken]


def start(method):
    begun = time.perf_counter()
    with multiprocessing.get_context(method).Pool(2) as pool:
        answer = pool.apply(double, (21,))
        taken = time.perf_counter() - begun
        assert answer == 42
        return [taken]


def dictionary(operations, caller, server):
    pin(server)
    with multiprocessing.Manager() as manager:
        shared = manager.dict()
        pin(caller)
        pairs = operations // 2
        for n in range(100):
            shared[n] = n
        begun = time.perf_counter()
        read = 0
        for n in range(pairs):
            shared[n % 100] = n
            read += shared[n % 100]
        taken = time.perf_counter() - begun
        assert read == sum(range(pairs))
        return [taken / (2 * pairs)]


def lock(times):
    shared = multiprocessing.Lock()
    figures = []
    for _ in range(10):
        taken = 0
        begun = time.perf_counter()
        for _ in range(times):
            with shared:
                taken += 1
        figures.append((time.perf_counter() - begun) / times)
        assert taken == times
    return [min(figures)]


def count_together(core, start, shared, number, times, ended):
    pin(core)
    start.wait()
    begun = time.perf_counter()
    for _ in range(times):
        with shared:
            number.value += 1
    ended.put((begun, time.perf_counter()))


def locks(times, first, second):
    start = multiprocessing.Barrier(2)
    shared = multiprocessing.Lock()
    number = multiprocessing.RawValue("Q", 0)
    ended = multiprocessing.SimpleQueue()
    counters = [
        multiprocessing.Process(target=count_together, args=(core, start, shared, number, times, ended))
        for core in (first, second)
    ]
    for counter in counters:
        counter.start()
    spans = [ended.get() for _ in counters]
    elapsed = max(end for _, end in spans) - min(begun for begun, _ in spans)
    for counter in counters:
        counter.join()
    assert number.value == 2 * times
    return [elapsed / (2 * times)]


def drain(core, messages, size, shared, ready, ended):
    pin(core)
    ready.set()
    for n in range(messages):
        message = shared.get()
        number = n.to_bytes(8, "little")
        assert len(message) == size and message.startswith(number) and message[-1] == number[0]
    ended.put(messages)


def queue(messages, size, putter, getter):
    shared = multiprocessing.Queue()
    ready = multiprocessing.Event()
    ended = multiprocessing.SimpleQueue()
    drainer = multiprocessing.Process(target=drain, args=(getter, messages, size, shared, ready, ended))
    drainer.start()
    pin(putter)
    ready.wait()
    message = bytearray(size)
    begun = time.perf_counter()
    for n in range(messages):
        number = n.to_bytes(8, "little")
        message[:8] = number
        message[-1] = number[0]
        shared.put(bytes(message))
    assert ended.get() == messages
    elapsed = time.perf_counter() - begun
    drainer.join()
    return [elapsed / messages]


def sum_of(name, numbers):
    memory = shared_memory.SharedMemory(name)
    try:
        import numpy
    except ImportError:
        with memory.buf.cast("Q") as view:
            answer = sum(view[:numbers])
    else:
        answer = int(numpy.frombuffer(memory.buf, numpy.uint64, numbers).sum())
    memory.close()
    return answer


def sum_(numbers):
    memory = shared_memory.SharedMemory(create=True, size=numbers * 8)
    try:
        with memory.buf.cast("Q") as view:
            block = 1 << 20
            for begin in range(0, numbers, block):
                end = min(begin + block, numbers)
                view[begin:end] = array.array("Q", range(begin, end))
        with multiprocessing.Pool(1) as pool:
            pool.apply(double, (1,))
            begun = time.perf_counter()
            answer = pool.apply(sum_of, (memory.name, numbers))
            taken = time.perf_counter() - begun
            assert answer == numbers * (numbers - 1) // 2
            return [taken]
    finally:
        memory.close()
        memory.unlink()


def process(times):
    begun = time.perf_counter()
    for _ in range(times):
        child = multiprocessing.Process(target=double, args=(1,))
        child.start()
        child.join()
        assert child.exitcode == 0
    return [(time.perf_counter() - begun) / times]


def spin():
    while True:
        pass


def pebble():
    try:
        from pebble import ProcessPool
    except ImportError:
        return []
    limit = 0.05
    with ProcessPool(max_workers=1) as pool:
        assert pool.schedule(double, args=(1,)).result() == 2
        begun = time.perf_counter()
        try:
            pool.schedule(spin, timeout=limit).result()
            raise AssertionError("it came back")
        except TimeoutError:
            pass
        assert pool.schedule(double, args=(21,)).result() == 42
        return [time.perf_counter() - begun - limit]


def loky():
    try:
        from loky import get_reusable_executor
        from loky.process_executor import TerminatedWorkerError
    except ImportError:
        return []
    executor = get_reusable_executor(max_workers=1)
    pid = executor.submit(os.getpid).result()
    spinning = executor.submit(spin)
    time.sleep(0.1)
    begun = time.perf_counter()
    os.kill(pid, signal.SIGKILL)
    try:
        spinning.result()
        raise AssertionError("it came back")
    except TerminatedWorkerError:
        pass
    executor = get_reusable_executor(max_workers=1)
    assert executor.submit(double, 21).result() == 42
    return [time.perf_counter() - begun]


def main():
    what, *rest = sys.argv[1:]
    if what == "start":
        figures = start(rest[0])
    else:
        commands = {
            "apply": apply,
            "dictionary": dictionary,
            "lock": lock,
            "locks": locks,
            "loky": loky,
            "map": map_,
            "pebble": pebble,
            "process": process,
            "queue": queue,
            "sum": sum_,
        }
        figures = commands[what](*map(int, rest))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
