import threading
from contextlib import suppress

from taskqueue_edu import QueueClosed, TaskStatus

__all__ = ["QueueClosed", "TaskStatus", "suppress", "threading"]
