"""Benchmarks: `python -m tests.benchmarks --help`. They print tables; no test asserts a time."""
