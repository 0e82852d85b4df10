#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`coppice new`, for each kind in C and C++: the result builds without a warning from the installed files, is accepted
by a node, and answers as its page says. One plugin of each language, Rust too, is built and tested as a project. Wrong
command lines are refused. e2e/new_all builds and runs the test of every kind."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import urllib.request

from harness.made_plugins import Made, compile_all, coppice, make_all
from harness.node import Folder, Node, program, root
from harness.sdk import installed, needs, shell, working_folder
from harness.tap import Skip, check, contains, equal, eventually, run, shared, test


def refused(*arguments, cwd, status=2):
    """The lines that say why a command was refused."""
    done = coppice("new", *arguments, cwd=cwd)
    equal((done.returncode, done.stdout), (status, ""), done.stderr)
    return done.stderr.splitlines()


@shared
def everything(cleanup):
    """One plugin of each kind and language, and the folder in which they were built."""
    needs("g++", "pkg-config", "xargs")
    folder = Folder()
    cleanup.callback(folder.close)
    made = make_all(folder.path)
    compile_all(folder.path, [one.plugin_command() for one in made])
    return folder.path, made


def ask_web(made, _):
    with urllib.request.urlopen(f"http://127.0.0.1:{made.port()}/hello/you", timeout=20) as answer:
        equal(answer.read(), b"hello, you\n", made.name)


def ask_tcp(made, _):
    with socket.create_connection(("127.0.0.1", made.port()), 20) as connection:
        connection.sendall(b"one\ntwo\n")
        with connection.makefile("rb") as lines:
            equal([lines.readline(), lines.readline()], [b"1 one\n", b"2 two\n"], made.name)


def ask_udp(made, _):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.settimeout(20)
        own.sendto(b"hello", ("127.0.0.1", made.port()))
        equal(own.recv(100), b"hello", made.name)


def carried_over(node, made):
    """Checks that a reload carries over each of its actors."""
    report, = node.ask("reload", plugin=made.name, dry_run=True)["plugins"]
    equal({actor["outcome"] for actor in report["actors"]} - {"carried"}, set(), f"{made.name}: {report}")


def tell_manager(made, node):
    node.ask("send", name=made.name, term="{notify, {door, open}}")
    eventually(lambda: node.engine(made.name)["handlers"][0]["seen"] == 1, f"{made.name}'s handler has seen the event", 20)


def lead(made, node):
    eventually(lambda: node.engine(made.name)["leader"], f"{made.name} leads its group of one", 60)


ASKED_OTHERWISE = {"raft": lead, "web": ask_web, "tcp": ask_tcp, "udp": ask_udp, "event-manager": tell_manager}


@test("each kind in C and C++ builds without a warning, is taken by a node and answers as its page says")
def kinds(cleanup):
    folder, made = everything()
    text = "".join("        " + line for one in made for line in one.children.splitlines(keepends=True))
    text = text.replace("@demo@127.0.0.1", "@made@127.0.0.1")  # the node's name on the page of raft
    config = f"node:\n  name: made@127.0.0.1\napplications:\n  - name: app\n    supervisor:\n      children:\n{text}"
    node = Node(cleanup, name="made", config=config, settings=[("plugins.path", f"[ {folder} ]")])
    for one in made:
        if one.kind in ASKED_OTHERWISE:
            ASKED_OTHERWISE[one.kind](one, node)
        asked = list(one.asked())
        check(asked or one.kind in ASKED_OTHERWISE, f"{one.name}'s page asks it something")
        for name, term, answer in asked:
            found = node.call(name, term)
            first, differs, last = answer.partition("…")
            if differs and found.startswith(first) and found.endswith(last):
                found = answer
            equal(found, answer, f"{name} {term}")
    for one in made:
        carried_over(node, one)


@test("no engine is without a template, in C nor in C++")
def engines(_):
    folder, made = everything()
    header = (root / "plugin-api/coppice/detail/behaviours.h").read_text(encoding="utf-8")
    wanted = set(re.findall(r'\{"(\w+)", coppice_\w+_tables, \w+\}', header))
    check(len(wanted) >= 9, "the header lists engines", wanted)
    for language in ("c", "cpp"):
        files = [str(folder / f"{one.name}.so") for one in made if one.language == language]
        found = {actor["behaviour"] for file in files for actor in json.loads(coppice("inspect", file, "--json").stdout)["actors"]}
        equal(found, wanted, language)


@test("no template has a habit that `coppice inspect --lint` finds")
def linted(_):
    folder, made = everything()
    for one in made:
        done = coppice("inspect", "--lint", str(folder / f"{one.name}.so"))
        equal(done.returncode, 0, f"{one.name}: {done.stdout}{done.stderr}")


@test("a plugin is built, tested and installed by its own project: Meson, C++")
def with_meson(cleanup):
    needs("g++", "meson")
    where = working_folder(cleanup).path
    made = Made(where, "actor", "cpp")
    shell("meson setup build -Dwerror=true && ninja -C build && meson test -C build", made.folder, **installed()[1])
    equal(coppice("inspect", f"{made.folder}/build/{made.name}.so").returncode, 0)


@test("the same with CMake, C")
def with_cmake(cleanup):
    needs("g++", "cmake")
    where = working_folder(cleanup).path
    made = Made(where, "actor", "c", "--cmake")
    check(not (made.folder / "meson.build").exists(), "it has no meson.build")
    shell("cmake -B build -DCMAKE_C_FLAGS=-Werror && cmake --build build && ctest --test-dir build", made.folder, **installed()[1])
    equal(coppice("inspect", f"{made.folder}/build/{made.name}.so").returncode, 0)


