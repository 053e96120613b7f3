"""Runs the threads of a program one step at a time, in every order that matters.

    def scenario():
        counter = Counter()
        together(counter.add, counter.add)      # a thread for each, and wait for both
        assert counter.n == 2

    print(explore(scenario))

The verdict is the same every time, on every machine. If some schedule fails, it shows the one with
the fewest preemptions; if none does, it says up to how many.

Threads are those of `together`, of `threading.Thread` and of a `ThreadPoolExecutor`. What it does
not see: other processes, and real input and output.

In the order in which to read it:

    expressions how an instruction reaches its data
    accesses    which instructions touch data that others may touch
    history     when two schedules have come to the same state
    sharing     which accesses race, and so are switch points
    carriers    operating-system threads that are used again
    strands     threads under control
    schedule    one schedule: strands, points, a plan
    priorities  random schedules, beyond the bound
    untraced    the lab's own operations, which need no stops
    primitives, locks, signals, queues, threads, clock
                what code under test gets in the place of threading, queue and time
    identity    id(), and the hash of threads and futures, the same each time
    scope       which code is under test
    tracing     stops a strand before each instruction that matters
    patches     puts the primitives in place, and takes them away again
    output      keeps what strands print
    shown       how values are shown
    story       what happens in one schedule, step by step
    verdict     what an exploration has found
    scenarios   what a scenario has from outside, and whether it asserts anything
    search      explore: the schedules in the order of preemptions
    text, page  a verdict in words, and as HTML
    place       where all threads are at one step, and in which source
    stepper     step_through: a failing schedule one step at a time
    game        you_schedule: the learner says which thread goes next
    linearize   whether calls of a shared object could have happened one after another
"""

from taskqueue_edu.lab.interleave.game import Game, you_schedule
from taskqueue_edu.lab.interleave.linearize import Call, History, linearizable
from taskqueue_edu.lab.interleave.search import explore, replay
from taskqueue_edu.lab.interleave.stepper import Stepper, step_through
from taskqueue_edu.lab.interleave.story import Step
from taskqueue_edu.lab.interleave.threads import together
from taskqueue_edu.lab.interleave.verdict import Verdict

__all__ = [
    "Call",
    "Game",
    "History",
    "Step",
    "Stepper",
    "Verdict",
    "explore",
    "linearizable",
    "replay",
    "step_through",
    "together",
    "you_schedule",
]
