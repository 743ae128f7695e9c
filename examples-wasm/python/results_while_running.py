"""The parent reads results while the process that makes them is still at work, asleep between two of them."""

import time
from multiprocessing import Process, Queue
from queue import Empty


def work(results):
    for step in range(1, 4):
        results.put(step)
        time.sleep(0.4)


def yes(truth):
    return "yes" if truth else "no"


if __name__ == "__main__":
    results = Queue()
    process = Process(target=work, args=(results,))
    process.start()
    received = 0
    polls = 0
    while received < 3:
        try:
            step = results.get(timeout=0.05)
        except Empty:
            polls += 1
            continue
        received += 1
        print(f"step {step} is there, the process runs: {yes(process.is_alive())}")
    process.join()
    print(f"the process runs: {yes(process.is_alive())}, its exit code is {process.exitcode}")
    print(f"looked in vain in between: {yes(polls > 0)}")
