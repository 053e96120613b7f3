"""Measure what tasks cost here, side by side with others.

Every figure is a ratio between two things that ran in turns on the same machine, most of them in
processes of their own: the median of the rounds, with the least and the most in brackets.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from importlib import import_module
from pathlib import Path

from tests.benchmarks.harness import Session
from tests.benchmarks.report import Report, machine

GROUPS = {
    "throughput": (1, "no-ops by submit and submit_many, against ThreadPoolExecutor"),
    "latency": (1, "the round trip on one core, p50 and p99, against ThreadPoolExecutor"),
    "persistent": (4, "persistent tasks, against huey, persist-queue and litequeue"),
    "reopen": (3, "opening a journal of 1,000,000 facts, against json.loads of its lines"),
    "processes": (1, "CPU-bound tasks on two processes, against ProcessPoolExecutor.map"),
    "memory": (1, "bytes and objects of a finished task, against a Future"),
    "monitor": (2, "what it costs to be watched; a snapshot at 1,000,000 facts"),
    "live": (4, "a frame of the live monitor; what it does to latency; against savefig"),
    "start": (1, "imports and `taskqueue --help`, against those of libraries"),
    "scale": (12, "workers from 1 to 256, tasks from 10^3 to 10^6, waiters, delays, retention"),
    "peers": (5, "the same tasks on pebble, joblib, dask, dramatiq, RQ and Celery"),
    "sync": (2, "what the sync levels of a journal cost"),
    "steps": (2, "what each mechanism gains, the plain way in its place"),
    "lab": (15, "what the lab finds and exhausts, against frontrun and interleave-test"),
    "profile": (8, "where the time goes: a task's stages, and what misses its aim; the limit"),
}
"""By name: about how many minutes it takes on two cores, and what it measures."""

EPILOG = """\
benchmarks (minutes on two cores, what is compared):
{groups}

  python -m tests.benchmarks throughput          one table, on stdout
  python -m tests.benchmarks --quick             all of them, small: does it still work?
  python -m tests.benchmarks --out DIR           all of them; DIR gets one .md and one .json
                                                 (every sample) each, and scale.png

How to read a table: "ratio" is what the target is about. Where the target is "≥", it is how many
times the peer's rate is reached here; where it is "≤", how much of the peer's cost is paid here.
Peers that are not installed are left out, with a line that says so: pip install -e '.[bench]',
and Debian's redis-server for three of them. Ctrl-C ends it, with what is complete so far.
"""

QUICK_ROUNDS, QUICK_SHRINK = 3, 20


def main() -> int:
    """Parse the command line, measure, print the tables; return the exit status."""
    options = _parser().parse_args()
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
    head = _head(options.quick)
    sys.stdout.write(f"{head}\n")
    status = 0
    rounds = QUICK_ROUNDS if options.quick else max(options.rounds, 1)
    for name in options.name or GROUPS:
        shrink = QUICK_SHRINK if options.quick else 1
        with Session(rounds=rounds, shrink=shrink, folder=options.out) as session:
            try:
                report: Report = import_module(f"tests.benchmarks.{name}").run(session)
            except KeyboardInterrupt:
                sys.stderr.write(f"{name}: interrupted, with nothing complete\n")
                return 130
            except Exception as error:  # half an hour of the others is not lost for it
                sys.stdout.write(f"\n### {name}\n\n- failed: {error!r}\n")
                status = 1
                continue
        report.notes += session.notes
        sys.stdout.write(f"\n{report.markdown()}\n")
        sys.stdout.flush()
        if options.out is not None:
            _write(options.out, head, report, session)
        if session.stopped:
            return 130
        status |= session.failed
    return status


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, GROUPS))
    groups = "\n".join(
        f"  {name:{width}} {minutes:3}  {about}" for name, (minutes, about) in GROUPS.items()
    )
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=__doc__,
        epilog=EPILOG.format(groups=groups),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "name", nargs="*", choices=[*GROUPS, []], metavar="NAME", help="benchmarks (default: all)"
    )
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds (default: 5)")
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"{QUICK_ROUNDS} rounds, sizes divided by {QUICK_SHRINK}: figures not to be quoted",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="write .md, .json and .png there")
    return parser


def _head(quick: bool) -> str:
    day = time.strftime("%Y-%m-%d")
    lines = [f"{machine()}; {day}."]
    if quick:
        lines.append(
            f"**Quick**: {QUICK_ROUNDS} rounds, sizes divided by {QUICK_SHRINK}. "
            "These figures show that the suite works, and nothing else."
        )
    return "\n\n".join(lines)


def _write(folder: Path, head: str, report: Report, session: Session) -> None:
    pictures = "".join(f"\n![{report.title}]({name})\n" for name in report.pictures)
    text = f"{head}\n\n{report.markdown()}\n{pictures}"
    (folder / f"{report.name}.md").write_text(text, encoding="utf-8")
    data = {
        "name": report.name,
        "title": report.title,
        "machine": head,
        "peers": report.peers,
        "rounds": session.rounds,
        "sizes_divided_by": session.shrink,
        "lines": report.verdicts,
        "notes": report.notes,
        "samples": session.samples,
    }
    (folder / f"{report.name}.json").write_text(json.dumps(data, indent=1), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
