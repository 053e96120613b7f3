"""`id()`, and the hash of threads and futures, that are the same whenever a schedule is run again.

What has an identity also has a place in an order: `sorted(locks, key=id)` is an order of locks that
all threads agree on. But each schedule makes its objects anew, at other addresses, and so would
take another course each time. In the lab, objects are numbered as they are first asked about.
"""

from __future__ import annotations

import builtins
from typing import Final

from taskqueue_edu.lab.interleave.primitives import Primitive
from taskqueue_edu.lab.interleave.schedule import me, run
from taskqueue_edu.lab.interleave.untraced import untraced

_FIRST: Final = 1_000
_STEP: Final = 16


@untraced
def identity(thing: object, /) -> int:
    """Return `id(thing)`; in a strand, a number by the order in which strands have asked."""
    strand = me()
    if strand is None:
        return builtins.id(thing)
    current = run()
    numbered = current.identities
    known = numbered.get(builtins.id(thing))
    # Who asks first decides: that is part of how the schedule went.
    current.touch(strand, "identities", writes=known is None)
    if known is None:
        known = numbered[builtins.id(thing)] = thing, _FIRST + _STEP * len(numbered)
    return known[1]


identity.__name__ = "id"

_HASH: Final = "_lab_hash"


def hashed(self: object) -> int:
    """Return the hash of a thread or a future that was made in the lab; it orders them in a set."""
    own = vars(self)
    made_here = any(isinstance(own.get(name), Primitive) for name in ("_started", "_condition"))
    if _HASH not in own and made_here and me() is not None:
        own[_HASH] = identity(self)
    number: int = own.get(_HASH, object.__hash__(self))
    return number
