"""A task queue small enough to read in an afternoon, and sound enough to trust.

The modules, in the order in which to read them; each imports only those above it (except
where one that is called imports what few callers need: journal, plots, web page, widgets):

    errors         the error tree
    retry          when a failed task is tried again
    task           what a task is: Task, TaskId, TaskStatus, current_task
    facts          what can happen to a task
    state          the legal life of a task, a pure table            <- the heart
    limits         how large a task or a result may be
    catalogue      task types by name, and their strict JSON codec
    storage        where facts are kept: the interface, MemoryStore
    locks          how to take a lock that is often taken
    record         all that is known of one task
    factlog        the newest facts, in order
    ledger         what follows from the facts: records, counts, the log
    registry       the one place where something happens to a task
    outcome        what whoever waits for a task gets in the end
    pending        the tasks that wait: order and delay
    dispatch       what a pool holds: claim, settle
    futures        a task as a concurrent.futures.Future
    queue          what a client holds: TaskQueue
    executor       run one claimed task
    pool           WorkerPool: threads
    executor_pool  ExecutorPool: processes, or any other executor
    files, journal what survives the process: JsonStore, PersistentQueue, the inbox
    sketch         percentiles of a stream
    frames         records and facts as pandas tables
    source         what a monitor can watch
    recording      a run that is over, at any moment of it; a log in a file
    monitor        counts, throughput, latency, from the log of facts
    reporter       progress on one line
    history        one task, told by its facts
    config         settings from TOML and the environment
    workloads      real tasks to run
    picture        what the monitor knows, as HTML with SVG
    ink            lines, bars and marks as matplotlib draws them
    plots          the whole run as figures for a report
    web            the live monitor in the browser
    cli            the `taskqueue` command
    widgets        the live monitor and the control panel for notebooks
    lab            checks what learners make, and shows how it fails
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from taskqueue_edu.catalogue import task_type
    from taskqueue_edu.config import Config
    from taskqueue_edu.errors import (
        ConfigError,
        IllegalTransition,
        InvalidTask,
        JournalDamaged,
        QueueClosed,
        QueueFull,
        ResultExpired,
        ResultNotStorable,
        StorageError,
        StoreLocked,
        TaskCancelled,
        TaskDead,
        TaskFailed,
        TaskQueueError,
        TaskReleased,
        UnknownTask,
        UnknownTaskType,
        WaitTimeout,
        WorkerCrash,
    )
    from taskqueue_edu.executor_pool import ExecutorPool
    from taskqueue_edu.journal import JsonStore
    from taskqueue_edu.limits import Limits
    from taskqueue_edu.monitor import Monitor
    from taskqueue_edu.pending import PendingQueue
    from taskqueue_edu.pool import WorkerPool
    from taskqueue_edu.queue import TaskQueue
    from taskqueue_edu.registry import Registry
    from taskqueue_edu.reporter import Reporter
    from taskqueue_edu.retry import RetryPolicy
    from taskqueue_edu.storage import MemoryStore, Storage
    from taskqueue_edu.task import Task, TaskId, TaskStatus, current_task
    from taskqueue_edu.widgets import ControlPanel, LiveMonitor

__all__ = [
    "Config",
    "ConfigError",
    "ControlPanel",
    "ExecutorPool",
    "IllegalTransition",
    "InvalidTask",
    "JournalDamaged",
    "JsonStore",
    "Limits",
    "LiveMonitor",
    "MemoryStore",
    "Monitor",
    "PendingQueue",
    "QueueClosed",
    "QueueFull",
    "Registry",
    "Reporter",
    "ResultExpired",
    "ResultNotStorable",
    "RetryPolicy",
    "Storage",
    "StorageError",
    "StoreLocked",
    "Task",
    "TaskCancelled",
    "TaskDead",
    "TaskFailed",
    "TaskId",
    "TaskQueue",
    "TaskQueueError",
    "TaskReleased",
    "TaskStatus",
    "UnknownTask",
    "UnknownTaskType",
    "WaitTimeout",
    "WorkerCrash",
    "WorkerPool",
    "current_task",
    "task_type",
]


# Where each public name is defined. It is imported when it is first asked for, so a program
# pays for what it uses: `taskqueue --help` takes half the time, and nothing needs ipywidgets
# but the widgets.
_HOMES: Final = {
    "task_type": "catalogue",
    "Config": "config",
    "ConfigError": "errors",
    "IllegalTransition": "errors",
    "InvalidTask": "errors",
    "JournalDamaged": "errors",
    "QueueClosed": "errors",
    "QueueFull": "errors",
    "ResultExpired": "errors",
    "ResultNotStorable": "errors",
    "StorageError": "errors",
    "StoreLocked": "errors",
    "TaskCancelled": "errors",
    "TaskDead": "errors",
    "TaskFailed": "errors",
    "TaskQueueError": "errors",
    "TaskReleased": "errors",
    "UnknownTask": "errors",
    "UnknownTaskType": "errors",
    "WaitTimeout": "errors",
    "WorkerCrash": "errors",
    "ExecutorPool": "executor_pool",
    "JsonStore": "journal",
    "Limits": "limits",
    "Monitor": "monitor",
    "PendingQueue": "pending",
    "WorkerPool": "pool",
    "TaskQueue": "queue",
    "Registry": "registry",
    "Reporter": "reporter",
    "RetryPolicy": "retry",
    "MemoryStore": "storage",
    "Storage": "storage",
    "Task": "task",
    "TaskId": "task",
    "TaskStatus": "task",
    "current_task": "task",
    "ControlPanel": "widgets",
    "LiveMonitor": "widgets",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
