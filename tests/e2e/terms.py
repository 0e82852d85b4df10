#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The pages about C++ types as terms (packaging/doc/plugins/terms.md, and codec.md): every row of their tables is
compiled with the page's own types, and the result is compared with the row. A table of an unknown kind is an error."""
import re

from harness.chapters import blocks, tables
from harness.node import root
from harness.sdk import installed, needs, shell, working_folder
from harness.tap import Skip, check, equal, run, test

PAGES = [(root / "packaging/doc/plugins" / name).read_text(encoding="utf-8") for name in ("terms.md", "codec.md")]

# The heads of the tables, and the check that a row of each runs: {0} is its C++, {1} its Erlang.
BOTH, WIDE, REFUSED, UNWRITTEN, LIMIT = ("C++", "Erlang"), ("C++", "Erlang", "becomes"), ("C++", "Erlang", "the sentence"), ("C++", "why"), ("what", "at most")
CHECKS = {
    BOTH: "shows({0}, {1});",
    WIDE: "shows_read<{0}>({1});",
    REFUSED: "shows_refused<{0}>({1});",
    UNWRITTEN: "say(etf::encode({0}).empty() ? \"not written\" : \"written\");",
}
# The expression for each limit in the headers.
LIMITS = {
    "members of a struct": "etf::reflect::most_members",
    "values of enumerators": "etf::detail::names_of<colour>.size() - 1",
    "characters of an atom": "etf::limits{}.atom_characters",
    "elements of a `std::tuple`": "largest_tuple",
    "levels of a C++ type that contains itself": "etf::mismatch::deepest",
    "nested containers in a term": "etf::limits{}.depth",
    "bytes of a term from another node": "(etf::limits{}.bytes >> 20)",
    "keys of a `std::unordered_map` in one bucket": "(etf::detail::bucket_watch<std::unordered_map<int, int>>::most)",
}

PROGRAM = """
#include <coppice/testing/erlang.hpp>
#include <coppice/testing.hpp>

#include <cstdio>
#include <unordered_map>

namespace kit = coppice::testing;

const std::string long_name(1021, 'a');
constexpr std::size_t largest_tuple = 255; // one more is refused where it is compiled: see `refused` of the test

void say(std::string_view text) { std::printf("%.*s\\n", int(text.size()), text.data()); }
std::vector<std::uint8_t> parsed(std::string_view text) {
  const kit::value term = kit::erl(text);
  return {term.bytes().begin(), term.bytes().end()};
}
template <class T> void shows_read(std::string_view text) {
  const auto term = parsed(text);
  const auto read = etf::decode<T>(term);
  if (!read) return say("not read: " + read.error().text());
  say(etf::print(etf::encode(*read)));
}
template <class T> void shows(const T& value, std::string_view text) {
  say(etf::print(etf::encode(value)));
  shows_read<T>(text);
}
template <class T> void shows_refused(std::string_view text) {
  const auto term = parsed(text);
  const auto read = etf::decode<T>(term);
  say(read ? "it is read" : read.error().text());
}

// What becomes of a value without a term.
class mute : public coppice::server {
 public:
  using calls = std::variant<put, get>;
  std::int64_t handle_call(const put&) { return send("x", colour(3)); }
  colour handle_call(const get&) { return colour(3); }
};
COPPICE_PLUGIN("mute", "1", mute);

int main() {
ROWS
  kit::actor one(kit::plugin::linked());
  say(one.call(put{}) == std::int64_t{COPPICE_E_TERM} ? "COPPICE_E_TERM" : "sent");
  one.call(get{});
  say(kit::text(one.reason()));
}
"""


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def rows():
    """(kind, row) of every row of the pages."""
    return [(heads, row) for page in PAGES for heads, table in tables(page) for row in table]


def statement(kind, row):
    if kind == LIMIT:
        check(row[0] in LIMITS, "the test knows where this limit stands", row[0])
        return f"  say(std::to_string({LIMITS[row[0]]}));"
    check(kind in CHECKS, "the test knows this kind of table", *kind)
    return "  " + CHECKS[kind].format(row[0], quoted(row[1]))


def expected(kind, row):
    """The lines that a row prints."""
    if kind == LIMIT:
        return [re.findall(r"\d+", row[1].replace(",", "").split(";")[0])[-1]]
    return {BOTH: [row[1], row[1]], WIDE: row[2:], REFUSED: row[2:], UNWRITTEN: ["not written"]}[kind]


def library():
    found = next(installed()[0].path.rglob("libcoppice-etf.a"))
    if re.search(rb"__(asan|tsan|ubsan|gcov)_", found.read_bytes()):
        raise Skip("the library of this build is instrumented")


@test("each row of the page of types says what the headers do")
def types(cleanup):
    needs("g++", "pkg-config")
    library()
    folder = working_folder(cleanup)
    code = "\n".join(block.text for page in PAGES for block in blocks(page) if block.language == "cpp")
    body = "\n".join(statement(kind, row) for kind, row in rows())
    folder.write("rows.cpp", code + PROGRAM.replace("ROWS", body))
    shell("g++ -std=c++20 -O0 -Wall -Wextra -Werror rows.cpp -o rows $(pkg-config --cflags --libs coppice-testing)", folder.path, **installed()[1])
    said = shell("./rows", folder.path).splitlines()
    wanted = [(row, line) for kind, row in rows() for line in expected(kind, row)]
    check(len(wanted) >= 90, "the page has rows", len(wanted))
    wanted += [(["send"], "COPPICE_E_TERM"), (["a reply"], "{exception,'std::runtime_error',<<\"the reply has no encoding\">>}")]
    wrong = [f"{row[0]}: the page says {line}, the headers say {got}" for (row, line), got in zip(wanted, said) if line != got]
    check(not wrong, "the page and the headers agree", *wrong)
    equal(len(said), len(wanted))


if __name__ == "__main__":
    run()
