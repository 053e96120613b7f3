import json
import threading

__all__ = ["json", "threading"]
