"""The caller gets the basket's own list."""


# AUTHOR: a wrong answer that learners give; the sentence at the top says what is wrong with it.
# AUTHOR: the file is named for one of lab/misconceptions.py: wrong_NAME.py, wrong_NAME__more.py.
# AUTHOR: a wrong answer without a misconception is a file case_more.py.
class Basket:
    def __init__(self):
        self._items = []

    def add(self, item):
        self._items.append(item)

    def items(self):
        return self._items
