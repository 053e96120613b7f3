import threading
import time
from collections import deque
from queue import Empty, Full, Queue

__all__ = ["Empty", "Full", "Queue", "deque", "threading", "time"]
