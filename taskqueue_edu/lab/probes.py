"""What a check is made of: probes, each of which tries one thing with an answer."""

from __future__ import annotations

import dis
import inspect
import linecache
import re
import traceback
from collections.abc import Callable, Collection, Sequence
from mmap import mmap
from types import FunctionType, ModuleType
from typing import Any, Final, NamedTuple

from taskqueue_edu.lab.isolate import is_learners, source_line
from taskqueue_edu.lab.misconceptions import MISCONCEPTIONS
from taskqueue_edu.lab.verdict import Evidence, LabVerdict, State, Verdict, message_of

ANY: Final = frozenset[str]()

QUESTIONS: Final = {
    "deadlock": "What does each thread wait for, and which line of whose would let it go on?",
    "lost wakeup": "What does each thread wait for, and which line of whose would let it go on?",
    "left running": "For what does that thread wait, and who would end it?",
    "not repeatable": "What outlives a run: a global, a default? What goes by the order of a set?",
    "no progress": "What would have to change for that loop to end, and who changes it?",
    "stuck": "The lab can't follow that part: how would you do it with a lock of `threading`?",
}
"""What to ask if a verdict of the lab is of such a kind, and the probe asks of another."""
LOCKED: Final = "Who has the lock that is waited for, and which line gives it back?"
"""What to ask if a thread waits for a lock that somebody holds."""
_HOLDS: Final = re.compile(", which .*holds")
UNLOCKED: Final = "Which lock must a thread have at that line, and where does it take it?"
"""What to ask if a Condition is used by a thread that has not got its lock."""
RELEASED: Final = "Had this thread the lock at that line: did it get it, and who gave it back?"
"""What to ask if a thread gives back a lock that nobody has."""
HANGS: Final = (
    "Does that line wait, and who would let it go on? Or is it in a loop that has no end?"
)
"""What to ask if an answer does not end."""
SLIPPED: Final = "Where does that name get its value, and has it got one when this line runs?"
"""What to ask if a name has no value: that is a slip, whatever the probe is after."""
CLOSED: Final = "Is that file still open at that line, for what was it opened, and in which thread?"
"""What to ask if a file is closed, or open for something else: a bad descriptor is either."""
MISTAKEN: Final = "Which value or argument does the error speak of, and where does it come from?"
"""What to ask if a line meets a value that it can do nothing with."""
_OF_ANOTHER_KIND: Final = re.compile(
    r"AttributeError: |AttributeError in [^:]*: (?!'NoneType')|TypeError: .*NoneType"
    r"|TypeError( in [^:]*)?: .*(positional argument|keyword argument|not callable"
    r"|context manager protocol|between instances of '(?!NoneType)\w+' and '(?!NoneType))"
)
# In a schedule, where its line reads "... in thread A: ", the others may be the race itself.


class Case(AssertionError):
    """Fails a probe without its misconception, and with a question that fits better."""

    def __init__(self, happened: str, question: str) -> None:
        super().__init__(happened)
        self.question = question


class Probe(NamedTuple):
    """One thing to try. `tried` says what, in a sentence."""

    tried: str
    run: Callable[..., Any]
    misconception: str
    kinds: Collection[str]
    question: str


