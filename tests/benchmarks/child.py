"""Run one case in a process of its own: `python -m tests.benchmarks.child MODULE:FUNCTION ARGS`."""

from __future__ import annotations

import json
import signal
import sys
from importlib import import_module


def _leave(*_: object) -> None:
    sys.exit(1)


def main() -> None:
    """Call the function with the arguments (a JSON list); print its figures as JSON."""
    # SystemExit runs every `finally`: a server that the case started is stopped.
    signal.signal(signal.SIGTERM, _leave)
    name, function = sys.argv[1].split(":")
    figures = getattr(import_module(name), function)(*json.loads(sys.argv[2]))
    sys.stdout.write("\n" + json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
