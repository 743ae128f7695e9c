"""The functions of tasks.wit."""

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

    def say(self, line: str) -> None:
        print(line)
