#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Attacks on pools and routers, which pass calls on: floods, callers that leave, calls with a false From, orders and
notices that the sender may not give, and answers that are forged, doubled, malformed or missing. Each honest call is
answered, and nothing of the others is kept."""
import threading

from harness.attack import ATTACKERS, Bystanders, Target, peer, unharmed
from harness.distribution import SEND, Atom, Pid, Raw, Reference
from harness.tap import check, contains, equal, eventually, run, test
from harness.term import encode

CONFIG = f"""
node: {{ workers: 2 }}
distribution: {{ listen: [ {{ address: 127.0.0.1, ports: 0-0 }} ] }}
applications:
  - name: shop
    type: permanent
    supervisor:
      intensity: 1000
      children:
        - {{ id: kv, actor: kv, name: kv }}
        - {{ id: east, actor: kv, name: east }}
        - id: workers
          name: workers
          pool: {{ actor: probe, size: 2, in_flight: 2, queue: {{ limit: 100, wait: 2s }}, intensity: 1000 }}
        - id: shard
          name: shard
          actor: shard
          args: {{ among: [ west ] }}
          router: {{ on_failed: reply, timeout: 2s, pending: 100, routes: [ {{ name: west, to: west@mallory@{ATTACKERS} }} ] }}
        - id: local
          name: local
          actor: shard
          args: {{ among: [ east ] }}
          router: {{ on_failed: reply, routes: [ {{ name: east, to: east }} ] }}
