#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests everything that a node keeps at the request of others, row by row of the table in SECURITY.md. Each row has a
test here, or names a test in another file. A test here sets a small bound and exceeds it, again and again. Beyond the
bound the node refuses as the table says, its memory grows by at most twice the bound, it gives back the memory, and a
bystander is served all the time."""
import dataclasses
import pathlib
import re
import threading
from typing import Callable

from harness.attack import ATTACKERS, BYSTANDERS, Target, peer, shop
from harness.distribution import REG_SEND, SEND, Atom, Opening, Peer, Raw, opening
from harness.reports import reports
from harness.tap import check, equal, eventually, run, test
from harness.term import encode

ROOT = pathlib.Path(__file__).parents[2]
TURNS = 3
SLACK = 16  # MiB for connections, threads and free memory of the allocator, whatever the node keeps
LEFT = 1 << 20  # bytes by which message_memory may be wrong: pools report their share only now and then
GEN_CALL = Atom("$gen_call")

# Rows that other files test: the first words of the row, and the file.
ELSEWHERE = {
    "connections that have not sent a whole message": "tests/attack/silence.py",
    "registrations at EPMD": "tests/unit/epmd/registry_test.cpp",
    "a list of EPMD": "tests/attack/connections.py",
    "names of nodes": "tests/attack/names.py",
    "attempts to reach nodes": "tests/unit/dist/router_test.cpp",
    "look-ups of host names": "tests/unit/net/resolver_test.cpp",
    "hosts that were not found": "tests/unit/net/resolver_test.cpp",
    "messages that have begun": "tests/attack/unfinished.py",
    "atoms that a node sends as numbers": "tests/unit/dist/atom_cache_reader_test.cpp",
    "data that waits to be sent to a peer": "tests/unit/dist/hostile_test.cpp",
    "links, monitors and calls": "tests/attack/hoards.py",
    "memberships in a scope of `pg`": "tests/attack/hoards.py",
    "names of `global`": "tests/attack/hoards.py",
    "locks of `global`": "tests/attack/hoards.py",
    "lost connections that `global`": "tests/unit/services/lost_connections_test.cpp",
    "processes of `appmon_info`": "tests/unit/services/services_test.cpp",
    "callers of a saga that wait": "tests/unit/behaviours/saga/saga_engine_test.cpp",
    "outcomes of each saga": "tests/unit/saga/compensate_test.cpp",
    "commands and queries that wait in a member": "tests/unit/behaviours/raft/member_test.cpp",
    "sessions of a `raft` group": "tests/unit/consensus/applied_commands_test.cpp",
    "nodes that said hello": "tests/unit/behaviours/raft/meeting_test.cpp",
    "heartbeats of `raft` groups for other nodes": "tests/unit/behaviours/raft/beat_carrier_test.cpp",
    "messages that pass all others on a connection": "tests/unit/dist/lane_test.cpp",
    "heartbeats of `raft` groups in a message": "tests/unit/behaviours/raft/beat_exchange_test.cpp",
    "offers that a `raft` group is quiescent": "tests/unit/consensus/node_liveness_test.cpp",
    "heartbeats that a member of a `raft` group": "tests/unit/behaviours/raft/beat_exchange_test.cpp",
    "a snapshot that a member": "tests/unit/behaviours/raft/storage_test.cpp",
    "events that consumers of a stage": "tests/attack/deaf.py",
    "messages for a stage": "tests/unit/behaviours/stage/engine_test.cpp",
    "subscriptions to events": "tests/unit/services/event_service_test.cpp",
    "requests to `user`": "tests/unit/services/services_test.cpp",
    "requests to `rex`": "tests/unit/services/blocked_callers_test.cpp",
    "running calls of `rpc`": "tests/attack/askers.py",
    "messages to a suspended process": "tests/attack/suspended.py",
    "events that `sys:log`": "tests/attack/suspended.py",
    "free memory for the next messages": "tests/unit/runtime/messages/memory_test.cpp",
}


@dataclasses.dataclass
class Row:
    what: str  # the first words of the row
    bound: float  # MiB
    fill: Callable  # fill(cleanup, target, turn) exceeds the bound, checks the answers, and releases everything
    # While everything is kept, fill() checks with served(target) that a bystander is served.
    config: str
    settings: list
    returned: bool  # the memory goes back to the system once it is given back


ROWS = []


def row(what, bound, *children, settings=(), returned=False):
    def register(fill):
        ROWS.append(Row(what, bound, fill, shop(*children), list(settings), returned))
        return fill
    return register


def counted(answers):
    """{the first word of an answer: how often it was given}"""
    words = [str(one[0] if isinstance(one, tuple) else one) for one in answers]
    return {word: words.count(word) for word in set(words)}


def ended(one):
    """Waits until the node has ended that connection."""
    one.socket.settimeout(30)
    try:
        while one.socket.recv(1 << 16):
            pass
    except ConnectionError:
        pass
    one.close()


def served(target):
    """Checks that a bystander is served: a node that has been connected all the time."""
    equal(target.bystander.ping(30), "yes")


def ask_as(one, number, name, request):
    """Sends a call as process `number` of the peer. Its answer is one of the next answers."""
    one.send(name, (GEN_CALL, (one.pid(number), one.reference()), request))


def answer_of(one):
    """The content of the next answer."""
    while True:
        control, payload = one.receive()
        if control[0] == SEND and isinstance(payload, tuple) and len(payload) == 2:
            return payload[1]


def call_of(one):
    """The caller and the request of the next call that arrives."""
    while True:
        _, payload = one.receive()
        if isinstance(payload, tuple) and payload[0] == GEN_CALL:
            return payload[1:]


def answer_to(one, caller, says):
    pid, tag = caller
    if isinstance(tag, tuple):  # the tag is [alias | Reference]
        tag = Raw(b"l\0\0\0\1" + encode(tag[0][0]) + encode(tag[1]))
    one.control((SEND, Atom(""), pid), (tag, says))


@row("connected nodes", 4, settings=[("node.limits.connections", 8)])
def nodes(cleanup, target, turn):
    made = [peer(cleanup, target, f"node{turn}_{number}") for number in range(7)]
    late = Opening(target.port, ATTACKERS, 30)
    cleanup.callback(late.close)
    late.send(opening(f"late{turn}@{ATTACKERS}"))
    target.said("accepts no more connections until some end: the bound of 8 connections")
    equal(len(target.connected()), 8)
    served(target)
    made.pop().close()
    equal(late.receive()[1:], b"ok")  # a place has become free
    late.close()
    for one in made:
        one.close()


# Room for 4 KiB of each message (512 bytes of it arrive), and for 1.4 KiB of control data each. All of it goes back to
# the system.
@row("fragmented messages at once", 22, returned=True)
def fragments(cleanup, target, turn):
    one, size = peer(cleanup, target, f"fragments{turn}"), 512
    control = encode((REG_SEND, one.pid(), Atom(""), Atom("kv")))

    def begin(sequences):
        for sequence in sequences:
            head = b"\x83E" + sequence.to_bytes(8, "big") + (1 << 40).to_bytes(8, "big") + b"\0" + control
            one.send_frame(head + b"m" + (60 << 20).to_bytes(4, "big") + bytes(size))
    begin(range(1, 4097))
    equal(one.ping(30), "yes", "so many may be")
    served(target)
    counted_are = lambda: target.ask("status")["message_memory"]
    eventually(lambda: counted_are() >= 4096 * (5 << 10), lambda: f"what is beside their bytes counts, too: {counted_are()} bytes")
    begin([4097])
    ended(one)
    target.said("more than 4096 fragmented messages under way")


@row("a control message without its payload", 2)
def control_messages(cleanup, target, turn):
    one = peer(cleanup, target, f"control{turn}")
    try:
        one.control((SEND, bytes(2 << 20), one.pid()), 1)
    except OSError:
        pass  # the node has closed the connection
    served(target)
    ended(one)


@row("processes that are told of changes of a scope of `pg`", 4, settings=[("distribution.services.pg", "[pg]")])
def watchers(cleanup, target, turn):
    one = peer(cleanup, target, f"watches{turn}")
    answers = [one.call("pg", (Atom("monitor"), number.to_bytes(16_000, "big")), 30) for number in range(400)]
    equal(sum(answer == (Atom("error"), Atom("limit")) for answer in answers), 400 - 256)
    served(target)
    one.close()


@row("messages for an actor", 4, "{ id: relay, actor: relay, name: relay, mailbox: { limit: 100, bytes: 4MiB, on_full: drop_new } }")
def mailbox(cleanup, target, turn):
    one = peer(cleanup, target, f"floods{turn}")
    dropped, held = target.info("relay")["mailbox"]["dropped"], 4
    for number in range(1, held + 1):  # each is held until it is answered, or for 5 s
        ask_as(one, number, "relay", (Atom("relay"), (Atom("ghost"), Atom(one.name)), Atom("hold")))
    for number in range(150):
        ask_as(one, held + 1, "relay", bytes(100_000))
    equal(target.bystander.call("kv", Atom("size")), 0)
    served(target)
    mailbox_is = lambda: target.info("relay")["mailbox"]
    eventually(lambda: mailbox_is()["dropped"] - dropped >= 100, lambda: f"those beyond are dropped: {mailbox_is()}")
    check(mailbox_is()["bytes"] <= 5 << 20, "no more are kept", mailbox_is())
    for _ in range(held):
        caller, _ = call_of(one)
        answer_to(one, caller, Atom("go"))
    eventually(lambda: mailbox_is()["length"] == 0, "it goes on", 60)
    one.close()


@row("nodes that `global` was told of", 4, settings=[("node.limits.peer_names", 200), ("distribution.connect_timeout", "1s")])
def partition(cleanup, target, turn):
    one = peer(cleanup, target, f"tells{turn}")
    nodes = [Atom(f"{'n' * 200}{turn}_{number}@127.0.0.9") for number in range(300)]
    one.send("global_name_server", (Atom("$gen_cast"), (Atom("new_nodes"), Atom(one.name), [], [], nodes, [])))
    known = one.call("global_name_server", Atom("get_known"), 30)
    check(len(known) <= 200, "no more are known", len(known))
    target.said("a partition of more than 200 nodes was cut")
    served(target)
    one.close()


VOLATILE = "log: volatile, lifespan: 10m, step_timeout: 1s, retry: { first: 20ms, max: 200ms }"


@row("steps that a saga takes part in", 6,
     f'{{ id: accounts, actor: "transfer:accounts", name: accounts, args: {{ open: {{ ann: 1 }} }}, saga: {{ {VOLATILE}, answers: {{ count: 100 }} }} }}')
def steps(cleanup, target, turn):
    one, value = peer(cleanup, target), (Atom("take"), bytes(1 << 16), 5)
    keys = [(f"tx{turn}_{number}".encode(), (5, [((b"x", one.name.encode()), 1)])) for number in range(120)]
    equal(counted(one.call("accounts", (Atom("saga_do"), key, value, 600_000), 30) for key in keys), {"error": 75, "busy": 45})
    served(target)
    for key in keys[:75]:
        equal(one.call("accounts", (Atom("saga_forget"), key)), Atom("ok"))
    one.close()


class Participant(threading.Thread):
    """The process `ghost` of a node of its own. As soon as `may` is set, it answers the steps that it is asked for.
    Each of its steps fails."""

    def __init__(self, cleanup, target, turn):
        super().__init__(daemon=True)
        self.one, self.may = peer(cleanup, target, f"ghost{turn}"), threading.Event()
        self.address = f"ghost@{self.one.name}".encode()
        self.one.socket.settimeout(120)
        cleanup.callback(self.end)
        self.start()

    def run(self):
        try:
            while True:
                caller, request = call_of(self.one)
                if self.may.is_set():
                    answer_to(self.one, caller, (Atom("error"), Atom("no")) if request[0] == Atom("saga_do") else Atom("ok"))
        except (EOFError, OSError):
            pass  # the test has ended

    def end(self):
        self.one.close()
        self.join()


DESK = f'{{ id: desk, actor: "transfer:desk", name: desk, saga: {{ {VOLATILE}, max_transactions: 100, answers: {{ count: 100 }} }} }}'


def start(one, ghost, size):
    """The desk's answer to a move from an account of the participant. The name of the account has `size` bytes."""
    return one.call("desk", (Atom("start"), (Atom("move"), (ghost.address, bytes(size)), (ghost.address, b"x"), 1)), 30)


