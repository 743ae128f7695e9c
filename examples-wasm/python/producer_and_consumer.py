"""One process makes goods, another takes them from a queue of three places; the parent reads what was taken."""

from multiprocessing import Process, Queue


def produce(count, goods):
    for number in range(count):
        goods.put(f"item {number}")
    goods.put(None)


def consume(goods, taken):
    while (item := goods.get()) is not None:
        taken.put(f"{item} was consumed")
    taken.put(None)


def yes(truth):
    return "yes" if truth else "no"


if __name__ == "__main__":
    goods = Queue(3)
    taken = Queue()
    producer = Process(target=produce, args=(6, goods))
    consumer = Process(target=consume, args=(goods, taken))
    producer.start()
    consumer.start()
    while (line := taken.get()) is not None:
        print(line)
    producer.join()
    consumer.join()
    print(f"nothing is left: {yes(goods.empty())}")
