"""Figures of a run for a report or a paper, drawn by matplotlib from the table of facts.

Each function draws one chart on the Axes that it is given, and returns what the chart says in
words: for a caption, and for people who don't see it. `Monitor.plot` puts all on one page.

    facts = Monitor(queue).to_frame("facts")
    text = throughput(facts, ax)

A part of the table does too, for example the facts about one type of task:

    tasks = monitor.to_frame("tasks")
    facts[facts["id"].isin(tasks.index[tasks["type"] == "math"])]

A task whose first fact there is that it started was waiting until then; nothing else is known of
the time before. Times are in seconds since the first fact of the table, and the chart names that
moment. Tasks that still run are drawn up to `until` (a Timestamp), or to the last fact if that is
later or nothing is given.

The colors are for a white background. An Axes may come from pyplot, or from a Figure without it;
such a Figure is shown by a notebook only after `%matplotlib inline`, a Page always.

In the order in which to read it:

    series     what the facts say, as numbers
    parts      title, legend and axes, as all charts have them
    charts     the charts
    page       all on one page
"""

from taskqueue_edu.plots.charts import (
    depth,
    latency,
    latency_over_time,
    shares,
    throughput,
    utilization,
    workers,
)
from taskqueue_edu.plots.page import Page, page
from taskqueue_edu.plots.series import PAUSE, latest

__all__ = [
    "PAUSE",
    "Page",
    "depth",
    "latency",
    "latency_over_time",
    "latest",
    "page",
    "shares",
    "throughput",
    "utilization",
    "workers",
]
