def finish(queue, pool):
    counts = queue.registry.counts()
    pool.shutdown()
    queue.close()
    return 0 if counts["succeeded"] == sum(counts.values()) else 1
