"""The evidence: what was done up to the crash, and what became of it."""

from __future__ import annotations

import linecache
from pathlib import PurePath
from typing import Final

from taskqueue_edu.lab.crash.disk import KEPT, LOST, Fate, apply
from taskqueue_edu.lab.crash.effects import (
    ROOT_NODE,
    Content,
    Event,
    Names,
    Resize,
    Write,
    numbered,
)
from taskqueue_edu.lab.crash.kinds import EXPLAINED, buffered
from taskqueue_edu.lab.crash.runs import described
from taskqueue_edu.lab.crash.search import Found
from taskqueue_edu.lab.crash.tree import count, short, shown
from taskqueue_edu.lab.crash.verdict import Failure, FateName, FileView, Step

_LABELS: Final[tuple[FateName, ...]] = ("disk", "kernel", "kept", "lost", "buffer")


def failure(found: Found, kind: str) -> Failure:
    """Tell the story of a failure."""
    history = found.trace.log.events[: found.moment.events]
    why, question = EXPLAINED[kind]
    last = found.problem.inner or found.problem.outcome
    recovered = repr(last.value) if last.error is None else described(last.error)
    if found.problem.phase == "restart" and found.problem.outcome.again:
        recovered = found.problem.outcome.again.recovered
    return Failure(
        crash=_crash(found, history),
        steps=tuple(_steps(found, history)),
        files=tuple(_files(found, history)),
        acknowledged=tuple(found.told),
        then=tuple(_then(found)),
        recovered=recovered,
        why=why,
        question=question,
    )


def _crash(found: Found, history: list[Event]) -> str:
    if not history:
        return "The program has done nothing yet."
    what = "The process is killed" if found.killed else "The power goes off"
    return f"{what} after step {len(_merged(history))}."


def _then(found: Found) -> list[str]:
    problem = found.problem
    if problem.inner is not None:
        done = [event.text for event in problem.outcome.log.events if event.effects]
        return [
            f"Recovery does this: {'; '.join(done)}.",
            f"The power goes off again meanwhile, and leaves {_listed(problem.inner.log.start)}.",
        ]
    again = problem.outcome.again
    if problem.phase != "restart" or again is None:
        return []
    told, left = ", ".join(map(repr, again.told)) or "nothing", _listed(again.left)
    return [
        f"Recovery finds {problem.outcome.value!r}.",
        f"The program is started again, acknowledges {told}, and leaves {left}.",
    ]


def _listed(content: Content) -> str:
    files = [f"{path}: {shown(data)}" for path, data in content if data is not None]
    return "; ".join(files) or "no file"


def _merged(history: list[Event]) -> list[list[Event]]:
    """Put events of one line that follow on each other, of one kind and file, into one step."""
    steps: list[list[Event]] = []
    for event in history:
        last = steps[-1][-1] if steps else None
        same = last is not None and (last.what, last.path) == (event.what, event.path)
        if same and event.what == "buffer" and last is not None and last.place == event.place:
            steps[-1].append(event)
        else:
            steps.append([event])
    return steps


def _steps(found: Found, history: list[Event]) -> list[Step]:
    fates = _fates(found)
    in_buffer = {stream: len(data) for (stream, _), data in buffered(history).items()}
    merged = _merged(history)
    steps = []
    for number in reversed(range(len(merged))):
        event, became, lost = merged[number][0], "", False
        data, text = b"".join(e.data for e in merged[number]), event.text
        if event.what == "buffer":
            text = f"put {count(len(data), 'byte')} into Python's buffer for {short(event.path)}"
            if kept := min(in_buffer.get(event.stream, 0), len(data)):  # the last that were put in
                in_buffer[event.stream] -= kept
                became, lost = "still in the buffer: lost", True
        elif event.effects:
            became, lost = _became(event, fates, found)
        place = event.place
        new = place and not (number and merged[number - 1][-1].place == place)
        steps.append(
            Step(
                text,
                data,
                _file_name(place.file) if place else "",
                place.line if place else 0,
                linecache.getline(place.file, place.line).strip() if place and new else "",
                became,
                lost,
            )
        )
    return steps[::-1]


def _file_name(file: str) -> str:
    """Return a short name. A notebook's cell has no file, and IPython's name for it changes."""
    path = PurePath(file)
    is_cell = path.parent.name.startswith("ipykernel_") or file.startswith("<ipython-input-")
    return "cell" if is_cell else path.name


