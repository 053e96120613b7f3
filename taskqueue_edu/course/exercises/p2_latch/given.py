import threading

__all__ = ["threading"]
