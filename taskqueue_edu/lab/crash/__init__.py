"""Crashes a program after each of its operations, on a simulated disk, and checks what is left.

    def run(folder, acknowledge):            # the program
        with open(folder / "notes.txt", "a") as file:
            file.write("milk\\n")
        acknowledge("milk")                  # from here on it is promised

    def recover(folder):                     # what it does when it starts again
        path = folder / "notes.txt"
        return path.read_text().splitlines() if path.exists() else []

    crash_test(run, recover)                 # FAIL: write without fsync acknowledged

While `run` and `recover` are running, `open`, `os`, `pathlib`, `mmap` and `fcntl.flock` use a disk
in memory for all paths below `folder`. `run` is run once, and once more for each fault. From the
log of its operations follows what the disk may hold after each: see `disk` for what a power cut may
do. Each different content is given to `recover`, and its result to `check`.

The modules, in the order in which to read them; each imports only those above it:

    effects     what was done to the disk: the log
    disk        what may be on the disk after a power cut      <- the heart
    tree        names in memory; system: files and descriptors, as Linux has them
    opening     `open`; mapped: `mmap`; calls: the functions of os
    patches     all of these in place of the real ones
    quiet       no output
    runs        one run, one recovery
    checks      what must hold: log_kept, value_kept
    search      crash, recover, judge; the simplest crashes first
    kinds       which mistake it is
    verdict     what was found; story: how it came to be; text and page: the same to look at
    explore     crash_test

A program that writes the time, or random names, has more states, and not always as many. What it
does in threads of its own is logged in the order in which it happened to happen.

What it doesn't try: another order of the program's threads; a second program at work on the same
disk; a power cut that takes what an earlier, killed process had left with the kernel; hard links,
symbolic links. Code in C that opens files itself, such as sqlite3, finds no such folder.
"""

from taskqueue_edu.lab.crash.checks import Acknowledged, log_kept, value_kept
from taskqueue_edu.lab.crash.explore import crash_test
from taskqueue_edu.lab.crash.verdict import Verdict

__all__ = ["Acknowledged", "Verdict", "crash_test", "log_kept", "value_kept"]
