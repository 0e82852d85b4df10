#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The author's pages, plugin-api/README.md and the chapters of packaging/doc/plugins: their examples are built, run and
called. The first page is followed as a reader follows it, with its configuration, its node and its reload. Every file
of a chapter is built and its test runs, every part of a configuration is accepted, and each row about arguments is
tried."""
import re
import shutil
import subprocess

from harness.chapters import CHAPTERS, FIRST, blocks, tables
from harness.node import Node, plugin_folder, program, root
from harness.sdk import installed, needs, reader, shell, working_folder
from harness.tap import check, contains, equal, run, shared, test

# Another test compiles these: terms.py takes the definitions of both pages together.
DEFINITIONS = {"terms.md", "codec.md"}
FLAGS = "-O0 -Wall -Wextra -Werror"


def text_of(path):
    return path.read_text(encoding="utf-8")


@test("the first page does what it says, command by command")
def first(cleanup):
    page = text_of(FIRST)
    who = reader(cleanup, "pkg-config")
    for block in blocks(page):
        if block.name:
            own_epmd = f"epmd: {{ port: {who.environment['ERL_EPMD_PORT']} }}\n" if block.language == "yaml" else ""
            (who.folder / block.name).write_text(own_epmd + block.text, encoding="utf-8")
    seen = who.follows(page)
    check(seen >= 10, "the page has commands", seen)
    who.ends()


def own_commands():
    """The files that a page builds by a command of its own: {file: command}."""
    lines = [block.text.strip() for path in CHAPTERS for block in blocks(text_of(path)) if block.language == "sh"]
    return {found[1]: line for line in lines if "\n" not in line and (found := re.search(r" -shared (\w+\.cpp) ", line))}


@shared
def shelf(cleanup):
    """A folder with every file of the chapters. The plugins are built."""
    needs("g++", "gcc", "pkg-config")
    folder = working_folder(cleanup)
    files = {}
    for path in (FIRST, *CHAPTERS):
        for block in blocks(text_of(path)):
            if block.language not in ("c", "cpp") or path.name in DEFINITIONS:
                continue
            check(block.name, f"{path.name}: a block of code has its file's name before it", block.text)
            check(block.name not in files, "a name is used once", block.name)
            files[block.name] = block.text
    for name, text in files.items():
        folder.write(name, text)
    plugins = [name for name in files if not name.endswith("_test.cpp")]
    check(len(plugins) >= 15, "the chapters have plugins", *plugins)

    own = own_commands()

    def command(name):
        if name in own:
            return own[name].replace("-O2", FLAGS)
        compiler = "g++ -std=c++20" if name.endswith(".cpp") else "gcc -std=c11"
        return f"{compiler} {FLAGS} -fPIC -shared {name} -o {name.rpartition('.')[0]}.so $(pkg-config --cflags --libs coppice-plugin)"
    folder.write("commands", "\n".join(map(command, plugins)) + "\n")
    shell("xargs -P 2 -d '\\n' -I LINE sh -c LINE <commands", folder.path, **installed()[1])
    return folder, plugins, [name for name in files if name.endswith("_test.cpp")]


@test("every plugin of the chapters builds without a warning and is accepted")
def plugins_build(_):
    folder, plugins, _ = shelf()
    for name in plugins:
        file = folder.path / f"{name.rpartition('.')[0]}.so"
        done = subprocess.run([program("COPPICE", "coppice"), "inspect", str(file)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        equal(done.returncode, 0, done.stdout + done.stderr)


@test("every test of the chapters passes")
def tests_pass(_):
    folder, _, tests = shelf()
    check(len(tests) >= 5, "the chapters have tests", *tests)
    folder.write("tests", "".join(f"g++ -std=c++20 -O0 -Wall -Wextra {name} -o {name[:-4]} $(pkg-config --cflags --libs coppice-testing) && ./{name[:-4]}\n" for name in tests))
    shell("xargs -P 2 -d '\\n' -I LINE sh -c LINE <tests", folder.path, **installed()[1])


@test("what the page about libraries says is refused is refused")
def refused_links(_):
    folder, _, _ = shelf()
    (heads, rows), = tables(text_of(root / "packaging/doc/plugins/library.md"))
    equal((heads, len(rows)), (("link flag", "the sentence"), 2))
    for flag, sentence in rows:
        shell(f"gcc -std=c11 -fPIC -shared hello_c.c -o refused.so $(pkg-config --cflags --libs coppice-plugin) {flag}", folder.path, **installed()[1])
        done = subprocess.run([program("COPPICE", "coppice"), "inspect", str(folder.path / "refused.so")], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        check(done.returncode != 0, "it is refused", flag)
        contains(done.stdout + done.stderr, sentence)


def checked(folder, config):
    """The output of `coppice check` for a configuration with the chapters' plugins and the bundled plugins."""
    head = f"node: {{ name: page@127.0.0.1 }}\nplugins: {{ path: [ {folder.path}, {plugin_folder()} ] }}\n"
    folder.write("page.yaml", head + config)
    return subprocess.run([program("COPPICE", "coppice"), "check", str(folder.path / "page.yaml")], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)


