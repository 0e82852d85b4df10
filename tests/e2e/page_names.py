#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Everything that the Markdown pages name exists: commands, options, keys of the configuration, headers and their
declarations, metrics, files, headings. A name that was changed only in the sources fails here, with its page."""
import re

from harness import named
from harness.node import root
from harness.tap import check, equal, run, test

# Pages of the documentation that the build makes, so they are no files here.
MADE = {root / f"packaging/doc/{name}.md" for name in ("configuration", "commands", "metrics", "alerts", "cpp", "api")}
FIRST_HOUR = root / "packaging/doc/tutorial.md"  # its paths are in the reader's project


def text_of(page):
    return page.read_text(encoding="utf-8")


def wrong(find, *pages):
    return [f"{page.relative_to(root)}: {sentence}" for page in pages or named.pages() for sentence in find(text_of(page))]


@test("every command of a page, and every option of it, is one that the program has")
def commands(_):
    check(len(named.pages()) >= 60, "there are pages")
    equal(wrong(named.wrong_commands), [])


@test("every command that an alert names is one that the client has")
def alerts(_):
    rules = text_of(root / "packaging/prometheus/coppice.rules.yml")
    actions = [re.sub(r"\{\{.*?\}\}", "NAME", one).partition(" and journalctl")[0] for one in re.findall(r"action: (.*)", rules)]
    check(len(actions) >= 10, "there are alerts", *actions)
    equal([sentence for one in actions for sentence in named.wrong_commands(f"```sh\n{one}\n```\n")], [])


@test("every key that a page names is one of the configuration, and so is a word that it takes")
def keys(_):
    pages = [page for page in named.pages() if "tests" not in page.parts]
    equal(wrong(named.wrong_keys, *pages) + wrong(named.wrong_values, *pages), [])


@test("every key that a sentence of the node or its client names is one of the configuration")
def message_keys(_):
    equal(list(named.wrong_message_keys()), [])


@test("every header, C++ name, variable of the environment and metric that a page names is there")
def names(_):
    equal(wrong(named.wrong_names), [])


@test("every link of a page leads to a file, or to a heading of a page, and every path of the repository is there")
def links(_):
    equal([f"{page.relative_to(root)}: {sentence}" for page in named.pages() for sentence in named.wrong_links(text_of(page), page, MADE)], [])
    equal(wrong(named.wrong_paths, *(page for page in named.pages() if page != FIRST_HOUR)), [])


@test("a name that does not exist is found")
def found(_):
    for find, text, sentences in (
            (named.wrong_commands, "`coppice tre`", ["coppice has no command tre: coppice tre"]),
            (named.wrong_commands, "`coppice cron disabel x`", ["coppice cron has no command disabel: coppice cron disabel x"]),
            (named.wrong_commands, "```sh\ncoppice logs -f; coppice tree --al # all\n```\n",
             ["coppice tree has no option --al: coppice logs -f; coppice tree --al # all"]),
            (named.wrong_commands, "`coppice events --sort lag`, `coppice events --sort lag tial x`",
             ["coppice events has no command tial: coppice events --sort lag tial x"]),
            (named.wrong_commands, "```console\n$ coppiced --confg x\n```\n", ["coppiced has no option --confg: coppiced --confg x"]),
            (named.wrong_commands, "`coppice KIND`, `coppice call kv '{put, a, --b}'`, ```sh\ncoppice --json tree | less --frob\n```\n", []),
            (named.wrong_keys, "`node.log.lvl`", ["the configuration has no key node.log.lvl"]),
            (named.wrong_keys, "`mailbx: { limit: 1 }`", ["no key of the configuration is called mailbx: mailbx: { limit: 1 }"]),
            (named.wrong_keys, "`node.log.level`, `mailbox: { limit: 1 }`, `applications[].name`, `node.yaml`, `raft.peers.x`", ["the configuration has no key raft.peers.x"]),
            (named.wrong_values, "`supervisor: { on_exceeded: give_up }`", ["on_exceeded takes escalate, park: supervisor: { on_exceeded: give_up }"]),
            (named.wrong_names, "`coppice/servr.hpp`", ["there is no header coppice/servr.hpp"]),
            (named.wrong_names, "`coppice::servr`", ["no header declares coppice::servr"]),
            (named.wrong_names, "`COPPICE_" "FROB`", ["nothing knows COPPICE_" "FROB"]),
            (named.wrong_names, "`coppice_" "processs`", ["there is no coppice_" "processs"])):
        equal(list(find(text)), sentences, text)
    page = root / "README.md"
    text = "[a](nowhere.md) [b](packaging/PAGE.md#gone) [c](#gone) [d](packaging/PAGE.md#open-it) [e](https://example.com)"
    equal(list(named.wrong_links(text, page)), ["there is no nowhere.md", "packaging/PAGE.md has no heading #gone", "README.md has no heading #gone"])
    equal(list(named.wrong_paths("`daemon/nowhere.hpp` `daemon/main.cpp` `etf/hash.hpp`")), ["there is no daemon/nowhere.hpp"])


run()
