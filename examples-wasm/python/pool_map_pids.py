"""A pool of four maps over eight numbers; each answer says in which process it was made."""

import os
from multiprocessing import Pool


def square(number):
    return number * number, os.getpid()


def yes(truth):
    return "yes" if truth else "no"


if __name__ == "__main__":
    with Pool(4) as pool:
        answers = pool.map(square, range(8))
    for number, (squared, pid) in enumerate(answers):
        print(f"{number} squared is {squared}, says process {pid}")
    pids = {pid for _, pid in answers}
    print(f"at most four processes: {yes(len(pids) <= 4)}")
    print(f"one of them is the parent: {yes(os.getpid() in pids)}")
