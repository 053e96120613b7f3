def finish(queue, pool):
    pool.shutdown(wait=False)
    counts = queue.registry.counts()
    queue.close()
    return 0 if counts["succeeded"] == sum(counts.values()) else 1
