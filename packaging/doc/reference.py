# SPDX-License-Identifier: MIT
"""Makes the reference pages of the documentation as Markdown: the configuration from its JSON Schema, the commands from
the help texts of the programs, the metrics from the page of a node, the alerts from the rules for Prometheus, and the
plugin API from the C headers. pages.py makes HTML of them."""
import importlib.util
import re
from pathlib import Path

root = Path(__file__).resolve().parents[2]


def manual():
    """The module that makes the manual pages: it can already read the schema and the help texts."""
    spec = importlib.util.spec_from_file_location("page", root / "packaging/man/page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


page = manual()


def escaped(text):
    """The text in a form that Markdown shows unchanged. Text between backticks stays code."""
    pieces = re.split(r"(`[^`\n]+`)", text)
    return "".join(piece if piece[:1] == "`" and len(piece) > 1 else re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", piece) for piece in pieces)


def key_lines(path, of):
    of = of if isinstance(of, dict) else {}
    yield f"- **`{path}`** ({escaped(page.values(of))}): {escaped(of.get('description', 'See its keys.'))}"
    for key, value in page.children(of):
        yield from key_lines(path + key, value)


def configuration(schema):
    """Every key of coppice.yaml. `schema`: the JSON Schema as a dictionary."""
    yield "# Configuration"
    yield ""
    yield ("Every key of a node's configuration, made from its JSON Schema. `coppice schema` prints the schema, an editor that "
           "knows YAML language servers completes with it, and `coppice check` names every mistake of a file with its line.")
    sections = [(name, of, name) for name, of in schema["properties"].items()]
    sections += [(name, of, "") for name, of in schema.get("$defs", {}).items()]
    for name, of, prefix in sections:
        yield f"\n## {name}\n"
        if not any(page.children(of)):
            yield from key_lines(name, of)
            continue
        yield escaped(of.get("description", f"Where a key above takes a {name}." if not prefix else page.kind(of))) + "\n"
        for key, value in page.children(of):
            yield from key_lines((prefix + key).removeprefix("."), value)


def undescribed(schema):
    """Paths of keys that the schema does not describe, and that have no described keys below them. A placeholder for a
    name that the reader chooses is described by the key above it."""
    def within(path, of):
        below = list(page.children(of)) if isinstance(of, dict) else []
        if isinstance(of, dict) and not below and "description" not in of and not path.endswith(".NAME"):
            yield path
        for key, value in below:
            yield from within(path + key, value)
    for part in ("properties", "$defs"):
        for name, of in schema.get(part, {}).items():
            yield from within(name, of)


def commands(programs):
    """The --help of each program and of each of its commands. `programs`: path by name."""
    yield "# Commands"
    yield ""
    yield "What the programs say of themselves: each command with its arguments and options, as `--help` prints them."
    for name, path in programs.items():
        yield f"\n## {name}"
        yield from command(page.Help(path), name, ())


def command(program, name, words):
    text = program.ask(words)
    lines = text.rstrip().split("\n")
    if words:
        yield f"\n### {name} {' '.join(words)}"
    usage = next(i for i, line in enumerate(lines) if line.lower().startswith("usage:"))
    yield "\n" + escaped(" ".join(lines[:usage])) + "\n"
    yield "```text\n" + "\n".join(page.without_help(lines[usage:])).rstrip() + "\n```"
    for one in page.commands_in(text):
        yield from command(program, name, (*words, one))


def metrics(page):
    """Every family of metrics. `page`: the page of a node that has an engine of each kind. tests/e2e/metrics.py
    compares that page with a running node."""
    yield "# Metrics"
    yield ""
    yield ("Every metric of `/metrics`, in the order of the page. Families whose subject a node does not have, such as pools, are on its page "
           "without series. Times are in seconds, sizes in bytes; a counter ends in `_total`. Plugins have metrics of their own, whose names "
           "begin with `coppice_plugin_` and the plugin's id.")
    yield ""
    yield "| metric | type | labels | meaning |"
    yield "|---|---|---|---|"
    for name, help_text in re.findall(r"^# HELP (\S+) (.*)$", page, re.M):
        if name.startswith("coppice_plugin_kv_"):
            continue  # a metric of an example
        kind = re.search(rf"^# TYPE {name} (\S+)$", page, re.M)[1]
        labels = sorted({label for labels in re.findall(rf"^{name}(?:_bucket)?\{{(.*)\}} ", page, re.M)
                         for label in re.findall(r'(\w+)="', labels)} - {"le"})
        yield f"| `{name}` | {kind} | {', '.join(f'`{one}`' for one in labels)} | {escaped(help_text)} |"


def alerts(rules):
    """Every alert for Prometheus. `rules`: the text of packaging/prometheus/coppice.rules.yml."""
    yield "# Alerts"
    yield ""
    yield ("Every alert of `packaging/prometheus/coppice.rules.yml`. Severity `page` keeps the node from serving, or soon will; `ticket` can wait for the morning. "
           "The [metrics](metrics.md) are those of a node's `/metrics`. [Prometheus and Grafana](../prometheus/README.md) says how Prometheus takes the file.")
    for rule in rules.split("- alert: ")[1:]:
        said = dict(re.findall(r"\b(expr|for|summary|action|severity): (.*?)(?: \})?$", rule, re.M))
        held = f" for {said['for']}" if "for" in said else ""
        yield f"\n## {rule.split()[0]}\n"
        yield f"{plain_label(said['summary'])} Severity: {said['severity']}.\n"
        yield f"- **When**: `{said['expr']}`{held}"
        yield f"- **What to do**: {plain_label(said['action'])}"


def plain_label(text):
    """A sentence of an alert, with its labels as words: {{ $labels.child }} becomes CHILD."""
    text = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda hit: hit[1].upper(), text.strip('"'))
    return escaped(re.sub(r"\{\{ \$value[^}]*\}\}", "N", text))


# The plugin API ------------------------------------------------------------------------------------------

HIDDEN = re.compile(r'^(#ifdef __cplusplus|extern "C" \{|\}|#endif|#ifndef COPPICE_\w+_H|#define COPPICE_\w+_H|#include .*|)$')
COMMENT = re.compile(r"^/\*(.*?)\*/\s*", re.S)


def plain(comment):
    """The text of a C comment, without its stars."""
    return "\n".join(re.sub(r"^\s*\*? ?", "", line) for line in comment.strip().splitlines()).strip()


def declarations(text):
    """(comment, code) of each declaration of a C header, in the order of the header. The first is (prologue, "")."""
    opening = COMMENT.match(text)
    yield plain(opening[1]).replace("SPDX-License-Identifier: MIT", "").strip(), ""
    lines = text[opening.end():].splitlines()
    block, depth = [], 0
    for line in [*lines, ""]:
        depth += line.count("{") - line.count("}") if 'extern "C"' not in line else 0
        depth = max(depth, 0)
        if line.strip() or depth or in_comment(block):
            if block or not HIDDEN.match(line):
                block.append(line)
            continue
        while block and HIDDEN.match(block[-1]) and block[-1] != "}":
            block.pop()
        if block:
            whole = "\n".join(block)
            said = COMMENT.match(whole)
            yield (plain(said[1]), whole[said.end():]) if said else ("", whole)
        block = []


def in_comment(block):
    text = "\n".join(block)
    return text.count("/*") > text.count("*/")


def names(code):
    """The types, functions and macros that a piece of a header declares."""
    found = re.findall(r"^#define (COPPICE_\w+)|^\} (coppice_\w+);|\b(coppice_\w+)\(|^\s*(COPPICE_\w+) =", code, re.M)
    return list(dict.fromkeys(name for hit in found for name in hit if name))


def c_headers(folder):
    """plugin.h, the other frozen headers, and the drafts. Headers with helpers, and headers that only point to another
    place, are left out."""
    frozen = [path for path in folder.glob("*.h") if "#pragma GCC warning" not in path.read_text(encoding="utf-8")]
    return (*sorted(frozen, key=lambda path: (path.name != "plugin.h", path.name)), *sorted(folder.glob("draft/*.h")))


def api(folder):
    """The C headers of the plugin API, one section each."""
    yield "# Plugin API"
    yield ""
    yield ("What the C headers of the plugin API declare, with what they say of it. The C++ headers stand on these; "
           "[the chapter about headers](plugins/headers.md) lists them. The mark in brackets before a function says where it may be "
           "called or is called: `plugin.h` explains it.")
    for header in c_headers(folder):
        yield f"\n## coppice/{header.relative_to(folder)}"
        for comment, code in declarations(header.read_text(encoding="utf-8")):
            if comment:
                yield "\n" + escaped(comment)
            if code:
                yield "\n```c\n" + code + "\n```"


def unsaid(folder):
    """Declarations of the C headers that no comment explains, as HEADER: NAME. The comment of a struct may be inside
    it."""
    for header in c_headers(folder):
        for comment, code in declarations(header.read_text(encoding="utf-8")):
            if code and not comment and "/*" not in code and not re.fullmatch(r"(#define COPPICE_\w+_\d+ .*|#define \w+_LEAST .*|#define COPPICE_\w+_DRAFT.*\n?)+", code):
                yield f"{header.name}: {(names(code) or [code.splitlines()[0]])[0]}"
