def finish(queue, pool):
    pool.shutdown(wait=True)
    failed = [r for r in queue.registry.records() if r.status != "succeeded"]
    queue.close()
    return 1 if failed else 0
