#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Malicious terms: duplicate keys, maps as keys of maps, endless nesting, small terms that inflate to large ones."""
import json
import os
import socket
import struct
import threading
import zlib

from harness.attack import Bystanders, Target, peer, unharmed
from harness.distribution import REG_SEND, VERSION, Atom, Raw, receive
from harness.tap import check, contains, equal, eventually, run, test
from harness.term import encode

ONE_TWICE = Raw(b"t\0\0\0\2a\1a\1a\1a\2")  # #{1 => 1, 1 => 2}
LONGEST_LINE = 10_000


def is_ended(one):
    """Waits until the node has closed the connection."""
    try:
        while receive(one.socket, 1):
            pass
    except (EOFError, ConnectionResetError):
        return True


def compressed(term):
    return b"P" + struct.pack(">I", len(term)) + zlib.compress(term, 1)


def longest_line(target):
    return max(map(len, target.lines()))


@test("a map that names a key twice ends its sender's connection, in whatever it comes, and nothing else")
def twice(cleanup):
    target = Target(cleanup)
    bystanders = Bystanders(cleanup, target)
    kv = target.info("kv")["pid"]
    with unharmed(target, bystanders):
        call = lambda tag, request: (Atom("$gen_call"), tag, request)
        for number, message in enumerate([
            lambda p: call((p.pid(), ONE_TWICE), Atom("size")),
            lambda p: call((p.pid(), p.reference()), (Atom("put"), Atom("a"), ONE_TWICE)),
            lambda p: (Atom("$gen_cast"), (Atom("put"), ONE_TWICE, Atom("a"))),
            lambda p: Raw(compressed(encode((Atom("$gen_cast"), (Atom("put"), Atom("a"), ONE_TWICE))))),
        ]):
            one = peer(cleanup, target, f"mallory{number}")
            one.send("kv", message(one))
            check(is_ended(one), "the connection is ended")
            said = f"{one.name}: disconnected: payload of #Pid<'{one.name}'.77.1.0>: "
            line = eventually(lambda: [line for line in target.lines() if said in line], "one line tells of it")[0]
            contains(line, "names 1 twice")
        one = peer(cleanup, target, "honest_again")
        equal(one.call("kv", Atom("size")), 0)
        equal(one.call("kv", (Atom("get"), Atom("a"))), Atom("not_found"))
        one.close()
        equal(target.info("kv")["pid"], kv, "the server is the one it was")


def keys_of_keys(levels, swapped=False):
    """#{#{…} => 1, #{…} => 2}: maps that differ only at the bottom. `swapped`: the maps are equal, but their pairs are
    in another order everywhere."""
    bottom = iter(range(2 ** (levels + 1)))

    def made(level):
        keys = [encode(1000 + next(bottom)) if level == 0 else made(level - 1) for _ in range(2)]
        pairs = [keys[0] + b"a\1", keys[1] + b"a\2"]
        return b"t\0\0\0\2" + b"".join(reversed(pairs) if swapped else pairs)
    return Raw(made(levels))


@test("maps whose keys are maps are compared at once, however deep")
def maps_as_keys(cleanup):
    target = Target(cleanup)
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders):
        one = peer(cleanup, target)
        equal(one.call("kv", (Atom("put"), keys_of_keys(12), 7)), Atom("ok"))
        equal(one.call("kv", (Atom("get"), keys_of_keys(12, swapped=True))), (Atom("ok"), 7))
        equal(one.call("kv", (Atom("delete"), keys_of_keys(12, swapped=True))), Atom("ok"))
        bystanders.served()
        one.close()


@test("requests within requests are no way down for `user`")
def requests(cleanup):
    target = Target(cleanup)
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders):
        one = peer(cleanup, target)
        for levels, answer in ((3, Atom("ok")), (4900, (Atom("error"), Atom("request")))):
            head = encode((Atom("requests"), []))[:-1] + b"l\0\0\0\1"
            asked = Raw(head * levels + encode((Atom("put_chars"), b"line\n")) + b"j" * levels)
            one.send("user", (Atom("io_request"), one.pid(), Atom("tag"), asked))
            equal(one.receive()[1], (Atom("io_reply"), Atom("tag"), answer))
        bystanders.served()
        one.close()