class Check:
    """What an exercise demands, as probes in the order in which they are tried.

        check = Check("BoundedQueue")

        @check.probe("if_around_wait", question="Who else may have been there first?")
        def two_getters_wait_for_one_item(BoundedQueue):
            '''Two threads wait in get(), then one item comes.'''
            return explore(...)

    A probe gets what the learner made. It fails by an AssertionError, whose message says what
    happened, or by a verdict of the lab that is not ok, which becomes the evidence. The first
    probe that fails decides: it names its misconception, or, without one, shows the case alone.
    Any other exception is a case as well: a slip of the pen is no misconception.
    """

    def __init__(self, *names: str, file: str = "") -> None:
        """`names`: what the learner's cell defines, in the order in which `check` gets it.

        With `file` the cell writes a file of that name into the notebook's `place`. Then `check`
        gets its path, and the probes get it as a module.
        """
        self.names = names or (f'place / "{file}"',)
        self.file = file
        self.probes: list[Probe] = []

    def probe(
        self, misconception: str = "", *, kinds: Collection[str] = ANY, question: str = ""
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Add a probe; its docstring says what is tried.

        With `kinds`, only those kinds of verdict show the misconception, and others a case. The
        question is for those kinds, or, without them, for what an answer does and not for one that
        hangs: `QUESTIONS` has one for each of the others.
        """
        if misconception and misconception not in MISCONCEPTIONS:
            raise ValueError(f"there is no misconception {misconception!r}")

        def add(run: Callable[..., Any]) -> Callable[..., Any]:
            tried = " ".join((inspect.getdoc(run) or run.__name__).split()).removesuffix(".")
            self.probes.append(Probe(tried, run, misconception, kinds, question))
            return run

        return add

    def judge(self, exercise: str, answers: Sequence[Any], begun: mmap | None = None) -> Verdict:
        """Try everything until something fails, in this thread, and say what came of it.

        `begun[0]` is set to the number of the probe that begins, counted from 1.
        """
        if missing := next(filter(None, map(undone, answers)), ""):
            return Verdict(exercise, State.TODO, happened=missing)
        passed: list[str] = []
        for number, probe in enumerate(self.probes, 1):
            if begun is not None:
                begun[0] = number
            failure = _try(probe, answers)
            if failure is not None:
                label, happened, question, evidence = failure
                return Verdict(
                    exercise,
                    State.MISCONCEPTION if label else State.COUNTEREXAMPLE,
                    label,
                    tried=probe.tried,
                    happened=happened,
                    question=question,
                    evidence=evidence,
                    passed=tuple(passed),
                )
            passed.append(probe.tried[:1].lower() + probe.tried[1:])
        return Verdict(exercise, State.PASS, passed=tuple(passed))


def _try(probe: Probe, answers: Sequence[Any]) -> tuple[str, str, str, Evidence | None] | None:
    """Return the misconception that a probe shows, what happened, a question, and the evidence."""
    try:
        found = probe.run(*answers)
    except Case as error:
        return "", str(error), error.question, None
    except AssertionError as error:
        return probe.misconception, str(error) or "It is not so.", probe.question, None
    except Exception as error:
        files = [str(answer.__file__) for answer in answers if isinstance(answer, ModuleType)]
        return "", describe(error, files), asked(describe(error), probe.question), None
    if not isinstance(found, LabVerdict) or found.ok is not False:
        return None
    kind, message = str(getattr(found, "kind", "")), str(getattr(found, "message", ""))
    label, question = _named(probe, kind, message)
    return label, said(kind, message), question, evidence_of(found)


def said(kind: str, message: str) -> str:
    """Return what the lab has found in a sentence. That of an exception begins with its name."""
    parts = [message] if kind in ("assertion", "exception") and message else [kind, message]
    return f"{': '.join(filter(None, parts)).removesuffix('.')}."


def evidence_of(found: LabVerdict) -> Evidence:
    """Return what shows a verdict of the lab, without the headline: that is said already."""
    details = getattr(found, "details", None)
    return Evidence(*(details() if details else (str(found), found._repr_html_())))


def _named(probe: Probe, kind: str, message: str) -> tuple[str, str]:
    """Return the misconception that a verdict of the lab shows, and the question that fits it."""
    if kind == "exception" and (slip := asked(message, "")):
        return "", slip
    if "lost wakeup" in probe.kinds and kind == "deadlock" and _HOLDS.search(message):
        return "", LOCKED  # it is after threads that sleep, and here one waits for a lock
    if kind in probe.kinds or (probe.misconception and not probe.kinds):
        return probe.misconception, probe.question
    if kind in QUESTIONS and _HOLDS.search(message):
        return "", LOCKED
    return "", QUESTIONS.get(kind, probe.question)


def asked(error: str, otherwise: str) -> str:
    """Return what to ask about an exception: it may be a slip, whatever the probe is after."""
    if error.startswith(("NameError", "UnboundLocalError")):
        return SLIPPED
    if "un-acquired lock" in error:
        return UNLOCKED
    if "release unlocked lock" in error:
        return RELEASED
    if "Bad file descriptor" in error or "closed file" in error:
        return CLOSED
    return MISTAKEN if _OF_ANOTHER_KIND.match(error) else otherwise


def describe(error: BaseException, files: Collection[str] = ()) -> str:
    """Name an exception, and the line that raised it: in a cell, or in one of the files."""
    message = message_of(error)
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    for frame, number in reversed(list(traceback.walk_tb(error.__traceback__))):
        file = frame.f_code.co_filename
        if is_learners(file) or file in files:
            return f"{text}\n  at: {source_line(file, number)}"
    return text


# -- not done yet


def undone(answer: Any) -> str:
    """Say what of an answer is still to be written; "" if nothing is."""
    if answer is ...:
        return "A value is still `...`."
    if isinstance(answer, ModuleType):
        own = (o for o in vars(answer).values() if getattr(o, "__module__", "") == answer.__name__)
        return next(filter(None, map(undone, own)), "")
    parts = [answer]
    if isinstance(answer, type):
        parts += [inspect.unwrap(getattr(p, "__func__", p)) for p in vars(answer).values()]
    for part in parts:
        if isinstance(part, FunctionType) and _is_empty(part):
            return f"`{part.__qualname__}` still has the body `...`."
    return ""


def _is_empty(function: FunctionType) -> bool:
    """Return whether the body is `...`, which compiles to nothing but `return None`."""
    if function.__code__.co_filename == "<string>":
        return False  # @dataclass has written it: nobody left it undone
    lines = linecache.getlines(function.__code__.co_filename)
    if lines and "..." not in "".join(
        inspect.getblock(lines[function.__code__.co_firstlineno - 1 :])
    ):
        return False  # it says `pass`, or has a docstring alone: that may be meant
    for step in dis.get_instructions(function):
        if step.opname in ("LOAD_CONST", "RETURN_CONST"):
            if step.argval is not None:
                return False
        elif step.opname not in ("RESUME", "RETURN_VALUE", "NOP", "COPY_FREE_VARS"):
            return False
    return True
