"""Whoever finds the None leaves with it."""


def work(tasks, results):
    while (task := tasks.get()) is not None:
        try:
            outcome = task()
        except Exception as error:
            outcome = error
        results.put(outcome)
        tasks.task_done()
