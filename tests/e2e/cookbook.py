#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests the cookbook: every file is cut out of the page and built from the installed files, a node runs on the page's
configuration, and its answers equal those in the page. The results of the page's commands for precompiled headers,
sanitizers and the debugger are compared too."""
import re
import shlex
import subprocess

from harness.node import Folder, Node, program, root
from harness.readme_examples import example
from harness.sdk import installed, needs, shell
from harness.tap import Skip, check, contains, equal, eventually, run, shared, test

PAGE = (root / "plugin-api/COOKBOOK.md").read_text(encoding="utf-8")
PLUGINS = [name for name in re.findall(r"`(\w+)\.cpp`:$", PAGE, re.M) if not name.endswith("_test")]


def commands(word):
    """The lines of the page's sh blocks that begin with that word."""
    return [line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S) for line in block.splitlines()
            if line.startswith(word)]


@shared
def kitchen(cleanup):
    """A folder with every file of the page. Each plugin is built by the command at its top, with the information that a
    debugger needs."""
    needs("g++", "pkg-config")
    folder = Folder()
    cleanup.callback(folder.close)
    command = commands("g++")[0].replace("-O2", "-O0 -g1")
    contains(command, "NAME.cpp")
    for name in PLUGINS:
        folder.write(f"{name}.cpp", example(PAGE, f"{name}.cpp"))
    # Builds two at a time.
    build = f"printf '%s\\n' {' '.join(PLUGINS)} | xargs -P 2 -I NAME sh -c {shlex.quote(command)}"
    shell(build, folder.path, **installed()[1])
    return folder


def cooks(cleanup):
    folder = kitchen()
    config = "node:\n  name: cook@127.0.0.1\n" + example(PAGE, "cookbook.yaml").replace("/var/lib/coppice", str(folder.path))
    return Node(cleanup, name="cook", config=config, settings=[("plugins.path", f"[ {folder.path} ]")])


@test("every entry's plugin answers what the page says, and its state goes over a reload")
def entries(cleanup):
    check(len(PLUGINS) >= 6, "the page has plugins", *PLUGINS)
    node = cooks(cleanup)
    asked = commands("coppice call")
    check(len(asked) >= 10, "the page asks", *asked)

    def answer(line):
        return node.coppice(*shlex.split(line, comments=True)[1:]).stdout.strip()

    for line in asked:
        asking, expected = line.rsplit(" # ", 1)
        if re.search(r"\{(open|table|close|say|set|take)", asking):
            equal(answer(line), expected, line)
        else:  # a repeated question changes nothing, and some messages come late
            eventually(lambda: answer(line) == expected, line, 30)
    eventually(lambda: node.call("lease", "is_free") == "true", "the lease expires", 30)
    for name in ("sensor", "lease", "table"):
        equal(node.ask("reload", plugin=name)["plugins"][0]["actors"][0]["outcome"], "carried", name)
    equal(node.call("table", "{get, 1000000}"), "5")
    equal(node.call("lease", "is_free"), "true")


@test("its commands for precompiled headers and for sanitizers do what it says")
def builds(cleanup):
    folder = kitchen()
    folder.write("lease_test.cpp", example(PAGE, "lease_test.cpp"))
    pch = [line for line in commands(("echo", "g++")) if "pch" in line]
    equal(len(pch), 2)
    shell(pch[0].replace("-O2", "-O0"), folder.path, **installed()[1])
    said = shell(pch[1].replace("-O2", "-O0").replace("lease.so", "other.so") + " -H 2>&1", folder.path, **installed()[1])
    check(re.search(r"^! \S*pch\.hpp\.gch$", said, re.M), "the header is taken", said[:500])
    test_line, = [line for line in commands("g++") if "lease_test" in line]
    shell(test_line.replace("-O1", "-O0"), folder.path, **installed()[1])


def may_trace():
    probe = subprocess.Popen(["sleep", "60"])
    try:
        said = subprocess.run(["gdb", "-batch", "-p", str(probe.pid)], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    finally:
        probe.kill()
        probe.wait()
    if "ptrace" in said.stderr:
        raise Skip("tracing is not allowed here")


@test("a debugger finds a plugin's lines in a running node, and in a core dump of it")
def debugger(cleanup):
    needs("gdb", "gcore")
    may_trace()
    node = cooks(cleanup)
    running, dumped = commands("gdb")
    said = shell(running.replace("NODE_PID", str(node.process.pid)) + " 2>&1", node.folder.path)
    contains(said, 'of "lease.cpp"')
    equal(node.call("lease", "is_free"), "true")  # the node goes on
    core = node.folder.path / "core"
    shell(f"gcore -o {core} {node.process.pid} 2>&1", node.folder.path)
    core, = node.folder.path.glob("core.*")
    said = shell(dumped.replace("NODE_PROGRAM", program("COPPICED", "coppiced")).replace("CORE_FILE", str(core)) + " 2>&1",
                 node.folder.path)
    contains(said, "lease")
    contains(said, "Thread 1")


if __name__ == "__main__":
    run()
