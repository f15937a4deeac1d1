#!/usr/bin/env python3
"""Makes the data of the benchmarks (`cargo bench -p dpark --bench workloads`): the same bytes every time.

    python3 notebooks/data/make.py DIRECTORY [--scale 0.01] [--only words,pairs]

Only `random()` is used of Python's generator, the one method whose numbers no version of Python changes. At full scale the files
have 2.5 GB and take about two minutes.
"""

import argparse
import os
import sys
import time
import zlib
from random import Random

LINES_AT_ONCE = 100_000


def shuffle(rng, items):
    random = rng.random
    for i in range(len(items) - 1, 0, -1):
        j = int(random() * (i + 1))
        items[i], items[j] = items[j], items[i]


def blocks(total):
    """The numbers of lines of blocks that together have `total` lines."""
    for start in range(0, total, LINES_AT_ONCE):
        yield start, min(LINES_AT_ONCE, total - start)


def scaled(count, scale):
    return max(1, round(count * scale))


def word(rank):
    """Syllables for a rank, the frequent words shorter, every second one with an `s`."""
    consonants, vowels = "bcdfghjklmnpqrstvwxz", "aeiou"
    rest, text = rank + 100, ""
    while rest:
        rest, syllable = divmod(rest, 100)
        text = consonants[syllable // 5] + vowels[syllable % 5] + text
    return text + "s" if rank % 2 else text


def words(scale):
    """1.01 GB of words, ten a line: 500,000 different ones whose frequencies follow Zipf's law with exponent 1.05.

    A block holds every word as often as its frequency says, in a random order of words; it is written again and again, each time in
    another order of lines.
    """
    rng = Random(1)
    size, distinct = scaled(1_010_000_000, scale), scaled(500_000, scale)
    drawn = max(distinct, min(16_000_000, size // 6))
    weights = [rank**-1.05 for rank in range(1, distinct + 1)]
    step = drawn / sum(weights)
    block, reached = [], 0.0
    for rank, weight in enumerate(weights):
        reached += weight * step
        block.extend([word(rank)] * max(1, round(reached) - len(block)))
    shuffle(rng, block)
    lines = [" ".join(block[i : i + 10]) for i in range(0, len(block), 10)]
    del block
    while size > 0:
        shuffle(rng, lines)
        for start in range(0, len(lines), LINES_AT_ONCE):
            text = "\n".join(lines[start : start + LINES_AT_ONCE]) + "\n"
            if len(text) > size:
                text = text[: text.rfind("\n", 0, size) + 1] or text[: text.find("\n") + 1]
                size = 0
            yield text
            size -= len(text)
            if size <= 0:
                break


def keys(scale):
    """The one million keys of the pairs, of 63 bits."""
    random, count = Random(2).random, scaled(1_000_000, scale)
    found = {}
    while len(found) < count:
        found[int(random() * 2**32) << 31 | int(random() * 2**31)] = None
    return [str(key) for key in found]


def pairs(scale):
    """20 million lines of a key and a number between minus and plus one thousand million."""
    random, names = Random(3).random, keys(scale)
    many = len(names)
    for _, lines in blocks(scaled(20_000_000, scale)):
        yield "".join(
            [f"{names[int(random() * many)]} {int(random() * 2e9) - 1000000000}\n" for _ in range(lines)]
        )


def dim(scale):
    """One million lines of a key and a number below 100. Nine of ten keys are those of the pairs; each occurs once."""
    rng = Random(4)
    names = keys(scale)
    absent = len(names) // 10
    # Keys of the pairs are below 2**63.
    names[:absent] = [str(2**63 + i) for i in range(absent)]
    shuffle(rng, names)
    random = rng.random
    for start, lines in blocks(len(names)):
        yield "".join([f"{name} {int(random() * 100)}\n" for name in names[start : start + lines]])


def graph(scale):
    """10 million edges of one million nodes, as `FROM TO`. Every node has an edge that leaves it and one that reaches it."""
    rng = Random(5)
    random, nodes, edges = rng.random, scaled(1_000_000, scale), scaled(10_000_000, scale)
    names = [str(node) for node in range(nodes)]
    targets = names[:]
    shuffle(rng, targets)
    every = edges // nodes
    for start, lines in blocks(edges):
        text = []
        for i in range(start, start + lines):
            node, nth = divmod(i, every)
            if nth == 0 and node < nodes:
                text.append(f"{names[node]} {targets[node]}\n")
            else:
                text.append(f"{names[int(random() * nodes)]} {names[int(random() * nodes)]}\n")
        yield "".join(text)


def points(scale):
    """Two million points of eight coordinates, around ten centres."""
    random = Random(6).random
    centres = [[random() * 200 - 100 for _ in range(8)] for _ in range(10)]
    for _, lines in blocks(scaled(2_000_000, scale)):
        text = []
        for _ in range(lines):
            a, b, c, d, e, f, g, h = centres[int(random() * 10)]
            text.append(
                f"{a + random() * 40:.6f} {b + random() * 40:.6f} {c + random() * 40:.6f} {d + random() * 40:.6f} "
                f"{e + random() * 40:.6f} {f + random() * 40:.6f} {g + random() * 40:.6f} {h + random() * 40:.6f}\n"
            )
        yield "".join(text)


def weblog(scale):
    """Five million lines of a web server's log; one of fifty has status 500."""
    random = Random(7).random
    hosts = [f"10.{int(random() * 256)}.{int(random() * 256)}.{int(random() * 256)}" for _ in range(5000)]
    sections = ["article", "author", "search", "static", "api/v2", "account"]
    paths = [f"/{sections[int(random() * 6)]}/{int(random() * 2**20):05x}/{i}" for i in range(20000)]
    statuses = ["200"] * 44 + ["304", "301", "404", "404", "403", "500"]
    agents = ["Mozilla/5.0", "curl/8.5", "bot/2.1", "feed/1.0"]
    for start, lines in blocks(scaled(5_000_000, scale)):
        text = []
        for i in range(start, start + lines):
            second = i // 60
            text.append(
                f"{hosts[int(random() * 5000)]} - - [22/Nov/2026:{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02} +0000] "
                f'"GET {paths[int(random() * 20000)]} HTTP/1.1" {statuses[int(random() * 50)]} {int(random() * 90000)} '
                f'"{agents[int(random() * 4)]}"\n'
            )
        yield "".join(text)


FILES = {"words": words, "pairs": pairs, "dim": dim, "graph": graph, "points": points, "weblog": weblog}


def write(path, texts):
    """Writes a file that is there only when it is complete."""
    part, size, checksum, lines = path + ".part", 0, 0, 0
    with open(part, "wb") as out:
        for text in texts:
            data = text.encode()
            size += len(data)
            lines += data.count(b"\n")
            checksum = zlib.crc32(data, checksum)
            out.write(data)
    os.replace(part, path)
    return size, lines, checksum


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full size, 0.01 for tests")
    parser.add_argument("--only", default=",".join(FILES), help="names, with commas between them")
    arguments = parser.parse_args()
    if not 0 < arguments.scale <= 1:
        parser.error("--scale is a number above 0 and up to 1")
    names = arguments.only.split(",")
    unknown = [name for name in names if name not in FILES]
    if unknown:
        parser.error(f"no such data: {', '.join(unknown)}; there are {', '.join(FILES)}")
    os.makedirs(arguments.directory, exist_ok=True)
    for name in names:
        path = os.path.join(arguments.directory, name + ".txt")
        began = time.monotonic()
        size, lines, checksum = write(path, FILES[name](arguments.scale))
        print(f"{name}.txt {size} bytes {lines} lines crc32 {checksum:08x}", flush=True)
        print(f"  ({time.monotonic() - began:.1f} s)", file=sys.stderr)


if __name__ == "__main__":
    main()
