"""Which code is under test: that of the learner, not that of the standard library."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Final

_LAB: Final = str(Path(__file__).parent.parent / "_")[:-1]
_PACKAGE: Final = str(Path(__file__).parent.parent.parent / "_")[:-1]
_EXERCISES: Final = str(Path(_PACKAGE, "course", "exercises", "_"))[:-1]
"""What learners and the authors of exercises write."""
_LIBRARIES: Final = tuple(
    {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)

_ON_OURS: Final = frozenset(
    {"threading", "queue", "concurrent.futures._base", "concurrent.futures.thread"}
)
"""Modules of the standard library that run on cooperative primitives, when code under test calls
them: a subclass of `queue.Queue`, say, or a `Future`."""


class Scope:
    """Tells the code under test from the rest, by the file it stands in.

    `also` are modules or packages that belong to it although they are installed: parts of
    taskqueue_edu, when the library tests itself.
    """

    def __init__(self, also: Iterable[ModuleType]) -> None:
        self._also = tuple(
            str(Path(module.__file__).parent if hasattr(module, "__path__") else module.__file__)
            for module in also
            if module.__file__ is not None
        )
        self._files: dict[str, bool] = {}

    def has(self, code: CodeType) -> bool:
        """Whether the code is under test, so that its instructions are steps of their own."""
        file = code.co_filename
        known = self._files.get(file)
        if known is None:
            known = self._files[file] = self.has_file(file)
        return known

    def has_file(self, file: str) -> bool:
        """Whether code in that file is under test."""
        if file.startswith(_LAB):
            return False
        if file.startswith(_EXERCISES):
            return True
        if file.startswith(_PACKAGE):
            return file.startswith(self._also) if self._also else False
        # "<string>" is what dataclasses and named tuples generate.
        return not file.startswith(("<frozen", "<string>", *_LIBRARIES)) or bool(
            self._also and file.startswith(self._also)
        )

    def cooperates(self, frame: FrameType) -> bool:
        """Whether what is made or asked for in this frame is to be under control."""
        file = frame.f_code.co_filename
        if self._files.get(file) or file.startswith((_PACKAGE, "<string>")):
            return True
        return self.has_file(file) or frame.f_globals.get("__name__") in _ON_OURS

    def modules(self) -> list[ModuleType]:
        """Return the loaded modules whose names may have to be replaced."""
        found = []
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if file is None:
                if getattr(module, "__name__", "") == "__main__":
                    found.append(module)
            elif (
                isinstance(module, ModuleType)
                and isinstance(file, str)
                and (file.startswith(_PACKAGE) or self.has_file(file))
                and not file.startswith(_LAB)
            ):
                found.append(module)
        return found
