#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The SDK for plugin authors, installed under a DESTDIR: the hello worlds of the author's pages are built from it with
the pages' commands, with gcc and with clang, loaded by a node and called. The example projects are tested in the same
way. The symbols that each library exports are compared with a list."""
import gzip
import os
import pathlib
import re
import shutil

from harness.chapters import CHAPTERS, links_of
from harness.node import Node, plugin_folder, program, root
from harness.readme_examples import author_pages, example
from harness.sdk import installed, needs, shell, working_folder
from harness.tap import Skip, check, contains, equal, run, test

PAGES = author_pages(root)
EXAMPLES = root / "plugin-api/examples"


def commands():
    """The lines of the pages that build a hello world."""
    lines = [line.removeprefix("$ ") for line in PAGES.splitlines()]
    return sorted((line for line in lines if line.startswith(("gcc", "g++")) and " hello" in line), key=lambda line: "hello_test" in line)


def serves(cleanup, folder, actors):
    """A node with those actors of the plugins in `folder`."""
    children = "\n".join(f"        - {{ id: {name}, actor: {name}, name: {name} }}" for name in actors)
    config = ("node:\n  name: sdk@127.0.0.1\napplications:\n  - name: app\n    supervisor:\n      children:\n"
              f"{children}\n")
    return Node(cleanup, name="sdk", config=config, settings=[("plugins.path", f"[ {folder} ]")])


def build_readme(cleanup, c, cpp):
    needs(c, cpp)
    _, variables = installed()
    folder = working_folder(cleanup)
    for name in ("hello_c.c", "hello.cpp", "hello_test.cpp"):
        folder.write(name, example(PAGES, name))
    lines = commands()
    equal(len(lines), 3, "the pages show three commands")
    for line in lines:
        line = line.replace("g++ ", f"{cpp} ", 1) if line.startswith("g++") else line.replace("gcc ", f"{c} ", 1)
        shell(line, folder.path, **variables)
    node = serves(cleanup, folder.path, ["hello", "hello_c"])
    equal(node.call("hello", '{hello, <<"you">>}'), '<<"hello, you">>')
    equal(node.call("hello_c", "hello"), "world")
    for name in ("hello", "hello_c"):
        equal(exports(folder.path / f"{name}.so"), ["coppice_plugin"])
        equal(node.coppice("inspect", str(folder.path / f"{name}.so")).returncode, 0)


@test("the hello worlds of the author's pages and their test build with gcc from what is installed, and answer in a node")
def readme_gcc(cleanup):
    build_readme(cleanup, "gcc", "g++")


@test("the same with clang")
def readme_clang(cleanup):
    build_readme(cleanup, "clang", "clang++")


@test("the author's pages are installed, and each link of one leads to another")
def pages(_):
    folder, = installed()[0].path.rglob("doc/coppice-dev")
    texts = {}
    for page in folder.rglob("*.md*"):
        with (gzip.open if page.suffix == ".gz" else open)(page, "rt", encoding="utf-8") as text:
            texts[str(page.relative_to(folder)).removesuffix(".gz")] = text.read()
    expected = {"README.md", "COOKBOOK.md", "STABILITY.md", *(f"doc/{page.name}" for page in CHAPTERS)}
    equal(sorted(expected - set(texts)), [])
    links = [(page, os.path.normpath(pathlib.Path(page).parent / target)) for page in sorted(expected) for target in links_of(texts[page])]
    check(len(links) > len(CHAPTERS), "the pages have links", *links)
    equal([(page, target) for page, target in links if target not in texts], [])


@test("the sources of the bundled plugins are installed, without files of the node's own build")
def bundled(_):
    folder, = installed()[0].path.rglob("doc/coppice-dev/examples/plugins")
    check(any(folder.rglob("*.cpp")), "they are there")
    equal([str(file.relative_to(folder)) for file in folder.rglob("meson.build")], [])


@test("the example project builds, tests and loads with Meson")
def meson_example(cleanup):
    needs("g++")
    folder = working_folder(cleanup)
    shutil.copytree(EXAMPLES / "counter", folder.path / "counter")
    shell("meson setup build && ninja -C build && meson test -C build", folder.path / "counter", **installed()[1])
    check(list((folder.path / "counter/build").rglob("pch.hpp.gch")), "its precompiled header is made")
    counts(cleanup, folder.path / "counter/build")


@test("the example project builds, tests and loads with CMake")
def cmake_example(cleanup):
    needs("cmake", "g++")
    folder = working_folder(cleanup)
    shutil.copytree(EXAMPLES / "counter", folder.path / "counter")
    shell("cmake -B build && cmake --build build && ctest --test-dir build", folder.path / "counter", **installed()[1])
    counts(cleanup, folder.path / "counter/build")


def counts(cleanup, folder):
    node = serves(cleanup, folder, ["counter"])
    equal(node.call("counter", "{add, 40}"), "40")
    equal(node.call("counter", "{add, 2}"), "42")


ORDERED = """#include <coppice/order.hpp>
#include <coppice/server.hpp>
#include <coppice/testing.hpp>

