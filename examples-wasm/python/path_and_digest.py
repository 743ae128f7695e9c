"""Hashes the files that are named on the command line in a pool; each answer is a path with its digest."""

import hashlib
import sys
from multiprocessing import Pool


def digest(path):
    with open(path, "rb") as file:
        return path, hashlib.md5(file.read()).hexdigest()


if __name__ == "__main__":
    with Pool() as pool:
        for path, md5 in pool.imap(digest, sys.argv[1:]):
            print(f"{md5}  {path}")
