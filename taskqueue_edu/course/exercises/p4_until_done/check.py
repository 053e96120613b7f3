"""A program that ends when all is done, or when it is told to, with an exit code that is true."""

import os
import signal
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory
from unittest import mock
from warnings import catch_warnings, simplefilter

from taskqueue_edu import RetryPolicy, TaskQueue, TaskStatus, WorkerPool, current_task
from taskqueue_edu.course.probes import Deaths, within
from taskqueue_edu.journal import read_facts
from taskqueue_edu.lab.probes import Case, Check, asked, describe
from taskqueue_edu.registry import fold
from taskqueue_edu.workloads import FlakyTask, MathTask, SleepTask

check = Check("run_until_done")


HANDLER = (
    "It sets a signal handler. The program around it has one already, which puts the number into "
    "`mail`.",
    "What is left for your function to do, once the number is in the mailbox?",
)

FIRST = "Which came first, the signal or the end of the tasks, and where can you read that?"

SHELL = "Which number did the handler leave, and what does a shell make of it?"

BETWEEN = "What does your function do, or wait for, between the signal's letter and its `return`?"

JOIN = (
    "(With tasks left that nobody runs, `queue.join()` waits until the queue is closed. Your caller "
    "does that, after your `return`.)"
)

PLACES = "In how many places does your main thread wait, and for what?"


@dataclass(frozen=True)
class _Signaled:
    """Sends a signal's number, as a handler would; then works for two seconds if it may."""

    mail: SimpleQueue
    number: int = int(signal.SIGTERM)
    seconds: float = 2

    def execute(self):
        self.mail.put(self.number)
        if self.seconds:
            current_task().sleep(self.seconds)


@dataclass(frozen=True)
class _Reader:
    """Runs for as long as mail is unread, but no longer than two seconds; then it says so."""

    mail: SimpleQueue
    unread: list

    def execute(self):
        end = time.monotonic() + 2
        while not self.mail.empty():
            if time.monotonic() > end:
                self.unread.append(True)
                return
            current_task().sleep(0.01)


class _Mail(SimpleQueue):
    """A mailbox that tells when its owner waits at it, and how else anybody looks."""

    def __init__(self):
        super().__init__()
        self.waited, self.owner = threading.Event(), None
        self.limited = self.others = 0

    def get(self, block=True, timeout=None):
        if threading.current_thread() is not self.owner:
            self.others += 1
        elif block and timeout is None:
            self.waited.set()
        elif block and self.empty():
            self.limited += 1
        return super().get(block, timeout)

    def get_nowait(self):
        return self.get(block=False)


class _LateMail(SimpleQueue):
    """A mailbox into which a signal is put just after whoever waits there is told that all is done."""

    def __init__(self):
        super().__init__()
        self.queue, self.owner, self.late = None, None, False

    def get(self, block=True, timeout=None):
        letter = super().get(block, timeout)
        counts = self.queue.registry.counts()
        ended = not counts[TaskStatus.PENDING] + counts[TaskStatus.RUNNING]
        if ended and not self.late and threading.current_thread() is self.owner:
            self.late = True
            self.put(int(signal.SIGTERM))
        return letter


@dataclass(frozen=True)
class _Listens:
    """Runs until the mailbox's owner waits there, but no longer than three seconds."""

    mail: _Mail
    deaf: list

    def execute(self):
        if not self.mail.waited.wait(3):
            self.deaf.append(True)


@dataclass(frozen=True)
class _Submits:
    """Submits another task, which waits for a moment before it may run."""

    queue: list
    task: object

    def execute(self):
        self.queue[0].submit(self.task, delay=0.3)


@dataclass(frozen=True)
class _SlowToStop:
    """Sends a signal; when it is asked to stop, it goes on until the function has returned."""

    mail: SimpleQueue
    returned: threading.Event

    def execute(self):
        self.mail.put(int(signal.SIGTERM))
        try:
            current_task().sleep(5)
        finally:
            self.returned.wait(0.5)


