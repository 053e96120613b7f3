"""Stops a strand before each instruction that matters.

CPython 3.11 calls a trace function of the strand's own thread before each instruction
(`sys.settrace`). From 3.12 on `sys.monitoring` does it, and can be told which instructions don't
matter. Threads that are not under control are not followed; what a debugger or coverage has set for
them stays as it is.
"""

from __future__ import annotations

import gc
import sys
from collections import defaultdict
from collections.abc import Callable, Hashable
from types import CodeType, FrameType, FunctionType, MethodType
from typing import Any, Final, TypeAlias

from taskqueue_edu.lab.interleave.accesses import (
    CONTAINERS,
    ITEMS,
    Access,
    Sites,
    Target,
    sites,
)
from taskqueue_edu.lab.interleave.expressions import CELL, GLOBAL, UNKNOWN, attribute_holder
from taskqueue_edu.lab.interleave.schedule import Run, me
from taskqueue_edu.lab.interleave.scope import Scope
from taskqueue_edu.lab.interleave.sharing import Sharing
from taskqueue_edu.lab.interleave.strands import Abort

Touched: TypeAlias = tuple[Hashable, Target, Any]
"""An object that is touched: its key, how it is reached, and itself, if it can be told."""
Hooks: TypeAlias = dict[int, Access]
"""What to stop before, by the offset of the instruction."""

_EXACTLY: Final = frozenset(CONTAINERS)
_VIEWS: Final = frozenset({type({}.keys()), type({}.values()), type({}.items())})
_COMPREHENSIONS: Final = frozenset({"<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>"})


