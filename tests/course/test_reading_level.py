"""The prose of the course is plain: Flesch-Kincaid grade 10 at most, in each notebook."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from taskqueue_edu.course.sources import SOURCES, find_sources, read_source

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
PAGES = sorted(path.stem for path in NOTEBOOKS.glob("*.md"))
PLAIN = 10.0

log = logging.getLogger(__name__)


def prose(name: str) -> str:
    """Return the Markdown of a notebook, or of a page written by hand."""
    if name in PAGES:
        return (NOTEBOOKS / f"{name}.md").read_text(encoding="utf-8")
    (source,) = find_sources(SOURCES, [name])
    return "\n\n".join(c.source for c in read_source(source).cells if c.cell_type == "markdown")


def sentences(markdown: str) -> list[str]:
    """Return the sentences of the prose: no code, tables, headings or names of things in code."""
    text = re.sub(r"^([`~]{3}).*?^\1", "", markdown, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^(#+ |\|).*$|^> ?", "", text, flags=re.MULTILINE)
    text = re.sub(r"<[^>]*>|https?://\S+", "", text)
    text = re.sub(r"!?\[([^]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"`[^`]*`", "code", text)  # a word of the sentence, but not of English
    # A list item or a paragraph ends a sentence, with or without a period.
    parts = re.split(r"(?<=[.!?])[\s*_)]+|\n\s*\n|\n\s*(?:[-*]|\d+\.)\s", text)
    return [part for part in parts if re.search("[A-Za-z]", part)]


def syllables(word: str) -> int:
    """Count the groups of vowels, without the e that is not heard: in made, makes, turned."""
    silent = r"(?<![aeiouytd])ed$|(?<![aeiouysxzcgh])(?<![^aeiouy]l)es$|(?<![^aeiouy]l)e$"
    heard = re.sub(silent, "", word) if len(word) > 3 else word
    return max(1, len(re.findall("[aeiouy]+", heard)))


def grade(markdown: str) -> float:
    """Return the school year in which one can read it.

    Kincaid, Fishburne, Rogers and Chissom, "Derivation of new readability formulas for Navy
    enlisted personnel", 1975, https://stars.library.ucf.edu/istlibrary/56
    """
    found = sentences(markdown)
    words = [w for sentence in found for w in re.findall("[a-z][a-z']*", sentence.lower())]
    per_word = sum(map(syllables, words)) / len(words)
    return 0.39 * len(words) / len(found) + 11.8 * per_word - 15.59


def test_the_grade_tells_plain_from_heavy() -> None:
    """Few syllables a word and few words a sentence are for beginners; many of both are not."""
    counted = {
        "table": 2,
        "started": 2,
        "turned": 1,
        "changes": 2,
        "makes": 1,
        "the": 1,
        "queue": 1,
    }
    assert {word: syllables(word) for word in counted} == counted
    assert grade("The cat sat on the mat. It was warm. The dog ran by.") < 1
    assert grade("Comprehensive utilization of sophisticated terminology impedes readability.") > 20


@pytest.mark.parametrize("name", [*(s.notebook for s in find_sources(SOURCES)), *PAGES])
def test_the_prose_is_plain(name: str) -> None:
    """Whoever reads at grade 10 can read it. `--log-cli-level=info` shows the grade of each."""
    found = grade(prose(name))
    log.info("%s: grade %.1f", name, found)
    assert found <= PLAIN
