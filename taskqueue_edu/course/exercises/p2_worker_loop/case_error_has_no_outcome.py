"""The error is caught, and `outcome` has no value."""


def work(tasks, results):
    """Run functions from `tasks` until None comes; put what each returns or raises into `results`."""
    while (task := tasks.get()) is not None:
        try:
            outcome = task()
        except Exception as error:
            pass
        results.put(outcome)
        tasks.task_done()
    tasks.put(None)
