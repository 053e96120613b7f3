def work(tasks, results):
    for task in iter(tasks.get, None):
        try:
            results.put(_outcome(task))
        finally:
            tasks.task_done()
    tasks.put(None)


def _outcome(task):
    try:
        return task()
    except BaseException as error:
        return error
