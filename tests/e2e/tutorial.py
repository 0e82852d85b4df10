#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The tutorial, as a reader follows it: each command in its order, each output as the page has it, each edit made."""
from harness.node import root
from harness.tap import check, equal, run, test
from harness.tutorial import Terminal, blocks, edited, reader, says

PAGE = (root / "packaging/doc/tutorial.md").read_text(encoding="utf-8")


def with_its_own_epmd(folder, port):
    """Beside other tests the node has an EPMD of its own."""
    for file in folder.glob("config/*.yaml"):
        text = file.read_text(encoding="utf-8")
        check("epmd: {" in text, "the configuration has a line for EPMD")
        file.write_text(text.replace("epmd: {", f"epmd: {{ port: {port},", 1), encoding="utf-8")


@test("every command of the tutorial does what the page says, and every edit fits")
def follows(cleanup):
    folder, environment = reader(cleanup, "meson", "erl")
    terminal, seen = Terminal(cleanup, folder, environment), 0
    for block in blocks(PAGE):
        if block.kind == "diff":
            for name, text in edited(block.steps, lambda file: (terminal.folder / file).read_text(encoding="utf-8")).items():
                (terminal.folder / name).write_text(text, encoding="utf-8")
        elif block.kind == "console node":
            terminal.starts(*block.steps)
        elif block.kind == "console":
            for step in block.steps:
                seen += 1
                terminal.does(step)
                if step.command.startswith("cd "):
                    with_its_own_epmd(terminal.folder, environment["ERL_EPMD_PORT"])
    check(seen >= 15, "the page has commands", seen)
    terminal.ends()


@test("an output that differs is found, and so is an edit that does not fit")
def differs(_):
    check(says(["a … c", "…", "end"], "a  b c\nx\ny\nend\n"), "text and lines may differ where … stands")
    check(not says(["a … c"], "a b d\n"), "other text is found")
    check(not says(["a"], "a\nb\n"), "a line too many is found")
    check(not says(["…", "end"], "x\n"), "a line too few is found")
    equal(edited(["+++ b/f", "@@", " one", "-two", "+2"], lambda _: "one\ntwo\nthree\n"), {"f": "one\n2\nthree\n"})
    try:
        edited(["+++ b/f", "@@", "-four"], lambda _: "one\n")
    except AssertionError:
        return
    raise AssertionError("an edit that does not fit was made")


run()
