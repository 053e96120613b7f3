"""A basket must keep its list to itself."""

from taskqueue_edu.lab.probes import Check

# AUTHOR: the names that the answer defines; each probe gets these, in this order.
check = Check("Basket")


# AUTHOR: first the probes that ask whether it works at all: they name no misconception.
# AUTHOR: the docstring says what is tried, the message says what happened.
@check.probe()
def what_was_added_is_there(Basket):
    """Tea and bread are added."""
    basket = Basket()
    basket.add("tea")
    basket.add("bread")
    items = list(basket.items())
    assert items == ["tea", "bread"], f"items() gives {items}, expected ['tea', 'bread']."


# AUTHOR: then one probe for each misconception: its wrong answer fails here, not before.
# AUTHOR: the question leads on, without telling the answer.
@check.probe(
    "returns_internals",
    question="How many names does the list have once items() has returned?",
)
def the_caller_changes_nothing(Basket):
    """A caller empties what items() gave it, and items() is called again."""
    basket = Basket()
    basket.add("tea")
    got = basket.items()
    if isinstance(got, list):
        got.clear()
    items = list(basket.items())
    assert items == ["tea"], f"The basket held ['tea']; after the caller's clear() it has {items}."