"""
OVERLOADED = (Atom("error"), Atom("overloaded"))
PONG = Atom("pong")
GEN_CALL, GEN_CAST = Atom("$gen_call"), Atom("$gen_cast")


def report(target):
    return target.ask("pool", name="workers")


def engine(target, name="shard"):
    return target.engine(name)


def is_quiet(target):
    """Checks that no request is under way and that nothing is kept."""
    def settled():
        pool = report(target)
        return (pool["held"], pool["queued"]) == (0, 0) and all(one["pid"] for one in pool["workers"]) and engine(target)["pending"] == 0
    eventually(settled, "nothing is left in the pool and the router", 30)


def flood(one, name, requests):
    """Sends calls, each with a tag of its own, without reading the answers. Returns how many were sent."""
    sent = 0
    try:
        for request in requests:
            one.send(name, (GEN_CALL, (one.pid(sent % 50 + 1), one.reference()), request))
            sent += 1
    except OSError:
        pass  # one of the two sides has closed the connection
    return sent


class Answers:
    """Reads the answers that arrive at a peer. `got`: how often each answer came."""

    def __init__(self, one):
        self.one, self.got, self.tags = one, {}, set()

    def read(self, count):
        self.one.socket.settimeout(60)
        while sum(self.got.values()) < count:
            control, payload = self.one.receive()
            if control[0] != SEND:
                continue
            tag, answer = payload
            check(tag not in self.tags, "each is answered once", tag)
            self.tags.add(tag)
            self.got[str(answer)] = self.got.get(str(answer), 0) + 1


@test("of a flood of calls to a pool each is answered, by a worker or as too many, and nobody else waits")
def flooded(cleanup):
    target = Target(cleanup, config=CONFIG)
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders, megabytes=48):
        one = peer(cleanup, target)
        answers, count = Answers(one), 20_000
        reader = threading.Thread(target=lambda: answers.read(count))
        reader.start()
        equal(flood(one, "workers", [Atom("ping")] * count), count)
        bystanders.served()
        reader.join()
        equal(sum(answers.got.values()), count)
        check(set(answers.got) <= {str(PONG), str(OVERLOADED)}, "no other answer", answers.got)
        is_quiet(target)
        equal(bystanders.honest.call("workers", Atom("ping")), PONG)
        pool = report(target)
        equal((pool["handled"] - 1, pool["rejected"] + pool["expired"]), (answers.got[str(PONG)], answers.got.get(str(OVERLOADED), 0)))
        one.close()


@test("callers who leave while their calls wait and are worked on leave nothing, again and again")
def leaving(cleanup):
    target = Target(cleanup, config=CONFIG)
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders, megabytes=48, lines=80):
        for turn in range(20):
            one = peer(cleanup, target, f"mallory{turn}")
            flood(one, "workers", [(Atom("sleep"), 200), (Atom("echo"), bytes(20_000))] * 60)
            flood(one, "local", [(Atom("get"), number) for number in range(100)])
            if turn % 2:
                one.send_frame(b"p\x83") # half of a message
            one.close()
        bystanders.served()
        is_quiet(target)
        equal(bystanders.honest.call("workers", Atom("ping")), PONG)


@test("the workers that a flood's requests end are there again, and honest calls are answered")
def deadly(cleanup):
    target = Target(cleanup, config=CONFIG)
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders, megabytes=48, lines=2000):
        one = peer(cleanup, target)
        requests = [(Atom("exit"), Atom("oops")), Atom("throw"), (Atom("sleep"), 1)] * 30
        flood(one, "workers", requests)
        bystanders.served()
        # The caller of a call that a dying worker held learns of it by a DOWN, if it has a monitor. This caller has
        # none.
        is_quiet(target)
        equal(bystanders.honest.call("workers", Atom("ping")), PONG)
        pool = report(target)
        check(pool["lost"] >= 1 and pool["unanswered"] == pool["lost"], "it is counted", pool)
        equal(pool["size"], 2)
        one.close()


@test("calls whose From is nobody's, another's or none cost nobody anything")
def senders(cleanup):
    target = Target(cleanup, config=CONFIG)
    bystanders = Bystanders(cleanup, target)
    kv = bystanders.honest.whereis("kv")
    before = target.info("kv")["pid"]
    with unharmed(target, bystanders):
        one = peer(cleanup, target)
        tag = one.reference()
        wrong = [Atom("nobody"), (), (one.pid(),), (one.pid(), tag, tag), (Atom("kv"), tag), (1, 2), [one.pid(), tag],
                 (Pid("nowhere@127.0.0.9", 1), tag), (kv, tag), (kv, [Atom("alias"), tag]), (one.pid(), [Atom("alias"), 1]),
                 (one.pid(), Reference("nowhere@127.0.0.9", (1, 2, 3))), (one.pid(), bytes(100_000))]
        for name, request in (("workers", Atom("ping")), ("shard", Atom("routes")), ("local", (Atom("get"), 1))):
            for sender in wrong:
                one.send(name, (GEN_CALL, sender, request))
            one.send(name, (GEN_CALL, wrong[-1]))
            one.send(name, (GEN_CALL,))
            one.send(name, (GEN_CAST, request, request))
        bystanders.served()
        is_quiet(target)
        equal(bystanders.honest.call("workers", Atom("ping")), PONG)
        equal(bystanders.honest.call("local", (Atom("get"), 1)), Atom("not_found"))
        equal(target.info("kv")["pid"], before)
        one.close()


@test("a peer gives no orders: it neither resizes a pool, nor ends its workers, nor speaks for its supervisor")
def orders(cleanup):
    target = Target(cleanup, config=CONFIG)
    bystanders = Bystanders(cleanup, target)
    pids = [target.info(name)["pid"] for name in ("workers", "shard", "local")]
    with unharmed(target, bystanders, lines=120):
        one = peer(cleanup, target)
        not_allowed = (Atom("error"), Atom("not_allowed"))
        for order in ("terminate_child", "restart_child"):
            equal(one.call("workers", (Atom(order), 1)), not_allowed)
        for order in ((Atom("$coppice_pool_resize"), 9), (Atom("$coppice_order"), 1)):
            one.send("workers", (GEN_CALL, (one.pid(), one.reference()), order)) # ends the worker that gets it
        for told in (Atom("$coppice_pool_tick"), Atom("$coppice_pool_idle"), (Atom("$coppice_worker"), 1, one.pid()),
                     (Atom("EXIT"), one.pid(), Atom("oops")), (Atom("DOWN"), one.reference(), Atom("process"), one.pid(), Atom("oops"))):
            for name in ("workers", "shard", "local"):
                one.send(name, told)
        for told in (Atom("suspend"), (Atom("terminate"), Atom("oops")), (Atom("$coppice_shown_state"), 2**62)):
            one.send("workers", (Atom("system"), (one.pid(), one.reference()), told))
        bystanders.served()
        equal(bystanders.honest.call("workers", Atom("ping")), PONG)
        equal(bystanders.honest.call("local", (Atom("get"), 1)), Atom("not_found"))
        is_quiet(target)
        equal([target.info(name)["pid"] for name in ("workers", "shard", "local")], pids, "they are those they were")
        equal(report(target)["size"], 2)
        one.close()


class Callee(threading.Thread):
    """A node whose process `west` gets the calls that the router forwards. act(peer, pid, reference, request) handles
    each of them."""

    def __init__(self, cleanup, target, act):
        super().__init__(daemon=True)
        self.one, self.act, self.got = peer(cleanup, target), act, 0
        self.start()

    def run(self):
        try:
            self.one.socket.settimeout(60)
            while True:
                control, payload = self.one.receive()
                if not (isinstance(payload, tuple) and payload[0] == GEN_CALL):
                    continue # skips monitors
                self.got += 1
                _, (pid, (_, reference)), request = payload # the tag is [alias | Reference]
                self.act(self.one, pid, reference, request)
        except (EOFError, OSError):
            pass


def answer(one, pid, reference, term):
    """Answers a call whose tag is the alias of its caller."""
    one.control((SEND, Atom(""), pid), (Raw(b"l\0\0\0\1" + encode(Atom("alias")) + encode(reference)), term))


@test("what a route's node answers to others' calls, twice, or without being asked, is nobody's answer")
def forged(cleanup):
    target = Target(cleanup, config=CONFIG)
    bystanders = Bystanders(cleanup, target)
    seen = []

    def act(one, pid, asked, request):
        seen.append(asked)
        for old in seen[:-1][-50:]:
            answer(one, pid, old, b"late")
        for number in range(20):
            first = (asked.words[0] + number + 1) % (1 << 18)
            for guess in ((first, *asked.words[1:]), (number, number, number), (*asked.words[:-1], asked.words[-1] ^ (number + 1))):
                answer(one, pid, Reference(asked.node, guess, asked.creation), b"guessed")
        answer(one, pid, asked, (Atom("ok"), request[1]))
        answer(one, pid, asked, b"twice")

    with unharmed(target, bystanders):
        far = Callee(cleanup, target, act)
        other, shard = peer(cleanup, target, "other"), bystanders.honest.whereis("shard")
        for number in range(100):
            if seen:  # from a node that was not asked
                answer(other, shard, seen[-1], b"forged")
            equal(bystanders.honest.call("shard", (Atom("get"), number)), (Atom("ok"), number))
        equal(far.got, 100)
        bystanders.served()
        is_quiet(target)
        far.one.close()
        other.close()


@test("calls to a route that answers none end in their time, no more wait than may, and each is told")
def silent(cleanup):
    target = Target(cleanup, config=CONFIG)
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders, megabytes=32):
        far = Callee(cleanup, target, lambda *_: None)
        one = peer(cleanup, target, "other")
        answers, count = Answers(one), 2000
        equal(flood(one, "shard", [(Atom("get"), number) for number in range(count)]), count)
        bystanders.served()
        answers.read(count)
        for why, least in (("overloaded", 1000), ("timeout", 100)):
            number = sum(times for said, times in answers.got.items() if "not_routed" in said and why in said)
            check(number >= least, f"{why} is told", answers.got)
        is_quiet(target)
        equal(bystanders.honest.call("local", (Atom("get"), 1)), Atom("not_found"))
        one.close()
        far.one.close()


@test("a route whose node ends, or answers what is no term, ends its calls at once, and comes back with its node")
def broken(cleanup):
    target = Target(cleanup, config=CONFIG)
    bystanders = Bystanders(cleanup, target)

    def leave(one, *_):
        one.close()

    def babble(one, pid, asked, request):
        answer(one, pid, asked, Raw(b"m\xff\xff\xff\xff"))

    with unharmed(target, bystanders, lines=60):
        for act in (leave, babble):
            far = Callee(cleanup, target, act)
            said = bystanders.honest.call("shard", (Atom("get"), 1))
            contains(str(said), "not_routed")
            contains(str(said), "nodedown")
            far.join(30)
            far.one.close()
            eventually(lambda: f"mallory@{ATTACKERS}" not in target.connected(), "the connection is ended", 30)
        far = Callee(cleanup, target, answer)
        equal(bystanders.honest.call("shard", (Atom("get"), 1)), (Atom("get"), 1))
        bystanders.served()
        is_quiet(target)
        far.one.close()


if __name__ == "__main__":
    run()
