# SPDX-License-Identifier: MIT
"""Compares the names in pages with what exists: commands and their options with the programs, keys with the schema of
the configuration, C and C++ names with the headers, metrics with a node's page, links with files and headings. Each
function `wrong_…` takes the text of a page and yields a sentence for each name that does not exist."""
import functools
import html
import json
import re
import shlex
import subprocess

from harness.node import program, root

# Pages that describe other versions than this one.
PAST = {"CHANGELOG.md"}
# A word in a command that the reader replaces by their own.
OWN = re.compile(r"[A-Z][A-Z_.…]*|…")


def pages():
    """Every Markdown page of the repository. Templates are left out: `coppice new` replaces names in them."""
    listed = subprocess.run(["git", "-C", root, "ls-files", "*.md"], capture_output=True, text=True, check=False).stdout.split()
    found = [root / name for name in listed] or sorted(root.rglob("*.md"))
    return [page for page in found if page.name not in PAST and "templates" not in page.parts and "build" not in page.parts]


def without_blocks(text):
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.M | re.S)


def spans(text):
    """The text of each code span in a sentence."""
    for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", without_blocks(text)):
        yield re.sub(r"\s+", " ", html.unescape(code)).strip()


def command_lines(text):
    """Each command in a shell's blocks, without its prompt. A line that ends with a backslash continues on the next
    one."""
    for body in re.findall(r"^ *```(?:sh|console[ \w]*)\n(.*?)^ *```$", text, re.M | re.S):
        prompted = re.search(r"^\s*\$ ", body, re.M)
        for line in re.sub(r"\\\n\s*", " ", body).splitlines():
            line = line.strip()
            if prompted and not line.startswith("$ "):
                continue  # output
            yield line.removeprefix("$ ")


# Commands -------------------------------------------------------------------------------------------------

PROGRAMS = {"coppice": "COPPICE", "coppiced": "COPPICED", "coppice-epmd": "COPPICE_EPMD"}


@functools.cache
def help_of(words):
    """The --help of a command; `words`: the program and the command's names."""
    done = subprocess.run([program(PROGRAMS[words[0]], words[0]), *words[1:], "--help"], capture_output=True, text=True, check=True)
    return done.stdout


@functools.cache
def commands_of(words):
    below = re.search(r"^Subcommands:\n((?: .*\n?)*)", help_of(words), re.M)
    return set(re.findall(r"^  (\S+)", below[1], re.M)) if below else set()


@functools.cache
def options_of(words):
    return set(re.findall(r"(?<![\w-])(--?[A-Za-z][\w-]*)", re.sub(r"^Example.*", "", help_of(words), flags=re.M | re.S)))


@functools.cache
def valued_options_of(words):
    """The options that take the next word as their value."""
    return {name for names in re.findall(r"^  (\S+) [A-Z]", help_of(words), re.M) for name in names.split(",")}