def is_done(target):
    return target.engine("desk")["open"] == 0


@row("transactions of a saga", 12, DESK)
def transactions(cleanup, target, turn):
    ghost, one = Participant(cleanup, target, turn), peer(cleanup, target)
    equal(counted(start(one, ghost, 1 << 16) for _ in range(120)), {"ok": 75, "error": 45})
    served(target)
    ghost.may.set()
    eventually(lambda: is_done(target), "all have ended", 60)
    one.close()
    ghost.end()


@row("subscriptions to transactions of a saga", 2, DESK)
def subscriptions(cleanup, target, turn):
    ghost, one = Participant(cleanup, target, turn), peer(cleanup, target)
    ok, tx = start(one, ghost, 1)
    equal(ok, Atom("ok"))
    for number in range(1, 1201):
        ask_as(one, number, "desk", (Atom("subscribe"), tx))
    equal(counted(answer_of(one) for _ in range(1200)), {"ok": 1000, "error": 200})
    served(target)
    ghost.may.set()
    eventually(lambda: is_done(target), "it has ended", 60)
    one.close()
    ghost.end()


def rows_of_page():
    """The first cell of each row of the page's table."""
    text = (ROOT / "packaging/SECURITY.md").read_text(encoding="utf-8")
    table = text.partition("| what is kept | of whom | bound | at the bound |\n")[2].partition("\n\n")[0]
    return [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()[1:]]


