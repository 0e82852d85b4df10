#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Two nodes that distribution.peers connects, both with the same list: they connect and stay connected. The test also
checks what an operator sees of that, which of the nodes runs a job for one node, and what apply changes."""
import signal
import subprocess

from harness.node import Folder, Node, free_port, program, root
from harness.tap import check, contains, equal, eventually, run, test

TREE = """
node: {{ workers: 2 }}
distribution: {{ listen: [ {{ address: 127.0.0.1, ports: 0-0 }} ], {more} }}
applications: []
cron: {{ jobs: [ {{ name: tick, at: "* * * * * *", where: one, do: {{ send: {{ to: user }} }} }} ] }}
"""
PEERS = "connect: never, peers: [ ash@127.0.0.1, elm@127.0.0.1 ]"


def seen(node, other):
    return next((one for one in node.ask("nodes")["nodes"] if one["name"] == other), {})


def connected(node, other):
    return seen(node, other).get("state") == "connected"


def runs_here(node):
    tick = node.ask("cron")["jobs"][0]
    return tick["here"] and tick["runs"] > 0


def warned(node):
    return [one["name"] for one in node.ask("health")["warnings"] if one["what"] == "peer"]


@test("two nodes with one list connect, and again after a kill -9; a job for one node runs on the lowest, and who is away is said")
def joined(cleanup):
    elm = Node(cleanup, name="elm", config=TREE.format(more=PEERS))  # it starts without waiting for the other
    eventually(lambda: runs_here(elm), "it was tried in vain, so the job runs here")
    elm.said("tick: this node runs it while 1 of distribution.peers is away: ash@127.0.0.1")
    contains(elm.coppice("cron").stdout, "away, and jobs with `where: one` may run there too: ash@127.0.0.1\n")
    health = elm.coppice("health")
    equal(health.returncode, 0)
    contains(health.stdout, "ash@127.0.0.1")
    equal(warned(elm), ["ash@127.0.0.1"])
    away = seen(elm, "ash@127.0.0.1")
    equal((away["state"] != "connected", away["last_contact"], away["losses"], away["kept"], away["held"]), (True, None, 0, True, False))

    ash = Node(cleanup, name="ash", config=TREE.format(more=PEERS), epmd_port=elm.epmd_port)
    eventually(lambda: connected(elm, ash.name) and connected(ash, elm.name), "they are connected")
    eventually(lambda: runs_here(ash) and not elm.ask("cron")["jobs"][0]["here"], "the lowest name has the job")
    equal((warned(elm), warned(ash), elm.ask("cron")["peers_away"]), ([], [], []))
    check(seen(elm, ash.name)["since"] > away["since"], "since when it is up")
    check("away" not in elm.coppice("cron").stdout, "nobody is away")

    ash.process.send_signal(signal.SIGKILL)
    ash.process.wait()
    eventually(lambda: warned(elm) == [ash.name], "it is away")
    eventually(lambda: elm.ask("cron")["jobs"][0]["here"], "the job is here again")
    lost = seen(elm, ash.name)
    equal((lost["losses"], lost["last_contact"] is not None), (1, True))
    contains(elm.coppice("nodes").stdout, "LAST CONTACT")
    ash.begin()
    ash.wait_ready()
    eventually(lambda: connected(elm, ash.name) and connected(ash, elm.name), "its next life is connected")
    equal(seen(elm, ash.name)["losses"], 1)


@test("config/cluster.yaml joins two nodes that are started with it, and one of them runs its job")
def example(cleanup):
    text = (root / "config/cluster.yaml").read_text(encoding="utf-8")
    elm = Node(cleanup, name="elm", config=text)
    oak = Node(cleanup, name="oak", config=text, epmd_port=elm.epmd_port)
    eventually(lambda: connected(elm, oak.name) and connected(oak, elm.name), "they are connected")
    eventually(lambda: elm.ask("cron")["jobs"][0]["here"] and not oak.ask("cron")["jobs"][0]["here"], "the job is elm's")
    equal((elm.ask("cron")["peers_away"], warned(elm), warned(oak)), ([], [], []))


@test("what an operator disconnects stays so until it is connected, or the next apply")
def held(cleanup):
    elm = Node(cleanup, name="elm", config=TREE.format(more=PEERS))
    ash = Node(cleanup, name="ash", config=TREE.format(more=PEERS), epmd_port=elm.epmd_port)
    eventually(lambda: connected(elm, ash.name), "they are connected")
    for command in (["connect", ash.name], ["apply"]):
        equal(elm.coppice("disconnect", ash.name).returncode, 0)
        eventually(lambda: seen(ash, elm.name)["state"] == "down", "both see it")
        eventually(lambda: "does not allow" in (seen(ash, elm.name)["last_error"] or ""), "the other tries in vain")
        equal((seen(elm, ash.name)["held"], connected(elm, ash.name), warned(elm)), (True, False, [ash.name]))
        done = elm.coppice(*command)
        equal((done.returncode, done.stderr), (0, ""))
        eventually(lambda: connected(elm, ash.name) and connected(ash, elm.name), "they are connected again")
        equal(seen(elm, ash.name)["held"], False)


@test("apply takes the list on as the node runs, and disconnects nobody")
def applied(cleanup):
    elm = Node(cleanup, name="elm", config=TREE.format(more="connect: never"))
    ash = Node(cleanup, name="ash", config=TREE.format(more="connect: never"), epmd_port=elm.epmd_port)
    elm.folder.write("node.yaml", TREE.format(more=PEERS))
    equal(elm.coppice("apply").returncode, 0)
    eventually(lambda: connected(elm, ash.name) and connected(ash, elm.name), "they are connected")
    elm.folder.write("node.yaml", TREE.format(more="connect: never"))
    equal(elm.coppice("apply").returncode, 0)
    equal((connected(elm, ash.name), seen(elm, ash.name)["kept"]), (True, False))
    ash.process.send_signal(signal.SIGKILL)
    ash.process.wait()
    eventually(lambda: seen(elm, ash.name)["state"] == "down", "its loss is seen")
    equal(warned(elm), [])


@test("check names a peer that is no full name, and where it stands")
def checked(cleanup):
    folder = Folder()
    cleanup.callback(folder.close)

    def said(peers):
        text = f"node: {{ name: elm@127.0.0.1 }}\nepmd: {{ port: {free_port()} }}\ndistribution:\n  peers: [ {peers} ]\napplications: []\n"
        done = subprocess.run([program("COPPICE", "coppice"), "check", folder.write("bad.yaml", text)], capture_output=True, text=True,
                              check=False)
        return done.returncode, done.stdout + done.stderr

    equal(said("elm@127.0.0.1, ash@10.0.0.2")[0], 0)
    for bad in ("ash", '"ash@"', '"a sh@10.0.0.2"', "7"):
        code, text = said(f"elm@127.0.0.1, {bad}")
        equal(code, 78, text)
        contains(text, "bad.yaml:4:27")


run()
