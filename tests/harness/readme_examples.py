#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Cuts examples out of pages: PAGE.md… OUT…. An example is the first block of code after its file's name in backticks. Fails if
an example is missing, or is longer than promised.
"""
import pathlib
import re
import sys

PROMISED = {"hello_c.c": 40, "hello.cpp": 15}


def example(text, name):
    """The block of code that follows `NAME`:"""
    _, found, rest = text.partition(f"`{name}`:")
    block = re.match(r"\s*```\w+\n(.*?)^```$", rest, re.M | re.S) if found else None
    if not block:
        sys.exit(f"no example {name} in the pages")
    lines = len(block.group(1).splitlines())
    if lines > PROMISED.get(name, lines):
        sys.exit(f"{name} has {lines} lines, at most {PROMISED[name]} are promised")
    return block.group(1)


def author_pages(root):
    """The text of plugin-api/README.md and of all chapters."""
    chapters = sorted((pathlib.Path(root) / "packaging/doc/plugins").glob("*.md"))
    return "\n".join(page.read_text(encoding="utf-8") for page in (pathlib.Path(root) / "plugin-api/README.md", *chapters))


def main(*paths):
    pages = [pathlib.Path(path) for path in paths if path.endswith(".md")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    for out in (pathlib.Path(path) for path in paths if not path.endswith(".md")):
        out.write_text(example(text, out.name), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