class Tracer:
    """Follows the strands through the code under test."""

    def __init__(self, scope: Scope, sharing: Sharing) -> None:
        self.scope, self.sharing = scope, sharing
        self.under_test = scope.has
        self.run: Run
        """The schedule under way."""
        self._sites: dict[CodeType, Sites] = {}
        self._hooks: dict[CodeType, Hooks] = {}

    def sites_of(self, code: CodeType) -> Sites:
        """Return what the instructions of `code` touch."""
        found = self._sites.get(code)
        if found is None:
            found = self._sites[code] = sites(code)
            self.sharing.see_written(found.written())
        return found

    def hooks_of(self, code: CodeType) -> Hooks:
        """Return what to stop before in `code`."""
        found = self._hooks.get(code)
        if found is None:
            known = self.sites_of(code)
            found = self._hooks[code] = {
                offset: access for offset, access in known.accesses.items() if self._matters(access)
            }
        return found

    def _matters(self, access: Access) -> bool:
        # What nobody assigns can't race. Most attributes are methods, so this saves most stops.
        return access.loops or any(
            t.label not in self.sharing.benign
            and (t.attribute is None or t.label in self.sharing.written)
            for t in access.targets
        )

    def begin(self, run: Run) -> None:
        """Follow the strands of this schedule from now on."""
        self.run = run

    def forget(self) -> None:
        """Decide anew what matters: more is known now."""
        self._hooks.clear()

    def start(self) -> None:
        """Follow the calling strand, which has just begun."""

    def join_in(self) -> None:
        """Follow the calling strand from here: it is no longer alone."""

    def rest(self, run: Run) -> None:
        """Stop following the calling strand if it is alone: nobody could come between."""

    def stop(self) -> None:
        """Stop following the calling strand."""

    def put_in_place(self) -> None:
        """Be ready to follow strands."""

    def take_away(self) -> None:
        """Leave everything as it was before."""

    # -- at an instruction

    def hit(self, frame: FrameType, access: Access) -> None:
        """Note an access to shared data, and let others go on before it if they matter to it."""
        run = self.run
        strand = run.current
        if run.over:
            raise Abort
        if access.loops:
            run.loop(strand)
        if not access.targets or not run.loose:
            return
        touched: list[Touched] = []
        strand.fills = None
        for target in access.targets:
            if target.attribute is None:
                owner, key = self._container(frame, target)
            else:
                owner, key = self._attribute(frame, target, access.writes)
            if key is None:
                continue
            if access.callee is not None and self._follows(access.callee.value(frame)):
                return
            run.order.access(key, owner, target.label, access.writes, strand.id)
            touched.append((key, target, owner))
            if isinstance(owner, defaultdict) and not access.writes:
                strand.fills = (_code_of(owner.default_factory), touched[-1])
        if touched:
            strand.looked = True
            self._touch(frame, touched, access.writes)

    def _touch(self, frame: FrameType, touched: list[Touched], writes: bool) -> None:
        run = self.run
        strand = run.current
        if any(target.label in run.visible for _, target, _ in touched):
            strand.doing = ("write" if writes else "read", touched[0][1])
            strand.where = (frame.f_code.co_filename, frame.f_lineno)
            run.point(strand)
            if writes:
                strand.spins = 0
            for key, target, _ in touched:
                if target.label in run.visible:
                    change = run.history.write if writes else run.history.read
                    strand.past = change(key, strand.past)
        if run.recorder is not None:
            for _, target, owner in touched:
                if target.label in self.sharing.shared:
                    run.recorder.access(strand, frame, target, owner, writes)

    def enter(self, frame: FrameType) -> None:
        """Let others go on before a defaultdict has what its function, which begins, will make.

        To look into it and to put that in are two steps, since a function in Python lies between.
        """
        strand = self.run.current
        code, touched = strand.fills
        if frame.f_code is code and frame.f_back is not None:
            strand.fills = None
            key, target, owner = touched
            self.run.order.access(key, owner, target.label, True, strand.id)
            self._touch(frame.f_back, [touched], True)

    def _follows(self, callee: Any) -> bool:
        """Whether a call leads into code under test, whose own instructions count."""
        code = _code_of(callee)
        return code is not None and self.under_test(code)

    def _container(self, frame: FrameType, target: Target) -> tuple[Any, Hashable | None]:
        of = target.of
        owner = UNKNOWN if of is None else of.value(frame)
        if owner is not UNKNOWN and type(owner) not in _EXACTLY:
            if of is not None and of.name == ".0":
                owner = self.run.iterated.get(frame, UNKNOWN)
            if type(owner) in _VIEWS:
                (owner,) = gc.get_referents(owner)  # its dict; `mapping` would be a proxy of that
            if owner is not UNKNOWN and not issubclass(type(owner), CONTAINERS):
                return None, None
        if owner is UNKNOWN and not target.certain:
            return None, None
        # If others assign the variable too, the list that is on the stack may not be the one that
        # it stands for now.
        wild = owner is UNKNOWN or (of is not None and of.name in self.sharing.racy)
        if wild:
            self.sharing.see_wild(ITEMS)
        if ITEMS in self.sharing.wild:
            return None if wild else owner, ITEMS
        return owner, id(owner)

    def _attribute(
        self, frame: FrameType, target: Target, writes: bool
    ) -> tuple[Any, Hashable | None]:
        label, of = target.label, target.of
        if label in self.sharing.benign or label not in self.sharing.written:
            return None, None
        if of is GLOBAL:
            return frame.f_globals, (id(frame.f_globals), label)
        if of is CELL:
            return None, label
        owner = UNKNOWN if of is None else of.value(frame)
        if owner is UNKNOWN:
            self.sharing.see_wild(label)
            return None, label
        if label in self.sharing.wild:
            return owner, label
        if not writes:
            owner = attribute_holder(owner, label)
        return owner, (id(owner), label)

    def see_comprehension(self, frame: FrameType) -> None:
        """Note what a comprehension goes through: in 3.11 it is a call of its own."""
        back = frame.f_back
        if back is None or not self.under_test(back.f_code):
            return
        source = self.sites_of(back.f_code).iterated.get(back.f_lasti)
        # What a call has just made, as `range` does, is nobody else's: None is no container.
        self.run.iterated[frame] = None if source is None else source.value(back)


def _code_of(callee: Any) -> CodeType | None:
    """Return the code that a call runs, if it is in Python."""
    if isinstance(callee, MethodType):
        callee = callee.__func__
    elif isinstance(callee, type):
        callee = callee.__dict__.get("__init__")
    return callee.__code__ if isinstance(callee, FunctionType) else None


