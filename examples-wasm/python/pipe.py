"""A process answers through its end of a pipe until it is told that there is no more, and closes that end."""

from multiprocessing import Pipe, Process


def answer(connection):
    connection.send("ready")
    while (number := connection.recv()) is not None:
        connection.send(f"{number} doubled is {2 * number}")
    connection.close()


if __name__ == "__main__":
    ours, theirs = Pipe()
    process = Process(target=answer, args=(theirs,))
    process.start()
    theirs.close()
    print(ours.recv())
    for number in (1, 20, 300):
        ours.send(number)
        print(ours.recv())
    ours.send(None)
    try:
        ours.recv()
    except EOFError:
        print("the other end is closed")
    process.join()
