#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Cuts examples out of plugin-api/README.md: README OUT…. An example is the first block of code after its file's name in
backticks. Fails when one is missing, or longer than the README promises.
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
        sys.exit(f"no example {name} in the README")
    lines = len(block.group(1).splitlines())
    if lines > PROMISED.get(name, lines):
        sys.exit(f"{name} has {lines} lines, at most {PROMISED[name]} are promised")
    return block.group(1)


def main(readme, *outs):
    text = pathlib.Path(readme).read_text(encoding="utf-8")
    for out in map(pathlib.Path, outs):
        out.write_text(example(text, out.name), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
