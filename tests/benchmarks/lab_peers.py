"""The programs of the lab on other explorers: `python -m tests.benchmarks.lab_peers PEER NAME`.

frontrun (https://pypi.org/project/frontrun/) wants what is shared, the functions of the threads
and an invariant, as three things. So a scenario is stopped where it calls `together`, and goes on
for the invariant once the functions have run. One that starts threads of its own is its only
worker. Its default is a systematic search with up to two preemptions, as here.

interleave-test (https://pypi.org/project/interleave-test/; CPython 3.12 and later) takes a scenario
as it is. Mistakes are looked for with its strategy "pct", which its docs advise for rare orders,
and programs that are right are exhausted by "dfs", with up to two preemptions.
"""

from __future__ import annotations

import _thread
import faulthandler
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.benchmarks.harness import ROOT, module
from tests.lab import lab_programs

PEERS = {"frontrun": "frontrun", "interleave-test": "interleave_test"}
"""By package: its module."""
LIMIT = 20.0
"""Seconds that a search may take."""
GRACE = 10.0
"""Seconds after which its process ends itself if the search does not keep to that."""
BUDGET = 20_000
"""Schedules that it may run: as many as `explore` may."""
_OWN_THREADS = {
    "close_that_leaves_a_thread",
    "executor_and_a_lock",
    "futures_as_they_are_done",
    "lost_update_in_an_executor",
    "pool_of_own_parts",
    "pool_that_drains",
    "sleep_to_synchronize",
    "task_done_before_the_result",
    "task_that_waits_for_a_task_of_its_own_pool",
}
"""Programs that start threads without `together`."""
NOTE = (
    "The peers: what they say of the same program; schedules; seconds of one search, which may "
    f"take {LIMIT:.0f} s. A mistake that passes, or gets no verdict, is missed."
)


def ask(peer: str, name: str) -> str:
    """Have a peer search a program, in a process of its own; return what it says in a few words."""
    command = [sys.executable, "-m", "tests.benchmarks.lab_peers", peer, name]
    if peer == "frontrun":  # which works only in a process that its command has started
        command = [sys.executable, "-m", "frontrun.cli", *command]
    began = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        ended = time.perf_counter() - began > LIMIT
        return f"no end in {LIMIT:.0f} s" if ended else f"failed: exit status {done.returncode}"
    answer: dict[str, Any] = json.loads(lines[-1])
    return f"{answer['says']}; {answer['schedules']:,}; {answer['seconds']:.2f} s"


def _scenario(name: str) -> Callable[[], None]:
    return lab_programs.BUGS[name][0] if name in lab_programs.BUGS else lab_programs.CORRECT[name]


class _Halves:
    """A scenario that waits where it calls `together`, until its functions have run."""

    def __init__(self, scenario: Callable[[], None]) -> None:
        self.functions: tuple[Callable[[], object], ...] = ()
        self._scenario = scenario
        self._error: BaseException | None = None
        self._stopped, self._go_on = _thread.allocate_lock(), _thread.allocate_lock()
        self._stopped.acquire()
        self._go_on.acquire()
        _thread.start_new_thread(self._body, ())
        self._stopped.acquire()

    def _body(self) -> None:
        lab_programs.together = self._stop
        try:
            self._scenario()
        except BaseException as error:
            self._error = error
        self._stopped.release()

    def _stop(self, *functions: Callable[[], object]) -> None:
        self.functions = functions
        self._stopped.release()
        self._go_on.acquire()

    def finish(self) -> bool:
        """Go on to the end, and tell whether nothing was raised."""
        self._go_on.release()
        self._stopped.acquire()
        return self._error is None


def _frontrun(name: str) -> tuple[str, int]:
    scenario = _scenario(name)
    search = partial(module("frontrun").explore, max_executions=BUDGET, total_timeout=LIMIT)
    if name in _OWN_THREADS:
        result = search(setup=dict, workers=[lambda _: scenario()], invariant=lambda _: True)
    else:
        functions = _Halves(scenario).functions
        workers = [partial(_run_one, number) for number in range(len(functions))]
        result = search(setup=partial(_Halves, scenario), workers=workers, invariant=_Halves.finish)
    says = {True: "passes", False: "fails", None: "no verdict"}[result.property_holds]
    return says, result.num_explored


def _run_one(number: int, halves: _Halves) -> None:
    halves.functions[number]()


def _interleave_test(name: str) -> tuple[str, int]:
    library = module("interleave_test")

    def together(*functions: Callable[[], object]) -> None:
        for task in [library.spawn(function) for function in functions]:
            task.join()

    lab_programs.together = together
    result = library.explore(
        _scenario(name),
        iterations=BUDGET,
        seed=0,
        strategy="pct" if name in lab_programs.BUGS else "dfs",
        raise_on_failure=False,
    )
    if result.failure is not None:
        return f"fails: {result.failure.kind}", result.schedules_run
    return "exhausted" if result.exhausted else "passes", result.schedules_run


def main() -> None:
    """Search, print the answer as JSON, and leave: threads may have been left behind."""
    peer, name = sys.argv[1:]
    faulthandler.dump_traceback_later(LIMIT + GRACE, exit=True)
    began = time.perf_counter()
    try:
        says, schedules = (_frontrun if peer == "frontrun" else _interleave_test)(name)
    except Exception as error:  # frontrun raises what a thread has raised
        says, schedules = f"fails: {type(error).__name__}", 0
    answer = {"says": says, "schedules": schedules, "seconds": time.perf_counter() - began}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
