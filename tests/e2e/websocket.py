#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""WebSockets of a web server: the protocol, case by case as in the Autobahn suite (its sections 1 to 7, 9 and 10), the
handshake, and what happens to both ends: reloads, crashes, a full mailbox, clients that do not read or leave."""
import contextlib
import os
import re
import ssl
import struct
import subprocess
import threading
import time

from harness.erlang import Erl
from harness.node import tree
from harness.reports import reports  # a sanitizer keeps freed memory for a while
from harness.site import WebSite, address
from harness.tap import Skip, check, contains, equal, eventually, run, shared, test
from harness.websocket import BINARY, CLOSE, PING, PONG, TEXT, WebSocket, close_frame, frame

CHILDREN = """
        - {{ id: replies, actor: replies, name: replies, mailbox: {{ limit: {mailbox} }} }}
        - {{ id: pages, actor: pages, name: pages }}
        - {{ id: many, name: many, pool: {{ actor: replies, size: 2 }} }}
        - id: site
          name: site
          web:
            listen: [{{ address: 127.0.0.1, port: 0 }}, {{ address: 127.0.0.1, port: 0, tls: on }}]
            cors: {{ origins: [ "https://friend.example" ] }}
            routes:
              - {{ path: "/talk/{{what}}", to: replies, upgrade: websocket, timeout: 20s, headers: [ {{ name: X-Mine, value: yes }} ] }}
              - {{ path: /pages, to: pages, upgrade: websocket }}
              - {{ path: "/pooled/{{what}}", to: many, upgrade: websocket }}
              - {{ path: /nobody, to: nobody, upgrade: websocket }}
              - {{ path: /far, to: "talker@far@127.0.0.1", upgrade: websocket }}
              - {{ path: "/{{what}}", to: replies }}
            websocket: {{ {options} }}
            limits: {{ {limits} }}
