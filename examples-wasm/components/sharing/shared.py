"""The functions of sharing.wit. An import that fails raises `Err`; `value` is the error that WIT tells of."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import wit_world
from componentize_py_types import Err
from wit_world.imports import arrays, dicts, lists, locks, namespaces, pipes, program, queues, task
from wit_world.imports import values as cells
from wit_world.imports.types import Error, RmwOp


@contextmanager
def locked(lock) -> Iterator[bool]:
    """Has a lock meanwhile: whether the holder before died with it."""
    abandoned = False
    try:
        lock.acquire(None)
    except Err as error:
        if error.value != Error.ABANDONED:
            raise
        abandoned = True
    yield abandoned
    lock.release()


def until_closed(get: Callable[[None], str]) -> Iterator[str]:
    """What a call gives until its object is closed."""
    while True:
        try:
            text = get(None)
        except Err as error:
            if error.value != Error.CLOSED:
                raise
            return
        yield text


def change(numbers: arrays.S64RawArray, how: Callable[[int], int]) -> None:
    numbers.write(0, [how(n) for n in numbers.read(0, numbers.length())])


class WitWorld(wit_world.WitWorld):
    def report(self, text: str) -> str:
        task.log(task.Level.INFO, text)
        task.emit(text.encode())
        task.progress(1, 2)
        return text

    def square(self, lock: locks.Lock, numbers: arrays.S64RawArray) -> None:
        with locked(lock):
            change(numbers, lambda n: n * n)

    def increment(self, lock: locks.Lock, numbers: arrays.S64RawArray, times: int) -> None:
        for _ in range(times):
            with locked(lock):
                change(numbers, lambda n: n + 1)

    def tally(
        self, lock: locks.Lock, numbers: arrays.S64RawArray, counts: arrays.S64RawArray, party: int, times: int
    ) -> int:
        repairs = 0
        while counts.read(party, 1)[0] < times:
            with locked(lock) as abandoned:
                if abandoned:
                    right = sum(counts.read(0, counts.length()))
                    change(numbers, lambda _: right)
                    repairs += 1
                change(numbers, lambda n: n + 1)
                counts.write(party, [counts.read(party, 1)[0] + 1])
        return repairs

    def values(self, value: cells.S64Value, raw: cells.U32RawValue, numbers: arrays.S16Array) -> int:
        with locked(value):
            first = value.get()
            value.set(first + 1)
        second = raw.rmw(RmwOp.SUB, 1)
        with locked(numbers):
            third = numbers.read(0, 1)[0]
            numbers.write(0, [third + 1])
        return first + second + third

    def meet(
        self,
        rlock: locks.Rlock,
        semaphore: locks.Semaphore,
        event: locks.Event,
        condition: locks.Condition,
        barrier: locks.Barrier,
    ) -> int:
        with locked(rlock), locked(rlock):
            pass
        with locked(condition):
            condition.notify_all()
        barrier.wait(None)
        event.wait(None)
        semaphore.acquire(None)
        semaphore.keep()
        return semaphore.value()

    def produce(self, words: queues.TextQueue, text: str) -> None:
        for word in text.split(" "):
            words.put(word, None)
        words.close()

    def consume(self, words: queues.TextQueue) -> list[str]:
        return list(until_closed(words.get))

    def finish(self, jobs: queues.TextJoinableQueue, words: queues.TextSimpleQueue) -> int:
        done = 0
        while jobs.length() > 0:
            jobs.get(None)
            jobs.task_done()
            done += 1
        words.put("done")
        return done

    def echo(self, connection: pipes.TextConnection) -> int:
        count = 0
        for text in until_closed(connection.recv):
            connection.send(text, None)
            count += 1
        return count

    def manage(self, dict: dicts.S64Dict, list: lists.S64List, names: namespaces.Namespace) -> int:
        total = dict.add("word", 1)
        list.push(total)
        return total + list.length() + names.add_s64("sum", total)

    def ask(self, n: int) -> int:
        try:
            return program.double(n)
        except Err as error:
            raise Err(error.value)
