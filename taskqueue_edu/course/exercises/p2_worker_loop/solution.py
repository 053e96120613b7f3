# `tasks` is a Queue of functions, and None means: stop. Outcomes go into the Queue `results`.
# lines
def work(tasks, results):
    while (task := tasks.get()) is not None:
        try:
            outcome = task()
        except Exception as error:
            outcome = error
        results.put(outcome)
        tasks.task_done()
    tasks.put(None)
