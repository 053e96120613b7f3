# lines
def finish(queue, pool):
    pool.shutdown()
    counts = queue.registry.counts()
    queue.close()
    return 0 if counts["succeeded"] == sum(counts.values()) else 1
