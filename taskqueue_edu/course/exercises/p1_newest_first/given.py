import heapq
import threading
from collections import deque

from taskqueue_edu import QueueClosed

__all__ = ["QueueClosed", "deque", "heapq", "threading"]
