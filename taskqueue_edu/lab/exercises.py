"""The exercises: a folder each, with what is handed out, what is right, and what is wrong."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import itertools
import mmap
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import msgspec

from taskqueue_edu.errors import TaskQueueError
from taskqueue_edu.lab.isolate import SECONDS, isolated
from taskqueue_edu.lab.probes import HANGS, Check, asked, describe
from taskqueue_edu.lab.verdict import State, Verdict

FOLDER: Final = Path(__file__).parents[1] / "course" / "exercises"
PRIVATE: Final = "TASKQUEUE_EDU_EXERCISES"
"""The environment variable that names a folder of more exercises: an instructor's own."""

_numbers: Final = itertools.count(1)


class UnknownExercise(TaskQueueError, KeyError):
    """No exercise has that name."""

    __str__ = TaskQueueError.__str__


@dataclass(frozen=True)
class Exercise:
    """An exercise, `p2.lost_task`, which lies in a folder `p2_lost_task`:

    starter.py       what the learner gets: the bodies to write are `...`. If the answer is a file,
                     each begins with `# %%program name.py`, and `Check(file="name.py")` says so
    given.py         what earlier cells have defined, if the answers need it: they import it
    solution.py      what is right
    check.py         `check = Check(...)` and its probes
    hints.md         hints, from the vaguest to the plainest, with a line `---` between two
    about.md         what it trains, and what it leaves out; then the solution explained
    alt_*.py         other right answers, in other styles
    wrong_NAME.py    wrong answers, each named for its misconception, or wrong_NAME__more.py
    case_*.py        answers that are wrong without a known misconception
    """

    folder: Path

    @property
    def name(self) -> str:
        """The name, `p2.lost_task`."""
        return self.folder.name.replace("_", ".", 1)

    @property
    def check(self) -> Check:
        """What it demands."""
        name = f"taskqueue_edu.course.exercises.{self.folder.name}.check"
        if self.folder.parent == FOLDER:
            module = importlib.import_module(name)
        else:
            module = import_file(self.folder / "check.py")
        check = module.check
        assert isinstance(check, Check)
        return check

    @property
    def hints(self) -> list[str]:
        """The hints, from the vaguest to the plainest."""
        text = (self.folder / "hints.md").read_text(encoding="utf-8")
        return [hint.strip() for hint in text.split("\n---\n")]

    @property
    def about(self) -> str:
        """What it trains, in Markdown."""
        return (self.folder / "about.md").read_text(encoding="utf-8").strip()

    def source(self, name: str) -> str:
        """Return what one of its files adds to what is given, such as "starter" or "alt_swap".

        A first line `# %%program name.py` is a magic command, as in a notebook's source.
        """
        text = (self.folder / f"{name}.py").read_text(encoding="utf-8")
        given = rf"^from \S*\b{self.folder.name}\.given import (\([^)]*\)|.*)\n"
        whole = re.sub(given, "", text, flags=re.MULTILINE).strip() + "\n"
        return whole.removeprefix("# ") if whole.startswith("# %%") else whole

    def others(self, kind: str) -> dict[str, str]:
        """Return the texts of the "alt", "wrong" or "case" answers, each under its name."""
        prefix = f"{kind}_"
        paths = sorted(self.folder.glob(f"{prefix}*.py"))
        return {path.stem.removeprefix(prefix): self.source(path.stem) for path in paths}

    def answers(self, name: str) -> list[Any]:
        """Import one of its files, and return what it defines of what `check` looks at."""
        if self.check.file:
            return [self.folder / f"{name}.py"]
        module = import_file(self.folder / f"{name}.py")
        return [getattr(module, wanted) for wanted in self.check.names]

    def judge(self, answers: Sequence[Any], seconds: float = SECONDS) -> Verdict:
        """Check answers in a copy of this process, so that they can do no harm."""
        check = self.check
        wanted = check.names
        if len(answers) != len(wanted):
            raise TaskQueueError(
                f"{self.name} looks at {len(wanted)} things, and got {len(answers)}",
                hint=f'check("{self.name}", {", ".join(wanted)})',
            )
        for name, answer in zip(wanted, answers, strict=True):
            if type(answer).__name__ == name and not isinstance(answer, type):
                raise TaskQueueError(
                    f"that is an object of the class {name}; the check makes objects of its own",
                    hint=f'check("{self.name}", {", ".join(wanted)}), without parentheses.',
                )
            if check.file and isinstance(answer, str | Path) and not Path(answer).is_file():
                raise TaskQueueError(
                    f"there is no file {str(answer)!r}",
                    hint=f'run the cell that writes it, then check("{self.name}", {name}).',
                )

        begun = mmap.mmap(-1, 1)  # shared with the copy: which probe it is at, counted from 1

        def judge() -> bytes:
            try:
                made = [import_file(Path(path)) for path in answers] if check.file else answers
            except Exception as error:
                failed = Verdict(
                    self.name,
                    State.COUNTEREXAMPLE,
                    tried=f"Importing {check.file}",
                    happened=describe(error, [str(path) for path in answers]),
                    question=asked(describe(error), "Why can't that line run?"),
                )
                return msgspec.json.encode(failed)
            return msgspec.json.encode(check.judge(self.name, made, begun))

        ended = isolated(judge, seconds)
        if ended.answer is None:
            return Verdict(
                self.name,
                State.COUNTEREXAMPLE,
                tried=check.probes[begun[0] - 1].tried if begun[0] else "",
                happened=ended.why,
                question=HANGS if ended.hung else "",
                printed=_short(ended.printed),
            )
        verdict = msgspec.json.decode(ended.answer, type=Verdict)
        if verdict.state in (State.PASS, State.TODO):
            return verdict
        return msgspec.structs.replace(verdict, printed=_short(ended.printed))


