from collections import deque


def run(jobs, told):
    left, failed = deque(jobs), 0
    while left:
        if (number := told()) is not None:
            return 128 + number, list(left)
        try:
            left.popleft()()
        except Exception:
            failed += 1
    return int(failed > 0), []
