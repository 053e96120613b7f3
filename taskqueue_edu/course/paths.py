"""Keep the paths of one machine out of the notebooks.

A traceback names files. In a saved notebook it names them as an import would,
`taskqueue_edu/pool.py`, wherever the package and Python lie. Any other path that only this
machine has is a mistake of the cell that prints it.
"""

from __future__ import annotations

import os
import re
import sysconfig
import tempfile
from pathlib import Path

# The folder that `import taskqueue_edu` looks in: the checkout, or site-packages.
_ROOT = Path(__file__).parents[2]

_COLOR = re.compile(r"\x1b\[[0-9;]*m")

# Where people's files lie on Linux, macOS and Windows, where temporary ones do, and where
# Python keeps its library. They catch a path that came from somebody else's machine.
_ANYWHERE = (
    r"(?<![\w.-])/(?:home|Users|root|tmp|private|var/folders)/[\w.-]",
    r"\b[A-Za-z]:\\+(?:Users|Temp|Windows)\b",
    r"/lib/python3\.\d+/",
)


def _spellings(path: Path) -> list[str]:
    """The ways to write `path`: whole, and the short one that IPython uses below home."""
    try:
        return [str(path), str(Path("~") / path.relative_to(Path.home()))]
    except ValueError:
        return [str(path)]


def path_patterns() -> dict[str, str]:
    r"""Return regular expression -> replacement, to be applied in this order with `re.sub`.

    They shorten the file names in tracebacks. The cells of a notebook are compiled under
    names like `/tmp/ipykernel_4711/815.py`: those become `<cell>`.
    """
    temporary = re.escape(tempfile.gettempdir())
    patterns = {temporary + r"[/\\]ipykernel_\d+[/\\]\d+\.py": "<cell>"}
    roots = {_ROOT, *(Path(sysconfig.get_path(name)) for name in ("purelib", "platlib", "stdlib"))}
    # The longest first: site-packages often lies inside one of the others.
    for root in sorted(roots, key=lambda path: (-len(str(path)), path)):
        for spelling in _spellings(root):
            frame = r'(File (?:\x1b\[[0-9;]*m)*"?)' + re.escape(spelling) + r"[/\\]"
            patterns[frame] = r"\1"
    return patterns


def shorten_paths(text: str) -> str:
    """Return `text` with the file names in its tracebacks shortened, see `path_patterns`."""
    for pattern, replacement in path_patterns().items():
        text = re.sub(pattern, replacement, text)
    return text


def machine_paths(text: str) -> list[str]:
    """Return the lines of `text` that show a path of this machine, or of one like it."""
    own = {Path.home(), _ROOT, Path(tempfile.gettempdir())} - {Path(_ROOT.anchor)}
    # In a repr, and in JSON, a backslash is doubled.
    names = {name for p in own for name in (str(p), p.as_posix(), str(p).replace("\\", "\\" * 2))}
    local = [rf"(?<![\w.-]){re.escape(name)}(?![\w-])" for name in sorted(names)]
    pattern = re.compile("|".join([*local, *_ANYWHERE, rf"\bFile ~{re.escape(os.sep)}"]))
    return [line for line in _COLOR.sub("", text).splitlines() if pattern.search(line)]