@dataclass(frozen=True)
class _SignaledLater:
    """Works until it is asked to stop, or for a moment; sends a signal; then works on, if it may."""

    mail: SimpleQueue
    early: list

    def execute(self):
        self.early.append(True)
        try:
            current_task().sleep(0.3)
            self.early.clear()
        finally:
            self.mail.put(int(signal.SIGTERM))
        current_task().sleep(2)


class _LatePool(WorkerPool):
    """A pool that a thread which is not the function's own can start only after its end."""

    def __init__(self):
        super().__init__(2)
        self.owner, self.over, self.late = None, threading.Event(), []

    def start_processing(self, queue):
        if threading.current_thread() is not self.owner:
            self.late.append(threading.current_thread())
            self.over.wait(1)  # no longer: the function may wait for this thread
        super().start_processing(queue)

    def shutdown(self, wait=True, *, cancel_futures=False):
        super().shutdown(wait, cancel_futures=cancel_futures)
        self.over.set()

    def stop(self, timeout=None):
        ended = super().stop(timeout)
        self.over.set()
        return ended


class _SlowPool(WorkerPool):
    """A pool whose threads end when the function has returned, or after a moment.

    That moment is longer than any limit that stop() is given.
    """

    def __init__(self, returned):
        super().__init__(2)
        self.returned, self.threads, self.limits = returned, [], []

    def stop(self, timeout=None):
        if timeout is None:
            return super().stop()
        self.limits.append(timeout)
        return super().stop(0)

    def _work(self, name):
        self.threads.append(threading.current_thread())
        super()._work(name)
        self.returned.wait(0.3)


class _Drained(WorkerPool):
    """A pool that tells whether it was shut down while tasks were left, by the function itself."""

    def __init__(self):
        super().__init__(2)
        self.owner, self.chosen = None, False

    def shutdown(self, wait=True, *, cancel_futures=False):
        if self.queue and threading.current_thread() is self.owner:
            counts = self.queue.registry.counts()
            self.chosen |= counts[TaskStatus.PENDING] + counts[TaskStatus.RUNNING] > 0
        super().shutdown(wait, cancel_futures=cancel_futures)


def _run(run_until_done, tasks, mail, when, pool=None, cancel=0, dead=False, seconds=5):
    """Return the code, how the tasks ended, and how many still run."""
    queue, pool = TaskQueue(max_recoveries=0), pool or WorkerPool(2)
    try:
        for task_id in queue.submit_many(tasks)[:cancel]:
            queue.cancel(task_id)
        if dead:  # as if the process that ran the first one had been killed
            queue.dispatcher.lose(queue.dispatcher.claim("lost"), "its process died")
        code = within(seconds, lambda: _called(run_until_done, queue, pool, mail), when)
        ends = Counter(str(record.status) for record in queue.registry.records())
        running, closed = len(pool.running()), queue.closed
    except Case:
        raise
    except AssertionError as error:
        if pool.queue is None:
            raise Case(
                f"After {seconds} s it had not returned, and no task had run: the pool has no queue.",
                "Which method of the pool lets its threads take tasks from the queue?",
            ) from error
        raise
    finally:
        queue.close()
        pool.stop(1)
    if code is None:
        raise Case(
            f"The tasks are {dict(ends)}, and it returned None.",
            "Which way through your function ends without a `return`?",
        )
    if closed and ends["cancelled"] > cancel:
        raise Case(
            f"Your function has closed the queue, and the tasks are {dict(ends)}: close() cancels "
            "what a queue in memory has left.",
            "Who closes the queue in the program of the exercise, and when?",
        )
    return code, dict(ends), running


def _unread(mail):
    """Return the number of a signal that nobody took out of the mailbox, or None."""
    with suppress(Empty):
        while True:
            if isinstance(letter := mail.get_nowait(), int) and letter > 0:
                return letter
    return None


def _sleep_less(seconds, sleep=time.sleep):
    """Sleep, if up to a second, a tenth of it: so that polls don't make the check slow."""
    sleep(seconds if seconds > 1 else seconds / 10)