def simple_commands(line):
    """The words of each command in a line of a shell: commands are separated by ; && || and |."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    try:
        words = list(lexer)
    except ValueError:  # prose, with an apostrophe
        words = line.split()
    one = []
    for word in [*words, ";"]:
        if not re.fullmatch(r"[;&|]+", word):
            one.append(word)
        elif one:
            yield one
            one = []


def wrong_commands(text):
    lines = [*command_lines(text), *(code for code in spans(text) if code.split(" ")[0] in PROGRAMS)]
    for line in lines:
        for words in simple_commands(line):
            while words and (re.match(r"\w+=", words[0]) or words[0] == "sudo"):
                words = words[1:]
            if words and words[0] in PROGRAMS:
                yield from wrong_command(words, line)


def wrong_command(words, line):
    """A sentence for each name that does not exist, in a command of one of our programs."""
    at, rest = (words[0],), words[1:]
    known = set(options_of(at))
    while rest and (commands_of(at) or rest[0].startswith("-")):
        if rest[0].startswith("-"):
            if rest[0].partition("=")[0] not in known:
                yield f"{' '.join(at)} has no option {rest[0]}: {line}"
            rest = rest[2:] if rest[0] in valued_options_of(at) | valued_options_of(at[:1]) else rest[1:]
        elif rest[0] in commands_of(at):
            at, rest = (*at, rest[0]), rest[1:]
            known |= options_of(at)
        else:
            break
    if rest and commands_of(at) and not OWN.fullmatch(rest[0]) and not re.search(r"^Positionals:", help_of(at), re.M):
        yield f"{' '.join(at)} has no command {rest[0]}: {line}"
    for word in rest:
        if word == "--":
            return
        if re.match(r"--?[A-Za-z]", word) and word.partition("=")[0] not in known:
            yield f"{' '.join(at)} has no option {word}: {line}"


# Keys -----------------------------------------------------------------------------------------------------

@functools.cache
def schema():
    return json.loads((root / "config/node.schema.json").read_text(encoding="utf-8"))


def below(of):
    """{key: schema} of all keys in it, in its items and in its alternatives. NAME: any key."""
    out = {}
    for choice in (of, *of.get("anyOf", ()), *of.get("oneOf", ())):
        if "$ref" in choice:
            out |= below(schema()["$defs"][choice["$ref"].rsplit("/", 1)[1]])
        out |= {key: value for key, value in choice.get("properties", {}).items() if isinstance(value, dict)}  # false: not here
        if isinstance(choice.get("additionalProperties"), dict):
            out["NAME"] = choice["additionalProperties"]
        if choice.get("type") == "array" and isinstance(choice["items"], dict):
            out |= below(choice["items"])
    return out


@functools.cache
def all_keys():
    """The name of every key, at any place."""
    found, to_see = set(), [schema(), *schema()["$defs"].values()]
    while to_see:
        of = to_see.pop()
        if isinstance(of, dict):
            found |= set(of.get("properties", {}))
            to_see += of.values()
        elif isinstance(of, list):
            to_see += of
    return found


def is_key(path):
    """Whether the configuration has such a path of keys, which starts at its top or at a child of a supervisor."""
    def leads(of, parts):
        if not parts:
            return True
        keys = below(of) if isinstance(of, dict) else {}
        return (parts[0] in keys and leads(keys[parts[0]], parts[1:])) or ("NAME" in keys and leads(keys["NAME"], parts[1:]))
    parts = re.sub(r"\[\]", "", path).split(".")
    child = below(schema()["$defs"]["supervisor"])["children"]
    return leads(schema(), parts) or leads(child, parts) or leads(schema()["$defs"]["supervisor"], parts)


# A path that starts with one of these keys, at the top of the configuration, of a child or of both, is a path of
# keys. Other names with dots are not.
FIRST_KEYS = {"node", "epmd", "distribution", "control", "plugins", "applications", "events", "cron", "supervisor", "mailbox", "backoff", "tls",
              "pool", "tcp", "udp", "web", "port", "stage", "raft", "saga", "statem", "router", "consumer_supervisor", "event_manager"}


def wrong_keys(text):
    for code in spans(text):
        if re.fullmatch(r"[a-z_]+(\[\])?(\.[a-z_]+(\[\])?)+", code) and not re.search(r"\.(cpp|hpp|h|pem|yaml|json|so|py)$", code):
            if re.split(r"[.\[]", code)[0] in FIRST_KEYS and not is_key(code):
                yield f"the configuration has no key {code}"
        elif (found := re.match(r"([a-z_]+):(?: *\{|$)", code)) and found[1] not in all_keys():
            yield f"no key of the configuration is called {found[1]}: {code}"


@functools.cache
def choices():
    """{key: its values} of the keys that take only words from a list, at any place."""
    found, open_ones, to_see = {}, set(), [schema(), *schema()["$defs"].values()]
    while to_see:
        of = to_see.pop()
        if isinstance(of, dict):
            for key, value in of.get("properties", {}).items():
                if isinstance(value, dict):
                    found.setdefault(key, set()).update(value.get("enum", ()))
                    if "enum" not in value:
                        open_ones.add(key)
            to_see += of.values()
        elif isinstance(of, list):
            to_see += of
    return {key: values for key, values in found.items() if key not in open_ones}


def wrong_values(text):
    """For keys that take a word from a list: each word that is not in the list."""
    for code in spans(text):
        for key, value in re.findall(r"(?<![\w.-])(?:[a-z_]+\.)*([a-z_]+): ([a-z_]+)(?![\w:(-])", code):
            if key in choices() and value not in choices()[key]:
                yield f"{key} takes {', '.join(sorted(choices()[key]))}: {code}"


def wrong_message_keys():
    """Keys in sentences of the node and its client. No other test compares these with the configuration."""
    for file in sorted((root / "daemon").rglob("*.[ch]pp")):
        code = re.sub(r"^\s*//.*$|^#include.*$", "", file.read_text(encoding="utf-8"), flags=re.M)
        for sentence in re.findall(r'"((?:[^"\\\n]|\\.)*)"', code):
            for path in re.findall(r"(?<![\w./:@$-])((?:node|epmd|distribution|control|plugins|applications|cron)(?:\.[a-z_]+)+)(?![\w.({@/])", sentence):
                if not is_key(path) and path not in ("node.yaml", "node.schema.json"):
                    yield f"{file.relative_to(root)}: the configuration has no key {path}: {sentence}"


# Names of C and C++, variables of the environment, metrics ---------------------------------------------------

@functools.cache
def words_of(*places):
    """Every word in the files of these folders. Pages and pictures are left out."""
    found = set()
    for place in places:
        for file in (root / place).rglob("*"):
            if file.suffix not in (".md", ".png") and file.is_file():
                found |= set(re.findall(r"\w+", file.read_text(encoding="utf-8", errors="replace")))
    return found


def wrong_names(text):
    api = words_of("plugin-api/coppice", "etf/include")
    for code in spans(text):
        for header in re.findall(r"\bcoppice/[\w/-]+\.hp?p?\b", code):
            if not any((root / place / header).is_file() for place in ("plugin-api", "etf/include")):
                yield f"there is no header {header}"
        for name in re.findall(r"\bcoppice((?:::\w+)+)", code):
            for part in name.split("::")[1:]:
                if part not in api and part not in words_of("daemon"):
                    yield f"no header declares coppice{name}"
        for name in re.findall(r"\bCOPPICE_[A-Z0-9_]*[A-Z0-9]\b", code):
            if name not in api | words_of("daemon", "packaging", "tests", "plugin-api/examples", "plugin-api/rust"):
                yield f"nothing knows {name}"
        for name in re.findall(r"\b(?:coppice|process)_[a-z0-9_]*[a-z0-9]\b", code):
            if name not in api and name not in series() and name not in words_of("daemon", "plugin-api/rust", "plugins", "tests"):
                yield f"there is no {name}"


@functools.cache
def series():
    """Names of the series on a node's page; a histogram has three."""
    page = (root / "tests/e2e/metrics_page.txt").read_text(encoding="utf-8")
    found = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", page, re.M):
        found |= {name + end for end in ("", "_bucket", "_sum", "_count")} if kind == "histogram" else {name}
    return found


