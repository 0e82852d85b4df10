#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plugins in Rust: Debian's cargo builds the installed crate and its examples without a network, and they serve in a
node as plugins in C and C++ do. A panic is an exit reason in every callback. The structs of the crate have the layout
of the structs in the headers."""
import json
import os
import pathlib
import shutil
import struct
import subprocess
import urllib.request

from harness.metrics import Metrics
from harness.node import Folder, Node, free_port, program, root
from harness.sdk import installed, needs, shell
from harness.tap import check, contains, equal, eventually, run, shared, test

TRIAL = root / "tests/e2e/rust_trial"


class Workshop:
    """Copies of the crate, its examples and the trial, and one folder for the files that cargo makes of them."""

    def __init__(self, cleanup):
        needs("cargo", "cc")
        prefix, variables = installed()
        where = shell("pkg-config --variable=rustdir coppice-plugin", root, **variables).strip()
        self.folder = Folder()
        cleanup.callback(self.folder.close)
        self.plugins = self.folder.path / "plugins"
        self.plugins.mkdir()
        # pkg-config may give the folder with the DESTDIR or without it.
        where = pathlib.Path(where if where.startswith(str(prefix.path)) else f"{prefix.path}{where}")
        shutil.copytree(where, self.folder.path / "coppice")
        shutil.copytree(TRIAL, self.folder.path / "trial")
        self.variables = {"CARGO_HOME": str(self.folder.path / "home"), "CARGO_TARGET_DIR": str(self.folder.path / "target"),
                          "CARGO_PROFILE_DEV_DEBUG": "0", "CARGO_PROFILE_TEST_DEBUG": "0", "CARGO_NET_OFFLINE": "true"}

    def source(self, place):
        return self.folder.path / place / "src/lib.rs"

    def build(self, place, plugin):
        """Builds the package in that folder. Its file takes the plugin's place by renaming."""
        shell("cargo build --offline --quiet", self.folder.path / place, **self.variables)
        built = self.folder.path / f"target/debug/lib{plugin}.so"
        shutil.copy(built, self.plugins / f"{plugin}.new")
        (self.plugins / f"{plugin}.new").rename(self.plugins / f"{plugin}.so")


@shared
def workshop(cleanup):
    made = Workshop(cleanup)
    made.build("coppice/examples/greeter", "greeter_rs")
    made.build("coppice/examples/counter", "counter_rs")
    made.build("trial", "trial")
    return made


def serves(cleanup, plugins, *names, node="rust", epmd_port=None, settings=()):
    children = "\n".join(f"        - {{ id: {name}, actor: {name}, name: {name} }}" for name in names)
    config = (f"node:\n  name: {node}@127.0.0.1\napplications:\n  - name: app\n    supervisor:\n"
              f"      intensity: 1000\n      children:\n{children}\n")
    return Node(cleanup, name=node, config=config, epmd_port=epmd_port, settings=[("plugins.path", f"[ {plugins} ]"), *settings])


def note_of(file):
    """The manifest in the file's note: the sizes of name and text, a type, the name, the text."""
    whole = file.read_bytes()
    at = whole.index(struct.pack("<I", 1) + b"Coppice\0{")
    (size,) = struct.unpack_from("<I", whole, at - 4)
    return json.loads(whole[at + 12:at + 12 + size].rstrip(b"\0"))


