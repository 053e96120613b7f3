"""join() waits for ever."""


def work(tasks, results):
    while (task := tasks.get()) is not None:
        try:
            outcome = task()
        except Exception as error:
            outcome = error
        results.put(outcome)
    tasks.put(None)