def _called(run_until_done, queue, pool, mail):
    """Return what it returns. What belongs into the program around it is told as such."""
    hook = threading.excepthook
    try:
        with mock.patch("time.sleep", _sleep_less):
            code = run_until_done(queue, pool, mail)
    except SystemExit as error:
        raise Case(
            f"It called sys.exit({error.code!r}): that ends the program. Return the code.",
            "Who calls sys.exit in the program of the exercise, and with what?",
        ) from error
    except Exception as error:
        if "signal only works" in str(error):
            raise Case(*HANDLER) from error
        if isinstance(error, TypeError) and "NoneType" in str(error):
            raise Case(
                describe(error), "Where does that None come from, and which way led to this line?"
            ) from error
        question = "When does that call raise this, and what was so at that moment?"
        if isinstance(error, RuntimeError) and "shut down" in str(error):
            question = "Which of your threads ends the pool, and can it get there before this line?"
        raise Case(describe(error), asked(describe(error), question)) from error
    if threading.excepthook is not hook:
        raise Case(
            "Afterwards `threading.excepthook` is another one, for all threads of the process.",
            "Who learns of an error in a thread of somebody else now?",
        )
    return code


@check.probe(question="Who puts a letter into the mailbox when the last task has ended?")
def all_succeed(run_until_done):
    """Eight sums, and no signal."""
    sums = [MathTask("sum", (n, n)) for n in range(8)]
    code, ends, _ = _run(run_until_done, sums, SimpleQueue(), "All tasks are done")
    assert ends == {"succeeded": 8}, f"It returned when the eight sums were {ends}."
    if code != 0:
        raise Case(
            f"All eight tasks succeeded, and it returned {code!r}, expected 0.",
            "Of which values does your function make the code, and what are they here?",
        )


@check.probe(question="What wakes your main thread if no task ends any more?")
def nothing_is_left_to_do(run_until_done):
    """There are no tasks at all: the program is started once more, after all was done."""
    try:
        code, _, _ = _run(run_until_done, [], SimpleQueue(), "There are no tasks")
    except Case as error:
        if not isinstance(error.__cause__, LookupError | ValueError):
            raise
        raise Case(str(error), "What does that line find if there are no tasks?") from error
    if code != 0:
        raise Case(
            f"There are no tasks, and it returned {code!r}, expected 0.",
            "How many tasks have not succeeded, and what does your line compare instead?",
        )


@check.probe(question="How far does an exception in a task get, and who knows of it?")
def one_fails(run_until_done):
    """Two tasks, of which one fails, or both, and no signal."""
    for kind in ("sum", "?"):
        tasks = [MathTask(kind, (1, 2)), MathTask("?", (1, 2))]
        code, ends, _ = _run(run_until_done, tasks, SimpleQueue(), "No task is left")
        assert code == 1, f"The tasks ended as {ends}, and it returned {code!r}, expected 1."


@check.probe(question="Which are all the ways in which a task can end?")
def one_was_cancelled(run_until_done):
    """Two tasks, of which one was cancelled before it ran, or is dead, and no signal."""
    sums = [MathTask("sum", (n, n)) for n in range(2)]
    for how in ({"cancel": 1}, {"dead": True}):
        code, ends, _ = _run(run_until_done, sums, SimpleQueue(), "No task is left", **how)
        assert code == 1, f"The tasks ended as {ends}, and it returned {code!r}, expected 1."


@check.probe(question="Which tasks can there be that have not ended, when it stops waiting?")
def some_come_late(run_until_done):
    """A task is tried again, or has a delay, or submits others that have to wait; and no signal."""
    queues = []
    fails = _Submits(queues, _Submits(queues, MathTask("?", (1, 2))))
    for task, more, expected in (
        (FlakyTask(1), {"retry": RetryPolicy(2, delay=0.3, jitter=0)}, {"succeeded": 1}),
        (MathTask("sum", (1, 2)), {"delay": 0.3}, {"succeeded": 1}),
        (fails, {}, {"succeeded": 2, "failed": 1}),
    ):

        def call(queue, pool, mail, task=task, more=more):
            queues[:] = [queue]
            queue.submit(task, **more)
            return run_until_done(queue, pool, mail)

        code, ends, _ = _run(call, [], SimpleQueue(), "A task has to wait")
        assert ends == expected, f"When it returned, the tasks were {ends}, expected {expected}."
        if code != ("failed" in expected):
            raise Case(
                f"The tasks ended as {ends}, and it returned {code!r}, expected "
                f"{int('failed' in expected)}. Some were not there at the start.",
                "Which tasks does your exit code take into account, and when do you look?",
            )