def metrics_at(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        return answer.read().decode()


def ends(node, term, reason):
    """Checks that the call ends the actor for this reason, and that its supervisor starts another one."""
    before = node.call("trial", "self")
    done = node.coppice("call", "trial", term)
    check(done.returncode != 0, f"{term} is answered", done.stdout)
    contains(done.stdout + done.stderr, reason)
    eventually(lambda: node.answer("trial", "self") is not None
               and node.call("trial", "self") != before, "another trial", 30)


@test("the crate's own tests pass, and its structs lie as those of the headers")
def crate(cleanup):
    made = workshop()
    shutil.copytree(root / "plugin-api/rust/tests", made.folder.path / "coppice/tests", dirs_exist_ok=True)
    said = shell("cargo test --offline --quiet --test terms -- --nocapture --test-threads=1", made.folder.path / "coppice",
                 **made.variables)
    contains(said, "test result: ok")
    asserts = []
    for line in said.splitlines():
        if "layout " not in line:
            continue
        name, *member, number = line[line.index("layout ") + 7:].split()
        what = f"offsetof({name}, {member[0]})" if member else f"sizeof({name})"
        asserts.append(f'_Static_assert({what} == {number}, "{what}");')
    check(len(asserts) > 100, "the structs are listed", len(asserts))
    names = ("plugin", "lifecycle", "server", "timer", "work", "log", "await", "metric", "order", "post")
    headers = "".join(f"#include <coppice/{name}.h>\n" for name in names)
    made.folder.write("layout.c", headers + "\n".join(asserts) + "\n")
    shell("cc -std=c11 -fsyntax-only $(pkg-config --cflags coppice-plugin) layout.c", made.folder.path, **installed()[1])


@test("greeter answers as the one in C does, and the counter goes over into new code")
def examples(cleanup):
    made = workshop()
    node = serves(cleanup, made.plugins, "greeter_rs", "counter_rs")
    for name in ('<<"you">>', '"you"', "you"):
        equal(node.call("greeter_rs", f"{{hello, {name}}}"), '{ok,<<"hello, you">>}')
    for name in ("greeter_rs", "counter_rs"):
        equal(shell(f"nm -D --defined-only {made.plugins}/{name}.so", root).split()[-1:], ["coppice_plugin"])
        equal(node.coppice("inspect", str(made.plugins / f"{name}.so")).returncode, 0)
    equal(node.call("counter_rs", "{add, 40}"), "40")
    contains(node.refused("counter_rs", "{add, 1.5}"), "{add, Integer} or average was expected")
    source = made.source("coppice/examples/counter")
    text = source.read_text(encoding="utf-8")
    source.write_text(text.replace('"2.0.0"', '"2.1.0"').replace('Atom("average")', 'Atom("mean")'), encoding="utf-8")
    made.build("coppice/examples/counter", "counter_rs")
    report = node.ask("reload")["plugins"][0]
    equal((report["to"]["version"], report["actors"][0]["outcome"]), ("2.1.0", "carried"))
    equal(node.call("counter_rs", "{add, 2}"), "42")
    equal(node.call("counter_rs", "mean"), "21.0")
    done = node.coppice("call", "counter_rs", "{add, 9223372036854775807}")
    contains(done.stdout + done.stderr, 'panic,<<"the sum is too large, at src/lib.rs:')
    eventually(lambda: node.answer("counter_rs", "{add, 1}") == "1", "another counter", 30)


@test("what an actor says by takes stands in its note, and coppice check warns of a web route to it; another word is no plugin")
def takes(cleanup):
    made = workshop()
    equal(note_of(made.plugins / "trial.so")["actors"][0]["takes"], ["calls", "casts", "messages"])
    check("takes" not in note_of(made.plugins / "counter_rs.so")["actors"][0], "a class that says nothing lists nothing")
    folder = Folder()
    cleanup.callback(folder.close)
    children = ["{ id: a, actor: trial, name: a }", "{ id: b, actor: counter_rs, name: b }",
                "{ id: site, web: { listen: [ { address: 127.0.0.1, port: 0 } ], routes: [ { path: /a, to: a }, { path: /b, to: b } ] } }"]
    path = folder.write("node.yaml", f"node: {{ name: rust@127.0.0.1 }}\nplugins: {{ path: [ {made.plugins} ] }}\napplications:\n"
                                     f"  - name: app\n    supervisor: {{ children: [ {', '.join(children)} ] }}\n")
    done = subprocess.run([program("COPPICE", "coppice"), "check", str(path)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, check=False)
    equal(done.returncode, 0, done.stdout + done.stderr)
    contains(done.stdout + done.stderr, "a route goes to the process 'a', whose actor 'trial' takes no web requests")
    equal((done.stdout + done.stderr).count("takes no web requests"), 1)
    shutil.copytree(made.folder.path / "trial", made.folder.path / "mistyped")
    source = made.source("mistyped")
    source.write_text(source.read_text(encoding="utf-8").replace('"messages"]', '"mesages"]'), encoding="utf-8")
    done = subprocess.run(["cargo", "build", "--offline", "--quiet"], cwd=made.folder.path / "mistyped", stdin=subprocess.DEVNULL,
                          env=dict(os.environ, **made.variables), capture_output=True, text=True, timeout=300, check=False)
    check(done.returncode != 0, "it does not compile")
    contains(done.stderr, "takes has no word mesages: calls, casts, messages, web")


@test("a panic in any callback is the exit reason {panic, Text}, and the node goes on")
def panics(cleanup):
    node = serves(cleanup, workshop().plugins, "trial")
    ends(node, '{panic, <<"out of \\"tea\\"">>}', 'panic,<<"out of ')
    ends(node, "payload", 'panic,<<"a value that is no text, at src/lib.rs:')
    ends(node, "bounds", 'panic,<<"index out of bounds')
    ends(node, "thrown", 'panic,<<"while writing, at')
    ends(node, "blocking_panic", 'panic,<<"on the pool')
    ends(node, "unwinding", 'panic,<<"with a guard')
    node.said("while unwinding: Err(Context)")
    ends(node, "infinite", "badarg")
    ends(node, "half", "bad_term")
    ends(node, "{stop, {full, 3}}", "{full,3}")
    ends(node, "normal", "normal")
    ends(node, "refused", '{refused,<<"not today">>}')
    for mode, trigger in (("cast", "cast"), ("info", "send")):
        before = node.call("trial", "self")
        node.call("trial", f"{{mode, {mode}}}")
        equal(node.coppice(trigger, "trial", "hi").returncode, 0)
        eventually(lambda: node.answer("trial", "self") is not None
                   and node.call("trial", "self") != before, f"another trial after {mode}", 30)
        node.said(f"asked for in {mode}")
    equal(node.call("trial", "{spawn, init}")[:22], '{exit,{panic,<<"asked ')
    node.call("trial", "{mode, status}")
    contains(node.coppice("info", "trial").stdout, "trial")
    for mode in ("terminate", "drop"):
        node.call("trial", f"{{mode, {mode}}}")
        ends(node, "normal", "normal")
    equal(node.process.poll(), None, "the node runs")


@test("host calls come to what they do in C++")
def host_calls(cleanup):
    node = serves(cleanup, workshop().plugins, "trial", "greeter_rs")
    terms = ('{a,1.5,"text",<<"bin">>,[1,2|x],#{a => [1,300]}}', "123456789012345678901234567890", "[]", "<<1:3>>")
    for term in terms:
        equal(node.call("trial", f"{{echo, {term}}}"), term)
    equal(node.call("trial", "numbers"),
          '{-9223372036854775808,18446744073709551615,-1,2.5,true,<<"text">>,[1,2]}')
    equal(node.call("trial", "map"), "#{a => 1,b => 2}")
    equal(node.call("trial", "later"), "answer")
    equal(node.call("trial", "every"), "tick")
    equal(node.call("trial", "timer"), '{true,<<"Err(NotFound)">>}')
    equal(node.call("trial", "{call, greeter_rs, {hello, you}}"), '{ok,{ok,<<"hello, you">>}}')
    contains(node.call("trial", "{call, nobody, hi}"), "NoProcess")
    contains(node.call("trial", "{call, trial, hi}"), "CallingSelf")
    equal(node.call("trial", "{ask, greeter_rs, {hello, you}}"), '{7,{ok,<<"hello, you">>}}')
    contains(node.call("trial", "{ask, nobody, hi}"), "{7,<<")
    equal(node.call("trial", "{spawn, none}"), "enough")
    equal(node.call("trial", "spawn_monitored"), "watched")
    several = node.call("trial", "{call_many, [{greeter_rs, {hello, you}}, {nobody, hi}, {greeter_rs, {hello, me}}]}")
    for part in ("hello, you".encode().hex(), "NoProcess"):
        contains(several.replace(", ", ","), ",".join(str(b) for b in bytes.fromhex(part)) if part != "NoProcess" else part)
    equal(node.call("trial", "{call_many, []}"), "[]")
    waited = node.call("trial", "{await, greeter_rs, {hello, you}}")
    contains(waited, "<<\"Ok(Tuple([Atom(")
    contains(waited, "Failed(NotFound)")
    contains(node.call("trial", "{await, nobody, hi}"), "Failed(NoProcess)")
    equal(node.call("trial", "urgent"), "{first,urgent}")
    equal(node.call("trial", "flags"), '{<<"Err(Unsupported)">>,<<"Err(NodeDown)">>}')
    equal(node.call("trial", "names"), '{true,<<"Err(Exists)">>,<<"Err(NotFound)">>}')
    contains(node.call("trial", "blocking"), ",42}")
    contains(node.refused("trial", "nothing"), "something else was expected")
    deep = "[" * 100 + "]" * 100
    done = node.coppice("call", "trial", deep)
    contains(done.stdout + done.stderr, "bad_term")
    check(int(node.call("trial", f"{{bytes, {deep}}}")) > 500, "a reader walks any depth")


@test("terms are ordered, compared and hashed as Erlang does it, in maps too")
def ordered(cleanup):
    node = serves(cleanup, workshop().plugins, "trial")
    for a, b, said in (("1", "1.0", "{0,false,false,"), ("a", "1", "{1,false,false,"), ("1", "2", "{-1,false,false,"),
                       ("#{a => 1,b => 2}", "#{b => 2,a => 1}", "{0,true,true,"), ("{a}", "{a}", "{0,true,true,")):
        contains(node.call("trial", f"{{order, {a}, {b}}}"), said)
    # erlang:phash2(a), the same in every release.
    equal(node.call("trial", "{order, a, a}"), "{0,true,true,97}")
    equal(node.call("trial", "keys"), '[<<"a map">>,<<"a float">>,<<"nothing">>]')


@test("threads post to their actor, which joins its own at its end and in a reload")
def posted(cleanup):
    node = serves(cleanup, workshop().plugins, "trial")
    equal(node.call("trial", "posts"), "{first,library}")
    equal(node.call("trial", "thread"), "{first,posted}")
    contains(node.call("trial", "thread_panic"), '{panic,<<"on its own, at')
    equal(node.call("trial", "thread"), "{first,posted}")
    tasks = pathlib.Path(f"/proc/{node.process.pid}/task")

    def threads():
        return sum(task.read_text(encoding="utf-8") == "trial-own\n" for task in tasks.glob("*/comm"))

    equal(threads(), 1)
    node.ask("reload", plugin="trial")
    eventually(lambda: threads() == 0, "the thread has ended", 30)
    equal(node.call("trial", "thread"), "{first,posted}")
    equal(threads(), 1)
    ends(node, "normal", "normal")
    eventually(lambda: threads() == 0, "so has this one", 30)
    ends(node, "orphan", "normal")
    eventually(lambda: node.call("trial", "orphans") == "1", "a thread is told that its actor has ended", 30)


@test("what an actor counts is among the node's metrics, over a reload too")
def counted(cleanup):
    port = free_port()
    node = serves(cleanup, workshop().plugins, "trial", settings=[("control.http", f"{{ address: 127.0.0.1, port: {port} }}")])
    equal(node.call("trial", "count"), "ok")
    node.ask("reload", plugin="trial")
    equal(node.call("trial", "count"), "ok")
    shown = Metrics(metrics_at(port))

    def value(name, **labels):
        return shown.value(f"coppice_plugin_trial_{name}", **labels)

    equal((value("asked_total", kind="trial"), value("level")), (4, 3))
    equal((value("taken_bucket", le="1"), value("taken_bucket", le="2"), value("taken_count"), value("taken_sum")), (0, 2, 4, 21))


@test("an actor of another node is spawned and called, if that node allows it")
def spawned_elsewhere(cleanup):
    listen = ("distribution.listen", "[ { address: 127.0.0.1, ports: 0-0 } ]")
    node = serves(cleanup, workshop().plugins, "trial", settings=[listen])
    there = serves(cleanup, workshop().plugins, "trial", "greeter_rs", node="other", epmd_port=node.epmd_port,
                   settings=[listen, ("distribution.allow.spawn", "[ 'trial:trial' ]")])
    equal(node.call("trial", "{spawn_actor_at, 'other@127.0.0.1', 'trial:trial'}"), "there")
    contains(node.call("trial", "{spawn_actor_at, 'other@127.0.0.1', greeter_rs}"), "Refused", there.log())
    contains(node.call("trial", "{spawn_at, 'other@127.0.0.1', timer}"), "Refused")
    contains(node.call("trial", "{spawn_at, 'nobody@127.0.0.1', timer}"), "NodeDown")


@test("an actor that passes over every error still ends when it is killed while it waits")
def killed(cleanup):
    port = free_port()
    node = serves(cleanup, workshop().plugins, "trial", settings=[
        ("control.http", f"{{ address: 127.0.0.1, port: {port} }}"), ("node.runtime.linger", "1h")])

    def lingering():
        return Metrics(metrics_at(port)).value("coppice_lingering_processes")

    before = node.call("trial", "self")
    node.connection().send("call", name="trial", term="stubborn", timeout_ms=60000)
    eventually(lambda: node.status("trial") == "parked", "it waits", 30)
    node.ask("exit", name="trial", reason="kill")
    eventually(lambda: node.answer("trial", "self") is not None
               and node.call("trial", "self") != before, "another trial", 30)
    eventually(lambda: lingering() == 0, "its stack has unwound", 30)


@test("a panic or an error in save_state or restore_state leaves the old code serving")
def refused(cleanup):
    made = workshop()
    node = serves(cleanup, made.plugins, "trial")
    before = node.call("trial", "self")
    for mode, said in (("save", "asked for in save"), ("restore", "asked for in restore"), ("version", "of another age")):
        node.call("trial", f"{{mode, {mode}}}")
        done = node.coppice("reload", "trial")
        check(done.returncode != 0, "the reload fails", done.stdout)
        contains(done.stdout + done.stderr, said)
        equal(node.call("trial", "self"), before)
    node.call("trial", "{mode, after}")
    node.ask("reload", plugin="trial")
    node.said("asked for in after", "after_restore fails that actor alone", seconds=30)
    eventually(lambda: node.answer("trial", "self") is not None, "another trial", 30)


if __name__ == "__main__":
    run()
