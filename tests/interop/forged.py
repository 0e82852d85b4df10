#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A plugin that passes bytes off as terms costs no connection: bytes that are not a term do not leave the node."""
import pathlib
import re
import shutil
import urllib.request

from harness.erlang import Erl
from harness.node import Folder, Node, free_port, plugin_folder, variants
from harness.tap import equal, eventually, run, test


# As binaries in Erlang. An Erlang node that receives one of these as a term ends the connection.
FORGED = {
    "no tag of any term": "<<255>>",
    "a tuple cut short": "<<104,2,97,1>>",
    "a binary cut short": "<<109,0,0,0,5,97>>",
    "two terms": "<<97,1,97,2>>",
    "an atom that is not UTF-8": "<<119,1,255>>",
    "an atom of the connection's cache": "<<82,0>>",
    "not a number": "<<70,127,248,0,0,0,0,0,0>>",
    "a map with a key twice": "<<116,0,0,0,2,97,1,97,1,97,1,97,2>>",
    "a map with a key twice, far in": "<<104,2,97,1,116,0,0,0,1,97,1,108,0,0,0,1,116,0,0,0,2,106,97,1,106,97,2,106>>",
    "a large one": "<<109,0,32,0,0,0:(8*1000000)>>",
}
BAD_TERM = "-15"


def pair(cleanup):
    shelf = Folder()
    cleanup.callback(shelf.close)
    for plugin in pathlib.Path(plugin_folder()).glob("*.so"):
        shutil.copy(plugin, shelf.path)
    shutil.copy(variants / "forger.so", shelf.path)
    http = free_port()
    node = Node(cleanup, name="forge", config=f"""
node: {{ name: forge@127.0.0.1 }}
distribution: {{ listen: [ {{ address: 127.0.0.1, ports: 0-0 }} ] }}
control: {{ http: {{ port: {http} }} }}
applications:
  - name: forge
    supervisor:
      intensity: 1000
      children:
        - {{ id: forger, actor: forger, name: forger }}
        - {{ id: kv, actor: kv, name: kv }}
""", settings=[("plugins.path", f"[ {shelf.path} ]")])
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    equal(erl(f"N = '{node.name}', net_adm:ping(N)"), "pong", node.log())
    erl("net_kernel:monitor_nodes(true), register(me, self()), Me = self(),"
        "Calm = fun() -> receive {nodedown, _} = D -> D; Other -> {heard, Other} after 0 -> calm end end,"
        "Ask = fun(T) -> gen_server:call({forger, N}, T, 10000) end, ok")
    return node, erl, http


def malformed(http):
    with urllib.request.urlopen(f"http://127.0.0.1:{http}/metrics", timeout=10) as answer:
        return int(re.search(r"^coppice_malformed_total (\d+)$", answer.read().decode(), re.M).group(1))


@test("a forged message, cast, request or answer is refused, counted and never sent; the connection stays")
def messages(cleanup):
    node, erl, http = pair(cleanup)
    for name, forged in FORGED.items():
        before = malformed(http)
        for how in ("send", "cast", "ask", "request"):
            for dest in ("{me, node()}", "Me") if how != "request" else ("{me, node()}",):
                equal(erl(f"Ask({{{how}, {dest}, {forged}}})"), BAD_TERM, f"{name}, {how}: {node.log()}")
        equal(erl(f"Ask({{back, none, {forged}}})"), BAD_TERM, f"{name}: {node.log()}")
        equal(erl("Calm()"), "calm", f"{name}: {node.log()}")
        equal(malformed(http), before + 8, name)
    equal(erl("Ask({send, Me, <<97,7>>})"), "0")
    equal(erl("receive X -> X after 5000 -> none end"), "7")
    node.said("is not one well-formed term")


@test("an answer that cannot leave ends the call with bad_term, and neither the server nor the connection")
def answers(cleanup):
    node, erl, _ = pair(cleanup)
    erl("Pid = rpc:call(N, erlang, whereis, [forger]),"
        "Outright = fun(F) -> {'EXIT', {R, _}} = (catch Ask({outright, none, F})), R end, ok")
    before = erl("gen_server:call({forger, N}, {send, Me, <<97,7>>}), monitor(process, {forger, N}), ok")
    equal(before, "ok")
    equal(erl("receive First -> First after 5000 -> none end"), "7")
    for name, forged in FORGED.items():
        equal(erl(f"Outright({forged})"), "bad_term", f"{name}: {node.log()}")
        equal(erl("Calm()"), "calm", f"{name}: {node.log()}")
    equal(erl("Ask({outright, none, <<97,7>>})"), "7")
    equal(erl("receive Ended -> {ended, Ended} after 0 -> alive end"), "alive", node.log())


@test("a forged exit reason arrives as bad_term, at links, monitors and who is told to exit")
def reasons(cleanup):
    node, erl, _ = pair(cleanup)
    erl("process_flag(trap_exit, true), Down = fun(M) -> receive {'DOWN', M, _, _, R} -> R after 5000 -> none end end,"
        "Exited = fun(F) -> {P, M} = spawn_monitor(fun() -> receive after infinity -> ok end end),"
        " {Ask({exit, P, F}), Down(M)} end,"
        "Ended = fun(F) -> M = monitor(process, {forger, N}), {'EXIT', {R, _}} = (catch Ask({die, none, F})), {R, Down(M)} end, ok")
    for name in ("an atom that is not UTF-8", "not a number", "a map with a key twice", "a map with a key twice, far in"):
        equal(erl(f"Exited({FORGED[name]})"), f"{{{BAD_TERM},bad_term}}", f"{name}: {node.log()}")
        equal(erl(f"Ended({FORGED[name]})"), "{bad_term,bad_term}", f"{name}: {node.log()}")
        equal(erl("Calm()"), "calm", f"{name}: {node.log()}")
        eventually(lambda: erl("catch Ask({send, Me, <<97,7>>})") == "0", "the forger is back")
        equal(erl("receive Seven -> Seven end"), "7")


if __name__ == "__main__":
    run()
