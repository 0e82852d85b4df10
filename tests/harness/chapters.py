# SPDX-License-Identifier: MIT
"""Reads the author's pages (plugin-api/README.md and packaging/doc/plugins): their blocks of code, their tables, and
the cells of tables. A block that follows `NAME.cpp`: is that file; any other block of C++ is a file of its own."""
import html
import re
from collections import namedtuple

from harness.node import root

FIRST = root / "plugin-api/README.md"
CHAPTERS = sorted((root / "packaging/doc/plugins").glob("*.md"))
Block = namedtuple("Block", "language name text")  # name: of the file. None: the page names none


def blocks(page):
    """The blocks of code of a page, in order."""
    found = re.finditer(r"(?:`(?P<name>\w+\.\w+)`[^\n`]{0,60}:\s*\n)?^```(?P<language>[^\n]*)\n(?P<text>.*?)^```$", page, re.M | re.S)
    return [Block(one["language"], one["name"], one["text"]) for one in found]


def cell(text):
    """The code in a cell: the text between backticks."""
    text = text.strip()
    code = re.fullmatch(r"`(.*)`", text)
    return html.unescape(code[1] if code else text)


def tables(page):
    """(the column heads, the rows) of every table of a page; cells without their backticks."""
    out = []
    for table in re.findall(r"(?:^\|.*\n)+", page, re.M):
        lines = [[cell(one) for one in re.split(r" \|(?= )", line.strip().strip("|"))] for line in table.splitlines()]
        out.append((tuple(lines[0]), lines[2:]))
    return out


def links_of(text):
    """The targets of a text's links to Markdown pages of this repository, without their fragments."""
    return re.findall(r"\]\(([\w./-]+\.md)(?:#[\w-]+)?\)", text)


def linked(page):
    """The Markdown pages of this repository that a page links to, each once."""
    return list(dict.fromkeys((page.parent / one).resolve() for one in links_of(page.read_text(encoding="utf-8"))))