@check.probe(question=PLACES)
def told_before_it_began(run_until_done):
    """A signal, SIGINT (2), is in the mailbox before the first task starts."""
    told, unread, pool = SimpleQueue(), [], _LatePool()
    told.put(int(signal.SIGINT))

    def call(queue, pool, mail):
        pool.owner = threading.current_thread()
        return run_until_done(queue, pool, mail)

    with Deaths() as deaths:
        try:
            _run(call, [_Reader(told, unread)], told, "SIGINT had come", pool)
        except Case:
            raise
        except AssertionError as error:  # it hangs
            raise Case(str(error), f"{PLACES} {JOIN}") from error
        for thread in pool.late:
            thread.join(1)
    assert not unread, "Two seconds later it still lay there: nobody waited at the mailbox."
    for error in deaths.errors:
        if pool.late and "shut down" in str(error):
            raise Case(
                "The signal was taken out of the mailbox, and the pool was ended, before your thread "
                f"came to start it. That thread died: {describe(error)}",
                "Which thread of yours starts the pool, which ends it, and who waits for whom?",
            )


@check.probe(question="What would have to come by mail, so that your main thread can wait there and look at nothing?")
def it_waits_at_the_mailbox(run_until_done):
    """A task runs until the thread of your function waits at the mailbox, without a time limit."""
    told, deaf = _Mail(), []

    def call(queue, pool, mail):
        told.owner = threading.current_thread()
        return run_until_done(queue, pool, mail)

    _run(call, [_Listens(told, deaf)], told, "The task has ended", seconds=8)
    if deaf and told.limited:
        raise Case(
            f"In three seconds it waited there {told.limited} time(s), each with a limit: it woke up, "
            "and nothing was there.",
            "What would have to come by mail, so that no limit is needed?",
        )
    if deaf and told.others:
        raise Case(
            "For three seconds the thread that runs your function did not wait at the mailbox. "
            "Another thread of yours looked into that.",
            "Which thread is to wait at the mailbox, and what else would have to arrive there?",
        )
    assert not deaf, (
        "For three seconds it did not wait there. It looked now and then at most, and a signal that "
        "comes between two looks wakes nobody."
    )


@check.probe(
    "shutdown_drains",
    question="Which of the three ways to end does your line choose: drain, cancel or stop?",
)
def told_while_tasks_run(run_until_done):
    """A signal comes while two tasks run, of two seconds if nobody stops them, and two wait."""
    told, pool = SimpleQueue(), _Drained()
    tasks = [_Signaled(told), SleepTask(2), *[MathTask("sum", (n, n)) for n in range(2)]]

    def call(queue, pool, mail):
        pool.owner = threading.current_thread()
        return run_until_done(queue, pool, mail)

    try:
        _, ends, running = _run(call, tasks, told, "SIGTERM came", pool)
    except Case:
        raise
    except AssertionError as error:  # it hangs
        raise Case(str(error), f"{BETWEEN} {JOIN}") from error
    if running:
        return  # the next probe says so
    if left := _unread(told):
        raise Case(
            f"It returned, and signal {left} still lies in the mailbox. The tasks are {ends}.",
            "Which letter did it get, who had put it there, and when?",
        )
    if ends != {"pending": 4} and not pool.chosen:
        raise Case(
            f"SIGTERM came while two tasks ran. When it returned, the tasks are {ends}, expected 4 "
            "pending.",
            BETWEEN,
        )
    if "cancelled" in ends:  # whoever wrote that did not expect the work to be done
        raise Case(
            f"SIGTERM came. When it returned, the tasks are {ends}, expected 4 pending: what is "
            "cancelled, nobody runs later.",
            "What is to become of a task that has not ended, and which call gives it back?",
        )
    assert "succeeded" not in ends, (
        f"The tasks are {ends}: it waited until what ran was done, instead of giving it back."
    )
    assert ends == {"pending": 4}, f"The tasks are {ends}, expected 4 pending."


