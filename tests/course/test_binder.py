"""The folder `binder/`: the image in which a reader tries the notebooks without installing."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
BINDER = ROOT / "binder"


def pins() -> list[Requirement]:
    lines = (BINDER / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def wanted() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["lab"]]
    return [Requirement(line) for line in lines]


def test_every_pin_is_exact_and_occurs_once() -> None:
    """Each line of requirements.txt names one version of one package, no package twice."""
    for pin in pins():
        assert re.fullmatch(r"==[0-9][\w.]*", str(pin.specifier)), str(pin)
    names = [canonicalize_name(pin.name) for pin in pins()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("requirement", wanted(), ids=lambda requirement: requirement.name)
def test_every_dependency_is_pinned_in_its_range(requirement: Requirement) -> None:
    """What pyproject.toml asks for, core and lab, is pinned to a version that it allows."""
    (pin,) = (p for p in pins() if canonicalize_name(p.name) == canonicalize_name(requirement.name))
    (exact,) = pin.specifier
    assert requirement.specifier.contains(exact.version)


def test_the_image_has_a_python_that_the_package_allows() -> None:
    """runtime.txt names a Python that `requires-python` includes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    runtime = (BINDER / "runtime.txt").read_text(encoding="utf-8").strip()
    version = runtime.removeprefix("python-")
    assert Requirement(f"python{project['requires-python']}").specifier.contains(version)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no executable bit")
def test_the_build_script_can_be_run() -> None:
    """Binder runs postBuild itself, so it must be executable and say what runs it."""
    script = BINDER / "postBuild"
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").startswith("#!/bin/bash\n")
