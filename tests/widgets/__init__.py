"""Tests of the live monitor. A package, so that `python -m tests.pictures` can use it."""
