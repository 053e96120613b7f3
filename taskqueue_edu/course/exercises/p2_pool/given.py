import threading
import time
from concurrent.futures import ThreadPoolExecutor

from taskqueue_edu.executor import run_task

__all__ = ["ThreadPoolExecutor", "run_task", "threading", "time"]
