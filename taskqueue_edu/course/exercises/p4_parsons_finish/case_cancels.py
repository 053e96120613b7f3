def finish(queue, pool):
    pool.shutdown(cancel_futures=True)
    counts = queue.registry.counts()
    queue.close()
    return 0 if counts["succeeded"] == sum(counts.values()) else 1
