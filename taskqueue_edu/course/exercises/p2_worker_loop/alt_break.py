def work(tasks, results):
    while True:
        task = tasks.get()
        if task is None:
            tasks.put(None)
            break
        try:
            results.put(task())
        except Exception as error:
            results.put(error)
        tasks.task_done()
