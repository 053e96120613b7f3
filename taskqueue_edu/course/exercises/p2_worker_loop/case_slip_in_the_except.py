"""A name that does not exist, where the error is caught."""


def work(tasks, results):
    """Run functions from `tasks` until None comes; put what each returns or raises into `results`."""
    while (task := tasks.get()) is not None:
        try:
            outcome = task()
        except Exception as error:
            outcome = err  # noqa: F821
        results.put(outcome)
        tasks.task_done()
    tasks.put(None)
