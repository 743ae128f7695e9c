"""A process changes a number and an array that live in memory which it shares with its parent."""

from multiprocessing import Array, Process, Value


def change(number, numbers):
    number.value = 3.1415927
    for i in range(len(numbers)):
        numbers[i] = numbers[i] * numbers[i]


if __name__ == "__main__":
    number = Value("d", 0.0)
    numbers = Array("i", range(1, 11))
    process = Process(target=change, args=(number, numbers))
    process.start()
    process.join()
    print(number.value)
    print(numbers[:])
