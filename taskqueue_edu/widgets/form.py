"""The widgets of the control panel: what it looks like, and nothing of what it does."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, Final

from ipywidgets import HTML, Box, Button, HBox, Layout, VBox

from taskqueue_edu.picture.style import STYLE
from taskqueue_edu.widgets.bursts import SECONDS, WORKLOADS
from taskqueue_edu.widgets.inputs import Choice, Decimal, Whole

MOST_TASKS: Final = 10_000
MOST_WORKERS: Final = 64
MOST_PLACES: Final = 1_000_000

_STYLE: Final = f"""{STYLE}<style>
.tq-groups{{flex-wrap:wrap;gap:4px 28px;align-items:flex-start;overflow:visible}}
.tq-group{{flex:1 1 290px;max-width:480px;overflow:visible}}
.tq-title{{font-weight:600;font-size:13px;color:var(--jp-ui-font-color0,currentColor)}}
.tq-field,.tq-actions{{overflow:visible}}
.tq-group .widget-label{{text-align:left}}
.tq-actions{{flex-wrap:wrap}}
.tq-less,.tq-more{{background:linear-gradient(currentColor,currentColor) center/9px 1.5px no-repeat,
 linear-gradient(currentColor,currentColor) center/0 0 no-repeat,
 var(--jp-layout-color2)}}
.tq-more{{background-size:9px 1.5px,1.5px 9px,auto}}
.tq-less:empty::before,.tq-more:empty::before{{content:none}}
.tq-back:empty::before,.tq-on:empty::before{{content:"";display:inline-block;
 border:5px solid transparent}}
.tq-back:empty::before{{border-right:7px solid;border-left:0}}
.tq-on:empty::before{{border-left:7px solid;border-right:0}}
.taskqueue-controls button:focus-visible,.taskqueue-controls summary:focus-visible{{
 outline:2px solid var(--tq-blue);outline-offset:1px}}
.tq-state,.tq-help{{font:12px/1.45 var(--jp-ui-font-family,system-ui,sans-serif);margin:2px;
 color:var(--jp-ui-font-color1,currentColor)}}
