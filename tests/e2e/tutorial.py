#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Follows the tutorial as a reader does: it runs each command in order, compares each output with the page, and makes
each edit."""
from harness.node import root
from harness.page import Reader, blocks, edited, part, says
from harness.sdk import reader, working_folder
from harness.tap import check, equal, run, test

PAGE = (root / "packaging/doc/tutorial.md").read_text(encoding="utf-8")


def with_its_own_epmd(folder, port):
    """Gives the node an EPMD of its own, because other tests run at the same time."""
    for file in folder.glob("config/*.yaml"):
        text = file.read_text(encoding="utf-8")
        check("epmd: {" in text, "the configuration has a line for EPMD")
        if f"port: {port}," not in text:
            file.write_text(text.replace("epmd: {", f"epmd: {{ port: {port},", 1), encoding="utf-8")


@test("every command of the tutorial does what the page says, and every edit fits")
def follows(cleanup):
    who = reader(cleanup, "meson", "erl")
    seen = who.follows(PAGE, before=lambda _: with_its_own_epmd(who.folder, who.environment["ERL_EPMD_PORT"]))
    check(seen >= 15, "the page has commands", seen)
    who.ends()


@test("from the packages to a crash that is over are at most twelve commands")
def few(_):
    before, heading, _ = PAGE.partition("\n## What the node tells\n")
    check(heading, "the page has that part")
    commands = [step.command for block in blocks(before) if block.kind.startswith("console") for step in block.steps]
    check(len(commands) <= 12, "they are few", *commands)
    for word in ("apt-get install", "coppiced ", "erl ", "coppice reload", "coppice exit"):
        check(any(word in command for command in commands), word, *commands)


@test("an output that differs is found, and so is an edit that does not fit")
def differs(_):
    check(says(["a … c", "…", "end"], "a  b c\nx\ny\nend\n"), "text and lines may differ where … stands")
    check(not says(["a … c"], "a b d\n"), "other text is found")
    check(not says(["a"], "a\nb\n"), "a line too many is found")
    check(not says(["…", "end"], "x\n"), "a line too few is found")
    equal([step.command for block in blocks("```console\n$ a \\\n> b\nc\n$ d\n```\n") for step in block.steps], ["a \\\nb", "d"])
    equal(part("# A\n## B\none\n```sh\n# two\n```\n### C\nthree\n## D\n", "B"), "one\n```sh\n# two\n```\n### C\nthree\n")
    equal(edited(["+++ b/f", "@@", " one", "-two", "+2"], lambda _: "one\ntwo\nthree\n"), {"f": "one\n2\nthree\n"})
    try:
        edited(["+++ b/f", "@@", "-four"], lambda _: "one\n")
    except AssertionError:
        return
    raise AssertionError("an edit that does not fit was made")


@test("the next command is run in the folder in which the last one ended")
def folder(cleanup):
    made = working_folder(cleanup).path
    who = Reader(made, None)
    equal(who.follows("```console\n$ mkdir shelf && cd shelf\n$ pwd\n" + f"{made}/shelf\n```\n"), 2)


run()
