# SPDX-License-Identifier: MIT
"""Pages whose commands are run as a reader would: their blocks, what a command should have said, and the edits that the
reader makes. packaging/doc/README.md has the rules."""
import re
from collections import namedtuple

Block = namedtuple("Block", "kind steps")  # kind: console, console node, console install, diff; steps: Step or lines
Step = namedtuple("Step", "command expected")


def blocks(page):
    """Each block of the page that means something to be done, in its order."""
    for kind, body in re.findall(r"^```(console(?: \w+)?|diff)\n(.*?)^```$", page, re.M | re.S):
        yield Block(kind, body.splitlines() if kind == "diff" else list(steps(body)))


def steps(body):
    command, expected = None, []
    for line in body.splitlines():
        if line.startswith("$ "):
            if command is not None:
                yield Step(command, expected)
            command, expected = line[2:], []
        elif command is None:
            raise AssertionError(f"output without a command: {line}")
        else:
            expected.append(line)
    if command is not None:
        yield Step(command, expected)


def squeezed(line):
    """Columns of a table are as wide as what differs in them."""
    return re.sub(r"[ ─]+", " ", line).strip()


def pattern(expected):
    """A regular expression for a whole output: … is any text, a line of … alone any lines."""
    out = ""
    for line in expected:
        out += r"(?:.*\n)*?" if line.strip() == "…" else ".*".join(map(re.escape, squeezed(line).split("…"))) + r"\n"
    return re.compile(out)


def says(expected, output):
    """Whether the output is the one expected."""
    text = "".join(squeezed(line) + "\n" for line in output.splitlines())
    return pattern(expected).fullmatch(text) is not None


def edited(lines, read):
    """{file: new text} of an edit. Each hunk's lines must stand in the file exactly once; `read` gives a file's text."""
    out, name, hunk = {}, None, []

    def apply():
        if name is None or not hunk:
            return
        before = "".join(line[1:] + "\n" for line in hunk if line[0] in " -")
        after = "".join(line[1:] + "\n" for line in hunk if line[0] in " +")
        text = out.get(name) or read(name)
        if text.count(before) != 1:
            raise AssertionError(f"{name}: {text.count(before)} places for the edit\n{before}")
        out[name] = text.replace(before, after)
    for line in lines:
        if line.startswith(("+++ ", "--- ", "@@")):
            apply()
            hunk = []
            name = line[4:].split("/", 1)[1] if line.startswith("+++ ") else name
        else:
            hunk.append(line or " ")
    apply()
    return out
