"""An error is left to whoever started the worker."""


def work(tasks, results):
    while (task := tasks.get()) is not None:
        results.put(task())
        tasks.task_done()
    tasks.put(None)