def _short(text: str, lines: int = 12) -> str:
    """Return the first lines of a text, and how many more there are."""
    whole = text.strip().splitlines()
    more = [f"... and {len(whole) - lines} more lines"] if len(whole) > lines else []
    return "\n".join(line[:200] for line in [*whole[:lines], *more])


def exercises() -> Iterator[Exercise]:
    """Return all exercises, in the order of their names.

    One in the folder that PRIVATE names takes the place of the package's of the same name.
    """
    folders = [FOLDER]
    if private := os.environ.get(PRIVATE):
        folders.append(Path(private))
        package = importlib.import_module("taskqueue_edu.course.exercises")
        if private not in package.__path__:
            package.__path__.insert(0, private)  # so that `given` is imported there as well
    found = {p.parent.name: p.parent for folder in folders for p in folder.glob("*/check.py")}
    return (Exercise(found[name]) for name in sorted(found))


def find(name: Any) -> Exercise:
    """Return the exercise of that name. Raises UnknownExercise."""
    if not isinstance(name, str):
        raise UnknownExercise(
            f"the name of an exercise is a text, not {name!r}",
            hint='the name comes first: check("p1.collector", Collector).',
        )
    known = {exercise.name: exercise for exercise in exercises()}
    if name not in known:
        from taskqueue_edu.lab.predict import predictions

        if name in predictions().trace or name in predictions().predict:
            raise UnknownExercise(
                f"{name!r} is a question, and no exercise",
                hint="it has no hints and no solution: answer it, and it says what is so.",
            )
        like = difflib.get_close_matches(name, known, 1)
        hint = f"do you mean {like[0]!r}?" if like else f"there are {', '.join(known)}."
        raise UnknownExercise(f"there is no exercise {name!r}", hint=hint)
    return known[name]


def import_file(path: Path, known: Mapping[str, Any] | None = None) -> ModuleType:
    """Import a file under a name that no other has: what it defines is new each time.

    It begins with the names in `known`.
    """
    name = f"taskqueue_exercise_{path.parent.name}_{path.stem}_{next(_numbers)}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    vars(module).update({k: v for k, v in (known or {}).items() if not k.startswith("__")})
    # It stays there: dataclasses and `inspect` look for it.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
