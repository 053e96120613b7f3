"""JupyterLab on this machine, and a headless browser that looks at it."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic"]

# The kernel of the notebook in front is there, connected, and has nothing to do.
_READY = """() => {
  const session = window.jupyterapp?.shell?.currentWidget?.sessionContext?.session;
  return session?.kernel?.status === 'idle' && session.kernel.connectionStatus === 'connected';
}"""

_RUN = """async code => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const future = kernel.requestExecute({code, store_history: false});
  let text = '';
  future.onIOPub = message => { text += message.content.text ?? ''; };
  const reply = await future.done;
  if (reply.content.status !== 'ok') throw new Error(reply.content.evalue);
  return text;
}"""


def missing() -> str:
    """Say what is not installed that a test with a browser needs; "" if nothing.

    With REQUIRE_BROWSER=1, as in CI, that is an error: nobody there reads why a test was skipped.
    """
    reason = _missing()
    if reason and os.environ.get("REQUIRE_BROWSER") == "1":
        raise RuntimeError(reason)
    return reason


def _missing() -> str:
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "playwright is not installed: pip install -e '.[dev]'"
    if not any(map(shutil.which, BROWSERS)):
        return "Chromium is not installed: apt-get install chromium"
    return ""


class Lab:
    """A server of JupyterLab, or of Notebook 7, with settings of its own; its root is `folder`."""

    def __init__(self, folder: Path, *, notebook7: bool = False) -> None:
        private = folder / ".lab"
        settings = private / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
        # The tools of a developer bring menus that a learner doesn't have.
        config = private / "config" / "labconfig"
        config.mkdir(parents=True)
        (config / "page_config.json").write_text(
            '{"disabledExtensions": {"@jupyter/nbgrader": true}}'
        )
        places = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "IPYTHONDIR": "ipython",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
        }
        self._folder = folder
        self._notebook7 = notebook7
        module, app = "jupyterlab", "LabApp"
        if notebook7:
            module, app = "notebook", "JupyterNotebookApp"
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", module, "--no-browser", "--allow-root"),
                *("--ip=127.0.0.1", "--port=0", f"--ServerApp.root_dir={folder}"),
                *(f"--{app}.expose_app_in_browser=True", "--LabApp.extension_manager=readonly"),
            ],
            env=os.environ | {name: str(private / place) for name, place in places.items()},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._log: list[str] = []
        self._address = ""
        self._started = threading.Event()
        self._reader = threading.Thread(target=self._read, name="lab-log", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._log.append(line)
            found = re.search(r"(http://127\.0\.0\.1:\d+)/\w+\?token=(\w+)", line)
            if found and not self._address:
                self._address, self._token = found.groups()
                self._started.set()
        self._started.set()

    def __enter__(self) -> Lab:
        if not self._started.wait(60) or not self._address or not self._listens():
            self.close()
            raise RuntimeError("JupyterLab did not start:\n" + "".join(self._log))
        return self

    def _listens(self) -> bool:
        """Wait until the server listens: it prints its address a moment before."""
        host, port = self._address.removeprefix("http://").split(":")
        while self._process.poll() is None:
            try:
                socket.create_connection((host, int(port)), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return True
        return False

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server, which ends its kernels."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def notebook(self, name: str, *cells: str) -> str:
        """Write a notebook of code cells, and return its address in a workspace of its own."""
        code = [nbformat.v4.new_code_cell(source) for source in cells]
        # Without this, JupyterLab asks which kernel to take.
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(cells=code, metadata={"kernelspec": kernel})
        nbformat.write(notebook, self._folder / name)
        return self.address(name)

    def address(self, name: str) -> str:
        """Return the address of a notebook."""
        if self._notebook7:
            return f"{self._address}/notebooks/{name}?token={self._token}"
        workspace = secrets.token_hex(4)
        return f"{self._address}/lab/workspaces/{workspace}/tree/{name}?token={self._token}"


@contextmanager
def chromium() -> Iterator[Any]:
    """Start a headless Chromium; `new_page` opens a page of it."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def open_notebook(page: Any, address: str) -> None:
    """Open a notebook, hide what stands beside it, and wait until its kernel is ready."""
    page.goto(address)
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
    page.wait_for_function(_READY, timeout=60_000)
    if "/notebooks/" in address:
        return
    command(page, "application:set-mode", mode="single-document")
    command(page, "application:toggle-left-area")


def command(page: Any, name: str, **arguments: Any) -> None:
    """Let JupyterLab do something, and wait until it has."""
    page.evaluate(
        f"() => window.jupyterapp.commands.execute('{name}', {json.dumps(arguments)})"
        ".then(() => null)"
    )


def set_theme(page: Any, *, dark: bool) -> None:
    """Choose the theme, and wait until it is there."""
    command(page, "apputils:change-theme", theme=f"JupyterLab {'Dark' if dark else 'Light'}")
    page.locator(f"body[data-jp-theme-light={'false' if dark else 'true'}]").wait_for(
        state="attached"
    )


def run(page: Any, code: str) -> str:
    """Run code in the kernel of the notebook in front; return what it printed."""
    return str(page.evaluate(_RUN, code))