"""


class Site(WebSite):
    def __init__(self, cleanup, options="", mailbox=10000, dist="[]", limits=""):
        super().__init__(cleanup, tree(CHILDREN.format(options=options, limits=limits, mailbox=mailbox), "web", distribution=f"listen: {dist}", intensity=1000), "replies", "pages")

    def open(self, what="echo", *headers, **options):
        one = WebSocket(self.cleanup, self.at, f"/talk/{what}", *headers, **options)
        equal(one.status, 101, f"{one.headers}")
        return one

    def say(self, term):
        self.node.ask("send", name="replies", term=term)

    def talked(self):
        return self.node.call("replies", "talked")


usual = shared(Site)


def pieces(opcode, payload, size, between=b""):
    """The frames of a message in fragments of this many bytes."""
    parts = [payload[at:at + size] for at in range(0, len(payload), size)] or [b""]
    return b"".join(frame(opcode if number == 0 else 0, part, fin=number == len(parts) - 1) + (between if number != len(parts) - 1 else b"")
                    for number, part in enumerate(parts))


END = close_frame(1000)


def case(number, sent, *expected, first=(), end=True, step=None):
    """A case: its number, and its stages, each of which is sent and then answered. The client sends its own end in a
    stage of its own, after the other answers have arrived, because an actor says nothing more after a close has
    arrived."""
    stages = [(frame(*one), [one]) for one in first]
    stages += [(sent, list(expected)), (END, [1000])] if end else [(sent, list(expected))]
    return number, stages, step


def cases():
    for section, opcode in ((1, TEXT), (2, BINARY)):
        for size in (0, 125, 126, 127, 128, 65535, 65536):
            data = (b"*" if opcode == TEXT else b"\xfe") * size
            yield case(f"1.{section} {size}", frame(opcode, data), (opcode, data))
        yield case(f"1.{section}.8", frame(opcode, data), (opcode, data), step=997)
    hello = (TEXT, b"Hello, world!")
    say = frame(*hello)
    for number, payload in enumerate((b"", b"Hello, world!", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", b"\xfe" * 125), 1):
        yield case(f"2.{number}", frame(PING, payload), (PONG, payload))
    yield case("2.5", frame(PING, b"\xfe" * 126), 1002, end=False)
    yield case("2.6", frame(PING, b"\xfe" * 125), (PONG, b"\xfe" * 125), step=1)
    yield case("2.7", frame(PONG))
    yield case("2.8", frame(PONG, b"unsolicited pong payload"))
    yield case("2.9", frame(PONG, b"unsolicited") + frame(PING, b"ping payload"), (PONG, b"ping payload"))
    for number, step in ((10, None), (11, 1)):
        pings = [b"payload-%d" % one for one in range(10)]
        yield case(f"2.{number}", b"".join(frame(PING, one) for one in pings), *[(PONG, one) for one in pings], step=step)
    yield case("3.1", frame(*hello, rsv=1), 1002, end=False)
    for number, rsv, step in ((2, 2, None), (3, 3, None), (4, 4, 1)):
        yield case(f"3.{number}", frame(*hello, rsv=rsv) + frame(PING), 1002, first=[hello], end=False, step=step)
    yield case("3.5", frame(BINARY, b"\x00\xff", rsv=5), 1002, end=False)
    yield case("3.6", frame(PING, b"x", rsv=6), 1002, end=False)
    yield case("3.7", frame(CLOSE, b"", rsv=7), 1002, end=False)
    for section, opcodes in ((1, range(3, 8)), (2, range(11, 16))):
        for number, opcode in enumerate(opcodes, 1):
            yield case(f"4.{section}.{number}", frame(opcode, b"payload" * (number % 2)) + frame(PING), 1002, first=[hello] if number > 2 else [],
                       end=False, step=1 if number == 5 else None)
    yield case("5.1", frame(PING, b"a", fin=False) + frame(0, b"b"), 1002, end=False)
    yield case("5.2", frame(PONG, b"a", fin=False) + frame(0, b"b"), 1002, end=False)
    two = frame(TEXT, b"fragment1", fin=False), frame(0, b"fragment2")
    whole = (TEXT, b"fragment1fragment2")
    ping, pong = frame(PING, b"ping payload"), (PONG, b"ping payload")
    for number, step in ((3, None), (4, None), (5, 1)):
        yield case(f"5.{number}", b"".join(two), whole, step=step)
    for number, step in ((6, None), (7, None), (8, 1)):
        yield case(f"5.{number}", two[0] + ping + two[1], pong, whole, step=step)
    for number, fin, step in ((9, True, None), (10, True, None), (11, True, 1), (12, False, None), (13, False, None), (14, False, 1)):
        yield case(f"5.{number}", frame(0, b"non-continuation payload", fin=fin) + say, 1002, end=False, step=step)
    yield case("5.15", frame(0, b"fragment3", fin=False) + frame(TEXT, b"fragment4"), 1002, first=[whole], end=False)
    for number, fin in ((16, False), (17, True)):
        yield case(f"5.{number}", frame(0, b"fragment1", fin=fin) + frame(TEXT, b"fragment2", fin=False) + frame(0, b"fragment3"), 1002, end=False)
    yield case("5.18", two[0] + frame(TEXT, b"fragment2"), 1002, end=False)
    five = frame(TEXT, b"1", fin=False) + frame(0, b"2", fin=False) + ping + frame(0, b"3", fin=False) + frame(0, b"4", fin=False) + ping + frame(0, b"5")
    yield case("5.19", five, pong, pong, (TEXT, b"12345"))
    yield case("5.20", five, pong, pong, (TEXT, b"12345"), step=1)
    yield case("6.1.1", frame(TEXT), (TEXT, b""))
    yield case("6.1.2", frame(TEXT, fin=False) + frame(0, fin=False) + frame(0), (TEXT, b""))
    yield case("6.1.3", frame(TEXT, fin=False) + frame(0, b"middle frame payload", fin=False) + frame(0), (TEXT, b"middle frame payload"))
    kosme = "κόσμε".encode()
    for number, text in ((1, "Hello-µ@ßöäüàá-UTF-8!!".encode()), (2, kosme)):
        yield case(f"6.1.{number} whole", frame(TEXT, text), (TEXT, text))
        for size in (1, 2, 7):
            yield case(f"6.2.{number} by {size}", pieces(TEXT, text, size), (TEXT, text), step=None if size > 1 else 1)
    bad = kosme + b"\xed\xa0\x80" + b"edited"
    for number, sent in enumerate((frame(TEXT, bad), pieces(TEXT, bad, 12), pieces(TEXT, bad, 1)), 1):
        yield case(f"6.3.{number}", sent, 1007, end=False)
    # Refused before its end has come.
    yield case("6.4.1", frame(TEXT, kosme, fin=False) + frame(0, b"\xf4\x90\x80\x80", fin=False), 1007, end=False)
    yield case("6.4.2", frame(TEXT, kosme + b"\xf4", fin=False) + frame(0, b"\x90", fin=False), 1007, end=False)
    late = frame(TEXT, kosme + b"\xf4\x90\x80\x80edited")
    yield case("6.4.3", late[:-6], 1007, end=False)
    yield case("6.4.4", late[:-8], 1007, end=False, step=1)
    for number, text in enumerate(("\u0000", "\u0080", "\u0800", "\U00010000", "\u007f", "\u07ff", "\uffff", "\U0010ffff", "\ud7ff", "\ue000",
                                   "\ufffd", "\ufeff", "\ufffe", "\U0001fffe", "\U0001ffff"), 5):
        yield case(f"6.{number}", frame(TEXT, text.encode()), (TEXT, text.encode()))
    for number, text in enumerate((b"\xce", b"\xce\xba\xe1", b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80", b"\xf7\xbf\xbf\xbf", b"\xf4\x90\x80\x80",
                                   b"\x80", b"\xbf", b"\x80\xbf\x80", b"\xc0\x20", b"\xe0\x80\x20", b"\xf0\x80\x80\x20", b"\xc0\xaf", b"\xe0\x80\xaf",
                                   b"\xf0\x80\x80\xaf", b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xed\xa0\x80", b"\xed\xbf\xbf",
                                   b"\xed\xa0\x80\xed\xb0\x80", b"\xfe", b"\xff", b"\xff\xff"), 20):
        yield case(f"6.{number}", frame(TEXT, text), 1007, end=False)
    yield case("6.x binary is any bytes", frame(BINARY, b"\xff\xfe"), (BINARY, b"\xff\xfe"))
    yield case("7.1.1", say, hello)
    yield case("7.1.2", END + END, 1000, end=False)
    yield case("7.1.3", END + ping, 1000, end=False)
    yield case("7.1.4", END + say, 1000, end=False)
    yield case("7.1.5", two[0] + END + two[1], 1000, end=False)
    yield case("7.1.6", END + ping, 1000, first=[(TEXT, b"*" * 262144), hello], end=False)
    yield case("7.3.1", close_frame(), None, end=False)
    yield case("7.3.2", frame(CLOSE, b"a"), 1002, end=False)
    yield case("7.3.3", close_frame(1000), 1000, end=False)
    yield case("7.3.4", close_frame(1000, b"Hello World!"), 1000, end=False)
    yield case("7.3.5", close_frame(1000, b"*" * 123), 1000, end=False)
    yield case("7.3.6", close_frame(1000, b"*" * 124), 1002, end=False)
    yield case("7.5.1", close_frame(1000, bad), 1007, end=False)
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999):
        yield case(f"7.7 {code}", close_frame(code), code, end=False)
    for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535):
        yield case(f"7.9 {code}", close_frame(code), 1002, end=False)
    for section, opcode in ((1, TEXT), (2, BINARY)):
        for size in (65536, 262144, 1048576):
            yield case(f"9.{section} {size}", frame(opcode, b"*" * size), (opcode, b"*" * size))
    for size in (64, 1024, 65536):
        yield case(f"9.3 by {size}", pieces(TEXT, b"*" * 1048576, size), (TEXT, b"*" * 1048576))
    for step in (64, 1024):
        yield case(f"9.5 in {step}", frame(TEXT, b"*" * 262144), (TEXT, b"*" * 262144), step=step)
    many = [(TEXT, b"*" * (number % 300)) for number in range(1000)]
    yield case("9.7", b"".join(frame(*one) for one in many), *many)
    yield case("10.1.1", pieces(TEXT, b"*" * 65536, 1300), (TEXT, b"*" * 65536))
    # Cases that Autobahn does not have.
    yield case("no mask", frame(TEXT, b"x", mask=None), 1002, end=False)
    yield case("a mask of zeros", frame(TEXT, b"x", mask=b"\x00" * 4), (TEXT, b"x"))
    yield case("a length of 16 bits that fits into 7", frame(TEXT, b"x" * 125, length=("H", 125)), 1002, end=False)
    yield case("a length of 64 bits that fits into 16", frame(TEXT, b"x", length=("Q", 65535)), 1002, end=False)
    yield case("a negative length", frame(TEXT, b"x", length=("Q", 1 << 63)), 1002, end=False)
    yield case("a GiB", frame(BINARY, b"x", length=("Q", 1 << 30)), 1009, end=False)
    yield case("one byte too many", frame(BINARY, b"x" * 1048577), 1009, end=False)
    yield case("too many in parts", pieces(BINARY, b"x" * 1048577, 100000), 1009, end=False)
    yield case("a ping in 16 bits", frame(PING, b"x", length=("H", 1)), 1002, end=False)
    yield case("fragments without a byte", frame(TEXT, b"", fin=False) + frame(0, b"", fin=False) * 10000 + frame(0, b"x"), (TEXT, b"x"))


@test("each case of the protocol comes to what it has to")
def protocol(cleanup):
    site = usual()
    wrong, count = [], 0
    for number, stages, step in cases():
        count += 1
        one = site.open()
        for sent, expected in stages:
            writing = threading.Thread(target=quietly, args=(one, sent, step))
            writing.start()
            try:
                last = sent is stages[-1][0]
                found = one.rest() if last else [one.next() for _ in expected]
            except (AssertionError, OSError) as why:
                found = repr(why)
            if found != expected:
                wrong.append((number, str(found)[:200]))
                one.socket.close()
            writing.join()
            if found != expected:
                break
        one.socket.close()
    equal(wrong, [])
    check(count > 170, "they are all there", count)
    eventually(lambda: site.report()["open"] == 0, "none is left")


def quietly(one, sent, step):
    """Sends the bytes. The node may not take all of them."""
    try:
        one.send(sent, step=step)
    except OSError:
        pass


@test("messages of up to 16 MiB go both ways, whole and in parts")
def large(cleanup):
    site = Site(cleanup, options="max_message: 16MiB, queue: 32MiB")
    one = site.open()
    for opcode, size, parts in ((TEXT, 4 << 20, None), (BINARY, 4 << 20, None), (TEXT, 8 << 20, None), (BINARY, 8 << 20, None), (TEXT, 16 << 20, None),
                                (BINARY, 16 << 20, None), (TEXT, 4 << 20, 4096), (BINARY, 4 << 20, 1 << 18), (TEXT, 16 << 20, 1 << 20)):
        data = b"*" * size
        writing = threading.Thread(target=one.send, args=(pieces(opcode, data, parts or size),))
        writing.start()
        check(one.next() == (opcode, data), "it comes back", opcode, size, parts)
        writing.join()


@test("a handshake is exact: what is none is refused by its status, and costs nothing")
def handshake(cleanup):
    site = usual()
    here = f"{site.at[0]}:{site.at[1]}"

    def asks(*headers, path="/talk/echo", **options):
        return WebSocket(cleanup, site.at, path, *headers, **options)

    good = asks()
    equal((good.status, good.headers["upgrade"], good.headers["connection"], good.headers["x-mine"]), (101, "websocket", "Upgrade", "yes"))
    equal(good.headers["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    check("sec-websocket-extensions" not in good.headers, "none is spoken")
    equal(asks("Sec-WebSocket-Extensions: permessage-deflate").headers.get("sec-websocket-extensions"), None)
    for options, status in (({"upgrade": None}, 426), ({"upgrade": "h2c"}, 426), ({"connection": "keep-alive"}, 426), ({"version": "8"}, 426),
                            ({"version": None}, 426), ({"key": None}, 400), ({"key": ""}, 400), ({"key": "c2hvcnQ="}, 400), ({"key": "x" * 24}, 400),
                            ({"key": "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ=="}, 400), ({"method": "POST"}, 405), ({"method": "HEAD"}, 405)):
        one = asks(**options)
        equal(one.status, status, f"{options}")
        if status == 426:
            equal((one.headers["upgrade"], one.headers["sec-websocket-version"]), ("websocket", "13"))
    for options in ({"upgrade": "h2c, WebSocket"}, {"connection": "keep-alive, upgrade"}, {"connection": "UPGRADE"}):
        equal(asks(**options).status, 101, f"{options}")
    for headers, status in (((f"Origin: http://{here}",), 101), ((f"Origin: https://{here}",), 101), (("Origin: https://friend.example",), 101),
                            (("Origin: https://evil.example",), 403), (("Origin: null",), 403), (("Content-Length: 1",), 400),
                            (("Transfer-Encoding: chunked",), 400), (("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",), 400)):
        behind = b"x" if "Content-Length: 1" in headers else b"0\r\n\r\n" if "Transfer-Encoding: chunked" in headers else b""
        equal(asks(*headers, behind=behind).status, status, f"{headers}")
    for path, status in (("/talk/refuse", 403), ("/talk/throw", 500), ("/nobody", 502), ("/talk/odd", 502), ("/pages", 500)):
        equal(asks("Sec-WebSocket-Protocol: chat", path=path).status, status, path)
    eventually(lambda: asks().status == 101, "it accepts again")
    equal([asks(*headers, path="/talk/chat").headers.get("sec-websocket-protocol")
           for headers in ((), ("Sec-WebSocket-Protocol: x, chat",), ("Sec-WebSocket-Protocol: x", "Sec-WebSocket-Protocol: chat"), ("Sec-WebSocket-Protocol: X",))],
          [None, "chat", "chat", None])
    # Frames right behind the request arrive before it is answered.
    early = asks(path="/talk/slow", behind=frame(TEXT, b"early") + frame(TEXT, b"bird"))
    equal([early.next(), early.next()], [(TEXT, b"early"), (TEXT, b"bird")])
    first = asks(path="/talk/early")
    equal([first.next(), first.next()], [(TEXT, b"first"), (BINARY, b"second")])
    contains(str(site.report()["answered"]), "'101'")


def said_by(one):
    """The next frame that is no ping. Pings are answered."""
    while (got := one.next()) == (PING, b""):
        one.send(frame(PONG))
    return got


@test("whoever ends it, the other is told: by its code, or that the connection broke")
def ends(cleanup):
    site = Site(cleanup, options="ping: 1s, pong: 2s")
    equal(site.report()["open"], 0)
    one = site.open()
    one.send(close_frame(4001, b"enough"))
    equal(one.rest(), [4001])
    one = site.open()
    one.text("bye 3000 so it is")
    equal(said_by(one), (CLOSE, struct.pack("!H", 3000) + b"so it is"))
    one.text("not heard")
    one.send(close_frame(3000))
    equal(one.next(), None)
    one = site.open()
    one.socket.close()
    one.file.close()
    one = site.open()
    one.text("bye 1000")
    equal(said_by(one), (CLOSE, struct.pack("!H", 1000)))
    equal(one.next(), None, "it is cut, for it does not close")
    silent = site.open()
    equal((silent.next(), silent.next()), ((PING, b""), None))
    for expected in ('<<"4001 enough">>', '<<"3000 ">>', '<<"1006 the connection broke">>', '<<"1006 it did not close">>', '<<"1006 it answers no ping">>'):
        eventually(lambda expected=expected: expected in site.talked(), f"{expected} in {site.talked()}")
    alive = site.open()
    for _ in range(4):
        equal(alive.next(), (PING, b""))
        alive.send(frame(PONG))
    alive.text("here")
    equal(said_by(alive), (TEXT, b"here"))
    alive.text("die")
    equal(said_by(alive), (CLOSE, struct.pack("!H", 1011)))
    eventually(lambda: site.report()["open"] == 0, "none is left")


@test("an actor with handle_closed is told of a client whose process is killed, though it monitors nothing itself")
def lost(cleanup):
    site = Site(cleanup)
    one = site.open()
    one.text("here")
    equal(said_by(one), (TEXT, b"here"))
    client = re.search(r"<[0-9.]+>", site.node.call("replies", "talkers"))[0]
    site.node.ask("exit", name=client, reason="kill")
    eventually(lambda: site.talked() == '[<<"1006 ">>]', site.talked())
    equal(site.node.call("replies", "talkers"), "[]")
    gone = site.open()
    gone.send(close_frame(4001, b"enough"))
    equal(gone.rest(), [4001])
    eventually(lambda: '<<"4001 enough">>' in site.talked(), site.talked())
    eventually(lambda: site.node.info("replies")["monitors"] == [], "its process has ended")
    equal(site.talked(), '[<<"1006 ">>,<<"4001 enough">>]', "and that is told of once")


@test("behind a pool what a worker says reaches the client, not who passed its request on")
def pooled(cleanup):
    site = usual()
    clients = [WebSocket(cleanup, site.at, "/pooled/early") for _ in range(4)]
    for number, one in enumerate(clients):
        equal((one.next(), one.next()), ((TEXT, b"first"), (BINARY, b"second")))
        one.text(f"as it is {number}")
        equal(one.next(), (TEXT, b"as it is %d" % number))
        one.send(close_frame(1000))
        equal(one.rest(), [1000])
    eventually(lambda: site.node.call("many", "talkers") == "[]" == site.node.call("many", "talkers"), "each worker is told of its clients' ends")


@test("what an actor says wrong is the log's, a wrong order closes nothing")
def mistakes(cleanup):
    site = Site(cleanup)
    one = site.open()
    one.text("x")
    equal(one.next(), (TEXT, b"x"))
    client = re.search(r"<[0-9.]+>", site.node.call("replies", "talkers"))[0]
    for term, words in (("{websocket, {text, <<255>>}}", "its text is no UTF-8"), ("{websocket, {text, x}}", "its text is no iodata"),
                        ("{websocket, {close, 1005}}", "its code is none that may be sent"), ("{websocket, {close, 1000, <<255>>}}", "its reason is no UTF-8"),
                        ("{websocket, {close, 1000, x}}", "its reason is no iodata"), ("{websocket, {ping, <<>>}}", "it says nothing known"),
                        ("{websocket, what}", "it says nothing known")):
        site.node.ask("send", name=client, term=term)
        site.node.said(words)
        equal(site.node.call(client, term), "{error,badarg}")
    site.node.ask("send", name=client, term="'nothing it knows'")
    equal(site.node.call(client, '{websocket, {binary, [<<"a">>, "bc", [100]]}}'), "ok")
    equal(one.next(), (BINARY, b"abcd"))
    equal(site.node.call(client, "{websocket, {close, 4000}}"), "ok")
    equal(site.node.call(client, '{websocket, {text, "late"}}'), "{error,closed}")
    equal(one.next(), (CLOSE, struct.pack("!H", 4000)))


@test("a reload of the plugin, and of the site, closes none and loses nothing that is said")
def reload(cleanup):
    site = Site(cleanup)
    talkers = [site.open() for _ in range(50)]
    seen = [[] for _ in talkers]

    def talk(number):
        one = talkers[number]
        for said in range(200):
            one.text(f"{number} {said}")
            seen[number].append(one.next())

    threads = [threading.Thread(target=talk, args=(number,)) for number in range(len(talkers))]
    for thread in threads:
        thread.start()
    for _ in range(5):
        site.node.ask("reload", plugin="replies")
    for thread in threads:
        thread.join()
    for number, all_of_it in enumerate(seen):
        equal(all_of_it, [(TEXT, b"%d %d" % (number, said)) for said in range(200)])
    site.say('{say, <<"to all">>}')
    equal([one.next() for one in talkers], [(TEXT, b"to all")] * 50)


@test("while its actor has no room a client is not read, and then all comes in order; others are served")
def full(cleanup):
    site = Site(cleanup, options="queue: 8MiB", mailbox=10)
    slow = site.open()
    asked = threading.Thread(target=site.open, args=("slow",))
    asked.start()
    time.sleep(0.1)
    sent = [b"%d " % number + b"x" * 10000 for number in range(500)]
    writing = threading.Thread(target=lambda: slow.send(b"".join(frame(TEXT, one) for one in sent)))
    writing.start()
    equal([slow.next() for _ in sent], [(TEXT, one) for one in sent])
    writing.join()
    asked.join()


@test("a client that has left while its actor has no room gives its place back, and the actor is told of it")
def left_behind(cleanup):
    site = Site(cleanup, options="ping: 200ms, pong: 200ms", mailbox=10)
    gone = site.open()
    with held(site):
        gone.send(*[frame(TEXT, b"x" * 10000) for _ in range(10)])
        gone.socket.close()
        gone.file.close()
        eventually(lambda: site.report()["open"] == 1, f"{site.report()}")
    eventually(lambda: '<<"1006 ">>' in site.talked(), site.talked())
    # The client's messages come, and then its end, if there is room in time.
    site = Site(cleanup, mailbox=10)
    gone = site.open()
    with held(site):
        gone.send(*[frame(TEXT, b"x") for _ in range(30)], close_frame(1000))
        eventually(lambda: site.node.ask("ps", filter="replies")["processes"][0]["mailbox"] >= 10, "its mailbox is full")
    eventually(lambda: '<<"1000 ">>' in site.talked(), site.talked())
    eventually(lambda: site.report()["open"] <= 1, "it has left; the other one keeps its connection")


@contextlib.contextmanager
def held(site):
    """While this lasts, the actor is busy with a client that it refuses at the end."""
    path = f"{site.node.folder.path}/go-on"
    asked = threading.Thread(target=WebSocket, args=(site.cleanup, site.at, "/talk/held", f"X-Until: {path}"))
    asked.start()
    eventually(lambda: site.report()["in_flight"] == 1, "the actor is busy")
    try:
        yield
    finally:
        with open(path, "w", encoding="utf-8"):
            pass
        asked.join()


@test("a client that takes nothing is closed at its bound, and neither its actor nor another client waits for it")
def greedy(cleanup):
    site = Site(cleanup, options="queue: 1MiB, pong: 3s")
    quick, deaf = site.open(), site.open()
    deaf.text("flood")
    quick.text("on")
    equal(quick.next(), (TEXT, b"on"))
    site.node.said("a client is closed, which does not take what it is sent")
    eventually(lambda: '<<"1006 it did not close">>' in site.talked(), site.talked())
    equal(site.node.ask("status")["name"], site.node.name)
    # A client that is late to read gets the close frame before the connection is cut.
    site = Site(cleanup, options="queue: 1MiB, pong: 60s")
    late = site.open()
    late.text("flood")
    site.node.said("a client is closed, which does not take what it is sent")
    got = 0
    while (one := late.next()) is not None and one[0] == BINARY:
        got += len(one[1])
    equal(one, (CLOSE, struct.pack("!H", 1013) + b"too much waits"))
    check(got >= 1 << 20, "after what there was room for", got)


@test("a message that was begun ends in its time or is closed with 1008, whatever comes between its parts; one that is not read has time")
def slow_messages(cleanup):
    site = Site(cleanup, options="ping: 60s, message: 1s, queue: 8MiB", mailbox=10)
    for begin, more in ((frame(TEXT, b"a", fin=False), frame(0, b"b", fin=False)), (frame(TEXT, b"a", fin=False), frame(PING)), (frame(BINARY, b"x" * 1000)[:20], b"x"),
                        (frame(TEXT, b"a")[:3], None), (b"\x89", None)):
        one = site.open()
        one.send(begin)
        over = threading.Event()

        def drip(one=one, more=more, over=over):
            while more is not None and not over.wait(0.1):
                try:
                    one.send(more)
                except OSError:
                    return

        dripping = threading.Thread(target=drip)
        dripping.start()
        began = time.monotonic()
        while (got := one.next())[0] == PONG:
            pass
        over.set()
        dripping.join()
        equal(got, (CLOSE, struct.pack("!H", 1008) + b"the message did not come in time"))
        check(time.monotonic() - began > 0.8, "in its time")
    # Many messages, each within its time, and always one that has begun.
    one = site.open()
    both = frame(TEXT, b"a") * 2
    one.send(both[:-3])
    for _ in range(8):
        time.sleep(0.2)
        one.send(both[-3:] + both[:-3])
    one.send(both[-3:])
    equal([one.next() for _ in range(18)], [(TEXT, b"a")] * 18)
    # Its client is not read for a longer time, because its actor has no room.
    slow = site.open()
    asked = [threading.Thread(target=site.open, args=("slow",)) for _ in range(4)]
    for each in asked:
        each.start()
    eventually(lambda: site.report()["in_flight"] == 4, "it is busy for two seconds")
    sent = [b"%d " % number + b"x" * 100000 for number in range(50)]
    writing = threading.Thread(target=lambda: slow.send(b"".join(frame(TEXT, each) for each in sent)))
    writing.start()
    equal([slow.next() for _ in sent], [(TEXT, each) for each in sent])
    for each in (writing, *asked):
        each.join()


@test("messages of a hundred clients that never end cost what the site may keep, and who comes beyond is told 1013")
def endless_messages(cleanup):
    site = Site(cleanup, options="ping: 1h, message: 1h", limits="unfinished: 2MiB")
    talker = site.open()
    before = site.node.kilobytes("VmRSS")
    clients = [site.open() for _ in range(100)]
    endless = (frame(BINARY, bytes(50000), fin=False), *[frame(0, bytes(50000), fin=False) for _ in range(9)])
    for one in clients[:4]:  # when these are answered, 2,000,000 bytes are kept
        one.send(*endless, frame(PING, b"taken"))
    for one in clients[:4]:
        equal(one.next(), (PONG, b"taken"))
    for one in clients[4:]:
        try:
            one.send(*endless)
        except OSError:
            pass
    refused = clients[-1]
    equal(refused.next(), (CLOSE, struct.pack("!H", 1013)))
    check(reports.folder or site.node.kilobytes("VmRSS") - before < 32 << 10, "memory is bounded")
    talker.text("still here")
    equal(talker.next(), (TEXT, b"still here"))
    for one in clients:
        one.socket.close()
        one.file.close()
    eventually(lambda: site.report()["open"] == 1, "they have left")
    talker.send(pieces(BINARY, b"x" * 1000000, 50000))
    equal(talker.next(), (BINARY, b"x" * 1000000))


@test("a site that stops tells its clients 1001, and waits for them")
def stops(cleanup):
    site = Site(cleanup)
    clients = [site.open() for _ in range(20)]
    for one in clients:
        one.text("x")
        equal(one.next(), (TEXT, b"x"))
    late = []

    def ask_late():
        late.append(site.open("slow").rest())

    asked = threading.Thread(target=ask_late)
    asked.start()
    eventually(lambda: site.report()["in_flight"] == 1, "it is asked for")
    site.node.process.terminate()
    for one in clients:
        equal(one.next(), (CLOSE, struct.pack("!H", 1001)))
        one.send(close_frame(1001))
        equal(one.next(), None)
    equal(site.node.process.wait(30), 0)
    asked.join(30)
    equal(late, [[1001]])


@test("clients of a site that is started again are told 1012, by hand or by apply, and of one that is taken out 1001")
def started_again(cleanup):
    site = Site(cleanup)
    path = site.node.folder.path / "node.yaml"

    def restart():
        site.node.ask("restart", path="web/site")

    def change(old, new):
        path.write_text(path.read_text().replace(old, new))
        done = site.node.coppice("apply")
        equal(done.returncode, 0, done.stderr)

    for way, code in ((restart, 1012), (lambda: change(", { address: 127.0.0.1, port: 0, tls: on }", ""), 1012),
                      (lambda: change(path.read_text()[path.read_text().index("        - id: site"):], ""), 1001)):
        clients = [site.open() for _ in range(3)]
        changing = threading.Thread(target=way)
        changing.start()
        for one in clients:
            equal(one.next(), (CLOSE, struct.pack("!H", code)))
            one.send(close_frame(code))
            equal(one.next(), None)
        changing.join(60)
        if code == 1012:
            site.at = address(site.report()["listening"][0])


@test("over TLS it is the same, frames behind the request and large messages too")
def secured(cleanup):
    site = Site(cleanup)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    one = WebSocket(cleanup, site.secured, "/talk/echo", behind=frame(TEXT, b"early"), tls=context)
    equal((one.status, one.next()), (101, (TEXT, b"early")))
    large = b"*" * 1048576
    # No other thread reads meanwhile: Python's TLS has one session for both directions and does not lock it.
    one.send(frame(TEXT, large), *[frame(TEXT, b"%d" % number) for number in range(100)])
    equal([one.next() for _ in range(101)], [(TEXT, large)] + [(TEXT, b"%d" % number) for number in range(100)])
    site.node.ask("reload", plugin="replies")
    one.text("bye 4000")
    equal(one.next(), (CLOSE, struct.pack("!H", 4000)))


TALKER = """
register(talker, spawn(fun() ->
    Loop = fun Loop() ->
        receive
            {'$gen_call', {_, _} = From, {http_websocket, #{path := Path}}} ->
                gen:reply(From, {accept, self(), <<"erl">>}), Loop();
            {websocket, Client, {text, Text}} ->
                ok = gen_server:call(Client, {websocket, {text, [<<"erl: ">>, Text]}}), Loop();
            {websocket, Client, {binary, _}} -> Client ! {websocket, {close, 4000, <<"no binaries">>}}, Loop();
            {websocket, _, {closed, Code, Why}} -> collector ! {closed, Code, Why}, Loop();
            stop -> ok
        end
    end, Loop() end))
"""


@test("a process of Erlang accepts and speaks, has calls answered when there is room, and is told of the end")
def erlang(cleanup):
    site = Site(cleanup, dist="[{ address: 127.0.0.1, ports: 15000-65000 }]")
    erl = Erl(cleanup, name="far@127.0.0.1", epmd_port=site.node.epmd_port)
    equal(erl(f"net_kernel:connect_node('{site.node.name}')"), "true")
    erl("register(collector, self())")
    erl(TALKER)
    one = WebSocket(cleanup, site.at, "/far", "Sec-WebSocket-Protocol: erl")
    equal((one.status, one.headers["sec-websocket-protocol"]), (101, "erl"))
    one.text("hello")
    equal(one.next(), (TEXT, b"erl: hello"))
    one.send(frame(BINARY, b"x"))
    equal(one.next(), (CLOSE, struct.pack("!H", 4000) + b"no binaries"))
    one.send(close_frame(4000, b"all right"))
    equal(erl("receive {closed, _, _} = M -> M after 10000 -> late end"), '{closed,4000,<<"all right">>}')
    other = WebSocket(cleanup, site.at, "/far", "Sec-WebSocket-Protocol: erl")
    other.text("still there")
    equal(other.next(), (TEXT, b"erl: still there"))
    erl.kill()
    equal(other.next(), (CLOSE, struct.pack("!H", 1011)))


PYTHON = """
import asyncio, sys, websockets
async def talk():
    async with websockets.connect(sys.argv[1], subprotocols=["chat"], max_size=None) as one:
        assert one.subprotocol == "chat", one.subprotocol
        for size in (0, 1, 125, 126, 65535, 65536, 1000000):
            await one.send("x" * size); assert await one.recv() == "x" * size
            await one.send(b"x" * size); assert await one.recv() == b"x" * size
        await one.send(["in ", "three ", "parts"]); assert await one.recv() == "in three parts"
        await (await one.ping())
        await one.send("bye 4002 until then")
        try:
            await one.recv()
        except websockets.ConnectionClosed as why:
            print(why.rcvd.code, why.rcvd.reason)
asyncio.run(talk())
"""
NODE = """
const WebSocket = require("ws"), assert = require("assert");
const one = new WebSocket(process.argv[1], ["chat"], {perMessageDeflate: true}), sizes = [0, 1, 125, 126, 65535, 65536, 1000000];
let next = 0;
const say = () => next < sizes.length ? one.send("x".repeat(sizes[next])) : one.ping();
one.on("open", () => { assert.equal(one.protocol, "chat"); assert.equal(one.extensions, ""); say(); });
one.on("message", data => { assert.equal(data.length, sizes[next]); next++; say(); });
one.on("pong", () => one.send("bye 4002 until then"));
one.on("close", (code, reason) => console.log(code, reason.toString()));
"""


@test("Python's websockets and Node's ws speak with it")
def clients(cleanup):
    site = usual()
    url = f"ws://{site.at[0]}:{site.at[1]}/talk/chat"
    missing = []
    for name, command, needs in (("websockets", ["/usr/bin/python3", "-c", PYTHON, url], "/usr/lib/python3/dist-packages/websockets"),
                                 ("ws", ["node", "-e", NODE, url], "/usr/share/nodejs/ws")):
        if not os.path.exists(needs):
            missing.append(name)
            continue
        environment = {**os.environ, "NODE_PATH": "/usr/share/nodejs"}
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
        equal((done.stdout, done.stderr), ("4002 until then\n", ""), name)
    if missing:
        raise Skip(f"not on this machine: {' '.join(missing)}")


if __name__ == "__main__":
    run()
