"""A latch: it opens when all have arrived, for everybody, and stays open."""

import threading

from taskqueue_edu.lab.interleave import explore, together
from taskqueue_edu.lab.probes import Check

check = Check("Latch")


@check.probe(
    "notify_is_remembered",
    kinds=["lost wakeup", "deadlock"],
    question="What does wait() look at before it sleeps, and what does it hold then?",
)
def one_arrives_and_one_waits(Latch):
    """One thread arrives, another waits for it, in every order."""

    def scenario():
        latch = Latch(1)
        together(latch.arrive, latch.wait)

    return explore(scenario)


@check.probe(
    "notify_wakes_the_right_one",
    kinds=["lost wakeup", "deadlock"],
    question="How many wait, and how many of them does the last to arrive wake?",
)
def two_wait_for_one(Latch):
    """One thread arrives, and two wait for it."""

    def scenario():
        latch = Latch(1)
        together(latch.arrive, latch.wait, latch.wait)

    return explore(scenario)


@check.probe(
    "if_around_wait",
    kinds=["assertion"],
    question="What does it mean that a thread was woken?",
)
def woken_by_the_first(Latch):
    """Another thread waits for two, who arrive one after the other."""

    def scenario():
        latch, arrived = Latch(2), []

        def arrive_twice():
            for who in "ab":
                arrived.append(who)
                latch.arrive()

        def wait():
            latch.wait()
            assert len(arrived) == 2, f"wait() returned when {len(arrived)} of 2 had arrived"

        together(arrive_twice, wait)

    verdict = explore(scenario)
    return None if verdict.kind == "assertion" and _opens_early(Latch) else verdict


def _opens_early(Latch):
    """Look whether it is open before all have arrived, for one who comes then."""

    def scenario():
        latch, through = Latch(2), []
        latch.arrive()

        def wait():
            latch.wait()
            through.append(True)

        late = threading.Thread(target=wait)
        late.start()
        try:
            late.join(1)
            assert not through, "wait() returned when 1 of 2 had arrived"
        finally:
            latch.arrive()
            late.join()

    return explore(scenario).kind == "assertion"


@check.probe(
    "gil_is_a_lock",
    kinds=["lost wakeup", "deadlock"],
    question="`self._missing -= 1` is three steps. What may happen between them?",
)
def two_arrive_at_once(Latch):
    """Two threads arrive at the same moment, and then one waits."""

    def scenario():
        latch = Latch(2)
        together(latch.arrive, latch.arrive)
        latch.wait()

    return explore(scenario)


@check.probe(question="How many have arrived when it opens?")
def all_have_arrived(Latch):
    """Two threads arrive, and a third waits for both."""

    def scenario():
        latch, arrived = Latch(2), []

        def arrive():
            arrived.append(1)
            latch.arrive()

        def wait():
            latch.wait()
            assert len(arrived) == 2, f"wait() returned when {len(arrived)} of 2 had arrived"

        together(arrive, arrive, wait)

    return explore(scenario)


@check.probe(
    kinds=["deadlock", "lost wakeup"],
    question="When is it open, and which later call could close it again?",
)
def it_stays_open(Latch):
    """Two arrive for one, and then one waits; another latch waits for nobody."""

    def scenario():
        latch = Latch(1)
        latch.arrive()
        latch.arrive()
        latch.wait()
        Latch(0).wait()

    return explore(scenario)