@test("a plugin in Rust is tested and built by cargo alone, without a network, and answers as its page says")
def in_rust(cleanup):
    needs("cargo", "cc", "pkg-config")
    prefix, variables = installed()
    where = working_folder(cleanup).path
    made = Made(where, "actor", "rust")
    crate, = (file.parent for file in prefix.path.rglob("rust/Cargo.toml"))
    manifest = made.folder / "Cargo.toml"
    text, count = re.subn(r'path = "/.*/coppice/rust"', f'path = "{crate}"', manifest.read_text(encoding="utf-8"))
    equal(count, 1, "it points to the installed crate")
    manifest.write_text(text, encoding="utf-8")
    shell("cargo test --offline --quiet && cargo build --offline --quiet", made.folder, CARGO_HOME=str(where / "home"),
          CARGO_PROFILE_DEV_DEBUG="0", CARGO_NET_OFFLINE="true", **variables)
    shutil.copy(made.folder / f"target/debug/lib{made.name}.so", where / f"{made.name}.so")
    children = "".join("        " + line for line in made.children.splitlines(keepends=True))
    config = f"node:\n  name: rust@127.0.0.1\napplications:\n  - name: app\n    supervisor:\n      children:\n{children}"
    node = Node(cleanup, name="rust", config=config, settings=[("plugins.path", f"[ {where} ]")])
    for name, term, answer in made.asked():
        equal(node.call(name, term), answer)
    carried_over(node, made)


@test("all that is wrong is said at once, with the status of a wrong command line, and nothing is written")
def mistakes(cleanup):
    where = working_folder(cleanup).path
    said = refused("actr", "9/ü", "--lang", "rust", cwd=where)
    equal(len(said), 4, said)
    contains(said[0], "there is no kind actr: did you mean 'actor'?")
    for name, why in (("for", "no word of C or C++"), ("x" * 300, "at most 64 bytes"), ("../x", "no path"), ("größe", "not 'ö'"),
                      ("", "must have a letter"), ("test", "a build tool")):
        if name:
            contains(refused("actor", name, cwd=where)[0], why)
    contains(refused("actor", "-", cwd=where)[0], "must have a letter")
    contains(refused("actor", cwd=where)[0], "NAME")
    equal(os.listdir(where), [])


@test("the same command twice changes nothing; a file that differs stays, unless forced; --dry-run writes nothing")
def twice(cleanup):
    where = working_folder(cleanup).path
    equal(coppice("new", "actor", "Cart", "--dry-run", cwd=where).returncode, 0)
    equal(os.listdir(where), [])
    equal(coppice("new", "actor", "Cart", cwd=where).returncode, 0)
    before = {file.name: file.stat().st_mtime_ns for file in (where / "cart").iterdir()}
    contains(coppice("new", "actor", "Cart", cwd=where).stdout, "all 5 files are there already")
    equal({file.name: file.stat().st_mtime_ns for file in (where / "cart").iterdir()}, before)
    source = where / "cart/cart.cpp"
    text = source.read_text(encoding="utf-8")
    source.write_text("mine", encoding="utf-8")
    said = refused("actor", "Cart", cwd=where, status=1)
    contains(said[0], "cart/cart.cpp exists and is another")
    equal(source.read_text(encoding="utf-8"), "mine")
    equal(coppice("new", "actor", "Cart", "--force", cwd=where).returncode, 0)
    equal(source.read_text(encoding="utf-8"), text)
    contains(coppice("new", "actor", "Cart", "it's mine", cwd=where).stdout, "next: cd 'it'\\''s mine' && ")
    contains(coppice("init", "shop", "--in", "my shop", cwd=where).stdout, "next: cd 'my shop' && ")


def mounted(command, options, where):
    """The output and status of `coppice new actor cart` on a file system of its own at `where`, and the output of
    `command`."""
    needs("unshare")
    whole = f"mount -t tmpfs {options} none {where} && cd {where} && {{ {program('COPPICE', 'coppice')} new actor cart 2>&1; echo $?; {command}; }}"
    done = subprocess.run(["unshare", "-rm", "sh", "-c", whole], capture_output=True, text=True, timeout=60, check=False)
    if "mount" in done.stderr or "unshare" in done.stderr:
        raise Skip("no file system may be mounted here")
    return done.stdout.splitlines()


@test("a full disk and a read-only folder are a sentence each, and leave nothing")
def no_room(cleanup):
    where = working_folder(cleanup).path
    equal(mounted("ls -A", "-o size=8k", where)[1:], ["1"])
    contains(mounted("ls -A", "-o size=8k", where)[0], "No space left on device")
    equal(mounted("ls -A", "-o ro", where), ["coppice: new actor cart: make a folder in .: Read-only file system", "1"])


@test("a kill in the middle leaves no folder of that name, or a whole one")
def killed(cleanup):
    where = working_folder(cleanup).path
    whole = None
    for attempt in range(20):
        client = subprocess.Popen([program("COPPICE", "coppice"), "new", "actor", f"cart{attempt}"], cwd=where,
                                  stdout=subprocess.DEVNULL)
        eventually(lambda: any(where.iterdir()) or client.poll() is not None, "it has begun", 20)
        client.send_signal(signal.SIGKILL)
        client.wait(20)
        files = sorted(os.listdir(where / f"cart{attempt}")) if (where / f"cart{attempt}").exists() else None
        check(files is None or len(files) == 5, "no part of it is there", files)
        whole = whole or files
    equal(coppice("new", "actor", "cart0", cwd=where).returncode, 0)


if __name__ == "__main__":
    run()
