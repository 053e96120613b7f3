"""The live monitor for notebooks.

It needs ipywidgets and matplotlib, so it is imported on use. In the order in which to read it:

    scale      round ticks, and units that suit
    charts     what the four charts show, as numbers
    lanes      which worker ran what, as bars
    words      what the queue is doing, in words
    style      colors and fonts of the live picture
    svg        pieces that its two parts share
    timeline   the lanes of the workers, as SVG
    picture    the whole frame: counts, charts as SVG, lanes
    page       a matplotlib figure laid out in pixels
    final      a run as a PNG, which is still there when the kernel has gone
    live       LiveMonitor: the thread, and the output in the notebook
"""

from taskqueue_edu.widgets.live import LiveMonitor

__all__ = ["LiveMonitor"]
