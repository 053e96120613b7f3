"""Which instructions of a function touch data that another thread may touch too.

A line is not a step. `self.n += 1` reads `n`, adds, and writes `n`: three instructions, and another
thread may run between any two of them. What `self.n` *is* stands nowhere in the bytecode, so this
module follows the stack from instruction to instruction and notes for each one through which
*expression* it reaches its object.

Where an expression can't be followed, as after a call, the access is *wild*: it may touch any
object, and is taken to conflict with every access of that name.
"""

from __future__ import annotations

import dis
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from types import CodeType
from typing import Final

from taskqueue_edu.lab.interleave.expressions import (
    CELL,
    GLOBAL,
    NEW,
    NOBODY,
    Attribute,
    Constant,
    Expression,
    Global,
    Item,
    Local,
)

CONTAINERS: Final = (list, dict, set, deque, bytearray)
"""What can change without an attribute being assigned."""

ITEMS: Final = "[]"
"""Ends the label of an access to what is in a container: `jobs` is the name, `jobs[]` the list."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_READERS: Final = _words(
    "abs all any bool bytes copy count deepcopy deque dict dumps enumerate filter format "
    "frozenset fsum get index items iter join keys len list map max mean median min next "
    "nlargest nsmallest print range repr reversed set sorted str sum tuple values zip "
    "isdisjoint issubset issuperset union intersection difference Counter"
)
_WRITERS: Final = _words(
    "add append appendleft clear difference_update discard extend extendleft insert "
    "intersection_update move_to_end pop popitem popleft put_nowait remove reverse rotate "
    "setdefault sort subtract symmetric_difference_update update __setitem__ __delitem__"
)
_METHODS: Final = (
    _READERS | _WRITERS | {name for cls in (*CONTAINERS, Counter, OrderedDict) for name in dir(cls)}
)
"""Who has no method of such a name is no container. (One that a class under test adds is itself
followed.)"""
_FRESH: Final = _words(
    "abs all any bool bytes copy count deepcopy dict dumps float format frozenset id index "
    "int isinstance join len list max mean min range repr round set sorted split str strip "
    "sum tuple monotonic time perf_counter"
)
"""Calls whose result is new, so that no other thread has it yet."""
_VIEWS: Final = _words("items keys values enumerate iter reversed zip map filter")
"""Calls whose result, when it is gone through, goes through what they were given."""
_NO_LOOK: Final = _words("isinstance issubclass type id callable super")


@dataclass(frozen=True, slots=True)
class Target:
    """One object that an instruction touches: an attribute of it, or (None) what is in it."""

    of: Expression | None
    """How it is reached; None: it can't be told."""
    attribute: str | None
    label: str
    """What the learner calls it; accesses with one label are switch points all or none."""
    certain: bool = True
    """Whether it is an access for sure; else only if the object turns out to be a container."""

    @property
    def name(self) -> str:
        """What the learner calls it, whether itself or what is in it."""
        return self.label.removesuffix(ITEMS)


@dataclass(frozen=True, slots=True)
class Access:
    """What one instruction does to shared data."""

    writes: bool
    targets: tuple[Target, ...]
    callee: Expression | None = None
    """For a call: the function. If it is under test itself, its own instructions count instead."""
    loops: bool = False
    """Whether it jumps backward: a thread that goes round and round passes here each time."""


@dataclass(frozen=True, slots=True)
class Sites:
    """The instructions of one code object that matter, by offset."""

    accesses: dict[int, Access]
    iterated: dict[int, Expression]
    """By the offset of a call: what a comprehension called there goes through (CPython 3.11)."""
    stored: dict[int, str]
    """By the offset of a call: the name under which the next instruction keeps its result."""

    def written(self) -> Iterator[str]:
        """Yield the labels of the attributes and variables that this code assigns."""
        for access in self.accesses.values():
            if access.writes:
                yield from (t.label for t in access.targets if t.attribute is not None)


@lru_cache(maxsize=1_024)
def sites(code: CodeType) -> Sites:
    """Follow the stack through `code` and return what its instructions touch."""
    return _Walk(code).sites


