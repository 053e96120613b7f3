"""ControlPanel: buttons and numbers in a notebook that act on a queue and its pool."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeAlias

from IPython.core.getipython import get_ipython
from IPython.display import DisplayHandle

from taskqueue_edu.picture.words import plural
from taskqueue_edu.pool import WorkerPool
from taskqueue_edu.queue import TaskQueue
from taskqueue_edu.recording import save_log
from taskqueue_edu.registry import Registry
from taskqueue_edu.widgets.bursts import PRACTICE, Burst, Bursts
from taskqueue_edu.widgets.form import Form

TICK: Final = 0.2
"""Seconds between two looks at the queue, and the longest wait for a place in it."""

TEXT: Final = "ControlPanel: run this cell to use it"
"""The output as text: the same after every run, so that a saved notebook can be compared."""

_Job: TypeAlias = Callable[[], None]


class ControlPanel:
    """Controls a queue and its pool from a notebook: each widget acts on the real system.

        panel = ControlPanel(queue, pool)
        panel

    Submit bursts of tasks, change the number of workers and the bound of the queue, pause and
    resume, make tasks slow or let them fail, crash a worker, cancel what is pending, save the
    log. The status line says what was done, and what went wrong. A notebook hears of a click
    while no cell runs, or while one waits with `await queue.drained()`.

    A queue has one panel: showing another stops the earlier one. It also stops when the queue
    is closed, and when nothing refers to it any more: keep it in a variable, or end a cell with
    it. The server that its "fetch" tasks need ends with it.
    """

    def __init__(self, queue: TaskQueue, pool: WorkerPool) -> None:
        """Raises ValueError if the pool runs another queue."""
        if pool.queue not in (queue, None):
            raise ValueError("this pool runs another queue")
        self._queue, self._pool = queue, pool
        self._form = Form()
        self._bursts = Bursts()
        # A callback is over at once. What may take longer is a job for the thread; None tells it
        # to leave.
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._outputs: list[Any] = []
        # Held to compare a number on the screen with the real one, and to change either. The
        # widgets' observers are called with it held, hence an RLock.
        self._lock = threading.RLock()
        self._connect()

    def show(self) -> None:
        """Show it under the cell that calls this, until `stop`. Raises RuntimeError after it."""
        if self._form.closed:
            raise RuntimeError("this panel was stopped; make a new one")
        _stop_earlier(self._queue.registry, self)
        if get_ipython() is not None:  # else there is nowhere to show it
            view = {"version_major": 2, "version_minor": 0, "model_id": self._form.box.model_id}
            self._outputs.append(DisplayHandle())
            self._outputs[-1].display(
                {"application/vnd.jupyter.widget-view+json": view, "text/plain": TEXT}, raw=True
            )
        if self._thread is None and self._refresh():
            self._thread = threading.Thread(
                target=_work,
                args=(weakref.ref(self), self._form, self._bursts, self._jobs),
                name="taskqueue-control-panel",
                daemon=True,
            )
            self._thread.start()

    def stop(self) -> None:
        """Take the widgets away, and drop what was not submitted yet. Stopping twice is fine."""
        self._abandon()
        if not self._form.closed:
            for output in self._outputs:
                output.update({"text/plain": TEXT}, raw=True)
            self._form.close()

    def _abandon(self) -> None:
        self._jobs.put(None)
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    # IPython calls this for the last value of a cell; see LiveMonitor.
    def _ipython_display_(self) -> None:
        self.show()

    # -- from the widgets to the queue and the pool

    def _connect(self) -> None:
        form = self._form
        for button, act in (
            (form.submit, ControlPanel._submit),
            (form.crash, ControlPanel._crash),
            (form.pause, ControlPanel._pause),
            (form.cancel, ControlPanel._cancel),
            (form.save, ControlPanel._save),
        ):
            button.on_click(self._weakly(act))
        for widget, follow in (
            (form.workload.field, ControlPanel._choose),
            (form.seconds.field, ControlPanel._slow),
            (form.failures.field, ControlPanel._fail),
            (form.workers.field, ControlPanel._resize_pool),
            (form.places.field, ControlPanel._resize_queue),
        ):
            widget.observe(self._weakly(follow), "value")

    def _weakly(self, act: Callable[[ControlPanel, Any], None]) -> Callable[[Any], None]:
        """Return a callback that does not keep the panel: all widgets live until closed."""
        me = weakref.ref(self)

        def call(event: Any) -> None:
            panel = me()
            if panel is not None:
                panel._try(lambda: act(panel, event))

        return call

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # whatever it is, it belongs on the screen
            self._form.say(f"{type(error).__name__}: {error}", error=True)

    def _submit(self, _: Any) -> None:
        form = self._form
        burst = Burst(form.workload.field.value, form.tasks.field.value)
        form.say(f"Submitting {burst} …")
        self._jobs.put(lambda: self._bursts.waiting.append(burst))

    def _choose(self, change: Any) -> None:
        practice = change["new"] == PRACTICE
        for field in (self._form.seconds, self._form.failures):
            field.disable(not practice)
        self._form.say("" if practice else "Seconds and failures are for practice tasks only.")

    # These are jobs too, so that "from now on" is true when it is said.

    def _slow(self, change: Any) -> None:
        self._jobs.put(lambda: self._set_seconds(change["new"]))

    def _fail(self, change: Any) -> None:
        self._jobs.put(lambda: self._set_failures(change["new"]))

    def _resize_pool(self, change: Any) -> None:
        workers = change["new"]
        with self._lock:
            before = self._pool.workers
            if workers == before:  # it was only shown
                return
            self._pool.resize(workers)
        text = f"The pool has {plural(workers, 'worker')}."
        if workers < before:
            text += " One that is too many leaves once its task has ended."
        self._form.say(text)

    def _resize_queue(self, change: Any) -> None:
        places = change["new"]
        with self._lock:
            if places == self._queue.maxsize:
                return
            self._queue.resize(places)
        bound = f"At most {plural(places, 'task')} may wait" if places else "The queue has no bound"
        self._form.say(f"{bound} from now on.")

    def _pause(self, _: Any) -> None:
        if self._queue.paused:
            self._queue.resume()
            self._form.say("Resumed: the workers go on.")
        else:
            self._queue.pause()
            self._form.say("Paused: no task is started. Running tasks go on.")
        self._name_pause()

    def _name_pause(self) -> None:
        self._form.pause.description = "Resume" if self._queue.paused else "Pause"

    def _crash(self, _: Any) -> None:
        worker = self._pool.crash_worker()
        if worker is None:
            self._form.say("The next worker that is idle crashes, and is replaced.")
        else:
            self._form.say(
                f"{worker} crashes at the next checkpoint of its task, if there is one. The task "
                "is tried again, and the worker replaced."
            )

    def _cancel(self, _: Any) -> None:
        self._jobs.put(self._cancel_now)

    def _save(self, _: Any) -> None:
        self._jobs.put(self._save_now)

    # -- in the thread

    def _set_seconds(self, seconds: float) -> None:
        self._bursts.seconds = seconds
        self._form.say(f"Practice tasks submitted from now on take {seconds:g} s.")

    def _set_failures(self, failures: int) -> None:
        self._bursts.risk = failures / 100
        self._form.say(f"Of the practice tasks submitted from now on, {failures} in 100 runs fail.")

    def _cancel_now(self) -> None:
        dropped = self._bursts.drop()
        cancelled = self._queue.cancel_pending("cancelled in the control panel")
        text = f"Cancelled {plural(cancelled, 'pending task')}."
        if dropped:
            text += f" Dropped {plural(dropped, 'task')} that had not been submitted yet."
        self._form.say(text)

    def _save_now(self) -> None:
        path = next(p for n in count(1) if not (p := Path(f"taskqueue-log-{n}.jsonl")).exists())
        written = save_log(self._queue.registry, path)  # it never writes over a file
        self._form.say(f"Saved {plural(written, 'fact')} to {path} in the working folder.")

    def _feed(self) -> None:
        waited = self._bursts.waiting[0].was_full
        burst = self._bursts.feed(self._queue, TICK)
        if not burst.left:
            self._form.say(f"Submitted {burst}.")
        elif burst.was_full and not waited:
            self._form.say(
                f"The queue is full after {burst.size - burst.left:,} of {burst}. The others "
                "follow as places become free."
            )

    def _turn(self, job: _Job) -> bool:
        """Do a job, and submit some more; False if there is nothing left to control."""
        self._try(job)
        if self._bursts.waiting:
            self._try(self._feed)
        return self._refresh()

    def _refresh(self) -> bool:
        """Show what is so now, whoever brought it about; False at the end."""
        form, queue, pool = self._form, self._queue, self._pool
        if form.closed:
            return False
        if queue.closed:
            self._bursts.drop()
            form.tell(self._state())
            form.freeze("Stopped: the queue is closed, there is nothing left to control.")
            return False
        with self._lock:
            if pool.workers:
                form.workers.show(pool.workers)
            form.places.show(queue.maxsize)
        form.workers.disable(not pool.workers)
        form.crash.disabled = not pool.workers or pool.queue is None
        self._name_pause()
        form.tell(self._state())
        return True

    def _state(self) -> str:
        counts = self._queue.registry.counts()
        shown = ", ".join(f"{n:,} {status}" for status, n in counts.items() if n) or "none yet"
        text = f"Tasks: {shown}."
        if left := self._bursts.left:
            text += f" {left:,} more to be submitted."
        if self._queue.paused:
            text += " The queue is paused."
        pool = self._pool
        if pool.broken is not None:
            text += f" The pool broke down: {pool.broken!r}."
        elif not pool.workers:
            text += " The pool was shut down: there are no workers to control."
        elif pool.queue is None:
            text += " The pool was not started: pool.start_processing(queue)."
        return text


def _work(
    me: weakref.ref[ControlPanel], form: Form, bursts: Bursts, jobs: SimpleQueue[_Job | None]
) -> None:
    """Do the jobs, submit the bursts and look at the queue, until there is no panel any more."""
    goes_on = True
    try:
        while goes_on:
            job: _Job | None = _nothing
            with suppress(Empty):
                job = jobs.get(timeout=0.0 if bursts.waiting else TICK)
            if job is None:
                return
            panel = me()
            if panel is None:
                form.freeze(
                    "Stopped: nothing refers to this panel any more. Keep it in a variable: "
                    "panel = ControlPanel(queue, pool)"
                )
                return
            goes_on = panel._turn(job)
            del panel, job  # this thread shall not keep the panel while it waits
    except Exception as error:
        form.freeze(f"Stopped by an error: {type(error).__name__}: {error}")
    finally:
        bursts.close()


def _nothing() -> None:
    pass


_lock: Final = threading.Lock()  # Guards `_shown`: the newest panel of each registry.
_shown: Final[weakref.WeakKeyDictionary[Registry, weakref.ref[ControlPanel]]] = (
    weakref.WeakKeyDictionary()
)


def _stop_earlier(registry: Registry, panel: ControlPanel) -> None:
    with _lock:
        earlier = _shown.get(registry, lambda: None)()
        _shown[registry] = weakref.ref(panel)
    if earlier is not None and earlier is not panel:
        earlier.stop()


@atexit.register
def _at_exit() -> None:
    with _lock:
        panels = [shown() for shown in _shown.values()]
    for panel in panels:
        if panel is not None:
            panel._abandon()
