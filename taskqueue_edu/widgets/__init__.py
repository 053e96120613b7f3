"""The live monitor for notebooks.

It needs ipywidgets and matplotlib, so it is imported on use. In the order in which to read it:

    page       a matplotlib figure laid out in pixels
    final      a run as a PNG, which is still there when the kernel has gone
    live       LiveMonitor: the thread, and the output in the notebook
"""

from taskqueue_edu.widgets.live import LiveMonitor

__all__ = ["LiveMonitor"]
