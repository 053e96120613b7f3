"""A link checker, run by the real command, killed and started again: the rubric of the capstone."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import chdir, closing, suppress
from functools import cache
from pathlib import Path
from unittest import mock

from taskqueue_edu import StoreLocked, TaskQueue, facts
from taskqueue_edu.catalogue import catalogue
from taskqueue_edu.course.probes import within
from taskqueue_edu.journal import read_facts
from taskqueue_edu.lab.probes import Case, Check, describe
from taskqueue_edu.registry import fold
from taskqueue_edu.workloads import PageServer

check = Check(file="linkcheck.py")

WATCHED = """
import os
import time

import linkcheck
from taskqueue_edu.workloads import FetchPage

check, fetch = linkcheck.CheckLink.execute, FetchPage.execute


def execute(self):
    link = check(self)
    print("checked", flush=True)
    return link


def fetch_or_wait(self):
    if self.url.endswith("x"):
        print("fetches", flush=True)
        time.sleep(5)
        os._exit(9)  # nobody has killed it
    return fetch(self)


linkcheck.CheckLink.execute, FetchPage.execute = execute, fetch_or_wait
tasks = linkcheck.tasks
"""

KEPT = "Which of your names still have a value of the first call, when the second begins?"


class _Site:
    """A server with links of every kind, and a folder in which the learner's file is run."""

    def __init__(self, file):
        self._kept = tempfile.TemporaryDirectory()
        self.folder = Path(self._kept.name)
        code = self.folder / "code"  # links.json is not beside the file
        code.mkdir()
        shutil.copy(file, code / "linkcheck.py")
        (code / "watched.py").write_text(WATCHED)
        server = PageServer(20.0)  # ends with this process
        self.pages = server.urls(24)
        self.missing, self.late = server.url("/missing"), server.url("/page/1x")
        self.refused = ["https://example.org/About", "mailto:a@example.org", "page/1", ""]
        # The same page for a server, and other texts in the list; and a page only with its query.
        self.good_ones = [f"{self.pages[0]}#top", f" {self.pages[1]}", server.url("/flaky/z?fails=0")]
        self.alike = [server.url("/missing/"), server.url("/Missing")]  # and yet other links
        self.busy, self.stuck = server.url("/flaky/x?fails=2"), server.url("/flaky/y?fails=99")

    def run(self, store, links, kill_after=None):
        """Run linkcheck.py on the links; return the exit code and {url: record}.

        With `kill_after`, it is killed when so many are checked, and the late one is being fetched.
        """
        (self.folder / "links.json").write_text(json.dumps(links))
        file = "linkcheck.py" if kill_after is None else "watched.py"
        words = ["run", f"code/{file}", "--store", store, "--workers", "4"]
        plain = {k: v for k, v in os.environ.items() if not k.startswith(("TASKQUEUE_", "FORCE_"))}
        with subprocess.Popen(
            [sys.executable, "-m", "taskqueue_edu", *words],
            cwd=self.folder,
            env={**plain, "COLUMNS": "100"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            said = ""
            for line in process.stdout:
                said += line
                if kill_after and "fetches" in said and said.count("checked") >= kill_after:
                    process.kill()
        if process.returncode == 2:
            raise Case(
                f"`taskqueue {' '.join(words)}` ended with 2. It said:\n{said}",
                "What does the command complain of, and which line of your file has to do with it?",
            )
        journal = self.folder / store / "journal.jsonl"
        assert journal.exists(), f"`taskqueue {' '.join(words)}` said:\n{said}"
        log = read_facts(journal.parent)
        registry = fold(log)
        given = [(json.loads(f[4].payload)["url"], f[1]) for f in log if f[0] == facts.SUBMITTED]
        return process.returncode, [(url, registry.get(task_id)) for url, task_id in given]

    @cache
    def good(self):
        """Links of all kinds, some twice, none for ever busy."""
        odd = [self.missing, self.busy, *self.refused, *self.alike, *self.good_ones]
        return self.run("good", [*self.pages[:5], *odd, *self.pages[:3]])

    @cache
    def stays_busy(self):
        """A page that is there, and a link whose server stays busy."""
        return self.run("stuck", [self.pages[0], self.stuck])

    @cache
    def killed(self):
        """24 pages and a missing one, killed, and run again: what was known at the kill, and at the end."""
        links = [*self.pages[:12], self.late, *self.pages[12:]]
        _, known = self.run("killed", links, kill_after=8)
        return known, *self.run("killed", links)


_site = cache(_Site)


def _ended(site, links, url, status, runs, works=None):
    """Demand that a link's task ended so, in that run, with a result that says so."""
    record = dict(links)[url]
    path = re.sub(r"^http://127.0.0.1:\d+", "", url) or "the empty text"
    raised = ""
    if record.failure is not None and record.failure.type.endswith(".ResultNotStorable"):
        raise Case(
            f"The task for {path} {record.status}: {record.failure.message}",
            "A journal has JSON. Where does the queue read what to make of it again?",
        )
    if record.failure is not None:
        raised = f"\nIts last error: {record.failure.type}: {record.failure.message}"
    assert (record.status, record.attempt) == (status, runs), (
        f"The task for {path} {record.status} in run {record.attempt}, and should have {status} in "
        f"run {runs}.{raised}"
    )
    if works is not None:
        link = json.loads(record.value)
        if link["works"] is not works or bool(link["why"]) is works:
            raise Case(
                f"For {path}, `works` is {link['works']} and `why` is {link['why']!r}.",
                "What did FetchPage get, and what does it say to the URL as it stands in the list?"
                if works and not link["works"] and link["why"]
                else "What do `works` and `why` say of a link, and when is `why` empty?",
            )


@check.probe(question="Which links of the list become a task, how often, and are they as they were in the list?")
def each_link_once(linkcheck):
    """Point 1: a list of 19 links, of which 16 are different, and one is an empty text."""
    site = _site(linkcheck.__file__)
    _, links = site.good()
    wanted = {*site.pages[:5], site.missing, site.busy, *site.refused, *site.alike, *site.good_ones}
    given = Counter(url for url, _ in links)
    for what, which in (
        ("Without a task are", wanted - {*given}),
        ("More than one task have", {url for url in given if given[url] > 1}),
        ("Not in the list are", {*given} - wanted),
    ):
        assert not which, f"{len(links)} tasks were submitted. {what}: {', '.join(map(repr, sorted(which)))}"
    with chdir(site.folder):
        first, second = (len(list(linkcheck.tasks())) for _ in range(2))
    if first != second:
        raise Case(
            "One process called tasks() twice, with the same links.json: the first time there were "
            f"{first} tasks, then {second}.",
            KEPT,
        )


@check.probe(question="Which line of your task raised that, and what did it get?")
def a_good_page_works(linkcheck):
    """Point 2: a page that is there, also if its URL has a query or ends in `#top`."""
    site = _site(linkcheck.__file__)
    for url in (site.pages[0], *site.good_ones):
        _ended(site, site.good()[1], url, "succeeded", 1, works=True)


@check.probe(question="Would it be there if you asked again?")
def bad_links_are_results(linkcheck):
    """Point 3: a page that does not exist, and URLs that FetchPage refuses."""
    site = _site(linkcheck.__file__)
    for url in (site.missing, *site.refused):
        record = dict(site.good()[1])[url]
        raised = record.failure.type if record.failure else ""
        if record.attempt == 1 and raised.endswith(("LookupError", "ValueError")):
            raise Case(
                f"The task failed in its first run, expected a result. It raised {raised}: "
                f"{record.failure.message}",
                "Which exceptions of FetchPage say something of the link, and which do you catch?",
            )
        _ended(site, site.good()[1], url, "succeeded", 1, works=False)
    whys = [json.loads(dict(site.good()[1])[url].value)["why"] for url in (site.missing, "page/1")]
    if whys[0] == whys[1]:
        raise Case(
            f"A page is missing, and `page/1` is no URL that FetchPage takes. Both have {whys[0]!r} as "
            "their `why`.",
            "What does the exception know of the link, and where does your `why` say it?",
        )


@check.probe(question="Which exceptions say something of the link, and which of the moment?")
def busy_is_no_result(linkcheck):
    """Point 4: a server that is busy twice, and then has the page."""
    site = _site(linkcheck.__file__)
    record = dict(site.good()[1])[site.busy]
    link = json.loads(record.value) if record.value else {"works": True}
    assert link["works"], (
        f"The link works, a second later. In run {record.attempt} your task returned, as its "
        f"result: works=False, why={link['why']!r}. Nobody asks again after a result."
    )


@check.probe(question="Who should count the runs, and who waits between them?")
def a_busy_server_is_asked_again(linkcheck):
    """Point 4: the queue asks a busy server a third time, and the exit code is 0."""
    site = _site(linkcheck.__file__)
    code, links = site.good()
    _ended(site, links, site.busy, "succeeded", 3, works=True)
    assert code == 0, f"Every task succeeded, and the exit code is {code}."


@check.probe(question="Which waiting time does your retry policy begin with?")
def it_waits_as_asked(linkcheck):
    """Point 4: the retry policy of the task type is looked at."""
    policy = catalogue.of(linkcheck.CheckLink("https://example.org/")).retry
    assert policy is not None, "The task type has no retry policy."
    assert policy.delay == 0.02, f"It waits from {policy.delay:g} s, expected from 0.02 s."


@check.probe(question="After how many runs is it enough?")
def busy_for_ever_is_a_failure(linkcheck):
    """Point 5: a server that stays busy."""
    site = _site(linkcheck.__file__)
    code, links = site.stays_busy()
    _ended(site, links, site.stuck, "failed", 4)
    assert code == 1, f"A task failed, and the exit code is {code}, expected 1."


@check.probe(question="What does the annotation `-> Link` promise?")
def a_result_is_a_link(linkcheck):
    """A page that is there is checked, and its result looked at."""
    site = _site(linkcheck.__file__)
    with chdir(site.folder):  # it may leave something behind
        found = linkcheck.CheckLink(site.pages[0]).execute()
    assert isinstance(found, linkcheck.Link), f"execute() returned {found!r}, expected a Link."


@check.probe(question="What is known of the link after such an error?")
def other_errors_are_failures(linkcheck):
    """A server does not answer in time (TimeoutError), or FetchPage has a bug (RuntimeError)."""
    site = _site(linkcheck.__file__)
    for error in (TimeoutError("timed out"), RuntimeError("a bug")):
        fails = mock.patch.object(linkcheck.FetchPage, "execute", side_effect=error)
        with fails, chdir(site.folder), suppress(type(error)):
            found = linkcheck.CheckLink(f"http://127.0.0.1:1/{type(error).__name__}").execute()
            raise AssertionError(
                f"FetchPage raised {type(error).__name__}, and execute() returned {found!r}, expected "
                "that error."
            )


@check.probe(question="Which links does whoever reads the report want to see?")
def the_report(linkcheck):
    """Point 6: the report on the run with 16 links, of which seven don't work."""
    site = _site(linkcheck.__file__)
    _, links = site.good()
    try:
        found = within(
            8,
            lambda: linkcheck.report(site.folder / "good"),
            "All tasks had ended",
            linkcheck.__file__,
        )
    except FileNotFoundError as error:
        raise Case(
            describe(error, [linkcheck.__file__]),
            "What is report() given to read, and what does that line want besides?",
        ) from error
    assert isinstance(found, dict), f"report() returned {found!r}, expected a dict."
    if not found:
        raise Case(
            "Seven of the links don't work, and report() returned {}.",
            "Which records does report() find, and which of your conditions leaves them out?",
        )
    for key in {*found} - {*dict(links)}:
        raise Case(
            f"The report is {{{key!r}: {found[key]!r}, ...}}, and {key!r} is none of the URLs.",
            "What does somebody look up in the report, and what do they find there?",
        )
    bad = {site.missing, *site.refused, *site.alike}
    absent = bad - {*found}
    assert not absent, f"Not in the report: {', '.join(map(repr, sorted(absent)))}"
    more = {*found} - bad
    assert not more, f"In the report, though it works: {', '.join(sorted(map(str, more))[:2])}"
    for url, record in links:
        why = json.loads(record.value)["why"]
        if url in bad and found[url] != why:
            raise Case(
                f"In the report, {url} has {found[url]!r}; the `why` of its Link is {why!r}.",
                "Where does a Link say what is wrong with it, and what did you put into the dict?",
            )


@check.probe(question="Which tasks have a result, and how do you know?")
def the_report_on_links_without_a_result(linkcheck):
    """Point 6: the report where one link's task failed, and one has not run yet."""
    site = _site(linkcheck.__file__)
    site.stays_busy()
    folder = site.folder / "stuck"
    with closing(TaskQueue.open(folder)) as queue:
        waits = queue.submit(linkcheck.CheckLink(site.missing))
    for _ in range(2):
        try:
            found = within(
                5,
                lambda: linkcheck.report(folder),
                "One task waits to be run",
                linkcheck.__file__,
            )
        except StoreLocked as error:
            raise Case(
                "report() was called twice, and the second time the folder was still open.",
                "Which line closes the queue that report() opens?",
            ) from error
        except AssertionError as error:  # it hangs
            raise Case(
                str(error), "For which tasks does that line wait, and who runs those in report()?"
            ) from error
        status = fold(read_facts(folder)).get(waits).status
        if status != "pending":
            raise Case(
                f"A task waited to be run. After report() it is {status}, expected pending.",
                "Which line of report() runs tasks, or drops them?",
            )
        if found is None:
            raise Case(
                "No link in that folder has a result that says works=False, and report() returned None.",
                "Which way through your function ends without a `return`?",
            )
        if isinstance(found, dict) and (kept := {*found} & {*site.refused, *site.alike}):
            raise Case(
                "report() was called for another folder before. Now it has links that are not in the "
                f"journal of the folder that it was given: {', '.join(sorted(kept))}",
                KEPT,
            )
        assert found == {}, (
            "One link works, the task of another has failed, and that of a third has not run yet. The "
            f"report is {found}, expected {{}}."
        )


@check.probe(question="When is a link checked: when its task begins, or when it has a result?")
def killed_while_it_fetches(linkcheck):
    """Point 7: kill -9 while a missing page is fetched, and the same command once more."""
    site = _site(linkcheck.__file__)
    _, _, links = site.killed()
    record = dict(links)[site.late]
    assert record.value, "The second run left it without a result."
    assert not json.loads(record.value)["works"], (
        "The page is missing, and after the second run its result is works=True."
    )


@check.probe()
def killed_and_started_again(linkcheck):
    """Point 7: 25 links, kill -9 after eight were checked, and the same command once more."""
    site = _site(linkcheck.__file__)
    known, code, links = site.killed()
    had = {url: record.finished for url, record in known if record.value}
    assert had, "After the kill, the journal has no result."
    assert code == 0, f"The second run ended with {code}, expected 0."
    if len(links) != 25:
        raise Case(
            f"{len(links) - 25} links were submitted a second time. A task is known again by its type "
            "and its fields.",
            "What in your tasks differs from one run to the next?",
        )
    again = [url for url, record in links if url in had and record.finished != had[url]]
    assert not again, f"{len(again)} links that had a result were checked again."
    assert all(record.value for _, record in links), "Some links have no result."