class ByTrace(Tracer):
    """CPython 3.11: a trace function in each strand's thread."""

    def __init__(self, scope: Scope, sharing: Sharing) -> None:
        super().__init__(scope, sharing)
        self._followers: dict[CodeType, tuple[Callable[..., Any] | None, bool]] = {}
        """By code: what follows a frame of it, if it is under test, and whether that ever stops."""

    def forget(self) -> None:
        super().forget()
        self._followers.clear()

    def start(self) -> None:
        sys.settrace(self._call)

    def stop(self) -> None:
        sys.settrace(None)

    def join_in(self) -> None:
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if self.under_test(frame.f_code):
                frame.f_trace = self._call(frame, "call", None)
            frame = frame.f_back
        sys.settrace(self._call)

    def rest(self, run: Run) -> None:
        if not run.loose:
            sys.settrace(None)

    def _call(self, frame: FrameType, event: str, arg: Any) -> Any:
        del event, arg
        code = frame.f_code
        if self.run.current.fills is not None and self.under_test(code):
            self.enter(frame)
            frame.f_locals  # noqa: B018  # see below
        try:
            follower, stops = self._followers[code]
        except KeyError:
            follower, stops = self._followers[code] = self._follower(code)
        recording = self.run.recorder is not None
        if follower is None or not (stops or recording):
            return None
        frame.f_trace_opcodes = stops
        frame.f_trace_lines = recording
        if code.co_name in _COMPREHENSIONS:
            self.see_comprehension(frame)
        return follower

    def _follower(self, code: CodeType) -> tuple[Callable[..., Any] | None, bool]:
        if not self.under_test(code):
            return None, False
        hooks = self.hooks_of(code)

        # Called before each instruction, so it does next to nothing: 0.14 µs (measured).
        def follow(frame: FrameType, event: str, arg: Any) -> None:
            del arg
            if event == "opcode":
                access = hooks.get(frame.f_lasti)
                if access is None:
                    return
                run = self.run
                before = run.switches
                self.hit(frame, access)
                if run.switches != before:
                    # CPython 3.11 copies the frame's variables before it calls a trace function,
                    # and back after. What other strands have assigned to the variables of a
                    # closure meanwhile would be undone. To ask for them copies them again.
                    frame.f_locals  # noqa: B018
            elif event == "line" and self.run.recorder is not None:
                self.run.recorder.line(self.run.current, frame)

        return follow, bool(hooks)


class ByMonitoring(Tracer):
    """CPython 3.12 and later: events of the code under test, wherever it runs."""

    def __init__(self, scope: Scope, sharing: Sharing) -> None:
        super().__init__(scope, sharing)
        monitoring: Any = sys.monitoring  # type: ignore[attr-defined]
        self._monitoring = monitoring
        self._tool = 0
        # By id: code that a run compiles anew equals that of the run before, and isn't watched yet.
        self._watched: dict[int, CodeType] = {}
        self._met: set[CodeType] = set()

    def put_in_place(self) -> None:
        monitoring, events = self._monitoring, self._monitoring.events
        # Leave the numbers of debuggers, coverage and profilers to them, if possible.
        self._tool = next(tool for tool in (4, 3, 0, 1, 5) if monitoring.get_tool(tool) is None)
        self._wanted = events.INSTRUCTION | events.LINE
        monitoring.use_tool_id(self._tool, "taskqueue_edu.lab")
        for event, callback in (
            (events.PY_START, self._begins),
            (events.INSTRUCTION, self._instruction),
            (events.LINE, self._line),
        ):
            monitoring.register_callback(self._tool, event, callback)
        monitoring.set_events(self._tool, events.PY_START)

    def forget(self) -> None:
        super().forget()
        self._monitoring.restart_events()

    def take_away(self) -> None:
        self._monitoring.set_events(self._tool, 0)
        for code in self._watched.values():
            self._monitoring.set_local_events(self._tool, code, 0)
        self._monitoring.free_tool_id(self._tool)

    def _begins(self, code: CodeType, offset: int) -> Any:
        del offset
        if not self.under_test(code):
            return self._monitoring.DISABLE
        if me() is not None and id(code) not in self._watched:
            self._watched[id(code)] = code
            self._monitoring.set_local_events(self._tool, code, self._wanted)
            if code not in self._met:
                self._met.add(code)
                # This call of it may be past the first events already.
                self.sharing.grown = True
        if (strand := me()) is not None and strand.fills is not None:
            self.enter(sys._getframe(1))
        return None

    def _instruction(self, code: CodeType, offset: int) -> Any:
        # Alone, a strand is not followed, as in 3.11: what it makes then is not shared by having
        # been assigned.
        if me() is None or not self.run.loose:
            return None
        access = self.hooks_of(code).get(offset)
        if access is None:
            return self._monitoring.DISABLE
        self.hit(sys._getframe(1), access)
        return None

    def _line(self, code: CodeType, line: int) -> None:
        del code, line
        strand = me()
        if strand is not None and self.run.recorder is not None:
            self.run.recorder.line(strand, sys._getframe(1))


def tracer(scope: Scope, sharing: Sharing) -> Tracer:
    """Return the tracer for this version of Python."""
    return (ByMonitoring if sys.version_info >= (3, 12) else ByTrace)(scope, sharing)