.tq-state{{font-variant-numeric:tabular-nums}}
.tq-error b{{color:var(--tq-red)}}
.tq-help summary{{cursor:pointer;width:fit-content}}
.tq-help dl{{margin:4px 0;max-width:70em}}
.tq-help dt{{font-weight:600}}
.tq-help dd{{margin:0 0 4px 16px}}
</style>"""

_HELP: Final = """<details class="tq-help"><summary>What the controls do</summary><dl>
<dt>Submit a burst</dt><dd>Tasks go in one after another. While the queue is full, the others
wait here.</dd>
<dt>Seconds, failures</dt><dd>Of practice tasks, and of those that are submitted from then on:
how long each takes, and how many runs in a hundred fail. The queue's retry policy decides
whether a failed one runs again.</dd>
<dt>Workers</dt><dd>One too many leaves once its task has ended.</dd>
<dt>Crash a worker</dt><dd>A thread can't be killed from outside. So a busy worker crashes at the
next checkpoint of its task: practice tasks and primes have them, the other tasks end as usual. An
idle worker crashes at once. The task is tried again, and the worker replaced.</dd>
<dt>Places</dt><dd>How many tasks may wait (0: any number). Those that wait already stay.</dd>
<dt>Pause</dt><dd>No task is started until you resume; running tasks go on.</dd>
<dt>Cancel pending</dt><dd>Cancels what waits in the queue, and drops what was not submitted yet.
Running tasks go on.</dd>
<dt>Save the log</dt><dd>Writes what happened so far to a new file in the working folder.</dd>
</dl></details>"""


class Field:
    """An input with a label, and two buttons that change it by a step.

    The buttons are for the keyboard: in JupyterLab and Notebook 7 the arrow keys go to the notebook
    from a list or a slider, and a slider's handle has no name for a screen reader. So there is no
    slider.
    """

    def __init__(self, field: Any, less: str, more: str) -> None:
        """`less` and `more` say what the buttons do: "Fewer tasks"."""
        self.field = field
        field.layout = Layout(flex="1 1 auto", width="auto", min_width="0")
        field.style.description_width = "118px"
        looks = ("tq-back", "tq-on") if isinstance(field, Choice) else ("tq-less", "tq-more")
        self._buttons = [self._button(looks[0], less, -1), self._button(looks[1], more, 1)]
        self.row = HBox([field, *self._buttons])
        self.row.add_class("tq-field")

    def _button(self, look: str, tooltip: str, steps: int) -> Any:
        # What is on it is drawn (see `_STYLE`): a button without text or icon has its tooltip as
        # its name, also for a screen reader.
        button = Button(tooltip=tooltip, layout=Layout(width="28px", flex="none"))
        button.add_class(look)
        field = self.field

        def click(_: object) -> None:
            if isinstance(field, Choice):
                field.index = (field.index + steps) % len(field.options)
            else:
                field.value = round(field.value + steps * field.step, 3)  # it keeps its bounds

        button.on_click(click)
        return button

    def show(self, value: int) -> None:
        """Show a value that may have come about elsewhere, and be larger than one may enter."""
        if value != self.field.value:
            self.field.max = max(self.field.max, value)
            self.field.value = value

    def disable(self, disabled: bool) -> None:
        """Disable the input and its buttons, or enable them."""
        for widget in (self.field, *self._buttons):
            widget.disabled = disabled


class Form:
    """All widgets of the panel. It knows of no queue, so that it can outlive one."""

    def __init__(self) -> None:
        self.workload = Field(
            Choice(
                options=[(label, name) for name, label in WORKLOADS.items()],
                description="Workload",
            ),
            "Previous workload",
            "Next workload",
        )
        self.tasks = Field(
            Whole(100, min=1, max=MOST_TASKS, step=10, description="Tasks"),
            "Fewer tasks",
            "More tasks",
        )
        self.seconds = Field(
            Decimal(SECONDS, min=0, max=60, step=0.1, description="Seconds a task"),
            "Shorter tasks",
            "Longer tasks",
        )
        self.failures = Field(
            Whole(0, min=0, max=100, step=5, description="Failures in 100"),
            "Fewer failures",
            "More failures",
        )
        self.submit = _button("Submit burst", "Submit that many tasks of the workload")
        self.workers = Field(
            Whole(1, min=1, max=MOST_WORKERS, description="Workers"),
            "Fewer workers",
            "More workers",
        )
        self.places = Field(
            Whole(0, min=0, max=MOST_PLACES, step=10, description="Places (0: any)"),
            "Fewer places",
            "More places",
        )
        self.pause = _button("Pause", "Start no more tasks until you resume, or start them again")
        self.cancel = _button("Cancel pending", "Cancel the tasks that have not started")
        self.crash = _button(
            "Crash a worker", "At the next checkpoint of its task: a thread can't be killed"
        )
        self.save = _button("Save the log", "Write the log to a new file in the working folder")
        self._fields = (
            self.workload,
            self.tasks,
            self.seconds,
            self.failures,
            self.workers,
            self.places,
        )
        self._buttons = (self.submit, self.pause, self.cancel, self.crash, self.save)
        self._status, self._state = HTML(), HTML()
        self.box = self._laid_out()
        self.say("")

    def _laid_out(self) -> Any:
        new = [self.workload.row, self.tasks.row, self.seconds.row, self.failures.row]
        actions = _actions(self.pause, self.cancel, self.crash, self.save)
        groups = HBox(
            [
                _group("New tasks", [*new, _actions(self.submit)]),
                _group("Workers and queue", [self.workers.row, self.places.row, actions]),
            ]
        )
        groups.add_class("tq-groups")
        box = VBox([HTML(_STYLE), groups, self._state, self._status, HTML(_HELP)])
        box.add_class("tq")
        box.add_class("taskqueue-controls")
        return box

    def say(self, text: str, *, error: bool = False) -> None:
        """Put a text into the status line, which a screen reader reads out."""
        look, word = ("tq-status tq-error", "<b>Error:</b> ") if error else ("tq-status", "")
        self._status.value = (
            f'<p class="{look}" role="status" aria-live="polite">{word}{escape(text)}</p>'
        )

    def tell(self, text: str) -> None:
        """Put a text into the line above it, which may change all the time."""
        self._state.value = f'<p class="tq-state">{escape(text)}</p>'

    def freeze(self, why: str) -> None:
        """Disable everything for good, and say why."""
        for field in self._fields:
            field.disable(True)
        for button in self._buttons:
            button.disabled = True
        self.say(why)

    @property
    def closed(self) -> bool:
        """True once the widgets have been closed."""
        return self.box.comm is None

    def close(self) -> None:
        """Close the widgets, all that there are."""
        _close(self.box)


def _button(text: str, tooltip: str) -> Any:
    return Button(description=text, tooltip=tooltip, layout=Layout(width="auto"))


def _actions(*buttons: Any) -> Any:
    row = HBox(buttons)
    row.add_class("tq-actions")
    return row


def _group(title: str, widgets: Sequence[Any]) -> Any:
    head = HTML(f'<div class="tq-title" role="heading" aria-level="4">{title}</div>')
    group = VBox([head, *widgets])
    group.add_class("tq-group")
    return group


def _close(widget: Any) -> None:
    if isinstance(widget, Box):
        for child in widget.children:
            _close(child)
    widget.close()
