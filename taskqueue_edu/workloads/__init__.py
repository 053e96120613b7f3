"""Real tasks to run, and named workloads made of them.

Which workload gains from threads is decided by what its tasks wait for:

- *I/O-bound*: `FetchPage` waits for a server, `SleepTask` for a clock. A thread that waits
  leaves the interpreter to the others: 100 pages took 2.5 s in a plain loop and 0.6 s with
  four threads.
- *CPU-bound*: `IndexFile` parses, `PrimeTask` and `MathTask` calculate. CPython's global
  interpreter lock (GIL) lets one thread at a time run Python code, so threads gain nothing
  here and cost a little: 734 files of the standard library took 2.1 s in a plain loop and
  2.4 s with four threads. Processes are the answer (see `ExecutorPool`): two took 1.4 s.

(CPython 3.11 on two cores.)

`FlakyTask` fails as often as it is told to, `RiskyTask` by chance: they are there to show
failures and retries.
"""

from taskqueue_edu.workloads.arithmetic import MathTask, PrimeTask
from taskqueue_edu.workloads.builtin import BUILTIN, Workload
from taskqueue_edu.workloads.source import (
    FileIndex,
    IndexFile,
    SourceSummary,
    corpus_files,
    source_files,
    stdlib_files,
    summarize,
)
from taskqueue_edu.workloads.timing import FlakyTask, RiskyTask, SleepTask
from taskqueue_edu.workloads.web import FetchPage, Page, PageServer

__all__ = [
    "BUILTIN",
    "FetchPage",
    "FileIndex",
    "FlakyTask",
    "IndexFile",
    "MathTask",
    "Page",
    "PageServer",
    "PrimeTask",
    "RiskyTask",
    "SleepTask",
    "SourceSummary",
    "Workload",
    "corpus_files",
    "source_files",
    "stdlib_files",
    "summarize",
]
