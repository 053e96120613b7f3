"""The benchmarks run, and their tables say what they should. No time is asserted anywhere."""

from __future__ import annotations

import gc
import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def suite(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the module that starts the suite."""
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("tests.benchmarks.__main__")


@pytest.mark.slow
def test_every_benchmark_runs(suite: Any) -> None:
    """Every named benchmark runs in small and leaves a line with a ratio, without a peer."""
    harness = importlib.import_module("tests.benchmarks.harness")
    gc.collect()
    gc.freeze()  # every case collects first: what other tests left would take most of the time
    for name in suite.GROUPS:
        with harness.Session(
            rounds=1, shrink=5_000, fresh=False, peers=False, progress=False
        ) as session:
            report = importlib.import_module(f"tests.benchmarks.{name}").run(session)
        assert not session.failed, (name, session.notes)
        assert report.name == name
        assert report.rows or report.notes, name
        for table in (report, *report.parts):
            assert all(len(row) == len(table.head) for row in table.rows), table.title


@pytest.mark.slow
def test_the_picture_is_drawn(
    run_python: Callable[[str], CompletedProcess[str]], tmp_path: Path
) -> None:
    """Cost against size becomes a PNG, also where a line has a single sample."""
    done = run_python(f"""
        import sys
        from pathlib import Path
        sys.path.insert(0, {str(ROOT)!r})
        from tests.benchmarks.plot import curves
        lines = {{"a": [[1e-6], [2e-6]], "b": [[3e-6, 4e-6], [5e-6, 6e-6]]}}
        curves(Path("x.png"), [10, 100], lines, [1, 2], [[1e-6], [2e-6]])
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_a_table_names_target_and_result(suite: Any) -> None:
    """A line has our figure, the peer and its figure, the ratio with its spread, and a verdict."""
    reports = importlib.import_module("tests.benchmarks.report")
    results = {"a": [{"seconds": s} for s in (1.0, 2.0, 4.0)], "b": [{"seconds": 6.0}] * 3}
    report = reports.Report("name", "title")
    report.compare(
        "work", results, "a", "b", reports.SECONDS, reports.Target("at least", 3, 5), rate=True
    )
    report.compare("less", results, "a", "b", reports.SECONDS, reports.Target("at most", 0.2))
    report.compare("not there", results, "a", "c", reports.SECONDS, reports.Target("at most", 1))
    assert report.markdown().splitlines()[2:] == [
        "| work | here | peer | its figure | ratio | target | met |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| work | 2.00 s | b | 6.00 s | 3.00x (1.50 to 6.00) | ≥ 3.00 x (stretch 5.00 x) | yes |",
        "| less | 2.00 s | b | 6.00 s | 0.33x (0.17 to 0.67) | ≤ 0.20 x | no |",
        "| not there | 2.00 s | c | - | - | ≤ 1.00 x | - |",
    ]


def test_rounds_take_turns_and_a_failure_is_told(suite: Any) -> None:
    """The order turns round from one round to the next; a case that raises is dropped."""
    harness = importlib.import_module("tests.benchmarks.harness")
    calls = []

    def case(name: str) -> dict[str, float]:
        calls.append(name)
        if name == "bad":
            raise OSError("no disk")
        return {"seconds": 1.0}

    with harness.Session(rounds=3, progress=False) as session:
        results = session.measure("x", {n: lambda n=n: case(n) for n in ("a", "bad", "b")})
    assert calls == ["a", "bad", "b", "b", "a", "a", "b"]
    assert {name: len(samples) for name, samples in results.items()} == {"a": 3, "b": 3}
    assert session.failed
    assert session.notes == ["bad failed and was dropped: OSError('no disk')"]


def test_ctrl_c_keeps_the_complete_rounds(suite: Any) -> None:
    """An interrupt ends the measuring: complete rounds stay, and nothing more is run."""
    harness = importlib.import_module("tests.benchmarks.harness")
    calls = []

    def case() -> dict[str, float]:
        calls.append(None)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return {"seconds": float(len(calls))}

    with harness.Session(rounds=3, progress=False) as session:
        results = session.measure("x", {"a": case, "b": case})
        assert session.measure("y", {"a": case}) == {"a": []}
    assert (results, len(calls)) == ({"a": [{"seconds": 1.0}], "b": [{"seconds": 2.0}]}, 4)
    assert session.notes == ["x: interrupted after 1 of 3 rounds."]


@pytest.mark.slow
def test_the_command_writes_tables_and_samples(tmp_path: Path) -> None:
    """With --out, a benchmark leaves its table as Markdown and every sample as JSON."""
    command = [sys.executable, "-m", "tests.benchmarks", "--quick", "--out", str(tmp_path)]
    done = subprocess.run(
        [*command, "latency"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    text = (tmp_path / "latency.md").read_text(encoding="utf-8")
    assert "**Quick**" in text
    assert "≤ 2.00 x" in text
    assert text.strip() in done.stdout.replace("\n\n\n", "\n\n")
    data = json.loads((tmp_path / "latency.json").read_text(encoding="utf-8"))
    assert len(data["samples"]["latency"]["here"]) == data["rounds"] == 3
