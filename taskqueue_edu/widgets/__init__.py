"""The live monitor for notebooks.

It needs ipywidgets and matplotlib, so it is imported on use. In the order in which to read it:

    scale      round ticks, and units that suit
    charts     what the four charts show, as numbers
    lanes      which worker ran what, as bars
    style      colors and fonts of the picture
    picture    a snapshot as HTML with SVG, five times a second
    final      a run as a PNG, which is still there when the kernel has gone
    live       LiveMonitor: the thread, and the output in the notebook
"""

from taskqueue_edu.widgets.live import LiveMonitor

__all__ = ["LiveMonitor"]
