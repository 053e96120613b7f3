"""Which mistake a failure shows."""

from __future__ import annotations

from typing import Final, NamedTuple

from taskqueue_edu.lab.crash.disk import KEPT, Fate, Item
from taskqueue_edu.lab.crash.effects import Event, Names, Resize, Write
from taskqueue_edu.lab.crash.search import Found

NOT_SYNCED: Final = "write without fsync acknowledged"
FILE_NOT_SYNCED: Final = "rename without fsync of the file"
FOLDER_NOT_SYNCED: Final = "without fsync of the folder"
IN_PLACE: Final = "overwrite in place"
REMOVED: Final = "old file removed first"
TORN: Final = "torn last line"
RETRIED: Final = "retry after a failed fsync"
IGNORED: Final = "failed fsync ignored"
APPLIED_FIRST: Final = "state applied before stored"
LOG_REMOVED: Final = "snapshot removes the log first"
RECOVERY: Final = "recovery itself is not safe"
NO_CRASH: Final = "wrong without a crash"
WRITE_FAILED: Final = "failed write ignored"
OTHER: Final = "recovered state is wrong"


class Explained(NamedTuple):
    """Why it fails, and a question that leads on."""

    why: str
    question: str


EXPLAINED: Final = {
    NOT_SYNCED: Explained(
        "write() hands the bytes to Python's buffer, flush() and close() to the kernel. Neither "
        "waits for the disk; only fsync does.",
        "Which call must have returned before anybody is told that the data is safe?",
    ),
    FILE_NOT_SYNCED: Explained(
        "A rename is kept in the folder, the bytes in the file: the new name can be on the disk "
        "before them, and then it names an empty or half a file.",
        "What must be on the disk before the file gets its final name?",
    ),
    FOLDER_NOT_SYNCED: Explained(
        "A name is kept in its folder, not in the file: fsync of a file says nothing of its name. "
        "A new name, or an old one that is gone, is safe after fsync of the folder.",
        "Who has to be synced after a file was created or renamed?",
    ),
    IN_PLACE: Explained(
        "The old bytes were destroyed before the new ones were there, and a crash can come in "
        "between: then there is neither.",
        "How can the old file stay whole until the new one is?",
    ),
    REMOVED: Explained(
        "The old file had lost its name before the new one got it, and a crash can come in "
        "between: then there is neither.",
        "Which call gives a file a name that another one has, in one step?",
    ),
    TORN: Explained(
        "A crash can leave any part of the last write. That was promised to nobody yet, but "
        "recovery has to notice it and cut it off, or the next line is added to the ruin.",
        "How can recovery tell a whole line from a part of one, and what must it do then?",
    ),
    RETRIED: Explained(
        "After a failed fsync the kernel may call the bytes clean although the disk never got "
        "them. The next fsync has nothing to do, and reports success.",
        "What is left to do after a failed fsync, if not to try again?",
    ),
    IGNORED: Explained(
        "fsync failed, and the caller was told that all is well.",
        "Who has to hear of the error?",
    ),
    APPLIED_FIRST: Explained(
        "What is only in memory was told to somebody. After the crash nobody knows of it.",
        "Which must come first: to store a change, or to show it?",
    ),
    LOG_REMOVED: Explained(
        "The log was gone before the snapshot that replaces it was on the disk.",
        "What has to be on the disk, name included, before the log may go?",
    ),
    RECOVERY: Explained(
        "The machine can go off while it recovers, too; what recovery destroys first is lost.",
        "Can recovery be run again from each of its own steps?",
    ),
    NO_CRASH: Explained(
        "Nothing was lost here.",
        "What does recovery find at the very first start, and what after a run that went well?",
    ),
    WRITE_FAILED: Explained(
        "The disk had no room for all the bytes, and the program went on as if it had. An "
        "unbuffered write may take a part of them, and returns how many.",
        "Who looks at what write returns, or at the error that it raises?",
    ),
    OTHER: Explained("", "What is the first step after which the disk is not as you thought?"),
}


def kind_of(found: Found) -> str:
    """Name the mistake; OTHER if it is none of those with a name."""
    if found.problem.phase == "second recovery":
        return RECOVERY
    if found.moment.events == 0:
        return NO_CRASH
    events = found.trace.log.events
    history = events[: found.moment.events]
    culprits = [
        (item, fate)
        for item, fate in zip(found.moment.open, found.fates, strict=True)
        if fate != KEPT
    ]
    if culprits:
        return _power_cut(found, history, culprits)
    if found.problem.phase == "restart" and history[-1].what == "create":
        return OTHER  # nothing is lost: a file that was left behind is in the way
    return _killed(history, events[found.moment.events :])