using pair_of = std::pair<coppice::term, coppice::term>;
class judge : public coppice::server {
 public:
  std::tuple<std::int64_t, bool, std::int64_t> handle_call(const pair_of& both) {
    return {coppice::compare(both.first, both.second), coppice::equal(both.first, both.second), coppice::hash(both.first)};
  }
};
COPPICE_PLUGIN("judge", "1.0.0", judge);

int main() {
  using namespace coppice::testing;
  using answer = std::tuple<std::int64_t, bool, std::int64_t>;
  using map = coppice::etf::flat_map<std::string, std::int64_t>;
  actor server(plugin::linked());
  if (server.call(std::pair(1, 1.0)) != answer{0, false, 2614250 /* erlang:phash2(1) */}) return 1;
  if (server.call(std::pair(std::string("a"), std::string("b"))).as<answer>() >= answer{0, false, 0}) return 2;
  const auto maps = server.call(std::pair(map{{{"a", 1}, {"b", 2}}}, map{{{"b", 2}, {"a", 1}}})).as<answer>();
  return std::get<0>(maps) == 0 && std::get<1>(maps) ? 0 : 3;
}
"""


def kit():
    """Skips the test if the libraries of the test kit have a sanitizer: each program would need the same flags."""
    for name in ("testing", "engines"):
        library = next(installed()[0].path.rglob(f"libcoppice-{name}.a"))
        if re.search(rb"__(asan|tsan|ubsan|gcov)_", library.read_bytes()):
            raise Skip("the library of this build is instrumented")


@test("a plugin that orders and hashes terms is tested with the kit alone, in Erlang's order and hash")
def order_alone(cleanup):
    needs("g++")
    kit()
    folder = working_folder(cleanup)
    folder.write("judge.cpp", ORDERED)
    shell("g++ -std=c++20 -O0 judge.cpp -o judge $(pkg-config --cflags --libs coppice-testing) && ./judge", folder.path, **installed()[1])


# A stage. The kit runs it with the node's engine.
STAGED = """#include <coppice/stage.hpp>
#include <coppice/testing/stage.hpp>

class counter : public coppice::producer {
 public:
  std::vector<std::int64_t> handle_demand(std::uint64_t wanted) {
    std::vector<std::int64_t> events(wanted);
    for (auto& each : events) each = next_++;
    return events;
  }

 private:
  std::int64_t next_ = 0;
};
COPPICE_PLUGIN("counter", "1.0.0", counter);

