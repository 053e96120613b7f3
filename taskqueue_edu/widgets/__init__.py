"""The live monitor for notebooks. It needs ipywidgets and matplotlib, so it is imported on use.

    scale      ticks and units that people can read
    lanes      which worker ran what: the bars of the picture
    picture    a snapshot as HTML and SVG, five times a second
    final      the run as a PNG, which stays when the kernel has gone
    live       LiveMonitor: the thread, and what is shown in the notebook
"""

from taskqueue_edu.widgets.live import LiveMonitor

__all__ = ["LiveMonitor"]