@test("a document that nests without end is refused at the control socket")
def documents(cleanup):
    target = Target(cleanup)
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders):
        for text in ("[" * 100_000 + "]" * 100_000, "[" * 100_000, '{"command":"call","arguments":' + '{"a":' * 100_000):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(10)
                client.connect(target.socket)
                client.sendall(text.encode() + b"\n")
                contains(json.loads(client.makefile().readline())["error"]["why"], "nested")
        document = '{"command":"call","arguments":{"name":' + "[" * 100_000 + "]" * 100_000 + "}}\n"
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(target.socket)
            client.sendall(document.encode())
            contains(json.loads(client.makefile().readline())["error"]["why"], "nested")
        bystanders.served()


@test("little that inflates to much is dropped, and costs neither memory nor time")
def bombs(cleanup):
    target = Target(cleanup)
    bystanders = Bystanders(cleanup, target)
    size = 240_000_000
    bomb = b"P" + struct.pack(">I", size + 5) + zlib.compress(b"m" + struct.pack(">I", size) + bytes(size), 1)
    with unharmed(target, bystanders):
        one = peer(cleanup, target)
        for _ in range(10):
            one.send_frame(b"p" + VERSION + encode((REG_SEND, one.pid(), Atom(""), Atom("kv"))) + VERSION + bomb)
        equal(one.call("kv", Atom("size")), 0, "the connection goes on")
        eventually(lambda: any("inflates" in line for line in target.lines()), "it is told")
        bystanders.served()
        one.close()


@test("what inflates to a few times its size takes turns with everyone else, and what is behind it comes behind it")
def inflated(cleanup):
    target = Target(cleanup)
    bystanders = Bystanders(cleanup, target)
    text = b"".join(bytes([noise]) + b"x" * 63 for noise in os.urandom(400_000))
    with unharmed(target, bystanders, megabytes=256):
        one = peer(cleanup, target)
        one.socket.settimeout(60)
        large = (Atom("$gen_cast"), (Atom("put"), Atom("large"), text))
        clear = (Atom("$gen_cast"), Atom("clear"))

        def attack():
            for _ in range(8):
                one.send("kv", Raw(compressed(encode(large))))
                one.send("kv", clear)
        attacker = threading.Thread(target=attack)
        attacker.start()
        bystanders.served()
        attacker.join()
        equal(one.call("kv", Atom("size"), 60), 0, "each was stored, and cleared behind")
        one.send("kv", Raw(compressed(encode(large))))
        equal(one.call("kv", Atom("size"), 60), 1)
        one.send("kv", clear)
        one.close()


@test("of a message that nobody knows the log shows the beginning")
def lines(cleanup):
    target = Target(cleanup)
    bystanders = Bystanders(cleanup, target)
    with unharmed(target, bystanders, megabytes=64):
        one = peer(cleanup, target)
        size = 4_000_000
        for term in (Raw(compressed(b"m" + struct.pack(">I", size) + bytes(size))), b"x" * size, [1000] * (size // 5),
                     Raw(b"o" + struct.pack(">I", size) + b"\0" + b"\x55" * size)):
            one.send("kv", term)
            one.send("user", (Atom("io_request"), one.pid(), Atom("tag"), (Atom("put_chars"), term))
                     if not isinstance(term, Raw) else Atom("nothing"))
        equal(one.call("kv", Atom("size")), 0)
        eventually(lambda: sum("does not know" in line for line in target.lines()) == 4, "each is told")
        check(longest_line(target) <= LONGEST_LINE, "no line is long", longest_line(target))
        bystanders.served()
        one.close()


if __name__ == "__main__":
    run()
