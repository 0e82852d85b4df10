#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A node of jinterface, OTP's library for Java (Peer.java): calls, links and exits with our actors, in both directions.
A JDK is large, so these tests run only where one is installed."""
import glob
import pathlib
import shutil
import subprocess

from harness.erlang import Erl, Evaluator
from harness.node import Node
from harness.tap import Skip, equal, eventually, run, test

here = pathlib.Path(__file__).resolve().parent


def library():
    found = sorted(glob.glob("/usr/lib/erlang/lib/jinterface-*/priv/OtpErlang.jar"))
    if not found:
        raise Skip("no jinterface on this machine (package erlang-jinterface)")
    return found[-1]


def version():
    asked = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "erlang-jinterface"], capture_output=True, text=True, check=False)
    return f"jinterface of erlang-jinterface {asked.stdout or '(version unknown)'}"


class Java(Evaluator):
    def __init__(self, cleanup, node):
        if shutil.which("javac") is None:
            raise Skip("no JDK on this machine (package default-jdk-headless)")
        command = ["java", "-cp", library(), str(here / "Peer.java"), node.name, node.cookie]
        super().__init__(cleanup, "java@127.0.0.1", command, node.epmd_port)
        for line in self.process.stdout:
            if line.startswith("@@ up"):
                return
            self.output.append(line)
        raise AssertionError(f"it does not start: {''.join(self.output)}")


def pair(cleanup):
    node = Node(cleanup)
    java = Java(cleanup, node)
    equal(java("ping"), "true", node.log())
    return node, java


@test("a Java node calls our actors, and ours call a mailbox of its", proves="calls", peer=version)
def calls(cleanup):
    node, java = pair(cleanup)
    equal(java("call"), "{ok,1.5}", node.log())
    equal(java("serve"), "ok")
    equal(node.call("echo@java@127.0.0.1", "{hi, <<\"there\">>}").replace(" ", ""), '{java,{hi,<<"there">>}}', node.log())
    equal(node.call("relay", "{relay, {echo, 'java@127.0.0.1'}, hi}"), "{java,hi}")


@test("links between Java's mailboxes and our actors carry exits both ways", proves="links exits", peer=version)
def links(cleanup):
    node, java = pair(cleanup)
    equal(java("link"), "exit bye", node.log())
    eventually(lambda: node.answer("probe", "ping") is not None, "another one has been started")
    equal(java("exit"), "exit reason_of_java", node.log())
    eventually(lambda: node.answer("probe", "ping") is not None, "another one has been started")
    equal(java("nobody"), "exit noproc")


@test("a Java node that ends is the end of a mailbox of its that an actor of ours monitors", proves="monitors", peer=version)
def monitored(cleanup):
    node, java = pair(cleanup)
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    java("serve")
    equal(erl(f"N = '{node.name}', ok = gen_server:call({{probe, N}}, {{subscribe, self()}}), J = {{echo, 'java@127.0.0.1'}},"
              "R = gen_server:call({probe, N}, {monitor, J}), is_reference(R)"), "true", node.log())
    equal(erl("gen_server:call({relay, N}, {relay, J, hi})"), "{java,hi}")  # jinterface knows no monitors, and ignores it
    java.kill()
    equal(erl("receive {info, {'DOWN', R, process, J, Why}} -> Why after 20000 -> none end"), "noconnection", node.log())


if __name__ == "__main__":
    run()
