"""The lab: it checks what learners make, and shows them how it fails.

misconceptions   forty beliefs that are not so, by name
isolate          run code that may do anything, and live on
verdict          what a check says of an answer
probes           what a check is made of
exercises        the exercises, a folder each
attempts         what a learner has done so far
checks           check, hint, reveal, confidence, progress
mutants          the learner writes a test, and broken implementations try to get past it
parsons          a program from its lines
predict          predict and outcome; trace
quiz             the concept quiz, before the course and after it
gain             what came of the quiz, and what the course gave
buttons          the same with buttons, for a notebook
crash            crash_test: what is left of a program's files after a crash
interleave       explore: what a program's threads do in every order; together, replay, step_through
                 and you_schedule
"""

from taskqueue_edu.lab.checks import CheckFailed, check, confidence, hint, progress, reveal
from taskqueue_edu.lab.crash import crash_test
from taskqueue_edu.lab.interleave import (
    explore,
    linearizable,
    replay,
    step_through,
    together,
    you_schedule,
)
from taskqueue_edu.lab.mutants import mutants
from taskqueue_edu.lab.parsons import parsons
from taskqueue_edu.lab.predict import outcome, predict, trace
from taskqueue_edu.lab.quiz import quiz

__all__ = [
    "CheckFailed",
    "check",
    "confidence",
    "crash_test",
    "explore",
    "hint",
    "linearizable",
    "mutants",
    "outcome",
    "parsons",
    "predict",
    "progress",
    "quiz",
    "replay",
    "reveal",
    "step_through",
    "together",
    "trace",
    "you_schedule",
]
