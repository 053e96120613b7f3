"""Visit every page that can be reached from a first one, several at a time."""

import asyncio


async def fetch(web: dict[str, list[str]], page: str) -> list[str]:
    """Pretend to load a page: give the other coroutines a turn, then return its links."""
    await asyncio.sleep(0)
    return web.get(page, [])


async def crawl(web: dict[str, list[str]], start: str, workers: int = 3) -> set[str]:
    """Return all pages that links lead to, the first one included."""
    seen = {start}
    waiting: asyncio.Queue[str] = asyncio.Queue()
    waiting.put_nowait(start)

    async def work() -> None:
        while True:
            page = await waiting.get()
            for link in await fetch(web, page):
                if link not in seen:
                    seen.add(link)
                    waiting.put_nowait(link)
            waiting.task_done()

    crew = [asyncio.create_task(work()) for _ in range(workers)]
    await waiting.join()
    for member in crew:
        member.cancel()
    await asyncio.gather(*crew, return_exceptions=True)
    return seen


def reachable(web: dict[str, list[str]], start: str) -> list[str]:
    """Crawl from code that is not asynchronous itself.

    >>> web = {"home": ["news", "help"], "news": ["home", "news/1"], "lost": ["home"]}
    >>> reachable(web, "home")
    ['help', 'home', 'news', 'news/1']
    """
    return sorted(asyncio.run(crawl(web, start)))