@check.probe(question="What has ended when the signal has come, and what goes on?")
def nothing_runs_on(run_until_done):
    """A signal comes while two tasks run, and their threads are looked at when it returns."""
    told = SimpleQueue()
    _, _, running = _run(run_until_done, [_Signaled(told), SleepTask(2)], told, "SIGTERM came")
    assert not running, f"It returned while {running} of the tasks still ran."


@check.probe(question="Which call waits for the pool's threads, and do all ways get there?")
def its_threads_have_ended(run_until_done):
    """The threads, which outlast any time limit, are looked at when it returns: after all tasks, and after a signal."""
    for signaled in (False, True):
        returned, told = threading.Event(), SimpleQueue()
        pool = _SlowPool(returned)
        task = _SlowToStop(told, returned) if signaled else MathTask("sum", (1, 2))
        alive, limits = [], []

        def call(queue, pool, mail, alive=alive, limits=limits, returned=returned):
            code = run_until_done(queue, pool, mail)
            alive += [thread for thread in pool.threads if thread.is_alive()]
            limits += pool.limits
            returned.set()
            return code

        when = "A signal came" if signaled else "All tasks are done"
        _run(call, [task], told, when, pool)
        if alive and limits:
            raise Case(
                f"{when}, and the time of stop({limits[0]}) was up before all threads had ended. It "
                f"returned while {len(alive)} of the threads were alive.",
                "What does stop() do when its time is up, and what was promised of the threads?",
            )
        assert not alive, f"{when}, and it returned while {len(alive)} of the threads were alive."


@check.probe(question="Which tasks are left when none is pending any more, and who waits for those?")
def told_while_the_last_run(run_until_done):
    """No task is pending, two run, and a moment later a signal comes."""
    told, early = SimpleQueue(), []
    tasks = [_SignaledLater(told, early), SleepTask(2)]
    code, ends, _ = _run(run_until_done, tasks, told, "A signal came")
    assert not early, (
        f"While the last two tasks ran, and before a signal came, they were asked to stop. They are "
        f"{ends}, and it returned {code!r}."
    )
    assert ends == {"pending": 2}, (
        f"While the last two tasks ran, 15 came. When it returned, the tasks are {ends}, expected 2 "
        f"pending. It returned {code!r}, expected 143."
    )
    if code != 143:
        raise Case(
            "While the last two tasks ran, 15 came by mail. Both are pending again, as they should "
            f"be. It returned {code!r}, expected 143 (128 + 15).",
            SHELL,
        )


