# SPDX-License-Identifier: MIT
"""Reads the declarations that the C++ headers of the plugin API have for their users, with the comments about them. It
understands only the C++ that these headers use, in the form that clang-format gives it. It skips names in a namespace
`detail`, private members and the bodies of functions.

A comment `///` describes the declaration below it. A comment `//` describes everything below it up to the next empty
line, and a comment behind a declaration describes that declaration.
"""
import re
from collections import namedtuple

# where: the names of the classes around the declaration. kind: class, enum, function, constructor, value (a member, a
# constant, another name)
Declared = namedtuple("Declared", "name where kind code said")

NAMESPACE = re.compile(r"^(?:inline )?namespace ?([\w:]*)$")
CLASS = re.compile(r"^(?:template ?<.*> ?)?(?:requires .*?)?(class|struct|union) ([\w:<>, ]+?)(?: final)?(?: : .*)?$")
ENUM = re.compile(r"^enum(?: class)? (\w+)")
FUNCTION = re.compile(r"(operator ?(?:\(\)|\[\]|[^\s(]+|\w+)|~?\w+)\(")


class Scanner:
    def __init__(self, text):
        self.text, self.at = text, 0
        self.open = []  # (name, whether it is for users, whether it is a class)
        self.said = []

    def skip_string(self, at):
        """Returns the place behind the string or character that begins at `at`."""
        raw = re.compile(r'R"(\w*)\(').match(self.text, at)
        if raw:
            return self.text.index(f"){raw[1]}\"", at) + len(raw[1]) + 2
        quote, at = self.text[at], at + 1
        while self.text[at] != quote:
            at += 2 if self.text[at] == "\\" else 1
        return at + 1

    def is_string(self, at):
        before = self.text[at - 1] if at else " "
        return self.text[at] == '"' or (self.text[at] == "'" and not before.isalnum()) or re.compile(r'R"\w*\(').match(self.text, at)

    def past(self, at, stops):
        """Returns (the place of the first of these characters outside of brackets, strings and comments, the comments
        on the way)."""
        depth, said = 0, []
        while at < len(self.text):
            if self.text.startswith("//", at):
                end = self.text.index("\n", at)
                said.append(self.text[at:end].lstrip("/<! "))
                at = end
            elif self.is_string(at):
                at = self.skip_string(at + (self.text[at] == "R" and 0))
                continue
            elif depth == 0 and self.text[at] in stops:
                return at, said
            elif self.text[at] in "([{":
                depth += 1
            elif self.text[at] in ")]}":
                depth -= 1
            at += 1
        return at, said

    def declarations(self):
        while (found := re.compile(r"(\s*)(#|//|\}[; ]*|public:|private:|protected:|\S)").match(self.text, self.at)) is not None:
            if found[1].count("\n") > 1:
                self.said = []
            self.at = found.start(2)
            line_end = self.text.find("\n", self.at)
            line = self.text[self.at:line_end if line_end >= 0 else None]
            if found[2] == "#":
                while line.endswith("\\"):
                    self.at += len(line) + 1
                    line = self.text[self.at:self.text.index("\n", self.at)]
                self.at += len(line)
            elif found[2] == "//":
                self.said.append(line)
                self.at += len(line)
            elif found[2][0] == "}":
                if self.open:
                    self.open.pop()
                self.at = found.end(2)
            elif found[2][-1] == ":":
                name, _, is_class = self.open.pop()
                self.open.append((name, found[2] == "public:", is_class))
                self.at = found.end(2)
                self.said = []
            else:
                yield from self.declaration()

    def declaration(self):
        """Reads one declaration. If it is a namespace or a class, it is entered."""
        begin = self.at
        end, behind = self.past(begin, ";{")
        head = re.sub(r"\s+", " ", re.sub(r"//.*", "", self.text[begin:end])).strip()
        space, one = NAMESPACE.match(head), CLASS.match(head)
        self.at = end + 1
        if end < len(self.text) and self.text[end] == "{":
            if space:
                self.open.append((space[1], space[1].split("::")[-1] != "detail", False))
                self.said = []
                return
            if one:
                yield from self.found(one[2], "class", head, behind)
                self.open.append((one[2], one[1] != "class", True))
                self.said = []
                return
            self.at, inside = self.body(end, head)
            behind += inside if ENUM.match(head) else []
        trailing = re.compile(r"[ ;]*(//.*)").match(self.text, self.at)
        if trailing:
            behind.append(trailing[1].lstrip("/<! "))
            self.at = trailing.end()
        yield from self.found(*self.name_of(head), head, behind)
        self.said = [line for line in self.said if not line.startswith("///")]

    def body(self, at, head):
        """Returns (the place behind the braces that begin at `at` and behind everything that belongs to the same
        declaration, the comments inside)."""
        end, said = self.past(at + 1, "}")
        rest = re.compile(r"\s*([,{;]|= )").match(self.text, end + 1)
        if rest and rest[1] == ";":
            return rest.end(), said
        if rest and rest[1] in ",{" and re.search(r"\) (?:noexcept )?: |^\w+[^()]*$", head):  # initialized members
            next_end, _ = self.past(rest.start(1) + (rest[1] == ","), ";{")
            return self.body(next_end, head) if self.text[next_end] == "{" else (next_end + 1, said)
        return end + 1, said

    def name_of(self, head):
        around = self.open[-1][0].partition("<")[0] if self.open and self.open[-1][2] else ""
        plain = re.sub(r"^template ?<.*?> (?=\w)|requires\([^{]*?\) ", "", head)
        if ENUM.match(plain):
            return ENUM.match(plain)[1], "enum"
        function = FUNCTION.search(re.sub(r"decltype\([^)]*\)|noexcept\([^)]*\)", "", plain.partition(" = ")[0] if "operator" not in plain else plain))
        if function and not plain.startswith("using "):
            return function[1], "constructor" if function[1].lstrip("~") == around else "function"
        alias = re.match(r"using (\w+) =", plain)
        return alias[1] if alias else (re.findall(r"\w+", plain.partition("=")[0]) or [""])[-1], "value"

    def found(self, name, kind, head, behind):
        if not all(for_users for _, for_users, _ in self.open):
            return
        if re.match(r"(?:static_assert|friend|using namespace|using enum|template (?:class|struct) )", head) or re.search(r"= (?:delete|default)$", head):
            return
        if kind == "value" and re.fullmatch(r"(?:template ?<.*> )?(?:class|struct) \w+", head):
            return  # it is declared here, and explained where it is defined
        if kind == "constructor":
            head = re.sub(r"\)( noexcept)? : .*", r")\1", head)
        where = [name for name, _, is_class in self.open if is_class]
        yield Declared(name, tuple(where), kind, head, " ".join([*(line.lstrip("/ ") for line in self.said), *behind]).strip())


