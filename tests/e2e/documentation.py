#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The HTML documentation is made, with every page, key, command and declaration. A link to nothing and a declaration
without a comment are errors. And the author's first page can be read in ten minutes."""
import importlib
import json
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path

from harness import named
from harness.chapters import CHAPTERS, FIRST, linked, tables
from harness.node import program, root
from harness.sdk import working_folder
from harness.tap import Skip, check, contains, equal, run, shared, test

sys.path.insert(0, str(root / "packaging/doc"))


MOST_WORDS = 4000  # that a reader meets before a first actor runs


def module(name):
    if not shutil.which("cmark-gfm"):
        raise Skip("cmark-gfm is not installed")
    return importlib.import_module(name)


def programs():
    return {name: program(name.upper().replace("-", "_"), name) for name in ("coppice", "coppiced", "coppice-epmd")}


@shared
def pages(cleanup):
    """The folder of the site, which was made."""
    site = module("pages").Site(programs())
    equal(site.errors, [])
    folder = working_folder(cleanup).path
    site.write(folder)
    return folder


class Links(HTMLParser):
    """The links and the anchors of a page, and the elements that are open at its end."""

    def __init__(self, text):
        super().__init__()
        self.links, self.anchors, self.open = [], set(), []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.links += [values[key] for key in ("href", "src") if key in values]
        if "id" in values:
            self.anchors.add(values["id"])
        if tag not in ("meta", "link", "input", "br", "hr", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        check(self.open and self.open[-1] == tag, "elements are nested", tag, self.open[-3:])
        self.open.pop()


@test("the first page and all pages that it links have at most 4,000 words, and the index has every chapter")
def words(_):
    pages = [FIRST, *linked(FIRST)]
    check(len(pages) >= 6, "the first page links its chapters", *pages)
    counts = {str(page.relative_to(root)): len(page.read_text(encoding="utf-8").split()) for page in pages}
    check(sum(counts.values()) <= MOST_WORDS, "they can be read in one go", sum(counts.values()), *counts.items())
    index = root / "packaging/doc/plugins/README.md"
    equal(sorted(set(CHAPTERS) - {index} - set(linked(index))), [], "the index links every chapter")


@test("every page is there, its elements are closed, and each link leads to a page and a heading of it")
def whole(_):
    folder = pages()
    read = {path.name: Links(path.read_text(encoding="utf-8")) for path in folder.glob("*.html")}
    check(len(read) >= 15, "there are pages", *read)
    for name, page in read.items():
        equal(page.open, [], name)
        for link in page.links:
            if re.match(r"[a-z]+:", link):
                check(link.startswith(("https://", "http://", "mailto:")), f"{name} links to the web", link)
                continue
            file, _, fragment = link.partition("#")
            check(not file or (folder / file).is_file(), f"{name} has the file {file}")
            if fragment and (not file or file.endswith(".html")):
                check(fragment in read[file or name].anchors, f"{name}: {link}")


@test("the reference has every key of the schema, every command, metric, alert and declaration")
def complete(_):
    folder, reference = pages(), module("reference")
    keys = (folder / "configuration.html").read_text(encoding="utf-8")
    schema = json.loads((root / "config/node.schema.json").read_text(encoding="utf-8"))
    for name in schema["properties"]["distribution"]["properties"]:
        contains(keys, f"<code>distribution.{name}")
    equal(list(reference.undescribed(schema)), [])
    equal(list(reference.undescribed({"properties": {"a": {"type": "object", "properties": {"b": {"type": "string"}, "c": {"description": "it"}}}}})), ["a.b"])
    commands = (folder / "commands.html").read_text(encoding="utf-8")
    for words in ("coppice call", "coppice certificate issue", "coppice init"):
        contains(commands, f">{words} <a")
    contains(commands, "--config FILE")
    counted = (folder / "metrics.html").read_text(encoding="utf-8")
    for name in re.findall(r"^# HELP (coppice_(?!plugin_kv)\w+|process_\w+) ", (root / "tests/e2e/metrics_page.txt").read_text(encoding="utf-8"), re.M):
        contains(counted, f"<code>{name}</code>")
    contains(counted, "<td>Requests that wait for a worker</td>")
    warned = (folder / "alerts.html").read_text(encoding="utf-8")
    alerts = re.findall(r"- alert: (\w+)", (root / "packaging/prometheus/coppice.rules.yml").read_text(encoding="utf-8"))
    check(len(alerts) >= 10, "there are alerts", *alerts)
    equal(re.findall(r'<h2 id="\w+">(\w+) ', warned), alerts)
    equal([warned.count(f"<strong>{words}</strong>") for words in ("When", "What to do")], [len(alerts)] * 2)
    equal(re.findall(r"\{\{|\$labels|Severity: (?!page|ticket)", warned), [])
    declared = (folder / "api.html").read_text(encoding="utf-8")
    for header in (*(root / "plugin-api/coppice").glob("*.h"), *(root / "plugin-api/coppice").glob("draft/*.h")):
        for name in re.findall(r"^\} (coppice_\w+);", header.read_text(encoding="utf-8"), re.M):
            contains(declared, name)
    in_cpp = (folder / "cpp.html").read_text(encoding="utf-8")
    for words in ("class server : public actor", "std::uint64_t send_after(", "enum class close_reason", "coppice/testing.hpp"):
        contains(in_cpp, words)
    headers = root / "plugin-api/coppice"
    equal([*reference.unsaid(headers), *module("cpp_headers").unsaid(headers)], [])


@test("the page for people from Ergo says of each feature what there is here, or why there is nothing; what it names is there")
def ergo(_):
    text = (root / "packaging/doc/ergo.md").read_text(encoding="utf-8")
    all_rows = [row for heads, rows in tables(text) for row in rows if heads == ("Ergo 2.2", "Ergo 3", "here")]
    check(len(all_rows) >= 50, "it has the features", len(all_rows))
    for row in all_rows:
        check(len(row) == 3 and (row[0] or row[1]) and len(row[2].split()) >= 1, "a row has a feature and an answer", row)
        check(not row[2].startswith("None") or re.match(r"None(?: for [\w ]+)?: .{20}", row[2]), "nothing has its reason", row)
        for name in re.findall(r"`([a-z]+(?:_[a-z]+)+)(?:\(\)|<[^`]*)?`", row[2]):
            check(name in named.words_of("plugin-api/coppice") or name in named.all_keys() or name == "gen_statem", "it is in the headers or the schema", name)
    features = " ".join(row[0] + row[1] for row in all_rows)
    for word in ("gen.Saga", "gen.Raft", "Handshake", "Proto", "norecover", "pg2", "Windows", "proxy", "important delivery", "observer", "etcd", "cron"):
        contains(features, word)


@test("the search's index has the parts of every page")
def index(_):
    folder = pages()
    text = (folder / "index.js").read_text(encoding="utf-8")
    pieces = json.loads(text.removeprefix("const pieces = ").removesuffix(";\n"))
    where = {piece[0] for piece in pieces}
    check({"tutorial.html#a-crash", "configuration.html#epmd", "api.html#coppicetimerh"} <= where, "parts are found", *sorted(where)[:5])
    crash = next(piece for piece in pieces if piece[0] == "tutorial.html#a-crash")
    equal(crash[1:3], ["The first hour", "A crash"])
    contains(crash[3], "Its supervisor starts it again")


@test("a link to a file or a heading that does not exist is an error, and so is a declaration without a word")
def errors(cleanup):
    made = module("pages")
    site = made.Site(programs())
    page = site.by_source["packaging/doc/tutorial.md"]
    for target, said in (("nowhere.md", "there is no packaging/doc/nowhere.md"), ("erlang.md#gone", "has no heading #gone"),
                         ("#gone", "has no heading #gone"), ("../../../outside", "there is no")):
        site.errors.clear()
        site.link(page, target)
        equal(len(site.errors), 1, target)
        contains(site.errors[0], said)
    site.errors.clear()
    for target in ("erlang.md", "erlang.md#names-and-cookies", "configuration.md", "../man", "https://example.com"):
        site.link(page, target)
    equal(site.errors, [])
    folder = Path(working_folder(cleanup).path)
    (folder / "x.h").write_text("/* SPDX-License-Identifier: MIT\n * x */\n#ifndef COPPICE_X_H\n#define COPPICE_X_H\n\n/* Said. */\nint coppice_said(void);\n\n"
                                "int coppice_unsaid(void);\n\n#endif\n", encoding="utf-8")
    equal(list(module("reference").unsaid(folder)), ["x.h: coppice_unsaid"])


CPP = """// SPDX-License-Identifier: MIT
// x
#pragma once

#define COPPICE_X(a) \\
  a

namespace coppice {

/// Said.
inline int said(int a) { return a; }
inline int unsaid(int a = '{') { return a; }

class silent;
class bare {
 public:
  int value = 0;
};

/// A thing.
struct thing {
  thing() : a_{1}, b_{2} {}
  explicit thing(int a) : a_(a), b_{} {}
  template <class T>
  requires(sizeof(T) > 1)
  T unsaid(const T& of) const {
    return "}\\"" + R"(})" != nullptr ? of : T{};
  }
  // Both of these.
  void first();
  void second();

  /// One.
  void overloaded(int);
  void overloaded(long);
  int behind() const { return b_; } ///< said here

 private:
  void hidden();
  int a_, b_;
};

namespace detail {
void hidden();
}

enum class choice { one, two };
enum class other { one /* x */, two }; // said
using name = thing;

} // namespace coppice
"""


@test("of C++ as well: types, functions and what is public in classes, one comment for each or for a paragraph")
def cpp_errors(cleanup):
    folder = Path(working_folder(cleanup).path)
    (folder / "x.hpp").write_text(CPP, encoding="utf-8")
    equal(list(module("cpp_headers").unsaid(folder)),
          [f"x.hpp: {name}" for name in ("unsaid", "bare", "bare::value", "thing::unsaid", "choice", "name")])
    whole = module("cpp_headers").declarations(CPP)
    equal([one.said for one in whole if one.name in ("first", "behind", "other")], ["Both of these.", "said here", "said"])
    equal([one.code for one in whole if one.name in ("said", "thing")], ["inline int said(int a)", "struct thing", "thing()", "explicit thing(int a)"])


run()
