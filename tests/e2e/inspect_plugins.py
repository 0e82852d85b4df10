#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`coppice inspect` for authors and operators: the whole document of a good plugin, the reason and the remedy for a bad
plugin (neither is run), and the habits that --lint finds. A node refuses every plugin that inspect refuses, and a
plugin whose own init fails."""
import json
import os
import shutil
import subprocess
from pathlib import Path

from harness.node import Folder, Node, plugin_folder, program, root
from harness.tap import Skip, check, contains, equal, run, test

INSTALLED_BY_NOBODY = "int coppice_test_private(void); int coppice_test_private(void) { return 1; }\n"


def inspect(file):
    done = subprocess.run([program("COPPICE", "coppice"), "inspect", str(file), "--json"], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, check=False)
    document = json.loads(done.stdout)
    equal(done.returncode, 0 if document["accepted"] else 1, "the exit status says the verdict")
    return document


def built(cleanup, *arguments, name="rude", source="plugins/fixtures/rude.c", code=None):
    """Builds a source of tests/unit, or the C++ in `code`, with these additional arguments, in a folder of its own."""
    compiler = ["gcc", "-std=c11"] if code is None else ["g++", "-std=c++20", "-fno-gnu-unique", f"-I{root}/etf/include"]
    if shutil.which(compiler[0]) is None:
        raise Skip(f"no {compiler[0]} on this machine")
    folder = Folder()
    cleanup.callback(folder.close)
    file = folder.path / f"{name}.so"
    path = f"{root}/tests/unit/{source}"
    if code is not None:
        path = folder.path / f"{name}.cpp"
        path.write_text(code, encoding="utf-8")
    done = subprocess.run([*compiler, "-fPIC", "-shared", f"-I{root}/plugin-api", str(path), "-o", str(file),
                           f"-Wl,--version-script={root}/plugin-api/plugin.map,-z,now,-z,relro", *arguments],
                          capture_output=True, text=True, check=False, cwd=folder.path)
    equal(done.returncode, 0, done.stderr)
    file.chmod(0o644)
    return file


@test("inspect shows what a plugin is, takes, needs and how it is hardened")
def whole_document(_):
    file = f"{plugin_folder()}/kv.so"
    found = inspect(file)
    equal(sorted(found), ["abi", "accepted", "actors", "build_id", "drafts", "file", "hardening", "id", "libraries", "reasons", "version"])
    equal((found["id"], found["version"], found["abi"]), ("kv", "1.0.0", {"major": 1, "minor": 0}))
    equal([(one["name"], one["behaviour"], one["state_version"]) for one in found["actors"]], [("kv", "server", 1)])
    equal(sorted(found["actors"][0]["tables"]), ["coppice.lifecycle/1", "coppice.server/1"])
    equal(found["drafts"], ["coppice.metric/draft-1", "coppice.order/draft-1"])
    check("max_entries" in found["actors"][0]["args_schema"]["properties"], "the schema of args")
    libc = [one for one in found["libraries"] if one["name"].startswith("libc.so")]
    check(libc and os.path.exists(libc[0]["path"]), "where libc is found", found["libraries"])
    equal(found["hardening"], {"relro": True, "bind_now": True, "nx_stack": True})
    text = subprocess.run([program("COPPICE", "coppice"), "inspect", file], capture_output=True, text=True, check=False).stdout
    for part in ("kv 1.0.0", "kv (server), state version 1", "library", "verdict    accepted",
                 "drafts     coppice.metric/draft-1, coppice.order/draft-1"):
        contains(text, part)


@test("check shows the drafts of the plugins that a configuration names")
def drafts_of_a_configuration(cleanup):
    folder = Folder()
    cleanup.callback(folder.close)
    folder.write("node.yaml", f"node: {{ name: drafts@127.0.0.1 }}\nplugins: {{ path: [ {plugin_folder()} ] }}\napplications:\n"
                 "  - name: app\n    supervisor: { children: [ { id: one, actor: kv }, { id: two, actor: greeter } ] }\n")
    command = [program("COPPICE", "coppice"), "check", str(folder.path / "node.yaml")]
    checked = [subprocess.run(command + more, capture_output=True, text=True, check=True).stdout for more in ([], ["--json"])]
    drafts = ["coppice.metric/draft-1", "coppice.order/draft-1"]
    equal(checked[0].splitlines()[1:], [f"plugin kv uses drafts: {', '.join(drafts)}"])
    equal([(one["id"], one["drafts"]) for one in json.loads(checked[1])["plugins"]], [("greeter", []), ("kv", drafts)])


@test("a configuration without plugins.path finds those of the installation, under whatever prefix")
def installed_prefix(cleanup):
    folder = Folder()
    cleanup.callback(folder.close)
    folder.write("node.yaml", "node: { name: prefix@127.0.0.1 }\napplications:\n"
                 "  - name: app\n    supervisor: { children: [ { id: one, actor: kv } ] }\n")
    shelf = folder.path / "opt/lib/coppice/plugins"
    shelf.mkdir(parents=True)
    (folder.path / "opt/bin").mkdir()
    client = shutil.copy(os.path.realpath(program("COPPICE", "coppice")), folder.path / "opt/bin/coppice")

    def checked():
        return subprocess.run([client, "check", str(folder.path / "node.yaml")], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False)

    without = checked()
    equal(without.returncode, 78, without.stderr)
    contains(without.stderr + without.stdout, str(shelf))
    shutil.copy(f"{plugin_folder()}/kv.so", shelf)
    equal(checked().returncode, 0)


@test("a plugin of a later ABI is told what to install, by inspect, check and a node in the same words")
def later_abi(cleanup):
    file = built(cleanup, '-DNOTE_ABI="[1,99]"', "-DABI_MINOR_NEEDED=99", name="fixture", source="loader/fixtures/fixture.c")
    says = "fixture 1.0.0 needs plugin ABI 1.99, and this host, coppice "
    remedy = "install a coppice whose plugin ABI is at least 1.99"
    refusal = inspect(file)["reasons"][0]
    contains(refusal["text"], says)
    equal(refusal["remedy"], remedy)
    status, log = started_with(cleanup, file)
    equal(status, 78, "a node's check of its configuration")
    contains(log, says)
    contains(log, remedy)

@test("what would break a reload or the host's safety is refused, each with its remedy")
def refused_with_remedy(cleanup):
    library = Folder()
    cleanup.callback(library.close)
    library.write("private.c", INSTALLED_BY_NOBODY)
    subprocess.run(["gcc", "-shared", "-fPIC", "private.c", "-o", "libcoppice-private.so"], cwd=library.path, check=True)
    for arguments, reason, remedy in [
        (["-Wl,-rpath,/opt/lib"], "has a library search path (RPATH or RUNPATH): /opt/lib", "link without -rpath"),
        (["-Wl,--no-as-needed", f"-L{library.path}", "-lcoppice-private"], "needs libcoppice-private.so", "link it statically"),
        (["-Wl,-z,nodelete"], "is linked with -z nodelete", "link without -z nodelete"),
        (["-Wl,-z,execstack"], "asks for an executable stack", "link with -z noexecstack"),
    ]:
        found = inspect(built(cleanup, *arguments))
        equal(found["accepted"], False, reason)
        refusals = [one for one in found["reasons"] if not one["warning"]]
        equal(len(refusals), 1, reason)
        contains(refusals[0]["text"], reason)
        contains(refusals[0]["remedy"], remedy)
        if "private" in reason:
            contains(str(found["libraries"]), "'libcoppice-private.so', 'path': None")


@test("a file or a folder that others can write to is refused, and named")
def unsafe_places(cleanup):
    file = built(cleanup)
    equal(inspect(file)["accepted"], True)
    file.chmod(0o666)
    contains(inspect(file)["reasons"][0]["text"], f"{file} is writable by everyone")
    file.chmod(0o644)
    file.parent.chmod(0o777)
    contains(inspect(file)["reasons"][0]["text"], f"the folder {file.parent} is writable by everyone")
    contains(inspect(file)["reasons"][0]["remedy"], "chmod go-w")


def started_with(cleanup, file):
    """The exit status and the log of a node whose tree names that plugin."""
    config = (f"node:\n  name: bad@127.0.0.1\napplications:\n  - name: app\n    supervisor:\n      children:\n"
              f"        - {{ id: one, actor: {file.stem} }}\n")
    node = Node(cleanup, name="bad", config=config, settings=[("plugins.path", f"[ {file.parent} ]")], wait=False)
    return node.process.wait(20), node.log()


@test("a plugin that fails in its own init is refused whole, in its words")
def failing_init(cleanup):
    status, log = started_with(cleanup, built(cleanup, "-DINIT_FAILS"))
    check(status in (1, 78), "the node does not start", status)
    contains(log, "its init failed: no licence")
    check("loaded from" not in log, "nothing of it is loaded", log)


ISLAND = """#include <coppice/statem.hpp>
using namespace coppice;
enum class place { shore, sea, island };
class boat : public statem<place> {
 public:
  static constexpr edge states[] = {{place::shore, "cast_off", place::sea}, {place::sea, "land", place::shore},
                                    {place::island, "leave", place::sea}};
  transition init() { return next(place::shore); }
  transition handle_cast(place, const etf::atom&) { return keep(); }
};
COPPICE_PLUGIN("boat", "1.0.0", boat);
"""


def dot(file):
    return subprocess.run([program("COPPICE", "coppice"), "inspect", "--dot", str(file)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, check=False)


@test("inspect --dot draws declared states, and names on standard error those that nothing leads to")
def drawn(cleanup):
    done = dot(f"{plugin_folder()}/door.so")
    equal((done.returncode, done.stderr), (0, ""))
    equal(done.stdout.splitlines()[0], 'digraph "door" {')
    for part in ('"locked" -> "open" [label="code"];', '"blocked" -> "locked" [label="state_timeout"];'):
        contains(done.stdout, part)
    file = built(cleanup, name="boat", code=ISLAND)
    done = dot(file)
    equal(done.returncode, 0, done.stderr)
    contains(done.stdout, '"island" -> "sea" [label="leave"];')
    equal(done.stderr, f"coppice: inspect {file}: actor boat: nothing leads from shore to the state island\n")
    done = dot(f"{plugin_folder()}/kv.so")
    equal((done.returncode, done.stdout), (1, ""))
    contains(done.stderr, "none of its actors declares states")


def lint(file, *options):
    return subprocess.run([program("COPPICE", "coppice"), "inspect", "--lint", str(file), *options], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, check=False)


SLEEPER = """#include <coppice/server.hpp>
#include <unistd.h>
namespace shop { int total = 0; }
class sleeper : public coppice::server {
 public:
  static constexpr std::uint32_t state_version = 1;
  int handle_call(const int& seconds) { return shop::total += static_cast<int>(::sleep(static_cast<unsigned>(seconds))); }
};
COPPICE_PLUGIN("sleeper", "1.0.0", sleeper);
"""


@test("inspect --lint names what hurts a node, with its remedy, and its status says whether anything was found")
def linted(cleanup):
    file = built(cleanup, name="sleeper", code=SLEEPER)
    done = lint(file)
    equal((done.returncode, done.stderr), (1, ""))
    equal(done.stdout.splitlines()[:2], ["warning: calls sleep, which holds a worker of the node and every actor on it",
                                         "  wait with a timer of the actor, or with the host's sleep"])
    contains(done.stdout, "writable data of 4 bytes, which all of its actors share: shop::total")
    found = json.loads(lint(file, "--json").stdout)
    equal(sorted(found), ["file", "findings", "not_judged"])
    equal([one["kind"] for one in found["findings"]], ["blocking_call", "writable_data"])
    equal(inspect(file)["accepted"], True, "a node takes it")


@test("no bundled plugin has a habit that --lint finds")
def bundled_are_clean(_):
    files = sorted(Path(plugin_folder()).glob("*.so"))
    check(len(files) >= 14, "the bundled plugins are there", *map(str, files))
    for file in files:
        done = lint(file)
        equal(done.returncode, 0, done.stdout + done.stderr)


@test("a node refuses what inspect refuses, in the same words")
def node_refuses(cleanup):
    status, log = started_with(cleanup, built(cleanup, "-Wl,-rpath,/opt/lib"))
    check(status in (1, 78), "the node does not start", status)
    contains(log, "has a library search path (RPATH or RUNPATH): /opt/lib")


run()
