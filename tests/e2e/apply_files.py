#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A configuration in several files, which people and packages edit: a change in one file is applied alone, and the
files are compared with what runs."""
from harness.node import Node
from harness.tap import contains, equal, run, test


main = """
node: { workers: 2, log: { level: info } }
distribution: { listen: [] }
applications:
  - name: shop
    supervisor: { children: [ { id: kv, actor: kv, name: kv }, { id: other, actor: kv, name: other } ] }
"""

plugin = """
applications:
  - name: lab
    supervisor: { children: [ { id: probe, actor: probe, name: probe } ] }
"""


def of_folder(cleanup, **files):
    """A node whose configuration is a folder with node.yaml and the files of conf.d, given by their names."""
    at = Node(cleanup, config=main)
    at.stop()
    at.folder.path.joinpath("conf.d").mkdir()
    for name, text in files.items():
        at.folder.write(f"conf.d/{name}.yaml", text)
    at.command[at.command.index("--config") + 1] = str(at.folder.path)
    at.begin()
    at.wait_ready()
    return at


def states(node):
    return {one["name"]: one["state"] for one in node.ask("status")["applications"]}


@test("apply --only takes what one file adds, changes and removes, and says what started and stopped")
def alone(cleanup):
    at = of_folder(cleanup)
    file = at.folder.write("conf.d/lab.yaml", plugin)
    dry = at.coppice("apply", "--only", file, "--dry-run")
    equal((dry.returncode, dry.stdout.split()), (0, ["start", "lab"]))
    done = at.coppice("apply", "--only", file)
    equal((done.returncode, done.stdout.split(), done.stderr), (0, ["start", "lab"], ""))
    equal(states(at), {"shop": "running", "lab": "running"})
    at.folder.write("conf.d/lab.yaml", plugin.replace("name: probe }", "name: probe2 }"))
    equal(at.coppice("apply", "--only", file).stdout.split(), ["restart", "lab/probe", "name"])
    at.folder.path.joinpath("conf.d/lab.yaml").unlink()
    equal(at.coppice("apply", "--only", file).stdout.split(), ["stop", "lab"])
    equal(states(at), {"shop": "running"})


@test("apply --only changes nothing where the rest of the configuration is not what runs, and says what the rest would do")
def half_edited(cleanup):
    at = of_folder(cleanup)
    before = at.pid("other")
    file = at.folder.write("conf.d/lab.yaml", plugin)
    at.folder.write("node.yaml", main.replace(", { id: other, actor: kv, name: other }", ""))
    refused = at.coppice("apply", "--only", file)
    equal((refused.returncode, refused.stdout.split()), (5, ["stop", "shop/other"]))
    contains(refused.stderr, "other files than those named differ from what runs")
    equal((at.pid("other"), states(at)), (before, {"shop": "running"}))
    contains(at.log(), "the rest of the configuration is not what runs: stop shop/other")
    at.folder.write("node.yaml", main + "]")
    broken = at.coppice("apply", "--only", file)
    equal(broken.returncode, 78)
    contains(broken.stderr, "node.yaml:")
    at.folder.write("node.yaml", "# a remark changes nothing\n" + main)
    equal(at.coppice("apply", "--only", file).returncode, 0)
    equal(states(at), {"shop": "running", "lab": "running"})


@test("apply --only knows the files of the configuration, by absolute paths")
def unknown(cleanup):
    at = of_folder(cleanup)
    missing = at.coppice("apply", "--only", str(at.folder.path / "conf.d" / "nothing.yaml"))
    equal(missing.returncode, 1)
    contains(missing.stderr, "conf.d/nothing.yaml is no file of the node's configuration")
    equal(at.coppice("apply", "x.yaml", "--only", "y.yaml").returncode, 2)
    for wrong in ["node.yaml", ["node.yaml"], [1]]:
        equal(at.reply("apply", only=wrong)["error"]["code"], "invalid")
    equal(states(at), {"shop": "running"})


def on_disk(node):
    return node.ask("status")["configuration"]


@test("a file that the next start would refuse, or that differs from what runs, is known before that start")
def known(cleanup):
    at = of_folder(cleanup)
    equal(on_disk(at)["on_disk"], "same")
    equal(at.ask("health")["warnings"], [])
    at.folder.write("conf.d/lab.yaml", plugin)
    now = on_disk(at)
    equal((now["on_disk"], now["why"]), ("differs", "lab"))
    warning, = at.ask("health")["warnings"]
    contains(warning["why"], "on disk it differs from what runs since")
    at.folder.write("conf.d/lab.yaml", plugin.replace("supervisor", "superviser"))
    now = on_disk(at)
    equal(now["on_disk"], "refused")
    contains(now["why"], "conf.d/lab.yaml:3:5:")
    warning, = at.ask("health")["warnings"]
    contains(warning["why"], "would be refused by the next start since " + now["since"])
    at.said("the configuration on disk would be refused by the next start: ")
    equal(on_disk(at)["since"], now["since"])
    at.folder.write("conf.d/lab.yaml", plugin)
    at.ask("apply")
    equal((on_disk(at)["on_disk"], at.ask("health")["warnings"]), ("same", []))
    other = at.folder.write("other.yaml", main)
    at.ask("apply", file=other)
    equal(on_disk(at)["on_disk"], "differs")


@test("what was applied is kept with who and when, and apply --back brings what ran before")
def history(cleanup):
    at = of_folder(cleanup)
    at.folder.write("conf.d/lab.yaml", plugin)
    equal(at.coppice("apply", "--back").returncode, 1)
    at.ask("apply")
    first, second = at.ask("history")["entries"]
    equal((first["by"], first["changes"], second["changes"]), ("start", [], ["start lab"]))
    contains(second["by"], "uid ")
    contains(at.coppice("history").stdout, "start lab")
    back = at.coppice("apply", "--back")
    equal((back.returncode, back.stdout.split()), (0, ["stop", "lab"]))
    equal(states(at), {"shop": "running"})
    equal(on_disk(at)["on_disk"], "differs")
    at.ask("apply", back=True)
    equal(states(at), {"shop": "running", "lab": "running"})
    equal([one["changes"] for one in at.ask("history")["entries"]], [[], ["start lab"], ["stop lab"], ["start lab"]])


run()