@test("each row of the page is held by a test, and no test holds a row that is not there")
def whole(_):
    found = rows_of_page()
    check(len(found) > 30, "the table is read", found)
    held = {**{one.what: __file__ for one in ROWS}, **ELSEWHERE}
    check(len(held) == len(ROWS) + len(ELSEWHERE), "none is held twice")
    for cell in found:
        by = [what for what in held if cell.startswith(what)]
        equal(len(by), 1, cell)
        check((ROOT / held.pop(by[0])).exists(), "the test is there", by)
    equal(held, {}, "rows that are not there")


def hold(one):
    """Runs the test of a row."""
    def held(cleanup):
        target = Target(cleanup, config=one.config, settings=one.settings)
        target.bystander = Peer(target.port, f"honest@{BYSTANDERS}", source=BYSTANDERS)
        cleanup.callback(target.bystander.close)
        peer(cleanup, target, "first").close()  # what is made once is made now
        served(target)
        has_gone = lambda: target.connected() == [target.bystander.name]
        eventually(has_gone, "it has gone")
        kept = target.ask("status")["message_memory"]
        target.forget_peak()
        resident = target.kilobytes("VmRSS")
        for turn in range(TURNS):
            one.fill(cleanup, target, turn)
            eventually(has_gone, lambda: f"its nodes have gone: {target.connected()}")
            given_back = lambda: target.ask("status")["message_memory"] <= kept + LEFT
            eventually(given_back, lambda: f"what was kept is given back: {target.ask('status')['message_memory']} of {kept} bytes")
            equal(target.process.poll(), None, "the node lives")
        more = (target.kilobytes("VmHWM") - resident) / 1024
        if one.returned and not reports.folder:
            def is_returned():
                served(target)  # threads give memory back before they sleep
                return (target.kilobytes("VmRSS") - resident) / 1024 <= SLACK
            eventually(is_returned, lambda: f"the memory goes back to the system but for {SLACK} MiB: {target.kilobytes('VmRSS') - resident} KiB")
        # A sanitizer keeps freed memory for a while.
        check(more <= 2 * one.bound + SLACK or reports.folder, f"at most twice {one.bound} MiB and {SLACK} MiB more", more)
    test(f"{re.sub('`', '', one.what)}: what is beyond the bound is refused, memory grows by at most twice the bound, and all is given back")(held)


for each in ROWS:
    hold(each)

if __name__ == "__main__":
    run()
