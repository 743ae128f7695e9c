"""What the tests of scripts call; tasks.js has the same in JavaScript."""

import random as randomness
import sys
import time

import wasmpool

counted = 0
number = 7


def add(a, b):
    return a + b


def total(numbers):
    return sum(numbers)


def nothing():
    pass


def older(person):
    return {**person, "age": person["age"] + 1, "tags": [*person["tags"], "older"]}


def count():
    global counted
    counted += 1
    return counted


def boom(depth):
    if depth > 0:
        return boom(depth - 1)
    raise TypeError("not like this")


def picky(n):
    if n % 2:
        raise ValueError(f"{n} is odd")
    return n // 2


def spin():
    while True:
        pass


def eat():
    everything = []
    while True:
        everything.append(bytearray(100_000))


def recurse(n):
    return recurse(n + 1) + 1


class Refusal(Exception):
    pass


def refuse(why):
    raise Refusal(why)


def crash(why):
    raise TypeError(why)


def end(how):
    if how == "divide":
        return 1 // 0
    if how == "exit":
        sys.exit(3)
    if how == "memory":
        eat()
    if how == "stack":
        recurse(0)
    raise ValueError("no such end")


async def later(n):
    return n * 2


def say(text):
    print(text, {"n": 1})


def stages(n):
    for i in range(n):
        wasmpool.emit({"stage": i})
        wasmpool.progress(i + 1, n)
    return "done"


def random():
    return [randomness.random(), randomness.random()]


def now():
    return time.time()


def formless():
    return object()


def words(text):
    return len(text.split())


def many(n):
    return len([7] * n)


def text(n):
    return "é" * n
