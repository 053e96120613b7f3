def finish(queue, pool):
    queue.close()
    pool.shutdown()
    counts = queue.registry.counts()
    return 0 if counts["succeeded"] == sum(counts.values()) else 1
