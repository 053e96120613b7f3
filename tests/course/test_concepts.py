"""CONCEPTS.md: what it points to is there, and it has every term that a notebook defines."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from taskqueue_edu.course.sources import SOURCES, find_sources, read_source
from taskqueue_edu.lab.exercises import exercises
from taskqueue_edu.lab.predict import predictions

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
TEXT = (FOLDER / "CONCEPTS.md").read_text(encoding="utf-8")
CONCEPTS = {part.partition("\n")[0]: part.split("\n# ")[0] for part in TEXT.split("\n## ")[1:]}

# In bold because a notebook stresses it: not a term that it defines.
STRESSED = {
    "accepted",
    "called",
    "can't be killed",
    "class",
    "different",
    "errors",
    "expected",
    "file",
    "found",
    "locks in one order",
    "lost",
    "more than once",
    "newest",
    "numbers",
    "objects",
    "one lock",
    "one step",
    "place",
    "predict",
    "reverse",
    "storage",
    "text",
    "waits",
}


def symbols(path: Path) -> set[str]:
    """Return what a module defines at its top, and `Class.method` for each class."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{n.name}" for n in node.body if isinstance(n, ast.FunctionDef)}
        if isinstance(node, ast.Assign):
            found |= {name.id for name in node.targets if isinstance(name, ast.Name)}
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return found


def anchor(heading: str) -> str:
    """Return the name that pages on the web give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("concept", CONCEPTS)
def test_a_concept_has_all_of_its_parts(concept: str) -> None:
    """It is told in Python and in Rust, with the place that misleads, and where to go on."""
    parts = re.findall(r"^\*\*(.*?)\.\*\*", CONCEPTS[concept], re.MULTILINE)
    assert parts == ["In Python", "In Rust", "In the library", "Train it", "Read on"]
    assert "*What misleads*" in CONCEPTS[concept]


@pytest.mark.parametrize("concept", CONCEPTS)
def test_the_lines_of_the_library_are_there(concept: str) -> None:
    """Each file that a concept names exists, and defines what is said to be in it."""
    named = re.findall(r"\[`([\w/]+\.py)`]\((\S+?)\) · `([\w.]+)`", CONCEPTS[concept])
    assert named
    for shown, link, symbol in named:
        assert link == f"../taskqueue_edu/{shown}"
        assert symbol in symbols(FOLDER / link)


@pytest.mark.parametrize("concept", CONCEPTS)
def test_something_trains_it(concept: str) -> None:
    """The exercises and questions that a concept names exist; or it names a notebook's section."""
    trained = CONCEPTS[concept].partition("**Train it.**")[2].partition("**Read on.**")[0]
    names = set(re.findall(r"`(p\d\.\w+)`", trained))
    known = {*(e.name for e in exercises()), *predictions().predict, *predictions().trace}
    assert names <= known, names - known
    if not names:
        ((notebook, title),) = re.findall(r"\]\((\w+)\.ipynb\), \"(.*?)\"", trained)
        (source,) = find_sources(SOURCES, [notebook])
        assert re.search(rf"^# #+ .*{title}", source.path.read_text("utf-8"), re.MULTILINE)


def test_links_within_the_folder_lead_somewhere() -> None:
    """In the pages written by hand, each relative link is to a file or heading that exists."""
    for page in sorted(FOLDER.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        anchors = {anchor(title) for title in re.findall(r"^#+ (.*)", text, re.MULTILINE)}
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if link.startswith("#"):
                assert link[1:] in anchors, link
            elif "://" not in link:
                assert (FOLDER / link).exists(), link


@pytest.mark.slow
def test_every_term_has_its_place() -> None:
    """What the notebooks print in bold to define it stands in the index of terms."""
    index = {w.lower() for w in re.findall(r"\[(.*?)\]\(#", TEXT.partition("# Index of terms")[2])}
    for source in find_sources(SOURCES):
        prose = "\n".join(c.source for c in read_source(source).cells if c.cell_type == "markdown")
        for bold in re.findall(r"\*\*([a-z][^*]*)\*\*", re.sub("`[^`]*`", "", prose)):
            term = " ".join(bold.replace("hand off", "hand-off").split())
            # A plural is no other term.
            known = {term, term.removesuffix("s"), term.removesuffix("es")} & (index | STRESSED)
            assert known, f"{source.path.name} has **{term}**, and CONCEPTS.md doesn't"
