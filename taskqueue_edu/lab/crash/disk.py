"""What may be on the disk when the machine goes off.

An effect is on the disk for certain once its file (for names: its folder) was synced. Each other
one is *kept* or *lost* or, if it is a write, kept in part, whatever happened to those before and
after it. That is the model "strict": what POSIX leaves open, in the manner of ALICE (Pillai et
al., OSDI 2014). The model "ext4" rules out what Linux's ext4 does not do as it is commonly set up:

- names, and files cut off, reach the disk in the order in which they changed; to sync any file
  is to sync those before it too;
- bytes added to a file appear in order, never as zeros;
- a file that is renamed over another one has its bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product
from typing import Final, Literal, NamedTuple, TypeAlias

from taskqueue_edu.lab.crash.effects import (
    ROOT_NODE,
    Content,
    Effect,
    Log,
    Names,
    Resize,
    Write,
    numbered,
)

DiskModel: TypeAlias = Literal["strict", "ext4"]
BLOCK: Final = 4096


class Fate(NamedTuple):
    """What became of an effect that nobody synced. The bytes from `start` to `end` were kept.

    `sized`: the file has its new length all the same, with zeros where bytes are missing.
    """

    kept: bool = False
    start: int = 0
    end: int = 0
    sized: bool = False

    @property
    def torn(self) -> bool:
        """Whether a part of the effect was kept."""
        return self.sized or self.end > 0


KEPT: Final = Fate(kept=True)
LOST: Final = Fate()


def torn_fates(effect: Effect) -> list[Fate]:
    """Return how a write may be kept in part.

    A block may end within it at any byte: the first, half, all but the last one, and after each
    of its first and last lines stand for all of them.
    """
    if not isinstance(effect, Write) or len(effect.data) < 2:
        return []
    size, data = len(effect.data), effect.data
    half = size // 2
    cuts = {1, half, size - 1, data.find(b"\n") + 1, data.rfind(b"\n", 0, -1) + 1}
    border = BLOCK - effect.at % BLOCK
    cuts |= {border, border + (size - border) // BLOCK * BLOCK} if border < size else set()
    fates = [Fate(end=cut) for cut in sorted(cuts, reverse=True) if 0 < cut < size]
    fates.append(Fate(start=half, end=size))
    if effect.grows:
        fates += [Fate(sized=True), Fate(end=half, sized=True)]
    return fates


@dataclass(slots=True)
class Item:
    """An effect that may be on the disk, or (`durable`) is; `waits` for these to be synced."""

    effect: Effect
    waits: set[int]
    stuck: bool = False

    @property
    def durable(self) -> bool:
        return not self.waits


@dataclass
class Moment:
    """A point at which the machine may go off: after so many `events`."""

    events: int
    files: dict[int, bytes]
    names: dict[int, dict[str, int]]
    items: list[Item]

    @property
    def open(self) -> list[Item]:
        """The effects whose fate is open."""
        return [item for item in self.items if not item.durable]


def moments(log: Log, model: DiskModel, first: int = 0) -> Iterator[Moment]:
    """Yield each point at which a crash may leave something else than at the one before.

    Begin after `first` events.
    """
    files, names = numbered(log.start)
    items: list[Item] = []
    if not first:
        yield Moment(0, files, names, [])
    for number, event in enumerate(log.events, 1):
        items += [Item(effect, _where(effect)) for effect in event.effects]
        for item in items:
            if event.failed in item.waits:
                # The kernel calls the pages clean now: no sync will ever write them.
                item.stuck = True
            elif event.synced is not None and not item.stuck:
                if event.synced in item.waits:
                    item.waits = item.waits - {event.synced}
                elif model == "ext4" and _is_metadata(item.effect):
                    item.waits = set()
        if model == "ext4":
            _bring_data(items)
        settled = next((n for n, item in enumerate(items) if not item.durable), len(items))
        if settled:
            files, names = apply(files, names, [(item.effect, KEPT) for item in items[:settled]])
            del items[:settled]
        if event.counts and number >= first:
            copies = [Item(i.effect, set(i.waits), i.stuck) for i in items]
            yield Moment(number, files, names, copies)


def _bring_data(items: list[Item]) -> None:
    """On ext4 a file that was renamed over another one is on the disk with its new name."""
    for number, item in enumerate(items):
        effect = item.effect
        if item.durable and isinstance(effect, Names) and effect.replaced is not None:
            for earlier in items[:number]:
                if isinstance(earlier.effect, Write) and earlier.effect.node == effect.moved:
                    earlier.waits = set()


def _where(effect: Effect) -> set[int]:
    if isinstance(effect, Names):
        return {folder for folder, _, _ in effect.entries}
    return {effect.node}


def _is_metadata(effect: Effect) -> bool:
    return not isinstance(effect, Write)


def apply(
    files: dict[int, bytes], names: dict[int, dict[str, int]], done: list[tuple[Effect, Fate]]
) -> tuple[dict[int, bytes], dict[int, dict[str, int]]]:
    """Return files and names after the effects, as far as each was kept."""
    files, names = dict(files), dict(names)
    own: set[int] = set()
    for effect, fate in done:
        if isinstance(effect, Write):
            files[effect.node] = written(files.get(effect.node, b""), effect, fate)
        elif not fate.kept:
            pass
        elif isinstance(effect, Resize):
            data = files.get(effect.node, b"")
            files[effect.node] = data[: effect.size].ljust(effect.size, b"\0")
        else:
            for folder, name, node in effect.entries:
                if folder not in own:
                    own.add(folder)
                    names[folder] = dict(names.get(folder, {}))
                if node is None:
                    names[folder].pop(name, None)
                else:
                    names[folder][name] = node
    return files, names


def written(data: bytes, write: Write, fate: Fate) -> bytes:
    """Return a file's bytes after a write that was kept as `fate` says."""
    size = len(write.data)
    start, end = (0, size) if fate.kept else (fate.start, fate.end)
    if start < end:
        at = write.at + start
        data = data[:at].ljust(at, b"\0") + write.data[start:end] + data[write.at + end :]
    return data.ljust(write.at + size, b"\0") if fate.sized else data


