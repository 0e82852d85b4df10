#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A C node of OTP's erl_interface beside ours. It supports neither monitors nor aliases, and ends at any message that
it does not know."""
import os
import pathlib
import shutil
import subprocess

from harness.erlang import Erl
from harness.node import Node
from harness.tap import Skip, equal, eventually, run, test

here = pathlib.Path(__file__).resolve().parent


def started(cleanup, node):
    """Starts the C node and waits until it is connected. Its output so far is in its file."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise Skip("no C compiler on this machine")
    folder = pathlib.Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    cleanup.callback(lambda: shutil.rmtree(folder, ignore_errors=True))
    built = subprocess.run([compiler, here / "c_node.c", "-o", folder / "c_node", "-pthread", "-lei"], capture_output=True,
                           text=True, check=False)
    if "ei.h" in built.stderr or "-lei" in built.stderr:
        raise Skip("no erl_interface on this machine (erlang-dev)")
    equal(built.returncode, 0, built.stderr)
    said = folder / "said"
    with said.open("w") as out:
        program = subprocess.Popen([folder / "c_node", node.name, node.cookie], stdout=out, stderr=subprocess.STDOUT,
                                   env=dict(os.environ, ERL_EPMD_PORT=str(node.epmd_port)))
    cleanup.callback(program.wait)
    cleanup.callback(program.kill)
    eventually(lambda: said.read_text().startswith("connected"), "the C node connects")
    return program, said


def libei():
    """The path of libei of this machine, whichever release the Erlang nodes of the test have."""
    asked = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "erlang-dev"], capture_output=True, text=True, check=False)
    return f"C node, libei of erlang-dev {asked.stdout or '(version unknown)'}"


@test("a C node is called and monitored, and stays; a call to nobody there ends in time", proves="calls monitors", peer=libei)
def called(cleanup):
    node = Node(cleanup)
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    equal(erl(f"N = '{node.name}', pong = net_adm:ping(N), C = 'c@127.0.0.1',"
              "Ask = fun(What) -> gen_server:call({relay, N}, {relay, {any, C}, What}, 20000) end, ok"), "ok")
    program, said = started(cleanup, node)
    equal(erl("[Ask(hi) || _ <- lists:seq(1, 5)]"), "[here,here,here,here,here]", said.read_text())
    equal(erl("Ask(forget)"), "{error,timeout}", said.read_text())
    equal(erl("R = gen_server:call({probe, N}, {monitor, {any, C}}), is_reference(R)"), "true", said.read_text())
    equal(erl("Ask(hi)"), "here", said.read_text())
    equal(set(said.read_text().split("\n")), {"connected", "type 6", ""}, "no more than messages to a name were sent")
    erl("ok = gen_server:call({probe, N}, {subscribe, self()})")
    equal(erl("Ask(die)"), "{error,nodedown}", said.read_text())
    equal(erl("receive {info, {'DOWN', R, process, {any, C}, Why}} -> Why after 20000 -> none end"), "noconnection")
    equal(program.wait(20), 0)
    node.said("c@127.0.0.1: disconnected", "the log has it")


if __name__ == "__main__":
    run()
