"""Three processes take jobs from one queue and write the answers into one dict."""

from multiprocessing import Manager, Process


def serve(jobs, answers):
    while (number := jobs.get()) is not None:
        factorial = 1
        for factor in range(2, number + 1):
            factorial *= factor
        answers[number] = factorial


if __name__ == "__main__":
    with Manager() as manager:
        jobs = manager.Queue()
        answers = manager.dict()
        servers = [Process(target=serve, args=(jobs, answers)) for _ in range(3)]
        for server in servers:
            server.start()
        for number in range(1, 11):
            jobs.put(number)
        for _ in servers:
            jobs.put(None)
        for server in servers:
            server.join()
        for number, factorial in sorted(answers.items()):
            print(f"{number}! = {factorial}")
        print(f"jobs left: {jobs.qsize()}")
