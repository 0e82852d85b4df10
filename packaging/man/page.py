#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes a manual page from a template: page.py TEMPLATE PAGE SOURCE. SOURCE is the program that the page describes, or
the JSON Schema of the configuration. So a page has the words of --help and of the schema.

In the template a line `.\\" HELP COMMAND…` becomes a subsection with the --help of COMMAND, `.\\" HELP` becomes the
--help of the program itself, and `.\\" KEYS` becomes all keys of the schema. A command of the program without such a
line, and a line without its command, are errors.
"""
import json
import re
import subprocess
import sys

DIRECTIVE = re.compile(r'^\.\\" (HELP|KEYS)\b ?(.*)$')
SPECIAL = {"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti"}


def roff(text):
    """The text in roff, which shows it unchanged."""
    text = "".join(SPECIAL.get(letter, letter) for letter in text)
    return "\\&" + text if text.startswith(".") else text


class Help:
    """The help texts of a program and of its commands."""

    def __init__(self, program):
        self.program = program
        self.shown = set()

    def ask(self, command):
        return subprocess.run([self.program, *command, "--help"], check=True, capture_output=True, text=True).stdout

    def section(self, command):
        lines = self.ask(command).rstrip().split("\n")
        self.shown.add(tuple(command))
        out = []
        if command:
            out += [f".SS {roff(' '.join(command))}", roff(lines[0]), ".PP"]
        usage = next(i for i, line in enumerate(lines) if line.lower().startswith("usage:"))
        if command and f" {' '.join(command)} " not in lines[usage] + " ":
            sys.exit(f"{self.program} has no command {' '.join(command)}")
        return out + [".nf", *(roff(line) for line in without_help(lines[usage:])), ".fi"]

    def missing(self, command=()):
        """Commands without subcommands that no line of the template asked for."""
        names = commands_in(self.ask(command))
        if command and not names and command not in self.shown:
            yield " ".join(command)
        for name in names:
            yield from self.missing((*command, name))


def commands_in(text):
    """The names of the commands that a --help lists."""
    below = re.search(r"^Subcommands:\n((?: .*\n?)*)", text, re.M)
    return re.findall(r"^  (\S+)", below.group(1), re.M) if below else []


def without_help(lines):
    """Leaves out the option --help, which every command has, and a heading that has no other option below it."""
    lines = [line for line in lines if not line.startswith("  -h,--help")]
    empty = {i for i, line in enumerate(lines) if line == "Options:" and not "".join(lines[i + 1:i + 2]).strip()}
    return [line for i, line in enumerate(lines) if i not in empty and i - 1 not in empty]


def kind(of):
    """The values that a key takes, in words."""
    if not isinstance(of, dict):
        return "any value"
    if "$ref" in of:
        return of["$ref"].rsplit("/", 1)[1]
    if "const" in of:
        return str(of["const"])
    if "enum" in of:
        return " | ".join(map(str, of["enum"]))
    for choice in ("anyOf", "oneOf"):
        if choice in of:
            return " | ".join(dict.fromkeys(map(kind, of[choice])))
    if of.get("type") == "array":
        return "list" if any(children(of)) else "list of " + kind(of["items"])
    if of.get("type") in ("integer", "number"):
        bounds = [str(of[bound]) for bound in ("minimum", "maximum") if bound in of]
        return of["type"] + (", " + " to ".join(bounds) if len(bounds) == 2 else ", from " + bounds[0] if bounds else "")
    if of.get("type") == "string":
        pattern = of.get("pattern", "")
        return "time" if pattern.endswith("(ms|s|m|h)$") else "size" if "KiB|" in pattern else "text"
    return {"boolean": "true | false", "object": "keys", None: "any value"}[of.get("type")]


def children(of):
    """(the addition to the path, the schema) of each part of the schema that has keys."""
    for choice in (of, *of.get("anyOf", ()), *of.get("oneOf", ())):
        for key, value in choice.get("properties", {}).items():
            yield f".{key}", value
        if isinstance(choice.get("additionalProperties"), dict):
            yield ".NAME", choice["additionalProperties"]
        if choice.get("type") == "array" and isinstance(choice["items"], dict):
            yield from (("[]" + key, value) for key, value in children(choice["items"]))


def values(of):
    """The values that a key takes, in words, and its default if it has one."""
    if "default" not in of or any(children(of)):
        return kind(of)
    default = of["default"] if isinstance(of["default"], str) and of["default"] else json.dumps(of["default"], ensure_ascii=False)
    return f"{kind(of)}; default {default}"


def entry(path, of):
    of = of if isinstance(of, dict) else {}
    yield from (".TP", f"\\fB{roff(path)}\\fR  ({roff(values(of))})", roff(of.get("description", "See its keys.")))
    for key, value in children(of):
        yield from entry(path + key, value)


def keys(schema):
    for name, of in schema["properties"].items():
        yield f".SS {roff(name)}"
        if not any(children(of)):
            yield from entry(name, of)
            continue
        yield roff(of.get("description", kind(of)))
        for key, value in children(of):
            yield from entry(name + key, value)
    for name, of in schema.get("$defs", {}).items():
        yield f".SS {roff(name)}"
        yield f"Where a key above takes a {roff(name)}."
        for key, value in children(of):
            yield from entry(key.removeprefix("."), value)


def main(template, page, source):
    program = None if source.endswith(".json") else Help(source)
    out = []
    for line in open(template, encoding="utf-8").read().splitlines():
        asked = DIRECTIVE.match(line)
        if not asked:
            out.append(line)
        elif asked.group(1) == "KEYS":
            out += keys(json.load(open(source, encoding="utf-8")))
        else:
            out += program.section(asked.group(2).split())
    missing = list(program.missing()) if program else []
    if missing:
        sys.exit(f"{template}: nothing about: {', '.join(missing)}")
    with open(page, "w", encoding="utf-8") as made:
        made.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
