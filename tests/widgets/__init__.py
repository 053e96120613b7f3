"""Tests of the live monitor. A package, so that `python -m tests.widgets.screenshot` works."""
