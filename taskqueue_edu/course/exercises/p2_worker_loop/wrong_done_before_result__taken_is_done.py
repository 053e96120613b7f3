"""A task that was taken counts as done."""


def work(tasks, results):
    while (task := tasks.get()) is not None:
        tasks.task_done()
        try:
            outcome = task()
        except Exception as error:
            outcome = error
        results.put(outcome)
    tasks.put(None)
