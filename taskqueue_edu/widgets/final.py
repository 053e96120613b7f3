"""The run as a PNG."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from taskqueue_edu.monitor import Monitor


def final_png(monitor: Monitor, since: int) -> tuple[bytes, dict[str, Any]]:
    figure = Figure(figsize=(7.6, 6))
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 1)
    snapshot = monitor.snapshot(60)
    axes.plot([p.at for p in snapshot.points], [p.finished for p in snapshot.points])
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    return file.getvalue(), {"alt": monitor.summary()}
