#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""groups.py FOLDER SOURCE:SOURCE…: for builds that compile several sources at a time, so that a header which nine
sources include is read once. It writes sources into FOLDER that include up to nine of the given sources, and prints the
files to compile, a line each, relative to the current folder. Sources form a group if no name that one of them keeps to
itself (in a namespace without a name, as `static`, by `using` or as a macro) is used in another one, and if all have
opened the same namespaces. A file that is not C++, a source that a test program compiles again in place of the
product's object, and a source that defines a macro for a header stay alone. A group includes the headers of all its
sources before the first source, so the meaning of a source does not depend on its place in the group.

groups.py --hold FOLDER: whether the groups in FOLDER can still be compiled. Status 1: a source has changed so that its
group no longer can, and Meson has to run again.
"""
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LARGEST = 9
# This source names classes that are complete only where other sources instantiate templates of them.
APART = ["daemon/host/actors/hosted_behaviours.cpp"]
TOKEN = re.compile(r"""
  //[^\n]* | /\*.*?\*/ |                                        # comments
  ^[ \t]*\#(?:[^\n\\]|\\.)* |                                   # directives
  R"([^(\s]*)\(.*?\)\1" | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])+' |
  [A-Za-z_]\w* | \d[\w.']* | :: | -> | \S""", re.S | re.M | re.X)
DEFINED = re.compile(r"\s*#\s*define\s+(\w+)")
DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(define|include|if|endif)[ \t]*(\S*)", re.M)
INCLUDED = re.compile(r'#include "(.*\.cpp)"')
NAME = re.compile(r"[A-Za-z_]")
TYPES = ("struct", "class", "enum", "union", "concept")
BASE = ("public", "protected", "private", "virtual")  # words that may precede the name of a base class
KEYWORDS = {
    "alignas", "alignof", "auto", "bool", "break", "case", "catch", "char", "class", "co_await", "co_return", "concept", "const",
    "const_cast", "consteval", "constexpr", "constinit", "continue", "decltype", "default", "delete", "do", "double",
    "dynamic_cast", "else", "enum", "explicit", "extern", "false", "final", "float", "for", "friend", "goto", "if",
    "inline", "int", "long", "mutable", "namespace", "new", "noexcept", "nullptr", "operator", "override", "private",
    "protected", "public", "reinterpret_cast", "requires", "return", "short", "signed", "sizeof", "static",
    "static_assert", "static_cast", "struct", "switch", "template", "this", "thread_local", "throw", "true", "try", "typedef",
    "typename", "union", "unsigned", "using", "virtual", "void", "volatile", "while"}


class Names:
    """The names of one source. `own`: names that it keeps to itself, each with the text of its `using`, or None.
    `used`: names that it uses without a qualification. `declared` and `qualified`: names that it adds to a namespace
    and takes from one, as pairs (namespace, name). `opened`: the namespaces that it uses by `using namespace`. There
    may be too many names rather than too few: that only makes a group smaller."""

    def __init__(self, text):
        self.own, self.used, self.declared, self.qualified, self.opened = {}, set(), set(), set(), set()
        self.tokens = []
        for match in TOKEN.finditer(text):
            token = match[0]
            if token.lstrip().startswith("#"):
                if macro := DEFINED.match(token):
                    self.own[macro[1]] = None
            elif not token.startswith(("//", "/*")):
                self.tokens.append(token)
        self.read()
        del self.tokens

    def read(self):
        scopes, parentheses, statement, at = [], 0, 0, 0  # the scopes around: "", a namespace's name, or None for other braces
        while at < len(self.tokens):
            token = self.tokens[at]
            outside = parentheses == 0 and None not in scopes  # of functions and classes
            if outside and token == "namespace" and self.tokens[statement] != "using":
                opens = next(n for n in range(at, len(self.tokens)) if self.tokens[n] in "{;")
                if self.tokens[opens] == "{":
                    scopes.append("".join(self.tokens[at + 1:opens]))
                at = statement = opens + 1
                continue
            if token in "([":
                parentheses += 1
            elif token in ")]":
                parentheses -= 1
            elif token == "{":
                scopes.append(None)
            elif token == "}":
                scopes and scopes.pop()
                if None not in scopes and parentheses == 0:
                    statement = at + 1
            elif token == ";" and outside:
                self.read_using(self.tokens[statement:at])
                statement = at + 1
            if NAME.match(token) and token not in KEYWORDS:
                self.read_name(at, scopes if outside else None, statement)
            if token == "enum" and outside and "" in scopes:
                self.read_enumerators(at)
            at += 1

    def read_using(self, words):
        if words[:2] == ["using", "namespace"] and "literals" not in words:
            self.opened.add("".join(words[2:]))
        elif words[:1] == ["using"]:
            self.own[words[1] if "=" in words else words[-1]] = " ".join(words)

    def read_name(self, at, scopes, statement):
        token, before = self.tokens[at], self.tokens[at - 1] if at else ""
        if before == "::":
            self.qualified.add((self.tokens[at - 2], token))
            return
        if before not in (".", "->"):
            self.used.add(token)
        after = self.tokens[at + 1] if at + 1 < len(self.tokens) else ""
        if scopes is None or (after not in ("(", "=", ";", "{", "[", ":") and before not in TYPES):
            return
        if before in BASE or token.isupper() or self.is_value(at, statement):  # a name in capitals is a macro
            return
        self.declared.add((scopes[-1].rpartition("::")[2] if scopes else "", token))
        if self.tokens[statement] != "using" and ("" in scopes or "static" in self.tokens[statement:at]):
            self.own.setdefault(token, None)

    def is_value(self, at, statement):
        """Whether the name is part of the value that a variable begins with."""
        words = self.tokens[statement:at]
        return "=" in words and words[0] != "template" and words[-1] != ","

    def read_enumerators(self, at):
        while self.tokens[at] not in "{;":
            at += 1
        while self.tokens[at] not in "};":
            if NAME.match(self.tokens[at]):
                self.own.setdefault(self.tokens[at], None)
            at += 1


def collide(one, other):
    """Whether a name of one source means, or may mean, something else in the other. The same `using` in both does no
    harm."""
    if one.opened != other.opened:
        return True
    for of, by in ((one, other), (other, one)):
        for name in of.own.keys() & by.used:
            if of.own[name] is None or by.own.get(name) != of.own[name]:
                return True
    return False


def stand_alone():
    """The sources of APART, and the sources that test programs compile again in place of the product's object."""
    yield from ((ROOT / name).resolve() for name in APART)
    for path in (ROOT / "tests").rglob("meson.build"):
        for name in re.findall(r"\.\./((?:daemon|plugin-api)/[\w./]+\.cpp)", path.read_text(encoding="utf-8")):
            yield (ROOT / name).resolve()


def headers(source, text):
    """The headers that the source includes under any condition, each in the form of its directive. None: it defines a
    macro before an #include."""
    found, depth, defined = [], 0, False
    for word, what in DIRECTIVE.findall(text):
        depth += {"if": 1, "endif": -1}.get(word, 0)
        defined = defined or word == "define"
        if word == "include" and defined:
            return None
        if word == "include" and depth == 0:
            beside = source.parent / what.strip('"')
            found.append(beside.resolve() if what.startswith('"') and beside.exists() else what)
    return found


def grouped(sources):
    """The sources as lists. Each list can be compiled as one source."""
    groups = []
    alone = set(stand_alone())
    for source in sources:
        text = source.read_text(encoding="utf-8")
        if source.suffix != ".cpp" or source in alone or headers(source, text) is None:
            groups.append(([source], None))
            continue
        names = Names(text)
        for members, theirs in groups:
            if theirs is not None and len(members) < LARGEST and not any(collide(names, one) for one in theirs):
                members.append(source)
                theirs.append(names)
                break
        else:
            groups.append(([source], [names]))
    return [members for members, _ in groups]


def text_of_group(folder, members):
    """The source that includes the members. Paths of our own files are relative to it, so that ccache recognises it in
    another checkout."""
    before = (one for source in members for one in headers(source, source.read_text(encoding="utf-8")))
    return "".join(f"#include {one}\n" for one in dict.fromkeys(
        one if isinstance(one, str) else f'"{os.path.relpath(one, folder)}"' for one in [*before, *members]))


def members_of(group):
    return [(group.parent / name).resolve() for name in INCLUDED.findall(group.read_text(encoding="utf-8"))]


def write(folder, sources):
    folder.mkdir(parents=True, exist_ok=True)
    written = set()
    for members in grouped(sorted(sources)):
        if len(members) == 1:
            print(os.path.relpath(members[0]))
            continue
        path = folder / f"{len(written) + 1}.cpp"
        text = text_of_group(folder, members)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
        written.add(path)
        print(os.path.relpath(path))
    for left in set(folder.glob("*.cpp")) - written:
        left.unlink()


def hold(folder):
    for path in folder.rglob("*.cpp"):
        members = members_of(path)
        if not all(one.exists() for one in members):
            return False
        if all(one.stat().st_mtime < path.stat().st_mtime for one in members):
            continue
        texts = [one.read_text(encoding="utf-8") for one in members]
        if any(headers(one, text) is None for one, text in zip(members, texts)):
            return False
        if path.read_text(encoding="utf-8") != text_of_group(path.parent, members):
            return False
        names = [Names(text) for text in texts]
        if any(collide(one, other) for number, one in enumerate(names) for other in names[:number]):
            return False
    return True


def main(arguments):
    if arguments[0] == "--hold":
        return 0 if hold(Path(arguments[1])) else 1
    write(Path(arguments[0]).resolve(), [(ROOT / one).resolve() for one in arguments[1].split(":")])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
