#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A peer makes the node's services send, answer, end or register something. The result counts as the peer's, not as the
node's own."""
from harness.attack import BYSTANDERS, attacked, shop
from harness.distribution import Atom, Peer
from harness.tap import check, equal, eventually, run, test
from harness.term import Raw

CONFIG = shop("{ id: small, actor: probe, name: small, mailbox: { limit: 10, on_full: drop_new } }",
              distribution="services: { pg: [pg] }")
SERVICES = ("application_controller", "shop_sup", "rex", "user", "net_kernel", "global_name_server", "pg")
RANDOM_EXIT_NAME = Raw(b"q" + b"w\x06global" + b"w\x10random_exit_name" + b"a\x03")
LEADER = Atom("user")


def terminate(one):
    return (Atom("system"), (one.pid(), one.reference()), (Atom("terminate"), Atom("bye")))


def sbcast(one, name, message):
    one.send("rex", (one.pid(), (Atom("sbcast"), Atom(name), message)))


def pids(one):
    """The present pid of each service."""
    return {name: one.whereis(name) for name in SERVICES}


@test("what rex broadcasts for a peer ends and changes nothing that the peer itself may not")
def broadcasts(cleanup):
    with attacked(cleanup, CONFIG, lines=60) as (target, one):
        before = pids(one)
        for name in SERVICES:
            sbcast(one, name, terminate(one))
            sbcast(one, name, (Atom("system"), (one.pid(), one.reference()), Atom("suspend")))
        for request in ((Atom("terminate_child"), Atom("kv")), (Atom("delete_child"), Atom("kv")),
                        (Atom("start_child"), (Atom("x"), (Atom("coppice"), Atom("start_link"), [Atom("kv"), {}]), Atom("temporary"), 5000, Atom("worker"), []))):
            sbcast(one, "shop_sup", (Atom("$gen_call"), (one.pid(), one.reference()), request))
        for what in ("stop_application", "start_application", "get_all_env"):
            sbcast(one, "application_controller", (Atom("$gen_call"), (one.pid(), one.reference()), (Atom(what), Atom("shop"))))
        sbcast(one, "global_name_server", (Atom("$gen_call"), (one.pid(), one.reference()), (Atom("register_name"), Atom("mine"), before["rex"])))
        equal(pids(one), before, "nobody has ended")
        equal(one.call("kv", Atom("size")), 0)
        equal(one.call("global_name_server", Atom("registered_names")), [])


@test("no process of the node is killed by the conflict of names that a peer makes up")
def conflicts(cleanup):
    # Of two nodes the node whose name sorts last loses the name.
    with attacked(cleanup, CONFIG, name="aaa", lines=80) as (target, one):
        before = pids(one)
        for number, name in enumerate(name for name in SERVICES if name != "shop_sup"):
            victim, other = before[name], before["pg" if name == "rex" else "rex"]
            for registered, first, second in ((other, victim, other), (victim, other, victim), (victim, victim, one.pid()), (victim, one.pid(), victim)):
                key = f"{name}{number}".encode()
                lock = (Atom("global"), [one.pid()])
                equal(one.call("global_name_server", (Atom("set_lock"), lock)), Atom("true"))
                one.call("global_name_server", (Atom("register"), key, registered, RANDOM_EXIT_NAME))
                one.call("rex", (Atom("call"), Atom("global"), Atom("resolve_it"), [Atom("method"), key, first, second], LEADER), 30)
                one.call("global_name_server", (Atom("unregister"), key))
                one.call("global_name_server", (Atom("del_lock"), lock))
        equal(pids(one), before, "nobody has ended")


@test("an answer goes to nobody but processes of the node that asked")
def answers(cleanup):
    with attacked(cleanup, CONFIG, lines=60) as (target, one):
        small = one.whereis("small")
        before = target.info("small")["reductions"]
        for _ in range(100):
            one.send("rex", (small, (Atom("call"), Atom("m"), Atom("f"), [b"x" * 10_000], LEADER)))
            one.send("rex", (small, Atom("features_request")))
            one.send("rex", (small, (Atom("sbcast"), Atom("nobody"), Atom("x"))))
            one.send("user", (Atom("io_request"), small, b"x" * 10_000, (Atom("put_chars"), Atom("unicode"), b"")))
            one.send("global_name_server", (Atom("whereis"), Atom("x"), (small, Atom("$gen_cast"))))
            for name in ("rex", "kv", "net_kernel", "shop_sup", "pg"):
                one.send(name, (Atom("$gen_call"), (small, Atom("$gen_cast")), Atom("size")))
                one.send(name, (Atom("system"), (small, Atom("$gen_cast")), Atom("get_state")))
        for name in ("rex", "user", "global_name_server", "kv", "net_kernel", "shop_sup", "pg"):
            eventually(lambda name=name: target.info(name)["mailbox"]["length"] == 0, f"{name} is through")
        equal(one.call("small", Atom("ping")), Atom("pong"))
        after = target.info("small")["reductions"]
        check(after - before < 20, "nothing was sent to it", before, after)


@test("what a peer has broadcast to a full mailbox holds nobody up")
def full(cleanup):
    with attacked(cleanup, CONFIG, lines=60) as (target, one):
        one.send("small", (Atom("$gen_call"), (one.pid(), one.reference()), (Atom("sleep"), 1500)))
        for _ in range(200):
            sbcast(one, "small", Atom("x"))
        other = Peer(target.port, f"other@{BYSTANDERS}", source=BYSTANDERS)
        cleanup.callback(other.close)
        equal(other.call("rex", (Atom("call"), Atom("erlang"), Atom("node"), [], LEADER)), Atom(target.name))
        eventually(lambda: target.info("small")["mailbox"]["length"] == 0, "it has woken", 30)
        equal(one.call("small", Atom("ping"), 30), Atom("pong"))
        other.close()


@test("no question to pg goes to a process that is no scope, and no process here is made a member by a peer")
def scopes(cleanup):
    with attacked(cleanup, CONFIG, lines=60) as (target, one):
        kv = one.whereis("kv")
        for function in ("get_members", "get_local_members"):
            equal(one.call("rex", (Atom("call"), Atom("pg"), Atom(function), [Atom("kv"), Atom("a")], LEADER)), [])
        equal(one.call("rex", (Atom("call"), Atom("pg"), Atom("which_groups"), [Atom("kv")], LEADER)), [])
        for request in ("join_local", "leave_local"):
            equal(one.call("pg", (Atom(request), Atom("group"), kv)), (Atom("error"), Atom("not_allowed")))
        for request in (Atom("monitor"), (Atom("monitor"), Atom("group"))):
            answers = [one.call("pg", request) for _ in range(300)]
            check((Atom("error"), Atom("limit")) in answers, "it watches so much and no more", answers[-1])
        equal(one.call("pg", Atom("which_groups")), [])


if __name__ == "__main__":
    run()
