def finish(queue, pool):
    pool.shutdown()
    queue.close()
    return 0
