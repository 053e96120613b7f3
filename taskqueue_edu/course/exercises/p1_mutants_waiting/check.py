"""What a test of queues has to tell apart: the implementations here, right and broken."""

from taskqueue_edu.lab.probes import Check

check = Check("Waiting")


@check.probe("mutable_default", question="When is the list behind that default made?")
def two_share_nothing(Waiting):
    """Two are made, and an item is put into one."""
    one, other = Waiting(), Waiting()
    one.put("a")
    assert other.items() == [], f"The other has {other.items()}."


@check.probe(question="Which of two priorities is to come first?")
def the_highest_priority_first(Waiting):
    """Items of priority 1, 3 and 2 are put and taken."""
    waiting = Waiting()
    for priority in (1, 3, 2):
        waiting.put(priority, priority)
    shown, out = list(waiting.items()), [waiting.get() for _ in range(3)]
    assert out == [3, 2, 1], f"{out} came out, expected [3, 2, 1]."
    assert shown == out, f"items() said {shown}, and {out} came out."


@check.probe("payloads_compare", question="What does it compare if the priorities are equal?")
def equal_priorities_stay_in_order(Waiting):
    """Twelve items of one priority are put, the greatest first: of priority 0, then of 2."""
    for priority in (0, 2):
        waiting, wanted = Waiting(), list(range(12, 0, -1))
        for item in wanted:
            waiting.put(item, priority)
        out = [waiting.get() for _ in wanted]
        assert out == wanted, (
            f"Of priority {priority} they came out in the order {out}, expected {wanted}."
        )


@check.probe("caller_keeps_alias", question="Who has a reference to that list?")
def the_first_items_are_its_own(Waiting):
    """It is made from a list, and the list is emptied."""
    first = ["a", "b"]
    waiting = Waiting(first)
    first.clear()
    assert waiting.items() == ["a", "b"], f"It has {waiting.items()}, expected ['a', 'b']."


@check.probe("returns_internals", question="How many names does that list have?")
def its_list_is_its_own(Waiting):
    """A caller empties what items() returned."""
    waiting = Waiting()
    waiting.put("a")
    waiting.items().clear()
    assert waiting.items() == ["a"], f"It has {waiting.items()}, expected ['a']."
