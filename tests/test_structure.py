"""The structure of the package: which module imports which, and what none may use."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import taskqueue_edu

PACKAGE = Path(taskqueue_edu.__file__).parent
ROOT = PACKAGE.name

PART_OF = {"frames": "monitor"}
"""Modules without a line of their own on the map, and where they belong."""

WHEN_CALLED = {"queue": {"journal", "web", "widgets"}, "monitor": {"plots"}}
"""What `open`, `serve_dashboard`, a queue in a notebook and `plot` import: nobody else does."""


def the_map() -> list[str]:
    """Return the modules in the order in which the package's docstring lists them."""
    lines = re.findall(r"^    ([a-z_]+(?:, [a-z_]+)*) +\S", taskqueue_edu.__doc__ or "", re.M)
    return [name for line in lines for name in line.split(", ")]


MAP = the_map()
CORE = MAP[: MAP.index("executor_pool") + 1]
HEAVY = (
    *("pandas", "matplotlib", "ipywidgets", "typer", "dask", "IPython", "numpy", "rich"),
    *("starlette", "uvicorn"),
)


def part_of(path: Path) -> str:
    """Return the name on the map that a file stands under."""
    name = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return PART_OF.get(name, name)


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield the full names of all that is imported, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(path: Path) -> set[str]:
    """Return the parts of the package that a file imports; "" stands for the package itself."""
    found = set()
    for name in imports(ast.parse(path.read_text(encoding="utf-8"))):
        first, *rest = name.split(".")
        if first == ROOT:
            known = rest and ((PACKAGE / rest[0]).is_dir() or (PACKAGE / f"{rest[0]}.py").exists())
            found.add(PART_OF.get(rest[0], rest[0]) if known else "")
    return found


MAPPED = [path for path in sorted(PACKAGE.rglob("*.py")) if part_of(path) in MAP]


def test_the_map_is_complete() -> None:
    """Every module of the core is on the map, once, and what the map names up to there exists."""
    assert len(set(MAP)) == len(MAP)
    for name in MAP[: MAP.index("config") + 1]:
        assert (PACKAGE / f"{name}.py").is_file() or (PACKAGE / name / "__init__.py").is_file()
    modules = {part_of(path) for path in PACKAGE.glob("*.py") if not path.name.startswith("__")}
    assert modules <= set(MAP)


@pytest.mark.parametrize("path", MAPPED, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_those_above_it(path: Path) -> None:
    """Read from top to bottom, no module needs one that has not been read yet."""
    part = part_of(path)
    above = {*MAP[: MAP.index(part)], part, *WHEN_CALLED.get(part, ())}
    below = own_imports(path) & set(MAP) - above
    assert not below, f"{part} imports {', '.join(sorted(below))}, which the map has below it"
    if MAP.index(part) <= MAP.index("config"):
        assert own_imports(path) <= above, "the core imports its own modules by name only"


def run(source: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_core_imports_nothing_heavy() -> None:
    """The core, and the picture that the web page shows, come without the notebook's tools."""
    found = run(f"""
        import importlib, sys
        for name in {[*CORE, "picture.frame", "picture.style"]!r}:
            importlib.import_module("{ROOT}." + name)
        print([name for name in {HEAVY!r} if name in sys.modules])
    """)
    assert found == "[]\n"


@pytest.mark.slow
def test_a_memory_queue_needs_no_file_locks() -> None:
    """Where the system has no flock, as on Windows, a memory queue works."""
    found = run("""
        import sys
        sys.modules["fcntl"] = None
        from taskqueue_edu import TaskQueue, WorkerPool
        from taskqueue_edu.workloads import MathTask
        with TaskQueue() as queue, WorkerPool(2) as pool:
            pool.start_processing(queue)
            print(queue.wait_for_result(queue.submit(MathTask("sum", (1, 2)))))
    """)
    assert found == "3\n"


NOT_IMPORTED = {"pickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "code", "codeop"}
NOT_USED = {"eval", "exec", "__import__"}
COURSE = re.compile(r"course/(phase\d+|extension_\w+|exercises/.*)\.py")
"""What a learner reads and runs in a notebook; no module imports it."""


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_data_is_never_code(path: Path) -> None:
    """No module uses what could turn data into code: pickle, marshal, eval, exec."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & NOT_USED
    used |= {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "builtins"
    } & NOT_USED
    if not COURSE.fullmatch(path.relative_to(PACKAGE).as_posix()):
        used |= {name.partition(".")[0] for name in imports(tree)} & NOT_IMPORTED
    assert not used


def test_public_names() -> None:
    """Each name that the package exports is there and has a docstring; the list is sorted."""
    assert list(taskqueue_edu.__all__) == sorted(taskqueue_edu.__all__)
    for name in taskqueue_edu.__all__:
        if name not in ("ControlPanel", "LiveMonitor"):  # they need ipywidgets
            assert getattr(taskqueue_edu, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        taskqueue_edu.nothing  # noqa: B018
