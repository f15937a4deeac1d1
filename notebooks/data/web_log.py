#!/usr/bin/env python3
"""Writes a day of a web server's log, about 100,000 lines: the same bytes every time.

    python3 data/web_log.py data/access.log

The lines have the "combined" format and the seconds that the answer took. There are people, who follow links and have bad minutes
when a page is broken; robots, some of which say so; and an afternoon on which something happens. What, is for the notebook to find.

Only `random()` is used of Python's generator, the one method whose numbers no version of Python changes.
"""

import os
import sys
from random import Random

# Of a thousand sessions, how many begin in each hour.
BY_HOUR = [14, 9, 6, 5, 6, 10, 20, 35, 52, 60, 62, 60, 58, 57, 60, 58, 55, 54, 58, 66, 70, 60, 41, 24]
SESSIONS = 5_700
ARTICLES = 60
BROWSERS = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/604.1",
]
ROBOTS = ["Mozilla/5.0 (compatible; ExampleBot/2.1; +http://bot.example/)", "feed-reader/1.4", "curl/8.16.0"]
DAY = 24 * 3600
# From when to when search is broken, in seconds of the day.
TROUBLE = (14 * 3600 + 12 * 60, 14 * 3600 + 43 * 60)


def pick(random, items):
    return items[int(random() * len(items))]


def address(random):
    return f"10.{int(random() * 256)}.{int(random() * 256)}.{1 + int(random() * 254)}"


def links():
    """What each page links to: every article to the next one and to a few popular ones."""
    articles = [f"/articles/{number}" for number in range(1, ARTICLES + 1)]
    table = {"/": articles[:5] + ["/search", "/about"], "/about": ["/"], "/search": articles[::7] + ["/"]}
    for index, page in enumerate(articles):
        table[page] = ["/", articles[(index + 1) % ARTICLES], articles[index // 2], articles[index * index % 11]]
    return table


def answer(random, path, second):
    """Status, bytes and duration of an answer."""
    status, size, took = 200, 4_000 + int(random() * 20_000), 0.004 + random() * random() * 0.2
    if path.startswith("/static/"):
        status, took = (304, took / 10) if random() < 0.4 else (200, took / 10)
    elif path.startswith(("/search", "/api/search")):
        took *= 4
        if TROUBLE[0] <= second < TROUBLE[1]:
            took += 2 + random() * 8
            if random() < 0.7:
                status = 503
    if random() < 0.002:
        status = 404
    if status in (304, 404, 503):
        size = 0 if status == 304 else 312
    return status, size, took


def begin(random):
    """The second at which a session begins."""
    place, hour = random() * sum(BY_HOUR), 0
    while place >= BY_HOUR[hour]:
        place -= BY_HOUR[hour]
        hour += 1
    return hour * 3600 + random() * 3600


def people(random, table):
    """Sessions: a page, its style sheet and pictures, a link, and so on."""
    addresses = [address(random) for _ in range(3_000)]
    for _ in range(SESSIONS):
        host, agent, second = pick(random, addresses), pick(random, BROWSERS), begin(random)
        page, before = ("/" if random() < 0.5 else pick(random, list(table))), "-"
        while second < DAY:
            path = page if page != "/search" else f"/search?q=topic{int(random() * 300)}"
            yield second, host, path, before, agent
            here = "http://www.example" + path
            if before == "-":
                yield second + 0.2, host, "/static/style.css", here, agent
            for picture in range(int(random() * 2.2)):
                yield second + 0.3, host, f"/static{page if page != '/' else '/home'}-{picture}.png", here, agent
            if random() < 0.17:
                break
            second += 2 + random() * random() * 180
            page, before = pick(random, table[page]), here


def robots(random, table):
    """Every page in turn, at an even pace; every third robot says that it is a browser."""
    pages = list(table)
    for number in range(40):
        host, pace, second = address(random), 40 + random() * 160, random() * 600
        agent = BROWSERS[number % 2] if number % 3 == 0 else pick(random, ROBOTS)
        at = int(random() * len(pages))
        while second < DAY:
            yield second, host, pages[at % len(pages)], "-", agent
            second += pace * (0.95 + random() * 0.1)
            at += 1


def trouble(random):
    """Somebody asks the search for everything, again and again."""
    host, second = "10.66.6.66", TROUBLE[0] - 90.0
    while second < TROUBLE[1] - 120:
        yield second, host, f"/api/search?q={'%25' * (1 + int(random() * 6))}&page={int(random() * 100_000)}", "-", "python-requests/2.32"
        second += random() * 0.5


def lines():
    random, table = Random(1609).random, links()
    requests = [*people(random, table), *robots(random, table), *trouble(random)]
    requests.sort(key=lambda request: request[0])
    for second, host, path, before, agent in requests:
        if second >= DAY:
            continue
        status, size, took = answer(random, path, second)
        whole = int(second)
        time = f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"
        line = f'{host} - - [12/Oct/2026:{time} +0000] "GET {path} HTTP/1.1" {status} {size} "{before}" "{agent}" {took:.3f}'
        # The disk was slow now and then, and a line was cut short.
        yield line[: int(random() * 60)] if random() < 0.0004 else line


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    path = sys.argv[1]
    part = f"{path}.{os.getpid()}.part"
    with open(part, "w", encoding="ascii") as out:
        count = 0
        for line in lines():
            out.write(line + "\n")
            count += 1
    os.replace(part, path)
    print(f"{path}: {count} lines")


if __name__ == "__main__":
    main()
