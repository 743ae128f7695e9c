"""Measures Python's multiprocessing and others that Python can load: one measurement for each run, figures in seconds as a
JSON array. Each checks its own results.

neighbour.py apply CALLS CALLER_CORE WORKER_CORE
neighbour.py map TASKS WORKERS CHUNKSIZE        (chunksize 0: its default)
neighbour.py start METHOD
neighbour.py dictionary OPERATIONS CALLER_CORE SERVER_CORE
neighbour.py lock TIMES                         (the shortest of ten)
neighbour.py locks TIMES FIRST_CORE SECOND_CORE
neighbour.py queue MESSAGES BYTES PUTTER_CORE GETTER_CORE
neighbour.py sum NUMBERS                        (by numpy where it is installed)
neighbour.py compute WHICH TASKS WORKERS ARGUMENT
neighbour.py process TIMES                      (start and join of one)
neighbour.py pebble                             (from a time limit to the next result)
neighbour.py loky                               (from a kill to the next result)
neighbour.py imap_unordered TASKS WORKERS       (chunksize 1)
neighbour.py echo BYTES                         (apply with bytes that come back, the middle of five)
neighbour.py idle CHILDREN                      (memory of one idle child, in bytes)
neighbour.py extism COMMAND                     (loading a WASI command: cold, from a cache by another process, again)
neighbour.py wasmtime COMMAND                   (the same: cold, precompiled)
neighbour.py versions                           (an object instead: what is installed here)
"""

import array
import importlib.metadata
import json
import multiprocessing
import os
import platform
import signal
import sys
import tempfile
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
    from pebble import ProcessPool

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
    from loky import get_reusable_executor
    from loky.process_executor import TerminatedWorkerError

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


def imap_unordered(tasks, workers):
    with multiprocessing.Pool(workers) as pool:
        pool.map(double, range(1000))
        begun = time.perf_counter()
        total = sum(pool.imap_unordered(double, range(tasks)))
        taken = time.perf_counter() - begun
        assert total == tasks * (tasks - 1)
        return [taken]


def same(sent):
    return sent


def echo(size):
    sent = bytes(range(256)) * (size // 256)
    with multiprocessing.Pool(1) as pool:
        assert pool.apply(same, (b"1",)) == b"1"
        times = []
        for _ in range(5):
            begun = time.perf_counter()
            answer = pool.apply(same, (sent,))
            times.append(time.perf_counter() - begun)
            assert answer == sent
        return [sorted(times)[2]]


def share_of_memory(pid):
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        for line in rollup:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    raise AssertionError("no Pss")


def meet(_):
    met.wait()
    return os.getpid()


def meet_at(barrier):
    global met
    met = barrier


def idle(children):
    with multiprocessing.Pool(children, meet_at, (multiprocessing.Barrier(children),)) as pool:
        pids = set(pool.map(meet, range(children), chunksize=1))
        assert len(pids) == children
        return [sum(map(share_of_memory, pids)) / children]


def in_another_process(function, *arguments):
    """What is loaded once in a process is loaded quickly there for ever."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def load_extism(command, cache):
    os.environ["EXTISM_CACHE_CONFIG"] = cache
    import extism

    figures = []
    for _ in range(2):
        begun = time.perf_counter()
        with open(command, "rb") as file:
            plugin = extism.Plugin(file.read(), wasi=True)
        figures.append(time.perf_counter() - begun)
        assert plugin.function_exists("_start")
    return figures


def extism(command):
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "cache.toml")
        with open(config, "w") as file:
            file.write(f'[cache]\ndirectory = "{folder}/cache"\n')
        cold = in_another_process(load_extism, command, "")[0]
        in_another_process(load_extism, command, config)
        return [cold, *in_another_process(load_extism, command, config)]


def load_wasmtime(command, precompiled):
    import wasmtime

    engine = wasmtime.Engine()
    begun = time.perf_counter()
    module = wasmtime.Module.from_file(engine, command)
    cold = time.perf_counter() - begun
    with open(precompiled, "wb") as file:
        file.write(module.serialize())
    engine = wasmtime.Engine()
    begun = time.perf_counter()
    module = wasmtime.Module.deserialize_file(engine, precompiled)
    kept = time.perf_counter() - begun
    assert any(export.name == "_start" for export in module.exports)
    return [cold, kept]


def wasmtime(command):
    with tempfile.TemporaryDirectory() as folder:
        return in_another_process(load_wasmtime, command, os.path.join(folder, "precompiled"))


def versions():
    found = {"python": platform.python_version()}
    for package in ("numpy", "loky", "pebble", "extism", "wasmtime"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


def compute_(what, tasks, workers, argument):
    sys.dont_write_bytecode = True
    import compute

    function, prepare = compute.ALL[what]
    argument = prepare(argument)
    with multiprocessing.Pool(workers) as pool:
        pool.map(abs, range(workers))
        begun = time.perf_counter()
        answers = pool.map(function, [argument] * tasks, chunksize=1)
        taken = time.perf_counter() - begun
        assert all(answer == answers[0] for answer in answers)
        return [taken / tasks]


def main():
    what, *rest = sys.argv[1:]
    words = {"start": start, "extism": extism, "wasmtime": wasmtime, "versions": versions}
    if what in words:
        figures = words[what](*rest)
    else:
        commands = {
            "apply": apply,
            "compute": compute_,
            "dictionary": dictionary,
            "echo": echo,
            "idle": idle,
            "imap_unordered": imap_unordered,
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