def declarations(text):
    return list(Scanner(text).declarations())


def cpp_headers(folder):
    """The headers for users. Headers that only point to `detail` are left out."""
    return [path for path in sorted(folder.glob("*.hpp")) if "#pragma GCC warning" not in path.read_text(encoding="utf-8")]


def unsaid(folder):
    """Types and functions of the C++ headers that no comment explains, as HEADER: NAME. The comment of a class also
    explains its constructors, operators and members that are values, and all of its members if it names the class of
    the standard library whose interface this is. Types of the codec are explained in the pages about codecs."""
    for header in cpp_headers(folder):
        text = header.read_text(encoding="utf-8")
        said_of = {}
        for one in declarations(text):
            path = (*one.where, one.name)
            said_of[path] = said_of.get(path) or one.said
            if one.said or any("codec<" in name or "hash<" in name for name in path):
                continue
            covered = one.where and said_of.get(one.where)
            if covered and covered.startswith("The interface of std::"):
                continue
            if covered and (one.kind in ("constructor", "value") or one.name.startswith("operator")):
                continue
            if one.where and said_of.get(path):
                continue  # another overload of this function is explained
            yield f"{header.name}: {'::'.join(path)}"


def page(folder, escaped):
    """The headers as Markdown, one section each. `escaped`: a function that makes text which Markdown shows
    unchanged."""
    yield "# C++ declarations"
    yield ""
    yield ("What the C++ headers of the plugin API declare for users, with what they say of it. [The chapter about headers](plugins/headers.md) "
           "says which header is for what, and [the chapters](plugins/README.md) show them in use.")
    for header in cpp_headers(folder):
        text = header.read_text(encoding="utf-8")
        opening = re.match(r"(?://.*\n)+", text)
        prologue = [line[2:].removeprefix(" ") for line in (opening[0] if opening else "").splitlines()]
        yield f"\n## coppice/{header.relative_to(folder)}\n"
        yield "```text\n" + "\n".join(line for line in prologue if "SPDX-License-Identifier" not in line) + "\n```"
        for one in declarations(text):
            if one.where:
                yield f"- `{one.code}`" + (f": {escaped(one.said)}" if one.said else "")
            else:
                yield f"\n{escaped(one.said)}\n" if one.said else ""
                yield f"```cpp\n{one.code}\n```\n"
