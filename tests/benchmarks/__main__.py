"""Run one benchmark by name, or all, and print its table."""

from __future__ import annotations

import argparse
import importlib
import sys

NAMES = ("sync", "convoy")


def main() -> None:
    """Parse the command line and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("name", nargs="*", metavar="NAME", help=f"one of: {', '.join(NAMES)}")
    for name in parser.parse_args().name or NAMES:
        sys.stdout.write(importlib.import_module(f"tests.benchmarks.{name}").main() + "\n")


if __name__ == "__main__":
    main()