# Links ----------------------------------------------------------------------------------------------------

def anchors(text):
    """The anchors that GitHub makes of the headings of a page."""
    found, times = set(), {}
    for words in re.findall(r"^#{1,6} (.+?) *#*$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", words).replace("`", "")
        name = re.sub(r"[^\w\- ]", "", words.lower()).strip().replace(" ", "-")
        found.add(f"{name}-{times[name]}" if times.get(name) else name)
        times[name] = times.get(name, 0) + 1
    return found


def wrong_links(text, page, made=()):
    """`made`: the paths of documentation pages that the build makes."""
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", without_blocks(text))):
        path, _, fragment = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (page.parent / path).resolve() if path else page
        if file in made:
            continue
        if not file.exists():
            yield f"there is no {target}"
        elif fragment and file.suffix == ".md" and fragment not in anchors(file.read_text(encoding="utf-8")):
            yield f"{path or page.name} has no heading #{fragment}"


def wrong_paths(text):
    """Paths of this repository in code spans."""
    for code in spans(text):
        if re.fullmatch(r"(?:config|plugins|plugin-api|daemon|etf|epmd|packaging|tests|\.ci)/[\w./-]+", code):
            if not (root / code).exists() and not (root / "etf/include/coppice" / code).exists():
                yield f"there is no {code}"
