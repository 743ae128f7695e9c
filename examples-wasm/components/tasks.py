"""The functions of tasks.wit."""

import sys
from collections import Counter

import wit_world
from componentize_py_types import Err
from wit_world import Word

called = 0


def recurse(n: int) -> int:
    return recurse(n + 1) + 1


class WitWorld(wit_world.WitWorld):
    def count_words(self, text: str) -> list[Word]:
        words = Counter(text.split()).items()
        return [Word(text, times) for text, times in sorted(words, key=lambda it: (-it[1], it[0]))]

    def mean(self, numbers: list[float]) -> float:
        if not numbers:
            # The error of the result.
            raise Err("the mean of nothing")
        return sum(numbers) / len(numbers)

    def act(self, how: str) -> int:
        global called
        called += 1
        if how == "throw":
            raise TypeError("not like this")
        if how == "eat":
            everything = []
            while True:
                everything.append([0] * 10_000)
        if how == "recurse":
            return recurse(0)
        while how == "spin":
            pass
        return called

    def refuse(self, why: str) -> None:
        raise Err(why)

    def crash(self, why: str) -> None:
        raise TypeError(why)

    def end(self, how: str) -> None:
        match how:
            case "divide":
                1 // 0
            case "exit":
                sys.exit(3)
            case "memory":
                self.act("eat")
            case "stack":
                self.act("recurse")
            case _:
                raise ValueError("no such end")

    def say(self, line: str) -> None:
        print(line)
