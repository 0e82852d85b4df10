#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The bundled redis, a client whose connection is kept up by the tree: against Debian's redis-server where redis-tools
is installed, and against a server that misbehaves."""
import contextlib
import pathlib
import shutil
import socket
import subprocess
import threading

from harness.erlang import Erl
from harness.node import Folder, Node, connectable, free_port, plugin_folder, tree
from harness.tap import Skip, check, contains, equal, eventually, run, test

CHILDREN = """
        - id: cache
          name: cache
          tcp:
            connect: {{ address: 127.0.0.1, port: {port}, backoff: {{ first: 50ms, max: 200ms }} }}
            actor: redis
            args: {args}
            write: {{ high: 256KiB }}
"""


def client(cleanup, port, args="{}", **options):
    return Node(cleanup, config=tree(CHILDREN.format(port=port, args=args), "data", distribution=connectable), **options)


def status(node):
    return node.call("cache", "status")


def connected(node):
    eventually(lambda: "connected => true" in status(node), "it is connected")


def command(*words):
    return "{command, [%s]}" % ", ".join(f'<<"{word}">>' for word in words)


class Redis:
    """Debian's redis server, without files. start() runs it again at the same port. The program is redis-check-rdb of a
    package that starts no service: it is the same program as redis-server, and does what the name says by which it is
    started."""

    def __init__(self, cleanup, *options):
        self.program = shutil.which("redis-check-rdb")
        if self.program is None:
            raise Skip("no redis-check-rdb on this machine (package redis-tools)")
        self.folder, self.options, self.port, self.process = Folder(), options, free_port(), None
        cleanup.callback(self.folder.close)
        cleanup.callback(self.stop)
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--dir", str(self.folder.path), *self.options],
            executable=self.program, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def answers():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0
        eventually(answers, "redis-server listens")

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@test("commands are answered as the server answers them, all kinds of replies, and refusals")
def replies(cleanup):
    redis = Redis(cleanup)
    node = client(cleanup, redis.port, "{ database: 3 }")
    connected(node)
    for asked, answered in ((("PING",), '{ok,<<"PONG">>}'), (("SET", "a", "1"), '{ok,<<"OK">>}'), (("GET", "a"), '{ok,<<"1">>}'),
                            (("GET", "b"), "{ok,undefined}"), (("INCR", "a"), "{ok,2}"), (("RPUSH", "l", "x", "y"), "{ok,2}"),
                            (("LRANGE", "l", "0", "-1"), '{ok,[<<"x">>,<<"y">>]}'), (("LRANGE", "none", "0", "-1"), "{ok,[]}"),
                            (("EVAL", "return {1, {'two', {}}, false}", "0"), '{ok,[1,[<<"two">>,[]],undefined]}')):
        equal(node.call("cache", command(*asked)), answered)
    contains(node.call("cache", command("LPUSH", "a", "x")), '{error,<<"WRONGTYPE')
    contains(node.call("cache", command("CLIENT", "LIST")), " db=3 ")
    equal(node.call("cache", "{command, []}"), "{error,badarg}")
    node.refused("cache", "{command, 7}")


@test("many callers at once are answered each with its own, in one stream, also over a reload")
def pipelined(cleanup):
    redis = Redis(cleanup)
    plugins = Folder()
    cleanup.callback(plugins.close)
    shutil.copy(f"{plugin_folder()}/redis.so", plugins.path)
    node = client(cleanup, redis.port, settings=(("plugins.path", f"[ {plugins.path} ]"),))
    connected(node)
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    equal(erl(f"N = '{node.name}', net_adm:ping(N)"), "pong", node.log())
    erl("Call = fun(W) -> gen_server:call({cache, N}, {command, W}, 60000) end")
    erl("""Own = fun(K) -> [{ok, V} = Call([<<"ECHO">>, V]) || I <- lists:seq(1, 200), V <- [<<K:32, I:32, 0:8000>>]], ok end""")
    erl("S = self(), [spawn(fun() -> S ! {done, catch Own(K)} end) || K <- lists:seq(1, 20)]")
    for _ in range(3):
        shutil.copy(f"{plugin_folder()}/redis.so", f"{plugins.path}/redis.so.new")
        pathlib.Path(f"{plugins.path}/redis.so.new").rename(f"{plugins.path}/redis.so")
        node.ask("reload", plugin="redis")
    equal(erl("lists:usort([receive {done, D} -> D after 60000 -> late end || _ <- lists:seq(1, 20)])"), "[ok]")
    contains(status(node), "waiting => 0")
    contains(status(node), "reconnects => 0")
    erl("B = binary:copy(<<1>>, 3000000)")
    equal(erl('[Call([<<"SET">>, <<"b">>, B]), Call([<<"GET">>, <<"b">>]) =:= {ok, B}]'), '[{ok,<<"OK">>},true]', "more than the credit")


@test("while the server is away calls are told so at once, and it is connected again when it is back")
def reconnects(cleanup):
    redis = Redis(cleanup)
    node = client(cleanup, redis.port)
    connected(node)
    equal(node.call("cache", command("SET", "a", "1")), '{ok,<<"OK">>}')
    before = node.info("cache")["pid"]
    waits = []
    asker = threading.Thread(target=lambda: waits.append(node.coppice("call", "cache", command("BLPOP", "none", "0"), "--timeout", "60s").stdout.strip()))
    asker.start()
    eventually(lambda: "waiting => 1" in status(node), "a command waits")
    redis.stop()
    asker.join()
    equal(waits, ["{error,disconnected}"])
    equal(node.call("cache", command("GET", "a")), "{error,disconnected}")
    contains(status(node), "connected => false")
    redis.start()
    connected(node)
    equal(node.call("cache", command("GET", "a")), "{ok,undefined}")
    equal(node.info("cache")["pid"], before, "by the same actor")


@test("with a password it is let in, and without it says why it is not")
def passwords(cleanup):
    redis = Redis(cleanup, "--requirepass", "secret")
    node = client(cleanup, redis.port, "{ password: secret }")
    connected(node)
    equal(node.call("cache", command("PING")), '{ok,<<"PONG">>}')
    wrong = client(cleanup, redis.port, "{ password: wrong }", name="wrong")
    wrong.said("the server refuses: WRONGPASS")
    equal(wrong.call("cache", command("PING"))[:7], "{error,")


@test("a server that speaks something else, or answers what nobody asked, is left, and its callers are told")
def strange(cleanup):
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listens:
        listens.settimeout(30)
        node = client(cleanup, listens.getsockname()[1])
        for said, part in ((b"HTTP/1.1 400 Bad Request\r\n\r\n", "begins with 72"), (b"$-5\r\n", "no number"), (b"*1\r\n" * 40, "lists within lists"),
                           (b"$3\r\nabcde", "another length"), (b":1x\r\n", "no number"), (b"\r\n", "an empty line"), (b"+" + b"x" * 100_000, "without an end"),
                           (b"$99999999999\r\n", "too large"), (b"+OK\r\n+OK\r\n", "nobody has asked for")):
            server, _ = listens.accept()
            with contextlib.closing(server):
                server.settimeout(30)
                connected(node)
                answers = []
                asker = threading.Thread(target=lambda: answers.append(node.call("cache", command("PING"))))
                asker.start()
                equal(server.recv(100), b"*1\r\n$4\r\nPING\r\n")
                with contextlib.suppress(OSError): # the client may leave in the middle
                    for at in range(0, len(said), 1000):
                        server.sendall(said[at:at + 1000])
                asker.join()
                equal(answers, ['{ok,<<"OK">>}' if said.startswith(b"+OK") else "{error,disconnected}"])
                node.said(part)
                with contextlib.suppress(ConnectionResetError):
                    equal(server.recv(100), b"")
        check("restarting" not in node.log(), "its actor lives", node.log())


if __name__ == "__main__":
    run()
