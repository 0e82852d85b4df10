#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Eight plugins in the style of different authors, in author/. They are built from the installed headers and crate
alone, pass their kit tests and are accepted by a node. Then each of them gets one mistake, and the test compares the
sentence of the compiler or the node about it."""
import concurrent.futures
import os
import shutil
import subprocess

from harness.node import Folder, program, root
from harness.sdk import installed, needs, shell
from harness.tap import check, contains, equal, run, shared, test

HERE = root / "tests/e2e/author"
PLUGINS = {"cpp": ["limiter", "rooms", "store", "fanout"], "c": ["limiter_c", "fanout_c"], "rs": ["limiter_rs", "rooms_rs"]}
FLAGS = "-O0 -fPIC -Wall -Wextra -Werror"

# (the plugin, the text in its source, the text that replaces it, the sentence)
SLIPS = [
    ("limiter", "bool handle_call(", "bool handleCall(",
     "this class has handleCall, which nothing calls: the callback's name is handle_call"),
    ("rooms", "  using calls = std::variant<join, say, members>;\n", "",
     "where it is overloaded or a template list its messages: using calls = std::variant<first, second>;"),
    ("store", "class store :", "class store final :", "an actor's class is not final"),
    ("fanout", " public:\n  std::int64_t", " private:\n  std::int64_t", "nothing can call handle_call of this class: make it public"),
    ("limiter_c", '\\"coppice.lifecycle/1\\",\\"coppice.server/1\\"', '\\"coppice.lifecycle/1\\"',
     "the behaviour server needs the table coppice.server/1, which is missing"),
    ("fanout_c", '\\"behaviour\\":\\"server\\"', '\\"behaviour\\":\\"publisher\\"', 'unknown behaviour "publisher", this host has'),
    ("limiter_rs", "#[derive(Default)]\nstruct Limiter", "struct Limiter", "the trait bound `Limiter: Default` is not satisfied"),
    ("rooms_rs", "    members: Vec<OwnedTerm>,\n", "    members: Vec<OwnedTerm>,\n    _own: std::rc::Rc<()>,\n",
     "`Rc<()>` cannot be sent between threads safely"),
]


def build(folder, name, source=None):
    """Builds this plugin in `folder`, from its own source or another one. Returns the finished process."""
    kind = next(kind for kind, names in PLUGINS.items() if name in names)
    prefix, variables = installed()
    if kind == "rs":
        shutil.copytree(HERE / name, folder / name)
        target = folder / name / "src/lib.rs"
        command = f"cargo build --offline --quiet && cp ../target/debug/lib{name}.so ../{name}.so"
        where = folder / name
    else:
        target, where = folder / f"{name}.{kind}", folder
        compiler = "g++ -std=c++20" if kind == "cpp" else "gcc -std=c11"
        command = f"{compiler} {FLAGS} -shared {target} -o {name}.so $(pkg-config --cflags --libs coppice-plugin)"
    target.write_text(source if source is not None else text_of(name), encoding="utf-8")
    # cargo's build of the crate is reused.
    cargo = {"CARGO_HOME": str(prefix.path / "cargo"), "CARGO_TARGET_DIR": str(folder / "target"), "CARGO_PROFILE_DEV_DEBUG": "0"}
    environment = dict(os.environ, **variables, **cargo)
    return subprocess.run(command, shell=True, cwd=where, env=environment, capture_output=True, text=True, check=False)


def text_of(name):
    kind = next(kind for kind, names in PLUGINS.items() if name in names)
    file = HERE / name / "src/lib.rs" if kind == "rs" else HERE / f"{name}.{kind}"
    return file.read_text(encoding="utf-8")


@shared
def desk(cleanup):
    """A folder with the built plugins. Skips the test where a compiler or cargo is missing."""
    needs("g++", "gcc", "cargo", "pkg-config")
    folder = Folder()
    cleanup.callback(folder.close)
    crate = shell("pkg-config --variable=rustdir coppice-plugin", root, **installed()[1]).strip()
    prefix = str(installed()[0].path)
    shutil.copytree(crate if crate.startswith(prefix) else prefix + crate, folder.path / "coppice")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        made = [pool.submit(build, folder.path, name) for names in PLUGINS.values() for name in names]
        for each in made:
            equal(each.result().returncode, 0, each.result().stderr)
    return folder


@test("eight plugins are built from what is installed, accepted by the node's tools, and pass their kit tests")
def plugins(_):
    folder = desk()
    for names in PLUGINS.values():
        for name in names:
            done = subprocess.run([program("COPPICE", "coppice"), "inspect", str(folder.path / f"{name}.so")],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            contains(done.stdout, "accepted", done.stderr)
    (folder.path / "scratch").mkdir()
    shell(f"g++ -std=c++20 {FLAGS} {HERE}/kit_test.cpp -o kit_test "
          "$(pkg-config --cflags --libs coppice-testing) && ./kit_test . scratch", folder.path, **installed()[1])


@test("and of each a slip is said in a sentence, by the compiler or before the node loads it")
def slips(_):
    folder = desk()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda slip: one_slip(folder, *slip), SLIPS))


def one_slip(folder, name, stands, written, sentence):
    source = text_of(name)
    check(stands in source, f"{name} has {stands!r}")
    place = folder.path / f"slip_{name}"
    place.mkdir()
    if name in PLUGINS["rs"]:
        shutil.copytree(folder.path / "coppice", place / "coppice")
    done = build(place, name, source.replace(stands, written))
    if name in PLUGINS["c"]:
        equal(done.returncode, 0, done.stderr)
        done = subprocess.run([program("COPPICE", "coppice"), "inspect", str(place / f"{name}.so")],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    check(done.returncode != 0, f"the slip in {name} is found")
    contains(done.stdout + done.stderr, sentence)


if __name__ == "__main__":
    run()
