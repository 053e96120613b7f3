"""lab: which notebook is opened, and with which command."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from taskqueue_edu.cli import lab

CORE = "01_core_task_system.ipynb"
START = "00_start_here.ipynb"


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that were started instead of this process. No package is installed."""
    commands: list[list[str]] = []

    def execv(program: str, command: list[str]) -> None:
        assert program == command[0]
        commands.append(command)
        raise SystemExit(0)

    monkeypatch.setattr(os, "execv", execv)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(lab, "_PACKAGE", Path("installed/taskqueue_edu"))
    monkeypatch.setattr(lab, "find_spec", lambda _: object())
    return commands


def notebooks(folder: str, *names: str) -> Path:
    path = Path(folder)
    path.mkdir(parents=True)
    for name in names:
        (path / name).touch()
    return path.resolve()


def test_opens_the_first_notebook_here(call: Callable[..., Any], started: list[list[str]]) -> None:
    """Without a path, the first notebook in ./notebooks is opened, by this very Python."""
    folder = notebooks("notebooks", CORE, "02_worker_pool.ipynb")
    assert call("lab").exit_code == 0
    assert started == [
        [
            *(sys.executable, "-m", "jupyterlab", str(folder / CORE)),
            f"--ServerApp.root_dir={folder}",
            f"--LabApp.default_url=/lab/tree/{CORE}",
        ]
    ]


def test_root_folder_may_be_another(call: Callable[..., Any], started: list[list[str]]) -> None:
    """JupyterLab takes one root folder: the one that the caller names."""
    notebooks("notebooks", CORE)
    call("lab", "--", "--ServerApp.root_dir=/")
    assert started[0][4:] == ["--ServerApp.root_dir=/"]


def test_start_here_comes_first(call: Callable[..., Any], started: list[list[str]]) -> None:
    """A notebook that is meant for the start goes before the first phase."""
    folder = notebooks("notebooks", CORE, START)
    call("lab")
    assert started[0][3] == str(folder / START)


def test_beside_an_editable_install(call: Callable[..., Any], started: list[list[str]]) -> None:
    """Elsewhere, the notebooks beside an editable install are found."""
    folder = notebooks("installed/notebooks", CORE)
    call("lab")
    assert started[0][3] == str(folder / CORE)


@pytest.mark.parametrize("path", ["mine", "mine/notebooks", f"mine/notebooks/{CORE}"])
def test_path(call: Callable[..., Any], started: list[list[str]], path: str) -> None:
    """A path is a notebook, the folder of the notebooks, or the repository."""
    folder = notebooks("mine/notebooks", CORE)
    notebooks("notebooks", CORE)
    call("lab", path)
    assert started[0][3] == str(folder / CORE)


@pytest.mark.parametrize("path", [(), ("mine",)])
def test_options_are_passed_on(
    call: Callable[..., Any], started: list[list[str]], path: tuple[str, ...]
) -> None:
    """What follows -- goes to JupyterLab, with a path before it and without."""
    notebooks("notebooks", CORE)
    notebooks("mine", CORE)
    call("lab", *path, "--", "--no-browser", "--port", "8899")
    assert started[0][4:7] == ["--no-browser", "--port", "8899"]


def test_root_is_allowed(
    call: Callable[..., Any], started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jupyter refuses to run for root unless it is told to: once."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    notebooks("notebooks", CORE)
    call("lab")
    call("lab", "--", "--allow-root")
    assert [command.count("--allow-root") for command in started] == [1, 1]


@pytest.mark.parametrize("path", [(), ("nowhere",), ("README.md",)])
def test_no_notebooks(
    call: Callable[..., Any], started: list[list[str]], path: tuple[str, ...]
) -> None:
    """Without notebooks, or with a path that has none, it says where to get them."""
    Path("README.md").touch()
    if path:
        notebooks("notebooks", CORE)
    found = call("lab", *path)
    assert found.exit_code == 2
    assert "clone the repository" in found.stderr
    assert started == []


def test_jupyterlab_is_missing(
    call: Callable[..., Any], started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without JupyterLab, it says how to install it."""
    monkeypatch.setattr(lab, "find_spec", lambda _: None)
    notebooks("notebooks", CORE)
    found = call("lab")
    assert found.exit_code == 2
    assert "pip install -e '.[lab]'" in found.stderr
    assert started == []
