"""The sentinel, too, gets an outcome."""


def work(tasks, results):
    while (task := tasks.get()) is not None:
        try:
            outcome = task()
        except Exception as error:
            outcome = error
        results.put(outcome)
        tasks.task_done()
    results.put(None)
    tasks.put(None)
