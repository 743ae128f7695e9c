"""Five processes put what they found into one queue; the parent takes it out and prints it in order."""

from multiprocessing import Process, Queue


def square(number, results):
    results.put((number, number * number))


if __name__ == "__main__":
    results = Queue()
    processes = [Process(target=square, args=(number, results)) for number in range(5)]
    for process in processes:
        process.start()
    found = sorted(results.get() for _ in processes)
    for process in processes:
        process.join()
    for number, squared in found:
        print(f"{number} squared is {squared}")
    print(f"left in the queue: {results.qsize()}")