@check.probe(question=SHELL)
def the_code_names_the_signal(run_until_done):
    """A task has failed and one runs when SIGHUP (1), SIGINT (2) or SIGTERM (15) comes, or it lies there."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        told = SimpleQueue()
        tasks = [MathTask("?", (1, 2)), _Signaled(told, int(number))]
        code, *_ = _run(run_until_done, tasks, told, "A signal came")
        expected = 128 + number
        happened = f"{number:d} came by mail. It returned {code!r}, expected {expected} (128 + {number})."
        if number == signal.SIGHUP and code != expected:  # the others were told rightly
            raise Case(
                happened,
                "Which values in the mailbox mean a signal, which are letters of your own, and how does "
                "your function tell them apart?",
            )
        assert code == expected, happened
    told = SimpleQueue()
    told.put(int(signal.SIGTERM))
    sums = [MathTask("sum", (n, n)) for n in range(3)]
    code, *_ = _run(run_until_done, sums, told, "A signal had come")
    if code != 143:
        raise Case(
            f"15 was in the mailbox at its start. It returned {code!r}, expected 143.",
            FIRST,
        )
    told = SimpleQueue()
    code, *_ = _run(run_until_done, [_Signaled(told, seconds=0)], told, "A signal came")
    if code != 143:
        raise Case(
            "A task put 15 into the mailbox, and ended after that: the signal came first. It returned "
            f"{code!r}, expected 143.",
            FIRST,
        )


@check.probe(question=FIRST)
def a_signal_comes_too_late(run_until_done):
    """A signal comes when all is done, and the thread of your function has been told so."""
    told = _LateMail()

    def call(queue, pool, mail):
        told.queue, told.owner = queue, threading.current_thread()
        return run_until_done(queue, pool, mail)

    code, *_ = _run(call, [MathTask("sum", (1, 2))], told, "The task has ended")
    assert code == 0, (
        "The task had ended, and a letter that said so was taken out of the mailbox. Only then 15 "
        f"came. It returned {code!r}, expected 0."
    )


@check.probe(question="What stands around your function in the program, and what has it set up?")
def a_program_is_told(run_until_done):
    """A program of its own, with handlers and a folder, gets SIGTERM while two tasks sleep."""

    def main(folder, at_work):
        mail = SimpleQueue()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, frame: mail.put(number))
        tasks = [MathTask("sum", (1, 2)), SleepTask(60), SleepTask(60)]
        with Deaths() as deaths:
            with closing(TaskQueue.open(folder)) as queue:
                first, *_ = queue.submit_many(tasks)
                queue.future(first).add_done_callback(lambda _: os.write(at_work, b"."))
                signal.signal = lambda *_: os._exit(71)  # what comes of a second handler is luck
                code = run_until_done(queue, WorkerPool(3), mail)
            others = {*threading.enumerate()} - {threading.current_thread()}
            for thread in others:
                thread.join(1 if thread.daemon else 4)
        for error in deaths.errors[:1]:
            os.write(at_work, describe(error).encode())
            return 72
        return 73 if any(thread.is_alive() and not thread.daemon for thread in others) else code

    with TemporaryDirectory() as folder:
        code = _in_a_process(main, folder)
        ends = Counter(str(record.status) for record in fold(read_facts(Path(folder))).records())
    assert code == 143, f"It ended with {code!r}, expected 143."
    assert ends == {"succeeded": 1, "pending": 2}, (
        f"In the journal the tasks are {dict(ends)}, expected the 2 that slept to be pending."
    )


def _in_a_process(main, folder, seconds=10):
    """Run `main` in a process, send it SIGTERM once it is at work, and return its exit code.

    The process is a copy of this one, so that it has all that the learner has defined.
    """
    started, at_work = os.pipe()
    with catch_warnings():
        simplefilter("ignore", DeprecationWarning)  # threads that another probe left don't matter
        child = os.fork()
    if not child:
        code = 70
        try:
            code = main(folder, at_work)
        except Exception as error:
            os.write(at_work, describe(error).encode())
        finally:
            os._exit(code if isinstance(code, int) else 70)
    os.close(at_work)
    with open(started, "rb", buffering=0) as said:
        if said.read(1) == b".":
            os.kill(child, signal.SIGTERM)
        late = threading.Timer(seconds, os.kill, (child, signal.SIGKILL))
        late.start()
        _, status = os.waitpid(child, 0)
        late.cancel()
        problem = said.read().decode()
    code = os.waitstatus_to_exitcode(status)
    if code == 72:
        raise Case(
            f"The queue was closed after SIGTERM, and a thread died with a traceback: {problem}",
            "What does that call raise when the queue is closed, and who catches it?",
        )
    assert not problem, f"It ended with {problem}"
    if code == 73:
        raise Case(
            "It returned, the queue was closed, and 4 s later a thread still ran that is no daemon: "
            "the program does not end.",
            "Who tells that thread that all is over, after a signal too?",
        )
    if code == 71:
        raise Case(*HANDLER)
    if code == -signal.SIGKILL:
        raise Case(
            f"{seconds} s after SIGTERM it had not ended, and was killed.",
            "For what does the main thread wait, and who would end that?",
        )
    return code
