"""Benchmarks: `python -m tests.benchmarks NAME`. They print a table; no test asserts a time."""
