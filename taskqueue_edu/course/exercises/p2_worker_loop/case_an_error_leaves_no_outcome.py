"""An error is caught, and nobody is told."""


def work(tasks, results):
    while (task := tasks.get()) is not None:
        try:
            results.put(task())
        except Exception:
            pass
        tasks.task_done()
    tasks.put(None)
