import os
import tempfile
from pathlib import Path

__all__ = ["Path", "os", "tempfile"]