def _settled(code: CodeType) -> set[str]:
    """Return the variables that are assigned once, before there is a closure that shares them.

    Others can only come to know such a variable with its value, so to read it is no race.
    """
    stored: dict[str, int] = {}
    shared: dict[str, int] = {}
    unsettled: set[str] = set()
    loops: list[tuple[int, int]] = []
    for ins in dis.get_instructions(code):
        name, op = ins.argval, ins.opname
        if "JUMP_BACKWARD" in op:
            loops.append((name, ins.offset))
        elif name not in code.co_cellvars:
            continue
        elif op == "STORE_DEREF" and name not in stored:
            stored[name] = ins.offset
        elif op.endswith("_DEREF") and not op.startswith("LOAD"):
            unsettled.add(name)
        elif op in ("LOAD_CLOSURE", "LOAD_FAST"):  # what CPython 3.13 calls it
            shared.setdefault(name, ins.offset)
    return {
        name
        for name, at in stored.items()
        if name not in unsettled
        and at < shared.get(name, at)
        and not any(start <= at < end for start, end in loops)
    }


class _Walk:
    """One pass over the instructions, with the stack as expressions."""

    def __init__(self, code: CodeType) -> None:
        self.sites = Sites({}, {}, {})
        self.settled = _settled(code)
        self.stack: list[Expression | None] = []
        self.at_jump: dict[int, list[Expression | None]] = {}
        self.reached = True
        self.keywords = 0
        handlers = {e.start: e for e in dis._parse_exception_table(code)}  # type: ignore[attr-defined]
        waiting: int | None = None
        before = 0
        for ins in dis.get_instructions(code):
            if ins.opname in _SILENT:
                continue
            # While a function that it calls runs, a frame of CPython 3.11 is at the end of CALL.
            if (source := self.sites.iterated.get(before)) is not None:
                self.sites.iterated[ins.offset - 2] = source
            before = ins.offset
            if waiting is not None:
                if ins.opname.startswith("STORE_") and ins.opname != "STORE_SUBSCR":
                    name = ins.argval[0] if isinstance(ins.argval, tuple) else ins.argval
                    self.sites.stored[waiting] = str(name)
                    waiting = None
                elif ins.opname not in (
                    "LOAD_FAST",
                    "LOAD_NAME",
                    "LOAD_GLOBAL",
                    "LOAD_DEREF",
                    "JUMP_FORWARD",
                ):
                    waiting = None
            target = self.at_jump.get(ins.offset)
            if target is not None and (not self.reached or len(target) <= len(self.stack)):
                self.stack = target[:]
            self.reached = True
            if (entry := handlers.get(ins.offset)) is not None:
                depth = self.stack[: entry.depth] + [None] * (entry.depth - len(self.stack))
                self.at_jump.setdefault(entry.target, [*depth, *[None] * (1 + entry.lasti)])
            self.step(ins)
            if "JUMP_BACKWARD" in ins.opname:
                found = self.sites.accesses.get(ins.offset, Access(False, ()))
                self.sites.accesses[ins.offset] = replace(found, loops=True)
            if ins.opname in ("CALL", "CALL_KW", "CALL_FUNCTION_EX"):
                waiting = ins.offset

    # -- the stack

    def pop(self, count: int) -> list[Expression | None]:
        """Take the top `count` entries off, the topmost last."""
        if not count:
            return []
        taken = self.stack[-count:]
        del self.stack[-count:]
        return [None] * (count - len(taken)) + taken

    def top(self, depth: int = 1) -> Expression | None:
        return self.stack[-depth] if len(self.stack) >= depth else None

    # -- what is touched

    def attribute(self, ins: dis.Instruction, base: Expression | None, *, writes: bool) -> None:
        if base is NEW or isinstance(base, Constant):
            return
        target = Target(base, ins.argval, ins.argval)
        self.sites.accesses[ins.offset] = Access(writes, (target,))

    def variable(self, ins: dis.Instruction, base: Expression, *, writes: bool) -> None:
        self.sites.accesses[ins.offset] = Access(writes, (Target(base, ins.argval, ins.argval),))

    def items(
        self,
        ins: dis.Instruction,
        *found: Expression | None,
        writes: bool = False,
        certain: bool = True,
    ) -> None:
        targets = tuple(
            Target(e, None, (e.name if e is not None else "") + ITEMS, certain)
            for e in found
            if e is not NEW and not isinstance(e, Constant) and (certain or e is not None)
        )
        if targets:
            self.sites.accesses[ins.offset] = Access(writes, targets)

    def maybe(self, ins: dis.Instruction, *found: Expression | None, writes: bool = False) -> None:
        """Note an access to what may or may not be containers."""
        self.items(ins, *found, writes=writes, certain=False)

    def targets_at(self, ins: dis.Instruction) -> tuple[Target, ...]:
        access = self.sites.accesses.pop(ins.offset, None)
        return () if access is None else access.targets

    # -- one instruction

    def step(self, ins: dis.Instruction) -> None:
        op, arg = ins.opname, ins.arg
        handle = getattr(self, "do_" + op.lower(), None)
        if handle is not None:
            handle(ins)
            return
        if op.startswith("LOAD_FAST"):
            names = ins.argval if isinstance(ins.argval, tuple) else (ins.argval,)
            self.stack += [Local(name) for name in names]
            return
        if op.startswith(("POP_JUMP", "JUMP_IF")) or op == "UNARY_NOT":
            self.maybe(ins, self.top())
        effect = dis.stack_effect(
            ins.opcode, arg if ins.opcode >= dis.HAVE_ARGUMENT else None, jump=False
        )
        if ins.opcode in dis.hasjrel or ins.opcode in dis.hasjabs:
            jumped = dis.stack_effect(ins.opcode, arg, jump=True)
            stack = self.stack
            self.at_jump.setdefault(
                ins.argval, stack + [None] * jumped if jumped >= 0 else stack[:jumped]
            )
        if effect < 0:
            self.pop(-effect)
        else:
            self.stack += [None] * effect
        if self.stack and not op.startswith(_KEEPS_TOP):
            self.stack[-1] = NEW if op.startswith(_MAKES) else None
        if op.startswith(("RETURN", "RAISE", "RERAISE")) or op in _JUMPS:
            self.reached = False

    def do_load_const(self, ins: dis.Instruction) -> None:
        self.stack.append(Constant(ins.argval))

    def do_load_small_int(self, ins: dis.Instruction) -> None:
        self.stack.append(Constant(ins.argval))

    def do_return_const(self, ins: dis.Instruction) -> None:
        del ins
        self.reached = False

    def do_push_null(self, ins: dis.Instruction) -> None:
        del ins
        self.stack.append(None)

    def do_load_deref(self, ins: dis.Instruction) -> None:
        self.variable(ins, CELL, writes=False)
        self.stack.append(Local(ins.argval))

    do_load_classderef = do_load_deref

    def do_store_deref(self, ins: dis.Instruction) -> None:
        self.pop(1)
        if ins.argval not in self.settled:
            self.variable(ins, CELL, writes=True)

    def do_load_global(self, ins: dis.Instruction) -> None:
        self.variable(ins, GLOBAL, writes=False)
        found = Global(ins.argval)
        if dis.stack_effect(ins.opcode, ins.arg) == 1:
            self.stack.append(found)
        elif ins.argrepr.startswith("NULL"):
            self.stack += [None, found]
        else:
            self.stack += [found, None]

    do_load_name = do_load_global

    def do_store_global(self, ins: dis.Instruction) -> None:
        self.pop(1)
        self.variable(ins, GLOBAL, writes=True)

    do_store_name = do_store_global

    def do_delete_global(self, ins: dis.Instruction) -> None:
        self.variable(ins, GLOBAL, writes=True)

    def do_store_fast_load_fast(self, ins: dis.Instruction) -> None:
        self.pop(1)
        self.stack.append(Local(ins.argval[1]))

    def do_store_fast_store_fast(self, ins: dis.Instruction) -> None:
        del ins
        self.pop(2)

    def do_load_attr(self, ins: dis.Instruction) -> None:
        (base,) = self.pop(1)
        self.attribute(ins, base, writes=False)
        self.stack.append(NEW if base is NEW else Attribute(base or NOBODY, ins.argval))
        if dis.stack_effect(ins.opcode, ins.arg) == 1:
            self.stack.append(base)

    do_load_method = do_load_attr

    def do_store_attr(self, ins: dis.Instruction) -> None:
        self.attribute(ins, self.top(), writes=True)
        self.pop(2)

    def do_delete_attr(self, ins: dis.Instruction) -> None:
        self.attribute(ins, self.top(), writes=True)
        self.pop(1)

    def do_copy(self, ins: dis.Instruction) -> None:
        self.stack.append(self.top(ins.arg or 1))

    def do_swap(self, ins: dis.Instruction) -> None:
        depth = ins.arg or 1
        if len(self.stack) >= depth:
            self.stack[-1], self.stack[-depth] = self.stack[-depth], self.stack[-1]

    def do_before_with(self, ins: dis.Instruction) -> None:
        del ins
        self.pop(1)
        self.stack += [None, None]  # its __exit__, and what its __enter__ has returned

    def do_binary_subscr(self, ins: dis.Instruction) -> None:
        base, index = self.pop(2)
        self.items(ins, base)
        if base is None or base is NEW or index is None or index is NEW:
            self.stack.append(None)
        else:
            self.stack.append(Item(base, index))

    def do_binary_slice(self, ins: dis.Instruction) -> None:
        base, *_ = self.pop(3)
        self.items(ins, base, writes=False)
        self.stack.append(NEW)

    def do_store_subscr(self, ins: dis.Instruction) -> None:
        _, base, _ = self.pop(3)
        self.items(ins, base, writes=True)

    def do_delete_subscr(self, ins: dis.Instruction) -> None:
        base, _ = self.pop(2)
        self.items(ins, base, writes=True)

    def do_store_slice(self, ins: dis.Instruction) -> None:
        _, base, *_ = self.pop(4)
        self.items(ins, base, writes=True)

    def do_contains_op(self, ins: dis.Instruction) -> None:
        _, container = self.pop(2)
        self.items(ins, container, writes=False)
        self.stack.append(NEW)

    def do_compare_op(self, ins: dis.Instruction) -> None:
        self.maybe(ins, *self.pop(2))
        self.stack.append(NEW)

    def do_binary_op(self, ins: dis.Instruction) -> None:
        left, right = self.pop(2)
        if ins.argrepr.startswith("["):  # from CPython 3.14 on this is a subscription
            self.stack += [left, right]
            self.do_binary_subscr(ins)
        elif "=" in ins.argrepr:  # `jobs += [job]` changes the list in its place
            self.maybe(ins, left, writes=True)
            self.stack.append(left)
        else:
            self.maybe(ins, left, right)
            self.stack.append(NEW)

    def do_get_iter(self, ins: dis.Instruction) -> None:
        self.items(ins, self.top(), writes=False)  # and keep the container as its iterator

    def do_for_iter(self, ins: dis.Instruction) -> None:
        self.items(ins, self.top(), writes=False)
        # At the jump the iterator is gone (3.11), or about to be popped (3.12 and later).
        over = dis.stack_effect(ins.opcode, ins.arg, jump=True)
        self.at_jump.setdefault(
            ins.argval, self.stack + [None] * over if over >= 0 else self.stack[:-1]
        )
        self.stack.append(None)

    def do_unpack_sequence(self, ins: dis.Instruction) -> None:
        self.maybe(ins, *self.pop(1))
        self.stack += [None] * (ins.arg or 0)

    def do_list_extend(self, ins: dis.Instruction) -> None:
        self.maybe(ins, *self.pop(1))

    do_set_update = do_dict_update = do_dict_merge = do_list_extend

    def do_to_bool(self, ins: dis.Instruction) -> None:
        self.maybe(ins, *self.pop(1))
        self.stack.append(NEW)

    def do_call(self, ins: dis.Instruction) -> None:
        given = self.pop(ins.arg or 0)
        self.call(ins, given)

    def do_call_kw(self, ins: dis.Instruction) -> None:
        self.pop(1)
        self.do_call(ins)

    def call(self, ins: dis.Instruction, given: list[Expression | None]) -> None:
        below, above = self.pop(2)
        callee = below if below is not None else above
        name = callee.name if callee is not None else ""
        targets: tuple[Target, ...] = ()
        if name not in _NO_LOOK:
            self.maybe(ins, *given)
            targets = self.targets_at(ins)
        looks_into = callee if targets else None
        if isinstance(callee, Attribute) and name in _METHODS:
            self.items(ins, callee.base, certain=name in _READERS | _WRITERS)
            targets = self.targets_at(ins) + targets
        if targets:
            writes = name not in _READERS
            self.sites.accesses[ins.offset] = Access(writes, targets, looks_into)
        if below is NEW and above is not None:  # the function that a comprehension is in 3.11
            self.sites.iterated[ins.offset] = above
        if name in _VIEWS:
            source = given[0] if given else callee.base if isinstance(callee, Attribute) else None
            self.stack.append(source)
        else:
            self.stack.append(NEW if name in _FRESH else None)


_SILENT: Final = _words("CACHE PRECALL KW_NAMES RESUME NOP EXTENDED_ARG MAKE_CELL NOT_TAKEN")
_JUMPS: Final = _words("JUMP_FORWARD JUMP_BACKWARD JUMP_BACKWARD_NO_INTERRUPT")
_KEEPS_TOP: Final = (
    "POP", "STORE", "DELETE", "JUMP", "RETURN", "RAISE", "RERAISE", "PUSH", "END", "LIST_APPEND",
    "SET_ADD", "MAP_ADD", "COPY_FREE",
)  # fmt: skip
_MAKES: Final = ("BUILD", "FORMAT", "CONVERT", "UNARY", "IS_OP", "MAKE", "LOAD_BUILD")
