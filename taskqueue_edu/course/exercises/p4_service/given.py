from contextlib import ExitStack

__all__ = ["ExitStack"]
