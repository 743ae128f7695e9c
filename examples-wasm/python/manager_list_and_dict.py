"""Ten processes fill one dict and one list, which a manager keeps for all of them."""

from multiprocessing import Manager, Process


def square(number, squares, seen):
    squares[number] = number * number
    seen.append(number)


if __name__ == "__main__":
    with Manager() as manager:
        squares = manager.dict()
        seen = manager.list()
        processes = [Process(target=square, args=(number, squares, seen)) for number in range(10)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        print(dict(sorted(squares.items())))
        print(sorted(seen))
        print(f"{len(squares)} squares, {len(seen)} numbers")