def content(
    files: dict[int, bytes], names: dict[int, dict[str, int]], folders: set[int]
) -> Content:
    """Return what can be reached from the root, in the order of names."""
    found: list[tuple[str, bytes | None]] = []

    def walk(folder: int, path: str, above: frozenset[int]) -> None:
        for name, node in sorted(names.get(folder, {}).items()):
            if node not in folders:
                found.append((path + name, files.get(node, b"")))
            elif node not in above:
                found.append((path + name, None))
                walk(node, f"{path}{name}/", above | {node})

    walk(ROOT_NODE, "", frozenset({ROOT_NODE}))
    return tuple(found)


def after(moment: Moment, fates: tuple[Fate, ...], folders: set[int]) -> Content:
    """Return what is left if the open effects had these fates."""
    chosen = iter(fates)
    done = [(i.effect, KEPT if i.durable else next(chosen)) for i in moment.items]
    return content(*apply(moment.files, moment.names, done), folders)


def in_order(moment: Moment) -> Iterator[tuple[Fate, ...]]:
    """Yield the fates where, from some effect on, all are lost: first where all of them are."""
    count = len(moment.open)
    for kept in range(count + 1):
        yield (KEPT,) * kept + (LOST,) * (count - kept)


def with_disorder(moment: Moment, number: int) -> Iterator[tuple[Fate, ...]]:
    """Yield the fates that differ from one of those in so many places; one write may be torn."""
    effects = [item.effect for item in moment.open]
    torn = [torn_fates(effect) for effect in effects]
    for base in in_order(moment):
        for places in combinations(range(len(effects)), number):
            choices = [(LOST if base[n].kept else KEPT, *torn[n]) for n in places]
            for chosen in product(*choices):
                if sum(fate.torn for fate in chosen) <= 1:
                    fates = list(base)
                    for place, fate in zip(places, chosen, strict=True):
                        fates[place] = fate
                    yield tuple(fates)


def allows(model: DiskModel, moment: Moment, fates: tuple[Fate, ...]) -> bool:
    """Tell whether a disk of that model may leave that."""
    if model == "strict":
        return True
    metadata_lost = False
    incomplete: set[int] = set()
    for item, fate in zip(moment.open, fates, strict=True):
        effect = item.effect
        if isinstance(effect, Write):
            early = fate.sized or fate.start or (effect.node in incomplete and fate != LOST)
            if effect.grows and early:
                return False
            if not fate.kept:
                incomplete.add(effect.node)
        elif not fate.kept:
            metadata_lost = True
        elif metadata_lost or (isinstance(effect, Names) and _incomplete(effect, incomplete)):
            return False
    return True


def _incomplete(effect: Names, incomplete: set[int]) -> bool:
    """Tell whether a file of which bytes are missing was renamed over another one."""
    return effect.replaced is not None and effect.moved in incomplete
