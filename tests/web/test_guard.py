"""Who gets to see the dashboard, and what a browser may do with it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest

import taskqueue_edu
from taskqueue_edu import TaskQueue, TaskStatus
from taskqueue_edu.web import guard
from taskqueue_edu.workloads import MathTask

from .site import Site

PATHS = ["/", "/dashboard.js", "/dashboard.css", "/picture.css", "/icon.svg", "/events"]
PATHS += ["/tasks.json", "/task.json?id=x", "/metrics.json", "/nothing"]

TASK = MathTask("sum", (1, 2))


# -- the token


def test_nothing_without_the_token(site: Site) -> None:
    """Who has no token gets no page, no file and no number, and learns where the token is."""
    for path in PATHS:
        answer = site.ask(path, known=False)
        assert answer.code == 403, path
        assert "the address that was printed" in answer.text


def test_the_token_must_be_right(site: Site) -> None:
    """A wrong token, a longer or a shorter one, and one that is not ASCII, are none."""
    for given in ("", "x", site.token + "x", "\u00fc", site.token[:-1]):
        assert site.ask(f"/?token={quote(given)}", known=False).code == 403
        for headers in (
            {"Cookie": f"taskqueue-{site.port}={given}"},
            {"Authorization": f"Bearer {given}"},
        ):
            assert site.ask("/", known=False, **headers).code == 403


def test_the_token_becomes_a_cookie(site: Site) -> None:
    """The address with the token leads to one without, and to a cookie no script can read."""
    answer = site.ask(f"/?token={site.token}", known=False)
    assert re.findall(r'content="0; url=(.*?)"', answer.text) == ["/"]
    assert site.token not in answer.text
    cookie, *attributes = answer.headers["set-cookie"].split("; ")
    assert cookie == site.cookie
    assert {"httponly", "samesite=strict", "path=/"} <= {each.lower() for each in attributes}
    assert site.ask("/", known=False, Cookie=cookie).code == 200


def test_the_token_opens_the_first_page_only(site: Site) -> None:
    """Elsewhere a token in the address is none: it would stay in histories and logs."""
    assert site.ask(f"/tasks.json?token={site.token}", known=False).code == 403


def test_programs_send_a_header(site: Site) -> None:
    """A program without cookies gets the numbers with the token as a bearer."""
    answer = site.ask("/metrics.json", known=False, Authorization=f"Bearer {site.token}")
    assert answer.json["depth"] == 0


def test_tokens_are_long_and_differ(queue: TaskQueue) -> None:
    """Each dashboard has a token of its own, of 256 random bits."""
    with queue.serve_dashboard() as one, queue.serve_dashboard() as other:
        tokens = {Site(one.url).token, Site(other.url).token}
    assert len(tokens) == 2
    assert all(len(token) == 43 for token in tokens)


def test_comparing_takes_the_same_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """How long the answer takes does not tell how much of a token is right."""
    compared: list[tuple[bytes, bytes]] = []

    def compare(given: bytes, token: bytes) -> bool:
        compared.append((given, token))
        return False

    monkeypatch.setattr(guard, "compare_digest", compare)
    assert site.ask("/").code == 403
    assert (site.token.encode(), site.token.encode()) in compared


# -- which server, and from which page


def test_other_names_are_not_this_server(site: Site) -> None:
    """A page whose name was made to stand for 127.0.0.1 reads nothing (DNS rebinding)."""
    for host in (
        *("evil.example", f"evil.example:{site.port}", f"localhost.evil.example:{site.port}"),
        *("127.0.0.1.evil.example", "x@127.0.0.1", "127.0.0.1/", "[127.0.0.1", "127.1", ""),
    ):
        answer = site.ask("/tasks.json", Host=host, Origin=f"http://{host}")
        assert answer.code in (400, 421), host
        assert b"types" not in answer.body


def test_addresses_are_this_server(site: Site) -> None:
    """An address, or localhost, is no name that somebody could have changed."""
    for host in (f"127.0.0.1:{site.port}", "127.0.0.1", "LOCALHOST", f"[::1]:{site.port}"):
        assert site.ask("/", Host=host).code == 200, host


def test_other_pages_press_no_button(queue: TaskQueue, site: Site) -> None:
    """What a page of another origin sends changes nothing, although the cookie comes with it."""
    task_id = queue.submit(TASK)
    path = f"/cancel?id={task_id}"
    assert site.ask(path, "POST").code == 403
    other = ("null", "http://evil.example", "http://127.0.0.1", f"https://127.0.0.1:{site.port}")
    for origin in other:
        assert site.ask(path, "POST", Origin=origin).code == 403, origin
    assert queue.status(task_id) is TaskStatus.PENDING


def test_buttons_need_the_token(queue: TaskQueue, site: Site) -> None:
    """The right origin alone is not enough."""
    task_id = queue.submit(TASK)
    answer = site.ask(f"/cancel?id={task_id}", "POST", known=False, Origin=site.origin)
    assert answer.code == 403
    assert queue.status(task_id) is TaskStatus.PENDING


def test_reading_changes_nothing(queue: TaskQueue, site: Site) -> None:
    """A link or a picture on another page, which asks with GET, is refused."""
    task_id = queue.submit(TASK)
    assert site.ask(f"/cancel?id={task_id}").code == 405
    assert queue.status(task_id) is TaskStatus.PENDING


# -- what the browser is told


def test_every_answer_has_the_headers(site: Site) -> None:
    """Pages, files, numbers and refusals: not kept, not framed, not guessed at, no referrer."""
    refused = site.ask("/", known=False), site.ask("/", Host="evil.example")
    welcome = site.ask(f"/?token={site.token}", known=False)
    with site.open("/events") as events:
        several = [site.ask(path).headers for path in PATHS if path != "/events"]
        several += [answer.headers for answer in (*refused, welcome)]
        several += [site.ask("/cancel?id=x").headers, site.press("cancel", "x").headers]
        several += [events.headers]
    for headers in several:
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "server" not in headers


def test_files_have_their_types(site: Site) -> None:
    """Each file is sent as what it is."""
    for path, kind in (
        ("/", "text/html; charset=utf-8"),
        ("/dashboard.js", "text/javascript; charset=utf-8"),
        ("/dashboard.css", "text/css; charset=utf-8"),
        ("/picture.css", "text/css; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
        ("/tasks.json", "application/json"),
    ):
        answer = site.ask(path)
        assert answer.headers["content-type"] == kind
        assert answer.body


class _Inline(HTMLParser):
    """Collects what the content security policy would forbid."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in given):
            self.found.append(tag)
        self.found += [name for name in given if name == "style" or name.startswith("on")]


def test_nothing_is_inline(queue: TaskQueue, site: Site) -> None:
    """Neither the page nor the picture has a script, a style or a handler in it."""
    queue.submit(TASK)
    inline = _Inline()
    inline.feed(site.ask("/").text)
    inline.feed(next(site.frames())["picture"])
    assert inline.found == []


def test_only_the_picture_is_html() -> None:
    """The script of the page has one place where text becomes HTML, and none where it is run."""
    script = Path(taskqueue_edu.__file__).parent / "web" / "static" / "dashboard.js"
    html = "innerHTML|outerHTML|insertAdjacent|document.write|eval|Function|parseFromString"
    assert re.findall(html, script.read_text()) == ["innerHTML"]