def _fates(found: Found) -> dict[int, Fate | None]:
    """Return what became of each effect (by id): None for those that were synced in time."""
    chosen = iter(found.fates)
    return {id(i.effect): None if i.durable else next(chosen) for i in found.moment.items}


def _became(event: Event, fates: dict[int, Fate | None], found: Found) -> tuple[str, bool]:
    (effect,) = event.effects
    fate = fates.get(id(effect))
    if fate is None:
        return "on the disk", False
    if found.killed:
        return "with the kernel: kept", False
    stuck = any(item.effect is effect and item.stuck for item in found.moment.items)
    how = "its fsync failed" if stuck else "not synced"
    if fate in (KEPT, LOST):
        return f"{how}: {'kept' if fate.kept else 'lost'}", not fate.kept
    part = f"{fate.end - fate.start} of {len(event.data)} bytes kept"
    if fate.sized:
        part = f"{part}, zeros for the rest" if fate.end else "zeros in its place"
    return f"{how}: {part}", True


def _files(found: Found, history: list[Event]) -> list[FileView]:
    fates = _fates(found)
    start_files, start_names = numbered(found.trace.log.start)
    data = {node: bytearray(held) for node, held in start_files.items()}
    labels = {node: bytearray(len(held)) for node, held in start_files.items()}
    effects = [effect for event in history for effect in event.effects]
    for effect in effects:
        if not isinstance(effect, Names):
            _mark(effect, fates, found, data, labels)
    _, names = apply({}, start_names, [(effect, KEPT) for effect in effects])
    seen = dict(_paths(names, found.trace.log.folders))
    first = dict(found.trace.log.start)
    left = dict(found.problem.outcome.log.start)
    pending: dict[str, bytes] = {}
    for (_, path), held in buffered(history).items():
        pending[short(path)] = pending.get(short(path), b"") + held
    views = []
    for path in sorted({*seen, *(p for p, held in left.items() if held is not None)}):
        node = seen.get(path)
        spans = _spans(data.get(node, b""), labels.get(node, b"")) if node is not None else []
        if path in pending:
            spans.append((pending[path], "buffer"))
        note = _note(path, seen, left)
        views.append(FileView(path, first.get(path), tuple(spans), left.get(path), note))
    changed = {short(event.path) for event in history if event.effects}
    telling = [v for v in views if v.note or _whole(v) != v.left or v.path in changed]
    return telling or views


def _whole(view: FileView) -> bytes:
    return b"".join(part for part, _ in view.spans)


def _note(path: str, seen: dict[str, int], left: dict[str, bytes | None]) -> str:
    if path not in left:
        return "its name was not on the disk"
    return "" if path in seen else "it was renamed or removed; that was not on the disk"


def _paths(names: dict[int, dict[str, int]], folders: set[int]) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []

    def walk(folder: int, path: str) -> None:
        for name, node in names.get(folder, {}).items():
            if node in folders:
                walk(node, f"{path}{name}/")
            else:
                found.append((path + name, node))

    walk(ROOT_NODE, "")
    return found


def _mark(
    effect: Write | Resize,
    fates: dict[int, Fate | None],
    found: Found,
    data: dict[int, bytearray],
    labels: dict[int, bytearray],
) -> None:
    """Do to a file what was done, and note for each byte where it was at the crash."""
    held = data.setdefault(effect.node, bytearray())
    marks = labels.setdefault(effect.node, bytearray())
    if isinstance(effect, Resize):
        for part in (held, marks):
            del part[effect.size :]
            part.extend(bytes(effect.size - len(part)))
        return
    size, fate = len(effect.data), fates.get(id(effect))
    if fate is None or fate == KEPT:
        name: FateName = "disk" if fate is None else "kernel" if found.killed else "kept"
        new = bytes([_LABELS.index(name)]) * size
    else:
        kept, lost = bytes([_LABELS.index("kept")]), bytes([_LABELS.index("lost")])
        new = lost * fate.start + kept * (fate.end - fate.start) + lost * (size - fate.end)
    for part, put in ((held, effect.data), (marks, new)):
        part.extend(bytes(max(effect.at - len(part), 0)))
        part[effect.at : effect.at + size] = put


def _spans(data: bytes | bytearray, marks: bytes | bytearray) -> list[tuple[bytes, FateName]]:
    spans: list[tuple[bytes, FateName]] = []
    start = 0
    for end in range(1, len(data) + 1):
        if end == len(data) or marks[end] != marks[start]:
            spans.append((bytes(data[start:end]), _LABELS[marks[start]]))
            start = end
    return spans
