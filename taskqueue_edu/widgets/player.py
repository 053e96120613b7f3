"""Plays a recording: pause, go to any moment, faster or slower."""

from __future__ import annotations

import math
import threading
import time
from typing import Any, Final

from ipywidgets import HTML, Box, Button, Dropdown, IntSlider, Layout

from taskqueue_edu.monitor import Monitor, duration
from taskqueue_edu.picture import scale
from taskqueue_edu.recording import Recording

SPEEDS: Final = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0, 600.0)

_STEPS: Final = 20
"""So often one has to press a button, at most, to go from one end to the other."""

_PLACES: Final = 1_000
"""Places of the slider."""

_ECHO: Final = 1.0
"""Seconds in which a browser says back where it was told to put the slider: nobody moved it."""


class Player:
    """Moves a recording on as time passes, and has the widgets to control that."""

    def __init__(self, recording: Recording, speed: float) -> None:
        """Play from the start. Raises ValueError if `speed` is not a positive number."""
        if not 0 < speed < math.inf:
            raise ValueError(f"speed is {speed!r}, expected a positive number")
        self._recording = recording
        self.seconds = (recording.end - recording.start) / 1e9
        recording.seek(recording.start)
        self.monitor = Monitor(recording)
        # Guards all below: the widgets call from another thread than the updater.
        self._lock = threading.Lock()
        self.playing = True
        self._speed = speed
        self._at = 0.0  # seconds from the start
        self._clock = time.monotonic()
        self._box: Box | None = None
        self._shown: dict[int, float] = {}  # places that the slider was put at, and when

    @property
    def box(self) -> Box:
        """The widgets; the same for all screens, until `close`."""
        if self._box is None:
            self._make()
        return self._box

    def _make(self) -> None:
        step = scale.step(max(self.seconds, 1e-6), _STEPS)
        self.play = Button(icon="pause", description="Pause", layout=Layout(width="7em"))
        self.back = Button(description=f"- {duration(step)}", layout=Layout(width="auto"))
        self.on = Button(description=f"+ {duration(step)}", layout=Layout(width="auto"))
        self.slider = IntSlider(
            max=_PLACES,
            readout=False,
            description="Moment",
            layout=Layout(flex="1 1 200px"),
        )
        self.speed = Dropdown(
            options=[(f"{speed:g}x", speed) for speed in sorted({*SPEEDS, self._speed})],
            value=self._speed,
            description="Speed",
            layout=Layout(width="11em"),
        )
        self._words = HTML()
        self.play.on_click(lambda _: self.toggle())
        self.back.on_click(lambda _: self.go(self._at - step))
        self.on.on_click(lambda _: self.go(self._at + step))
        self.slider.observe(self._moved, "value")
        self.speed.observe(self._sped, "value")
        self._box = Box(
            [self.play, self.back, self.on, self.slider, self._words, self.speed],
            layout=Layout(flex_flow="row wrap", align_items="center"),
        )
        self._box.add_class("taskqueue-player")

    def close(self) -> None:
        """Close the widgets."""
        box, self._box = self._box, None
        if box is not None:
            for widget in (*box.children, box):
                widget.close()

    # -- control

    def toggle(self) -> None:
        """Pause, or play on; at the end, play from the start."""
        with self._lock:
            if not self.playing and self._at >= self.seconds:
                self._at = 0.0
            self.playing = not self.playing
            self._clock = time.monotonic()

    def go(self, seconds: float) -> None:
        """Go to a moment, in seconds from the start."""
        with self._lock:
            self._at = min(max(seconds, 0.0), self.seconds)
            self._clock = time.monotonic()

    def _moved(self, change: dict[str, Any]) -> None:
        place = change["new"]
        if time.monotonic() - self._shown.get(place, -math.inf) > _ECHO:
            self.go(place / _PLACES * self.seconds)

    def _sped(self, change: dict[str, Any]) -> None:
        with self._lock:
            self._speed = change["new"]

    # -- the updater's side

    def step(self) -> None:
        """Let the recording be where it should be now."""
        with self._lock:
            now = time.monotonic()
            if self.playing:
                self._at = min(self._at + (now - self._clock) * self._speed, self.seconds)
                self.playing = self._at < self.seconds
            self._clock = now
            at, playing = self._at, self.playing
        moment = self._recording.start + round(at * 1e9)
        back = moment < self._recording.now()
        self._recording.seek(moment)
        if back:
            self.monitor = Monitor(self._recording)
        if self._box is not None:
            self._show(at, playing)

    def _show(self, at: float, playing: bool) -> None:
        self._words.value = f"{duration(at)} of {duration(self.seconds)}"
        now, place = time.monotonic(), round(at / (self.seconds or 1.0) * _PLACES)
        if place != self.slider.value:
            kept = {one: when for one, when in self._shown.items() if now - when <= _ECHO}
            self._shown = kept | {place: now}
            self.slider.value = place
        self.play.icon = "pause" if playing else "play"
        self.play.description = "Pause" if playing else "Play"
