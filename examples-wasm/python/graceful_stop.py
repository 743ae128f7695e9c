"""Two processes loop for ever: one looks at an event and stops when it is set, the other has to be terminated."""

from multiprocessing import Event, Process, Queue


def polite(stop, said):
    said.put("polite: at work")
    while not stop.wait(0.01):
        pass
    said.put("polite: told to stop, done")


def stubborn(said):
    said.put("stubborn: at work")
    while True:
        pass


def yes(truth):
    return "yes" if truth else "no"


def tell(name, process):
    print(f"{name}: alive: {yes(process.is_alive())}, ended by itself: {yes(process.exitcode == 0)}")


if __name__ == "__main__":
    stop = Event()
    said = Queue()
    first = Process(target=polite, args=(stop, said), name="polite")
    first.start()
    print(said.get())
    stop.set()
    print(said.get())
    first.join()
    tell(first.name, first)

    second = Process(target=stubborn, args=(said,), name="stubborn")
    second.start()
    print(said.get())
    stop.set()
    second.join(0.2)
    print(f"{second.name}: alive: {yes(second.is_alive())}")
    second.terminate()
    second.join()
    tell(second.name, second)
