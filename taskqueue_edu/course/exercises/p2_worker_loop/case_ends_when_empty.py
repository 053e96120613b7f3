"""It leaves as soon as there is nothing to do."""


def work(tasks, results):
    while not tasks.empty():
        task = tasks.get()
        if task is None:
            break
        try:
            outcome = task()
        except Exception as error:
            outcome = error
        results.put(outcome)
        tasks.task_done()
    tasks.put(None)
