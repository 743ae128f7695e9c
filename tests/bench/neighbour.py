"""Measures Python's multiprocessing: one measurement for each run, figures in seconds as a JSON array.

neighbour.py apply CALLS CALLER_CORE WORKER_CORE
neighbour.py map TASKS WORKERS CHUNKSIZE        (chunksize 0: its default)
neighbour.py start METHOD
"""

import json
import multiprocessing
import os
import sys
import time


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


def main():
    what, *rest = sys.argv[1:]
    if what == "start":
        figures = start(rest[0])
    else:
        figures = {"apply": apply, "map": map_}[what](*map(int, rest))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
