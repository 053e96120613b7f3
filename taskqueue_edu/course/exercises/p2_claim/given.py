import threading
import time

__all__ = ["threading", "time"]
