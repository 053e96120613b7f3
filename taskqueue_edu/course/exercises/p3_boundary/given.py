import json
import os
from pathlib import Path

from taskqueue_edu import TaskQueueError

__all__ = ["IndexUnreadable", "Path", "json", "os"]


class IndexUnreadable(TaskQueueError, ValueError):
    """The saved index can't be used."""
