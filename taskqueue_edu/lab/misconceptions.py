"""What learners of concurrency believe that is not so: forty beliefs, by name.

A wrong answer whose cause is one of them is told so by name, with the evidence against it. The
wrong answers that every exercise keeps are named for them: `wrong_if_around_wait.py`.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Misconception(NamedTuple):
    """A belief, and what is so instead. `phase` is where the course meets it."""

    phase: int
    number: int
    belief: str
    fact: str


_ALL: Final = {
    # Phase 1: objects, types, order
    "assignment_copies": (
        "An assignment copies the object.",
        "It gives the same object one more name.",
    ),
    "mutable_default": (
        "A default value is made anew for each call.",
        "It is made once, when `def` runs, and all calls share it.",
    ),
    "caller_keeps_alias": (
        "What I handed over, the other side has for itself.",
        "The caller still has a name for it, and may change it.",
    ),
    "frozen_is_deep": (
        "A frozen dataclass can't change.",
        "Its fields can't be assigned; the objects in them change as ever.",
    ),
    "returns_internals": (
        "Returning a list or dict of one's own only shows it.",
        "Whoever gets it can change it, past every lock and check.",
    ),
    "lambda_captures_value": (
        "A lambda keeps the value that the loop variable had.",
        "It keeps the variable, and looks it up when it is called.",
    ),
    "protocol_checks_signatures": (
        "isinstance() with a Protocol checks the methods' signatures.",
        "It checks that the names are there, and nothing more.",
    ),
    "hints_enforced": (
        "Python checks type hints when a program runs.",
        "It stores them. A type checker reads them, before.",
    ),
    "payloads_compare": (
        "A heap of (priority, task) keeps equal priorities in order.",
        "Equal priorities compare the tasks: by chance, or with a TypeError.",
    ),
    # Phase 2: threads
    "gil_is_a_lock": (
        "The GIL makes a line such as `x += 1` safe.",
        "It keeps single bytecodes apart. Another thread may run between two of them.",
    ),
    "ran_so_correct": (
        "It ran a thousand times, so it is right.",
        "The schedule that breaks it did not come up. It will.",
    ),
    "sleep_synchronizes": (
        "A long enough sleep makes the other thread be done.",
        "A sleep lets time pass. It orders nothing.",
    ),
    "atomic_calls_compose": (
        "Two safe calls in a row are safe.",
        "Between them, another thread may change what the first one saw.",
    ),
    "lock_writers_only": (
        "Only those who write need the lock.",
        "Who reads without it sees a state that was half changed.",
    ),
    "wrong_lock": (
        "Any lock protects.",
        "Data is safe if all who touch it take the same lock.",
    ),
    "if_around_wait": (
        "After wait() returns, the condition holds: `if` is enough.",
        "Somebody else may have been faster. Look again: `while`.",
    ),
    "notify_is_remembered": (
        "A notify() is kept for whoever waits later.",
        "It wakes those who wait now. The state must say what happened.",
    ),
    "notify_wakes_the_right_one": (
        "One notify() wakes a thread that can go on.",
        "It wakes any one: perhaps one that waits for something else.",
    ),
    "lock_held_through_call": (
        "It does no harm to call back, or wait for a disk, under a lock.",
        "Everybody waits meanwhile; and if the callback wants the lock, for ever.",
    ),
    "lock_is_reentrant": (
        "A thread that has a Lock may take it again.",
        "It waits for itself: a Lock does not know who has it. Take it once.",
    ),
    "any_lock_order": (
        "It does not matter which of two locks is taken first.",
        "Two threads that take them in different order can wait for each other for ever.",
    ),
    "one_sentinel_stops_all": (
        "One sentinel in the queue stops all workers.",
        "The first worker takes it out. Each worker needs one, or must put it back.",
    ),
    "done_before_result": (
        "It is all one whether you store a result first, or say first that it is there.",
        "Who is told may look at once: what is announced must be true already.",
    ),
    "daemons_clean_up": (
        "A daemon thread ends properly at exit.",
        "It is cut off wherever it is: no finally, no flush.",
    ),
    "timeout_stops_work": (
        "A timeout stops the work.",
        "It ends the wait. The thread goes on; nothing can kill it.",
    ),
    "errors_reach_main": (
        "An exception in a thread reaches the main thread.",
        "It ends that thread. Nobody hears of it: not who waits for a result, nor the exit code.",
    ),
    "unbounded_is_harmless": (
        "A queue without a bound is harmless.",
        "It grows as long as work comes faster than it is done.",
    ),
    "threads_speed_up_cpu": (
        "More threads make computing faster.",
        "With the GIL, one thread computes at a time. Processes use more cores.",
    ),
    # Phase 3: errors and storage
    "swallowing_is_robust": (
        "Swallowing errors, as with `except Exception: pass`, makes a program robust.",
        "It makes a program go on as if nothing had happened.",
    ),
    "retry_is_safe": (
        "Trying again can do no harm.",
        "What was done before the error is done twice.",
    ),
    "exception_catches_all": (
        "`except Exception` catches everything, Ctrl-C included.",
        "KeyboardInterrupt and SystemExit are no Exception.",
    ),
    "cause_is_lost": (
        "Raising a new error is enough.",
        "An error's cause is what stands behind its `from`; without that, it has none.",
    ),
    "write_is_durable": (
        "After write() or close(), the data is on the disk.",
        "It is in the system's memory. Only fsync() waits for the disk.",
    ),
    "rename_is_durable": (
        "A rename replaces a file safely, by itself.",
        "The new file's data must be synced before, and the folder after.",
    ),
    "lock_crosses_processes": (
        "A lock keeps other processes out.",
        "A threading.Lock lives in one process.",
    ),
    "torn_line_ruins_file": (
        "A file whose last line is torn is worthless.",
        "All lines before it are good: cut the last one off.",
    ),
    "wall_clock_durations": (
        "time.time() measures how long something took.",
        "Somebody may set the clock meanwhile. time.monotonic() goes on.",
    ),
    "mean_tells_all": (
        "The mean latency says how it is to wait.",
        "A few very long waits hide in it. Look at p95 and p99.",
    ),
    "dump_while_mutating": (
        "One can write out a dict while others change it.",
        "The loop fails, or writes a state that never was. Copy under the lock.",
    ),
    # Phase 4: programs
    "shutdown_drains": (
        "Shutting down means that all work gets done, and the exit code follows.",
        "Draining, giving back and cancelling are three things; the code is yours to choose.",
    ),
}

_PHASES: Final = ((9, 1), (28, 2), (39, 3), (40, 4))

MISCONCEPTIONS: Final = {
    name: Misconception(next(phase for last, phase in _PHASES if number <= last), number, *texts)
    for number, (name, texts) in enumerate(_ALL.items(), 1)
}
"""By name, in the order of the course."""
