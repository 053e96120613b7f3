from dataclasses import dataclass

from taskqueue_edu import RetryPolicy, task_type
from taskqueue_edu.workloads import FetchPage

__all__ = ["FetchPage", "RetryPolicy", "dataclass", "task_type"]
