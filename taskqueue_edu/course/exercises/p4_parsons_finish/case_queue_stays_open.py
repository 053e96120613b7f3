def finish(queue, pool):
    pool.shutdown()
    counts = queue.registry.counts()
    return 0 if counts["succeeded"] == sum(counts.values()) else 1
