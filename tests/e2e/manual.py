#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Manual pages agree with the programs' help and the schema: a new command needs a place in them."""
import json
import re
import shutil
import subprocess
import sys

from harness.node import Folder, program, root
from harness.tap import Skip, check, contains, equal, run, test

man = root / "packaging" / "man"
schema = root / "config" / "node.schema.json"
pages = {"coppice.1": program("COPPICE", "coppice"), "coppiced.8": program("COPPICED", "coppiced"),
         "coppice-epmd.8": program("COPPICE_EPMD", "coppice-epmd"), "coppice.yaml.5": schema}


def made(cleanup, page, template=None):
    """(exit status and standard error, the path of the page)."""
    folder = Folder()
    cleanup.callback(folder.close)
    source = man / f"{page}.in" if template is None else folder.write("template", template)
    out = folder.path / page
    done = subprocess.run([sys.executable, man / "page.py", source, out, pages[page]], capture_output=True, text=True)
    return (done.returncode, done.stderr), out


@test("every page is made, and mandoc finds nothing to complain of")
def lint(cleanup):
    if not shutil.which("mandoc"):
        raise Skip("mandoc is not installed")
    for page in pages:
        status, path = made(cleanup, page)
        equal(status, (0, ""))
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", path], capture_output=True, text=True)
        equal((done.returncode, done.stdout), (0, ""), page)


@test("coppice-plugin(7) names every key of a plugin's note")
def note(cleanup):
    page = (man / "coppice-plugin.7").read_text()
    section = re.search(r"^\.SH THE NOTE\n(.*?)^\.SH ", page, flags=re.M | re.S).group(1)
    named = set(re.findall(r"[a-z_]+", " ".join(line for line in section.splitlines() if line.startswith((".B ", ".BR ")))))
    # The example at the top of note.hpp. The keys inside a state are described with it.
    example = "\n".join(line for line in (root / "daemon/manifest/note.hpp").read_text().splitlines() if line.startswith("//  "))
    keys = set(re.findall(r'"([a-z_]+)":', example)) - {"on", "event", "to"}
    check({"coppice", "takes", "unhandled", "states", "args_schema"} <= keys, "the example is found", keys)
    equal(keys - named, set())


@test("a command without a place on the page, and a place without its command, are errors")
def places(cleanup):
    template = (man / "coppice.1.in").read_text()
    (status, said), _ = made(cleanup, "coppice.1", template.replace('.\\" HELP certificate issue\n', ""))
    equal(status, 1)
    contains(said, "nothing about: certificate issue")
    (status, said), _ = made(cleanup, "coppice.1", template + '.\\" HELP nonsense\n')
    equal(status, 1)
    contains(said, "has no command nonsense")


@test("every key of the configuration that has a description is on its page with it")
def keys(cleanup):
    _, path = made(cleanup, "coppice.yaml.5")
    text = path.read_text().replace("\\-", "-").replace("\\(aq", "'").replace("\\(ga", "`").replace("\\(ti", "~")

    def descriptions(of):
        if isinstance(of, dict):
            if isinstance(of.get("description"), str):
                yield of["description"]
            for value in of.values():
                yield from descriptions(value)
        elif isinstance(of, list):
            for value in of:
                yield from descriptions(value)

    for words in descriptions(json.loads(schema.read_text())):
        contains(text, words)


if __name__ == "__main__":
    run()
