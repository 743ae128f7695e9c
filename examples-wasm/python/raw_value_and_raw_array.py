"""One process counts in a shared number while another squares a shared array; one lock guards both."""

from multiprocessing import Lock, Process
from multiprocessing.sharedctypes import RawArray, RawValue


def count(counter, lock):
    for _ in range(10_000):
        with lock:
            counter.value += 1


def square(numbers, lock):
    with lock:
        for i in range(len(numbers)):
            numbers[i] = numbers[i] * numbers[i]


if __name__ == "__main__":
    lock = Lock()
    counter = RawValue("i", 0)
    numbers = RawArray("i", range(10))
    processes = [
        Process(target=count, args=(counter, lock)),
        Process(target=square, args=(numbers, lock)),
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print(counter.value)
    print(list(numbers))