def _killed(history: list[Event], future: list[Event]) -> str:
    """All that the kernel had is there, and that is wrong. So it is the last step."""
    last = history[-1]
    if last.what in ("acknowledge", "rename") and any(event.what == "full" for event in history):
        return WRITE_FAILED
    if last.what == "acknowledge":
        return NOT_SYNCED if buffered(history) else APPLIED_FIRST
    if last.what == "rename" and buffered(history):
        return FILE_NOT_SYNCED
    if last.what == "write":
        (write,) = last.effects
        assert isinstance(write, Write)
        in_place = write.over or _was_cut(write.node, history)
        return IN_PLACE if in_place else TORN
    if last.what in ("resize", "remove", "rename"):
        return _destroyed(last, future)
    return IN_PLACE if last.what == "create" else OTHER


def _destroyed(event: Event, future: list[Event]) -> str:
    """Tell whether what was destroyed is written anew, or is to be found in another file."""
    own = REMOVED if event.what == "remove" else IN_PLACE
    final = {_moved(later): later.path for later in future}
    for later in future:
        effect = _first(later)
        if later.what == "rename":
            return own if later.path == event.path else LOG_REMOVED
        if isinstance(effect, Write):
            path = final.get(effect.node, later.path)
            return own if path == event.path else LOG_REMOVED
    return own


def _first(event: Event) -> object:
    return event.effects[0] if event.effects else None


def _power_cut(found: Found, history: list[Event], culprits: list[tuple[Item, Fate]]) -> str:
    """Say what was missing, of what the disk lost or tore."""
    if any(item.stuck for item, _ in culprits):
        failed = next(n for n, event in enumerate(history) if event.failed is not None)
        node, after = history[failed].failed, history[failed + 1 :]
        again = any(event.synced == node for event in after)
        if any(event.what == "acknowledge" for event in after):
            return RETRIED if again else IGNORED
        if again and _was_renamed(node, after):
            return RETRIED
    writes = [(i.effect, fate) for i, fate in culprits if isinstance(i.effect, Write)]
    removed = _removed(history, {write.node for write, _ in writes}, found)
    if not writes:
        if any(isinstance(item.effect, Names) for item, _ in culprits):
            return LOG_REMOVED if removed else FOLDER_NOT_SYNCED
        return NOT_SYNCED
    if any(_was_renamed(write.node, history) for write, _ in writes):
        return FILE_NOT_SYNCED
    if removed:
        return LOG_REMOVED
    torn = [write for write, fate in writes if fate.torn]
    if any(write.over or _was_cut(write.node, history) for write in torn):
        return IN_PLACE
    return TORN if torn else NOT_SYNCED


def _removed(history: list[Event], nodes: set[int], found: Found) -> bool:
    """Tell whether another file was removed or emptied since the last acknowledgement."""
    lost = {id(i.effect) for i, f in zip(found.moment.open, found.fates, strict=True) if f != KEPT}
    for event in reversed(history):
        if event.what == "acknowledge":
            return False
        effect = _first(event)
        if id(effect) in lost:
            continue
        if isinstance(effect, Resize) and not effect.size and effect.node not in nodes:
            return True
        if event.what == "remove":
            return True
    return False


def _was_cut(node: int, history: list[Event]) -> bool:
    return any(
        isinstance(effect := _first(event), Resize) and effect.node == node and not effect.size
        for event in history
    )


def _was_renamed(node: int | None, history: list[Event]) -> bool:
    return any(_moved(event) == node for event in history)


def _moved(event: Event) -> int | None:
    effect = _first(event)
    return effect.moved if isinstance(effect, Names) else None


def buffered(history: list[Event]) -> dict[tuple[int, str], bytes]:
    """Return what is still in Python's buffers, by opened file and its path."""
    kept: dict[tuple[int, str], bytes] = {}
    for event in history:
        key = (event.stream, event.path)
        if event.what == "buffer":
            kept[key] = kept.get(key, b"") + event.data
        elif event.what == "write" and key in kept:
            kept[key] = kept[key][len(event.data) :]
    return {key: data for key, data in kept.items() if data}
