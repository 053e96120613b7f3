"""A service opens all of its parts or none, in an order in which they can close."""

from taskqueue_edu import TaskQueue, WorkerPool
from taskqueue_edu.course.probes import within
from taskqueue_edu.lab.probes import Case, Check, describe
from taskqueue_edu.workloads import FetchPage, PageServer

check = Check("Service")

NO_EXCEPTION = "Which exceptions are no `Exception`, and what does your code do when one comes?"


class _Failed(Exception):
    """Stands for whatever goes wrong with a part."""


class _Part:
    """Stands for a server, a queue or a pool: it notes when it is opened and left."""

    def __init__(self, parts, name):
        self.parts, self.name = parts, name
        if parts.fails == f"make {name}":
            raise _Failed(f"the {name} can't be opened")
        parts.log.append(f"open {name}")

    def start_processing(self, queue):
        if self.parts.fails == "start":
            raise _Failed("the pool can't be started")
        if self.parts.fails == "Ctrl-C":
            raise KeyboardInterrupt
        self.parts.log.append(f"start with the {queue.name}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.parts.log.append(f"close {self.name}")
        if self.parts.fails == f"close {self.name}":
            raise _Failed(f"the {self.name} can't be closed")
        if self.parts.fails == f"Ctrl-C at the {self.name}":
            raise KeyboardInterrupt


class _Closable(_Part):
    """A part that can be closed without a `with` block, too, as those of the library can."""

    def close(self, *_):
        self.__exit__()

    shutdown = stop = close


class _Parts:
    """What is made for one service, and what became of it: `log`."""

    def __init__(self, fails=""):
        self.fails, self.log = fails, []

    def service(self, Service, server=True, kind=_Closable):
        made = [lambda name=name: kind(self, name) for name in ("queue", "pool", "server")]
        try:
            return Service(*made[: 2 + server])
        except TypeError as error:
            if "context manager" not in str(error):
                raise
            raise Case(
                describe(error), "What is `make_queue`: a part, or what opens it?"
            ) from error

    def refused(self, Service, what):
        """Make a service of which a part fails. Return whether the caller gets the exception."""
        try:
            self.service(Service)
        except (_Failed, KeyboardInterrupt):
            return True
        except (AttributeError, NameError, TypeError):
            raise  # a slip, and it is shown as one
        except Exception as error:
            raise Case(
                f"{what}, and the caller gets another exception: {describe(error)}",
                "Which exception tells the caller what went wrong, and which line raised this one?",
            ) from error
        return False

    def opened(self):
        return [entry.removeprefix("open ") for entry in self.log if entry.startswith("open")]

    def to_close(self):
        return self.opened()[::-1]

    def closed(self):
        return [entry.removeprefix("close ") for entry in self.log if entry.startswith("close")]


@check.probe(question="Who ends the parts when the `with` block in `__init__` is left?")
def it_stays_open(Service):
    """A service is made, and none of its parts is to be closed yet."""
    parts = _Parts()
    service = parts.service(Service)
    assert not parts.closed(), f"It is just made, and closed already: {', '.join(parts.closed())}."
    del service  # whoever keeps the parts in a generator closes them with it


@check.probe(question="Which of the parts uses which?")
def what_is_used_opens_first(Service):
    """The order in which the parts are opened, and whether the pool works on the queue."""
    parts = _Parts()
    service = parts.service(Service)
    opened = parts.opened()
    assert sorted(opened[:-1]) == ["queue", "server"] and opened[-1] == "pool", (
        f"The order is {', '.join(opened)}."
    )
    if "start with the queue" not in parts.log:
        raise Case(
            "Nobody has called start_processing() of the pool.",
            "What must the pool be told, so that it works?",
        )
    found = [getattr(service, name, None) for name in opened]
    names = [getattr(part, "name", part) for part in found]
    assert names == opened, f"{', '.join(opened)} of the service are {names}."


@check.probe(
    question="Which line sees to it that a part gets closed, and in which order does that happen?"
)
def it_closes(Service):
    """It is closed, and closed once more."""
    parts = _Parts()
    service = parts.service(Service)
    try:
        service.close()
    except AttributeError as error:
        if error.obj is not service:
            raise
        raise Case(
            describe(error), "What does close() need, and which line of `__init__` keeps that?"
        ) from error
    assert parts.closed() == parts.to_close(), (
        f"{', '.join(parts.opened())} were opened. After close() these were closed, in this order: {', '.join(parts.closed()) or 'none'}."
    )
    service.close()
    if len(parts.closed()) > 3:
        raise Case(
            f"The second close() closed once more: {', '.join(parts.closed()[3:])}.",
            "How does close() know that it has been called before?",
        )


@check.probe(question="What stands in the place of a server that nobody needs?")
def without_a_server(Service):
    """No server is asked for."""
    parts = _Parts()
    service = parts.service(Service, server=False)
    assert service.server is None, f"Its `server` is {service.server!r}, expected None."
    service.close()
    assert parts.closed() == ["pool", "queue"], f"close() closed {parts.closed()}."


@check.probe(
    "swallowing_is_robust",
    question="What does the caller do with a service of which a part is missing?",
)
def it_cannot_be_made(Service):
    """The pool can't be opened, and it is looked who hears of that."""
    what = "The pool can't be opened"
    told = _Parts("make pool").refused(Service, what)
    assert told, f"{what}, and the caller gets a service all the same."


@check.probe(question="Who could close what is open, if the caller never gets the service?")
def all_or_none(Service):
    """A part can't be opened, or starting the pool raises an error: what was open is closed."""
    for fails in ("make queue", "make server", "make pool", "start", "Ctrl-C"):
        parts = _Parts(fails)
        what = {
            "start": "The pool can't be started",
            "Ctrl-C": "The start of the pool raises KeyboardInterrupt",
        }.get(fails, f"The {fails[5:]} can't be opened")
        told = parts.refused(Service, what)
        expected = parts.to_close()
        closed = (
            f"{what}. Closed are: {', '.join(parts.closed()) or 'none'}; expected: "
            f"{', '.join(expected) or 'none'}."
        )
        if fails == "Ctrl-C" and parts.closed() != expected:
            raise Case(closed, NO_EXCEPTION)
        assert parts.closed() == expected, closed
        if not told:
            raise Case(
                f"{what}, all is closed, and the caller gets a service all the same.",
                "How does the caller hear that the service does not work?",
            )


@check.probe(question="What has the failure of one part to do with the others?")
def one_cannot_be_closed(Service):
    """The queue can't be closed, or Ctrl-C comes while the pool is: the others are, all the same."""
    for fails, what in (
        ("close queue", "The queue can't be closed"),
        ("Ctrl-C at the pool", "The end of the pool raises KeyboardInterrupt"),
    ):
        parts, told = _Parts(fails), False
        service = parts.service(Service)
        try:
            service.close()
        except (_Failed, KeyboardInterrupt):
            told = True
        if parts.closed() != parts.to_close():
            closed = f"{what}. These were asked to close: {', '.join(parts.closed())}."
            raise Case(closed, NO_EXCEPTION) if "Ctrl-C" in fails else AssertionError(closed)
        if not told:
            raise Case(
                f"{what}, and close() says nothing.",
                "What became of that exception, and who wants to know of it?",
            )


@check.probe(question="What has every context manager, and what do only some have?")
def any_context_manager(Service):
    """Each part is a context manager, and has none of the methods `close`, `shutdown` and `stop`."""
    parts = _Parts()
    try:
        parts.service(Service, kind=_Part).close()
    except (AttributeError, TypeError) as error:
        if isinstance(error, AttributeError) and isinstance(error.obj, _Part):
            raise Case(
                f"The {error.obj.name} was asked for `{error.name}`, which this part does not have. Of "
                "the methods that close, it has `__exit__` only, as `with` needs it.",
                "Which line chooses how that part is closed, and what has every context manager?",
            ) from error
        raise AssertionError(describe(error)) from error
    assert parts.closed() == parts.to_close(), (
        f"`__exit__` was called of: {', '.join(parts.closed()) or 'none'}."
    )


@check.probe(question="What do the tasks need until the last of them has ended?")
def in_the_real_system(Service):
    """Eight pages are fetched from a real server, by a real pool."""

    def fetched():
        service = Service(TaskQueue, lambda: WorkerPool(2), lambda: PageServer(5.0))
        try:
            ids = service.queue.submit_many([FetchPage(url) for url in service.server.urls(8)])
            return [service.queue.wait_for_result(task_id).bytes for task_id in ids]
        finally:
            service.close()

    assert all(within(10, fetched)), "Some pages are empty."
