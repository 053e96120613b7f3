"""The charts. Each draws on an Axes and returns in words what it shows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from taskqueue_edu import facts, ink
from taskqueue_edu.monitor import Run, duration
from taskqueue_edu.picture import scale
from taskqueue_edu.picture.lanes import MARKS, MOST, WORDS, bars, label, marks, natural
from taskqueue_edu.picture.words import plural
from taskqueue_edu.plots import parts
from taskqueue_edu.plots.series import SHARES, Floats, Series, What, thinned

_NAMES: Final = tuple(f"p{share * 100:.0f}" for share in SHARES)
_DOTS: Final = ("o", "s", "^")  # of p50, p95, p99
_CURVE: Final = np.linspace(0.0, 1.0, 501)  # shares at which the distribution is drawn


def throughput(table: pd.DataFrame, ax: Axes, *, until: pd.Timestamp | None = None) -> str:
    """Draw at which rate tasks were submitted, finished (in any way) and failed for good."""
    if table.empty:
        return _nothing(ax, "Throughput", "no task yet")
    series = Series(table, until)
    failed = series.times(facts.FAILED, facts.DIED)
    times = {"finished": series.finished(), "submitted": series.times(facts.SUBMITTED)}
    if failed.size:
        times["failed"] = failed
    rates = {name: series.rates(some) for name, some in times.items()}
    finished, submitted = rates["finished"].max(), rates["submitted"].max()
    # Many tasks submitted at once would press everything else flat: that line leaves the chart.
    axis = parts.rates(max(finished, min(submitted, 2 * finished) if finished else submitted))
    parts.prepare(ax, "Throughput")
    parts.upward(ax, axis)
    _clock(ax, series)
    for name, rate in reversed(rates.items()):
        ax.stairs(rate, series.edges, baseline=None, label=name, **ink.LINES[name])
    ax.stairs(rates["finished"], series.edges, fill=True, alpha=0.18, color=ink.BLUE)
    if submitted > axis.top:
        _peak(ax, series.edges, rates["submitted"], axis.top)
    parts.legend(ax, [Line2D([], [], **ink.LINES[name]) for name in rates], [*rates], len(rates))
    step = duration(series.seconds / series.steps)
    return (
        f"Throughput: {plural(times['submitted'].size, 'task')} submitted and "
        f"{times['finished'].size:,} finished, {failed.size:,} of them failed, "
        f"in {duration(series.seconds)}. "
        f"{scale.number(times['finished'].size / series.seconds)} finished per second on average, "
        f"{scale.number(finished)} at most (counted in steps of {step})."
    )


def depth(
    table: pd.DataFrame, ax: Axes, *, until: pd.Timestamp | None = None, maxsize: int = 0
) -> str:
    """Draw how many tasks waited, and `maxsize`, the bound of the queue, if it is not 0."""
    if table.empty:
        return _nothing(ax, "Queue depth", "no task yet")
    series = Series(table, until)
    at, level = series.depth()
    deepest = int(level.max())
    # A bound far above would press the line flat: then it is only named.
    drawn = maxsize and deepest * 4 >= maxsize
    parts.prepare(ax, "Queue depth")
    parts.upward(ax, scale.count_axis(max(deepest, maxsize if drawn else 0), "tasks"))
    _clock(ax, series)
    x, y = thinned(np.append(at, series.seconds), np.append(level, level[-1]))
    ax.step(x, y, where="post", label="depth", **ink.LINES["depth"])
    ax.fill_between(x, y, step="post", alpha=0.18, linewidth=0, color=ink.VIOLET)
    names = {"depth": "waiting", **({"bound": f"bound {maxsize:,}"} if drawn else {})}
    if drawn:
        ax.axhline(maxsize, label="bound", **ink.LINES["bound"])
    handles = [Line2D([], [], **ink.LINES[name]) for name in names]
    parts.legend(ax, handles, [*names.values()], 2)
    bound = f", {maxsize:,} allowed" if maxsize else ""
    return (
        f"Queue depth: {plural(deepest, 'task')} waiting at most (after "
        f"{duration(at[level.argmax()])}){bound}, {int(level[-1]):,} at the end."
    )


def latency(table: pd.DataFrame, ax: Axes) -> str:
    """Draw which share of the tasks waited, and ran, for at most how long.

    `waiting` is from when a task could run until it started; `running` from there until the run
    ended, unless its worker died. A task that was tried again counts once for every run. The time
    axis is in powers of ten. The 50th, 95th and 99th percentile have a mark and are named.
    """
    series = Series(table)
    names: tuple[What, What] = ("waiting", "running")
    # On an axis in powers of ten there is no place for 0, which a coarse clock may measure.
    measured = {name: series.latencies(name)[1].clip(1e-9) for name in names}
    measured = {name: durations for name, durations in measured.items() if durations.size}
    if not measured:
        return _nothing(ax, "Latency", "no task started")
    parts.prepare(ax, "Latency", len(measured) + 1)
    everything = np.concatenate([*measured.values()])
    parts.durations(ax, everything.min(), everything.max())
    ax.set_xlabel("duration", fontsize="small")
    ax.set_ylim(0, 1.02)
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100"])
    ax.set_ylabel("% of runs", fontsize="small")
    dots = tuple(Line2D([], [], marker=dot, **_dot({"color": ink.INK})) for dot in _DOTS)
    handles: list[Any] = [dots]
    labels = [", ".join(_NAMES)]
    for name, durations in measured.items():
        line = ink.LINES[name]
        # "lower" is how the monitor counts: so its percentiles lie on the curve.
        at = np.quantile(durations, _CURVE, method="lower")
        ax.step(at, _CURVE, where="pre", label=name, **line)
        found = np.quantile(durations, SHARES, method="lower")
        for value, share, dot in zip(found, SHARES, _DOTS, strict=True):
            ax.plot([value], [share], dot, label=f"{name} p{share * 100:.0f}", **_dot(line))
        handles.append(Line2D([], [], **line))
        labels.append(f"{name} {', '.join(map(duration, found))}")
    parts.legend(ax, handles, labels, 1)
    return f"Latency ({labels[0]}): {'; '.join(labels[1:])}."


def latency_over_time(
    table: pd.DataFrame, ax: Axes, what: What = "waiting", *, until: pd.Timestamp | None = None
) -> str:
    """Draw the percentiles of waiting, or of running, in each step of time.

    A duration belongs to the moment when it was over. Where nothing was measured, lines break.
    """
    title = f"{what.capitalize()} time"
    series = Series(table, until)
    if not series.latencies(what)[0].size:
        return _nothing(ax, title, "no task started" if what == "waiting" else "no run ended")
    at, rows = series.percentiles(what)
    parts.prepare(ax, title)
    parts.upward(ax, scale.time_axis(float(np.nanmax(rows))))
    _clock(ax, series)
    for name, dot, row in zip(_NAMES, _DOTS, rows, strict=True):
        ax.plot(at, row, marker=dot, markersize=2.5, label=name, clip_on=False, **ink.LINES[name])
    handles = [
        Line2D([], [], marker=dot, markersize=2.5, **ink.LINES[name])
        for name, dot in zip(_NAMES, _DOTS, strict=True)
    ]
    parts.legend(ax, handles, _NAMES, 3)
    low, high = np.nanmin(rows, axis=1), np.nanmax(rows, axis=1)
    ranges = (
        f"{name} from {duration(a)} to {duration(b)}"
        for name, a, b in zip(_NAMES, low, high, strict=True)
    )
    step = duration(series.seconds / series.steps)
    return f"{title} in steps of {step}: {', '.join(ranges)}."


def workers(table: pd.DataFrame, ax: Axes, *, until: pd.Timestamp | None = None) -> str:
    """Draw what each worker ran: a bar from start to end, and a mark where a run did not succeed.

    Short runs that touch are drawn as one bar, so a lane of many may look fuller than it was: see
    `shares`. Of marks that would hide each other, one is drawn. Of more than 16 workers, the
    first 16 by name are drawn.
    """
    title = "Workers"
    series = Series(table, until)
    if series.runs.empty:
        return _nothing(ax, title, "no task started")
    runs = series.runs
    end = round(series.seconds * 1e9)
    every = sorted(runs["worker"].cat.categories, key=natural)
    names = every[:MOST]
    seen = [kind for kind in WORDS if (runs["kind"] == kind).any()]
    rows = 1 if len(seen) <= 4 else 2
    parts.prepare(ax, title, rows)
    ax.grid(visible=False, axis="y")
    _clock(ax, series)
    _lanes(ax, names)
    lanes, _ = bars(_ended(runs), end, series.seconds)
    percent = series.seconds / 100
    for place, name in enumerate(names):
        ax.broken_barh([(0, series.seconds)], (place - 0.2, 0.45), facecolor="#ededed")
        spans: dict[str, list[tuple[float, float]]] = {}
        for bar in lanes.get(name, []):
            spans.setdefault(bar.kind, []).append(
                (bar.left * percent, (bar.right - bar.left) * percent)
            )
        busy = runs.loc[(runs["kind"] == "running") & (runs["worker"] == name), "start"]
        if not busy.empty:
            spans["running"] = [(start, series.seconds - start) for start in busy]
        for kind, some in spans.items():
            ax.broken_barh(some, (place - 0.2, 0.45), label=kind, **ink.BARS[kind])
        for x, kind in marks(lanes.get(name, []), end, series.seconds):
            ax.add_line(ink.mark(kind, x * percent, place - 0.48))
    patches = {kind: Patch(**ink.BARS[kind]) for kind in seen}
    handles = [(patches[k], ink.mark(k)) if k in MARKS else patches[k] for k in seen]
    parts.legend(ax, handles, [WORDS[kind] for kind in seen], -(-len(seen) // rows))
    counts = runs.groupby(["worker", "kind"], observed=True).size().to_dict()
    told = (
        f"{name} {', '.join(f'{n:,} {WORDS[k]}' for k in seen if (n := counts.get((name, k))))}"
        for name in names
    )
    more = f"; and {plural(len(every) - MOST, 'more worker')}" if len(every) > MOST else ""
    return f"Runs: {'; '.join(told)}{more}."


def shares(table: pd.DataFrame, ax: Axes, *, until: pd.Timestamp | None = None) -> str:
    """Draw for which share of the time each worker was busy; in lanes as `workers` has them."""
    series = Series(table, until)
    if series.runs.empty:
        return _nothing(ax, "Busy", "no task started")
    busy = series.shares()
    names = sorted(busy.index, key=natural)[:MOST]
    parts.prepare(ax, "Busy")
    ax.grid(visible=False, axis="y")
    _lanes(ax, names)
    ax.set_xlim(0, 100)
    ax.set_xticks([0, 50, 100])
    ax.set_xlabel("% of the time", fontsize="small")
    for place, name in enumerate(names):
        share = float(busy[name]) * 100
        ax.barh(place + 0.025, share, 0.45, **ink.BARS["running"])
        beside = share + 3 if share < 50 else 3
        ax.text(beside, place + 0.025, f"{share:.0f} %", va="center_baseline", fontsize="small")
    return f"Busy: {', '.join(f'{name} {busy[name]:.0%}' for name in names)} of the time."


def utilization(table: pd.DataFrame, ax: Axes, *, until: pd.Timestamp | None = None) -> str:
    """Draw how many workers were busy, on average in each step, of those that the facts name."""
    title = "Utilization"
    series = Series(table, until)
    if series.runs.empty:
        return _nothing(ax, title, "no task started")
    level = series.busy()
    count, mean = series.runs["worker"].nunique(), float(series.shares().sum())
    parts.prepare(ax, title)
    parts.upward(ax, scale.count_axis(max(count, level.max()), "busy workers"))
    _clock(ax, series)
    ax.stairs(level, series.edges, baseline=None, label="busy", **ink.LINES["busy"])
    ax.stairs(level, series.edges, fill=True, alpha=0.18, color=ink.BLUE)
    ax.axhline(mean, label="mean", **ink.LINES["mean"])
    names = {"busy": "busy", "mean": f"mean {mean:.3g} of {count}"}
    parts.legend(ax, [Line2D([], [], **ink.LINES[name]) for name in names], [*names.values()], 2)
    step = duration(series.seconds / series.steps)
    return (
        f"Utilization: {mean:.3g} of {plural(count, 'worker')} busy on average, "
        f"between {level.min():.3g} and {level.max():.3g} in steps of {step}."
    )


def _nothing(ax: Axes, title: str, why: str) -> str:
    parts.prepare(ax, title)
    parts.empty(ax, why)
    return f"{title}: {why}."


def _clock(ax: Axes, series: Series) -> None:
    parts.clock(ax, series.seconds, f"{series.origin:%Y-%m-%d %H:%M:%S} UTC")


def _lanes(ax: Axes, names: Sequence[str]) -> None:
    ax.set_ylim(max(len(names), 2) - 0.4, -0.9)
    ax.set_yticks(range(len(names)), [label(name) for name in names])


def _ended(runs: pd.DataFrame) -> list[Run]:
    ended = runs[runs["kind"] != "running"]
    start, end = ((ended[name] * 1e9).round().astype("int64").tolist() for name in ("start", "end"))
    worker, id_, outcome = (ended[name].astype(object) for name in ("worker", "id", "outcome"))
    return [*map(Run, worker, id_, repeat(""), start, end, outcome)]


def _peak(ax: Axes, edges: Floats, rate: Floats, top: float) -> None:
    """Draw an arrow where a line leaves the chart, and write how far it goes."""
    place = int(rate.argmax())
    at = (edges[place] + edges[place + 1]) / 2
    right = at < edges[-1] * 0.6
    ax.plot([at], [top], marker="^", color=ink.INK, markersize=4, clip_on=False)
    ax.annotate(
        f"{scale.number(rate[place])}/s submitted",
        (at, top),
        (6 if right else -6, -8),
        textcoords="offset points",
        ha="left" if right else "right",
        fontsize="small",
        color=ink.INK,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )


def _dot(line: dict[str, Any]) -> dict[str, Any]:
    return {
        "color": line["color"],
        "markersize": 4.5,
        "markerfacecolor": "white",
        "linestyle": "none",
    }