def tree(children):
    lines = "".join(f"        {line}\n" for line in children.splitlines())
    return f"applications:\n  - name: page\n    supervisor:\n      children:\n{lines}"


@test("every piece of a configuration is one that the node takes")
def pieces(_):
    folder, _, _ = shelf()
    seen = 0
    for path in CHAPTERS:
        for block in blocks(text_of(path)):
            if block.language == "yaml":
                seen += 1
                done = checked(folder, tree(block.text))
                equal(done.returncode, 0, f"{path.name}: {done.stdout}{done.stderr}")
    check(seen >= 4, "the chapters have configurations", seen)


@test("each row of the pages about arguments says what the actor gets, or how its arguments are refused")
def arguments(cleanup):
    folder, _, _ = shelf()
    rows = {True: [], False: []}  # True: args that an actor accepts. False: args that are refused. Each as (actor, args, text)
    pages = [text_of(root / f"packaging/doc/plugins/{name}.md") for name in ("args", "args-schema")]
    for heads, lines in (table for page in pages for table in tables(page)):
        if heads[0].startswith("args of "):
            rows[heads[1] == "the actor gets"] += [(heads[0].removeprefix("args of "), *line) for line in lines]
    given, refused = rows[True], rows[False]
    check(len(given) >= 4 and len(refused) >= 12, "the page has rows")
    for actor, args, sentence in refused:
        done = checked(folder, tree(f"- {{ id: refused, actor: {actor}, args: {args} }}"))
        check(done.returncode != 0, "it is refused", args)
        contains(done.stdout + done.stderr, sentence)
    children = "\n".join(f"- {{ id: d{i}, name: d{i}, actor: {actor}, args: {args} }}" for i, (actor, args, _) in enumerate(given))
    node = Node(cleanup, name="page", config="node: { workers: 2 }\n" + tree(children), settings=[("plugins.path", f"[ {folder.path} ]")])
    equal([node.call(f"d{i}", "args") for i in range(len(given))], [term for _, _, term in given])


@test("a call that a server hands on is answered by the other one")
def handed_on(cleanup):
    folder, _, _ = shelf()
    children = "- { id: desk, name: desk, actor: desk }\n- { id: teller, name: teller, actor: 'desk:teller' }"
    node = Node(cleanup, name="page", config="node: { workers: 2 }\n" + tree(children), settings=[("plugins.path", f"[ {folder.path} ]")])
    for _ in range(3):
        equal(node.call("desk", '{ask, <<"tea">>}'), '<<"of tea">>')
    equal(node.call("teller", '{ask, <<"rice">>}'), '<<"of rice">>')


@test("the chapter about Rust has the command that builds the crate's example")
def rust(cleanup):
    needs("cargo", "pkg-config")
    prefix, variables = installed()
    folder = working_folder(cleanup)
    where = shell("pkg-config --variable=rustdir coppice-plugin", root, **variables).strip()
    shutil.copytree(where if where.startswith(str(prefix.path)) else f"{prefix.path}{where}", folder.path / "coppice")
    line, = [block.text for block in blocks(text_of(root / "packaging/doc/plugins/rust.md")) if block.language == "sh"]
    shell(line.replace("PLUGINS", str(folder.path)), folder.path / "coppice/examples/counter", CARGO_HOME=str(folder.path / "home"), CARGO_NET_OFFLINE="true")
    check((folder.path / "counter_rs.so").is_file(), "the plugin is there")


@test("a chapter has no commands but those that a test runs")
def commands(_):
    for path in CHAPTERS:
        for block in blocks(text_of(path)):
            check(block.language in ("c", "cpp", "yaml", "sh"), f"{path.name}: a block of a kind that is tested", block.language)
            if block.language == "sh":  # sdk.py runs the commands that build a hello
                check(path.name == "rust.md" or " hello_" in block.text or block.text.strip() in own_commands().values(), f"{path.name} has commands that a test runs", block.text)


if __name__ == "__main__":
    run()
