#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Installs the pages for plugin authors: installed.py FOLDER, a folder below the prefix. `meson install` runs it. The
first pages go into the folder, the chapters into `doc` below it. Their places differ from those in the sources, so each
link between two pages is rewritten. Of a link to a page that is not installed only the text is kept."""
import os
import re
import sys
from pathlib import Path

root = Path(__file__).resolve().parents[2]


def places():
    """{page of the sources: its place in the folder}"""
    first = {root / "plugin-api" / name: Path(name) for name in ("README.md", "COOKBOOK.md", "STABILITY.md")}
    return first | {page: Path("doc") / page.name for page in sorted((root / "packaging/doc/plugins").glob("*.md"))}


def relinked(text, page, where):
    """The text of a page, with its links changed to those of the installed pages. `where`: the result of places()."""
    def link(hit):
        words, target, fragment = hit[1], Path(os.path.normpath(page.parent / hit[2])), hit[3] or ""
        if target not in where:
            return words
        return f"[{words}]({os.path.relpath(where[target], where[page].parent)}{fragment})"
    return re.sub(r"\[([^\[\]]+)\]\(([\w./-]+\.md)(#[\w-]+)?\)", link, text)


def main(folder):
    out = Path(os.environ["MESON_INSTALL_DESTDIR_PREFIX"]) / folder
    where = places()
    for page, place in where.items():
        file = out / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(relinked(page.read_text(encoding="utf-8"), page, where), encoding="utf-8")
        file.chmod(0o644)


if __name__ == "__main__":
    main(*sys.argv[1:])
