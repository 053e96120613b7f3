"""It says that the task is done, and then stores the outcome."""


def work(tasks, results):
    while (task := tasks.get()) is not None:
        try:
            outcome = task()
        except Exception as error:
            outcome = error
        tasks.task_done()
        results.put(outcome)
    tasks.put(None)
