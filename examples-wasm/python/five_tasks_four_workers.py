"""Five tasks of different length on four workers: the fifth waits until the shortest of the others has ended."""

import time
from multiprocessing import Pool


def work(job):
    name, seconds = job
    began = time.time()
    time.sleep(seconds)
    return name, began, time.time()


def yes(truth):
    return "yes" if truth else "no"


if __name__ == "__main__":
    jobs = [("A", 1.6), ("B", 1.2), ("C", 0.4), ("D", 0.8), ("E", 0.1)]
    first = time.time()
    spans = {}
    with Pool(4) as pool:
        for name, began, ended in pool.imap_unordered(work, jobs):
            print(f"{name} ended, after {ended - began:.2f} s")
            spans[name] = (began, ended)
    for name, seconds in jobs:
        began, ended = spans[name]
        print(f"{name} took as long as it was told: {yes(ended - began >= seconds)}")
    print(f"E began when C had ended: {yes(spans['E'][0] >= spans['C'][1])}")
    took = time.time() - first
    print(f"all of it took {took:.2f} s")
    print(f"one after the other takes longer: {yes(took < sum(seconds for _, seconds in jobs))}")
