"""`taskqueue dashboard`: a folder's tasks in the browser, while their owner is at work."""

from __future__ import annotations

from typing import Annotated

import typer

from taskqueue_edu.cli import options
from taskqueue_edu.cli.output import say


def dashboard(
    folder: options.Folder,
    port: Annotated[
        int,
        typer.Option(metavar="N", min=0, max=65535, help="Listen at this port; 0: a free one."),
    ] = 0,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Listen at this address of the machine.")
    ] = "127.0.0.1",
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Show a folder's tasks in the browser, live.

    The page has what `status`, `cancel` and `retry` do, and a picture of the last minutes. It
    reads the journal, so it works while another process runs the tasks, and when none does. What
    its buttons ask for is left in the inbox.

    The address that is printed lets whoever has it see the tasks, and cancel them. Only this
    machine can reach it, unless --host says otherwise. Ctrl-C ends it.
    """
    from taskqueue_edu.cli.errors import CommandError
    from taskqueue_edu.errors import StorageError

    try:
        from taskqueue_edu.web import serve
    except ImportError as error:
        raise CommandError(str(error), hint="") from error
    try:
        served = serve(folder, host=host, port=port)
    except StorageError:
        raise
    except OSError as error:
        raise CommandError(
            f"can't listen at {host}, port {port}: {error.strerror}",
            hint="choose another --port, or none: then it is one that is free.",
        ) from error
    typer.echo(served.url)
    say("Ctrl-C ends it.")
    if open_it:
        import webbrowser

        webbrowser.open(served.url)
    served.run()
