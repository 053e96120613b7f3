"""The live monitor and the control panel for notebooks.

It needs ipywidgets and matplotlib, so it is imported on use. In the order in which to read it:

    page       a matplotlib figure laid out in pixels
    final      a run as a PNG, which is still there when the kernel has gone
    cells      which cell is running, and when it runs again
    painter    what screens show, drawn once for all that show the same
    updater    the thread that updates the screens on a source
    screen     one output in a notebook: widgets while it is live, then a picture
    player     a recording, with the widgets to play it
    live       LiveMonitor
    bursts     what the control panel submits
    inputs     a list and numbers that work while a cell waits
    form       the control panel's widgets, and how they are laid out
    controls   ControlPanel: what they do
"""

from taskqueue_edu.widgets.controls import ControlPanel
from taskqueue_edu.widgets.live import LiveMonitor

__all__ = ["ControlPanel", "LiveMonitor"]
