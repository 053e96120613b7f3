def finish(queue, pool):
    pool.shutdown()
    queue.close()
    counts = queue.registry.counts()
    return 0 if counts["succeeded"] == sum(counts.values()) else 1