int main() {
  using namespace coppice::testing;
  actor one(coppice::testing::plugin::linked());
  consumer_below below(one, std::vector<value>{}, std::pair(1, 2));
  consumer_below same(one, std::vector<value>{}, std::pair(1, 2));
  if (same.cancelled() != atom("duplicated_subscription")) return 1;
  return below.ask(3).take<std::int64_t>() == std::vector<std::int64_t>{0, 1, 2} ? 0 : 2;
}
"""


@test("the kit's libraries define all that they use, but for what pkg-config names beside them")
def kit_whole(cleanup):
    needs("g++")
    kit()
    folder = working_folder(cleanup)
    folder.write("judge.cpp", ORDERED)
    shell("g++ -std=c++20 -O0 judge.cpp -o judge $(pkg-config --cflags coppice-testing) -Wl,--whole-archive "
          "$(pkg-config --libs coppice-testing | sed 's/-lcoppice-etf/-Wl,--no-whole-archive &/') && ./judge",
          folder.path, **installed()[1])
    equal(shell("pkg-config --print-requires coppice-testing", folder.path, **installed()[1]).strip(), "")


# Options with which an author may build a test; the kit is built with other ones.
FLAGS = ["clang++", "g++ -D_GLIBCXX_ASSERTIONS", "g++ -O2 -DNDEBUG", "g++ -fsanitize=address,undefined -fno-sanitize-recover=undefined",
         "clang++ -fsanitize=address"]


@test("a test links with the kit and passes with clang, with assertions, optimised without them, and under sanitizers")
def kit_flags(cleanup):
    needs("g++", "clang++")
    kit()
    folder = working_folder(cleanup)
    folder.write("judge.cpp", ORDERED)
    folder.write("counter.cpp", STAGED)
    for flags in FLAGS:
        for name in ("judge", "counter"):
            shell(f"{flags} -std=c++20 {name}.cpp -o {name} $(pkg-config --cflags --libs coppice-testing) && ./{name}", folder.path, **installed()[1])


@test("what the kit cannot be linked with is refused by its header, in a sentence")
def kit_refuses(cleanup):
    needs("g++")
    folder = working_folder(cleanup)
    folder.write("judge.cpp", ORDERED)
    said = shell("g++ -std=c++20 -D_GLIBCXX_DEBUG -fsyntax-only judge.cpp $(pkg-config --cflags coppice-testing) 2>&1 || true",
                 folder.path, **installed()[1])
    contains(said, "compile tests without _GLIBCXX_DEBUG and libc++")


@test("a test that writes terms in Erlang's syntax links with what pkg-config says")
def erlang_syntax(cleanup):
    needs("g++")
    library = next(installed()[0].path.rglob("libcoppice-etf.a"))
    if re.search(rb"__(asan|tsan|ubsan|gcov)_", library.read_bytes()):
        raise Skip("the library of this build is instrumented")
    folder = working_folder(cleanup)
    folder.write("syntax.cpp", "#include <coppice/testing/erlang.hpp>\nusing namespace coppice::testing;\n"
                 "int main() { return text(erl(\"#{a => [1, x]}\")) == \"#{a => [1,x]}\" ? 0 : 1; }\n")
    shell("g++ -std=c++20 syntax.cpp -o syntax $(pkg-config --cflags --libs coppice-testing) && ./syntax",
          folder.path, **installed()[1])


def greets(cleanup, source):
    """Builds an example as the comment at its top says, and greets with it as with greeter."""
    folder = working_folder(cleanup)
    shutil.copytree(source.parent, folder.path, dirs_exist_ok=True)
    for line in re.findall(r"^(?://| \*)   (\S.*)$", source.read_text(encoding="utf-8"), re.M):
        shell(line, folder.path, **installed()[1])
    equal(exports(folder.path / f"{source.stem}.so"), ["coppice_plugin"])
    node = serves(cleanup, folder.path, [source.stem])
    for name in ('<<"you">>', '"you"', "you"):
        equal(node.call(source.stem, f"{{hello, {name}}}"), '{ok,<<"hello, you">>}')


@test("the installed documents refer to what is installed, and the bundled plugins are there to read")
def documents(_):
    folder, _ = installed()
    found = {file.name for file in folder.path.rglob("*") if file.is_file()}
    pages = [*folder.path.rglob("*.md"), *(root / "packaging").glob("TLS.md")]
    check({"README.md", "STABILITY.md", "COOKBOOK.md", "kv.cpp", "greeter.c", "abi.rs"} <= found, "they are installed", *found)
    for page in pages:
        text = page.read_text(encoding="utf-8")
        prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", re.sub(r"`[^`\n]*`", "", prose)):
            check("://" in link or (page.parent / link).exists(), f"{page.name} links to what is installed", link)
        for place in re.findall(r"`((?:tests|packaging|daemon|etf|epmd)/[\w./]*)", prose):
            check(False, f"{page.name} names a file of the source alone", place)


@test("the example for tcc answers as greeter does")
def tcc_example(cleanup):
    needs("tcc", "as", "gcc")
    greets(cleanup, EXAMPLES / "tcc/greeter_tcc.c")


def exports(file):
    needs("nm")
    lines = shell(f"nm -D --defined-only {file}", root).splitlines()
    return sorted(line.split()[-1] for line in lines)


@test("a plugin exports its descriptor and nothing else, the host nothing of its own")
def who_exports_what(_):
    for file in pathlib.Path(plugin_folder()).glob("*.so"):
        equal(exports(file), ["coppice_plugin"], file.name)
    for name in ("coppiced", "coppice-plugin-host"):
        file = program(name.upper().replace("-", "_"), name)
        ours = [symbol for symbol in exports(file) if "coppice" in symbol]
        check(not ours, f"{name} exports", *ours)


run()
