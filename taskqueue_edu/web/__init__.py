"""The dashboard: the live picture, the tasks and their histories, in a browser.

It needs starlette and uvicorn, so it is imported on use. In the order in which to read it:

    backend   what it shows: a queue of this process, or a folder that another one works on
    table     the tasks: filtered, sorted, a page at a time
    frames    one picture, five times a second, for all who look
    guard     who may see it, and what a browser may do with it
    app       what is at which address
    server    Dashboard: the address, the thread, the end
    static/   the page: HTML, CSS and JavaScript, sent as they are

Whatever comes from a task is text all the way: in JSON to the page, which puts it into
`textContent`, or escaped in the picture. The content security policy forbids inline scripts and
styles besides.
"""

try:
    from taskqueue_edu.web.server import Dashboard, serve
except ModuleNotFoundError as error:
    raise ImportError(
        f"the dashboard needs {error.name}, which is not installed: in the folder of the "
        "repository, pip install -e '.[web]'",
        name=error.name,
    ) from error

__all__ = ["Dashboard", "serve"]
