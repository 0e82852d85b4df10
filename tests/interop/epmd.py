#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""EPMD beside Erlang's own: a stock erl registers with ours and finds us, our node registers with a stock epmd, and
coppice-epmd replaces the stock one, also with many registrations, idle sockets and socket activation."""
import os
import resource
import socket
import struct
import subprocess

from harness.erlang import Erl, beside_erl
from harness.node import Node, free_port, program
from harness.tap import Skip, contains, equal, eventually, run, test


def names(port):
    environment = dict(os.environ, ERL_EPMD_PORT=str(port))
    done = subprocess.run([*beside_erl("epmd"), "-names"], env=environment, capture_output=True, text=True, timeout=20)
    return done.stdout


def stock_epmd(cleanup):
    port = free_port()
    process = subprocess.Popen([*beside_erl("epmd"), "-port", str(port), "-address", "127.0.0.1"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    cleanup.callback(process.wait)
    cleanup.callback(process.kill)
    eventually(lambda: "up and running" in names(port), "the stock epmd")
    return port, process


def coppice_epmd(cleanup, *options, port=None, **popen):
    port = port or free_port()
    process = subprocess.Popen([program("COPPICE_EPMD", "coppice-epmd"), "-port", str(port), "-address", "127.0.0.1", *options],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **popen)
    cleanup.callback(process.wait)
    cleanup.callback(process.kill)
    eventually(lambda: connects(port), "coppice-epmd")
    return port, process


def connects(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def registration(name, port):
    """An ALIVE2_REQ of a node as OTP 25 sends it."""
    body = struct.pack(">BHBBHHH", 120, port, 77, 0, 6, 5, len(name)) + name + b"\0\0"
    return struct.pack(">H", len(body)) + body


def connect(cleanup, port):
    made = cleanup.enter_context(socket.socket())
    made.settimeout(20)
    made.connect(("127.0.0.1", port))
    return made


def need_files(count):
    """Raises the limit to this many open files for this process and its children. Skips the test if that is not
    allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        if hard != resource.RLIM_INFINITY and hard < count:
            raise Skip(f"{count} open files are not allowed here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


@test("a stock erl registers with our EPMD, finds us, and epmd -names shows both")
def ours(cleanup):
    node = Node(cleanup)
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    equal(erl(f"net_adm:ping('{node.name}')"), "pong", node.log())
    listed = names(node.epmd_port)
    contains(listed, "name demo at port")
    contains(listed, "name me at port")
    erl.end()
    eventually(lambda: "name me at port" not in names(node.epmd_port), "me is gone from EPMD")


@test("our node registers with a stock epmd and is found there; two nodes of ours find each other")
def stock(cleanup):
    port, _ = stock_epmd(cleanup)
    node = Node(cleanup, epmd_port=port)
    eventually(lambda: "name demo at port" in names(port), node.log())
    erl = Erl(cleanup, epmd_port=port)
    equal(erl(f"net_adm:ping('{node.name}')"), "pong", node.log())
    other = Node(cleanup, name="other", epmd_port=port,
                 settings=[("distribution.listen", "[ { address: 127.0.0.1, ports: 0-0 } ]")])
    equal(other.call("relay", f"{{relay, {{kv, '{node.name}'}}, size}}"), "0", other.log())


@test("when the stock epmd dies ours takes over, and everyone is found again")
def takeover(cleanup):
    port, process = stock_epmd(cleanup)
    node = Node(cleanup, epmd_port=port)
    eventually(lambda: "name demo at port" in names(port), node.log())
    process.kill()
    process.wait()
    eventually(lambda: "name demo at port" in names(port), node.log(), 20)
    erl = Erl(cleanup, epmd_port=port)
    equal(erl(f"net_adm:ping('{node.name}')"), "pong", node.log())


@test("a stock cluster of three lives on coppice-epmd alone, and comes back to it after kill -9")
def drop_in(cleanup):
    port, process = coppice_epmd(cleanup)
    nodes = [Erl(cleanup, name=f"{name}@127.0.0.1", epmd_port=port) for name in ("one", "two", "three")]
    equal(nodes[0]("[net_adm:ping(list_to_atom(N ++ \"@127.0.0.1\")) || N <- [\"two\", \"three\"]]"), "[pong,pong]")
    eventually(lambda: nodes[1]("lists:sort(nodes())") == "['one@127.0.0.1','three@127.0.0.1']", "the mesh")
    equal(nodes[2]("element(2, erl_epmd:names()) =/= []"), "true")
    listed = names(port)
    for name in ("one", "two", "three"):
        contains(listed, f"name {name} at port")
    process.kill()
    process.wait()
    coppice_epmd(cleanup, port=port)
    eventually(lambda: nodes[0]("length(element(2, erl_epmd:names()))") == "3", "all registered again", 20)
    late = Erl(cleanup, name="late@127.0.0.1", epmd_port=port)
    equal(late("net_adm:ping('two@127.0.0.1')"), "pong")


@test("when a serving coppice-epmd is killed a node of ours serves in its place, and OTP nodes come over")
def embedded_takes_over(cleanup):
    port, process = coppice_epmd(cleanup)
    erl = Erl(cleanup, epmd_port=port)
    node = Node(cleanup, epmd_port=port)
    eventually(lambda: erl("length(element(2, erl_epmd:names()))") == "2", node.log())
    process.kill()
    process.wait()
    eventually(lambda: connects(port), "another EPMD", 20)
    eventually(lambda: erl("lists:sort([N || {N, _} <- element(2, erl_epmd:names())])") == '["demo","me"]', node.log(), 20)
    equal(erl(f"net_adm:ping('{node.name}')"), "pong", node.log())


@test("ten thousand registrations are held and found, beside five thousand sockets that say nothing")
def many(cleanup):
    need_files(16000)
    port, _ = coppice_epmd(cleanup)
    first = connect(cleanup, port)
    first.sendall(registration(b"first", 4000))
    equal(first.recv(6)[:2].hex(), "7600")
    for _ in range(5000):
        connect(cleanup, port)
    held = []
    for i in range(9999):
        held.append(connect(cleanup, port))
        held[-1].sendall(registration(b"node%d" % i, 5000 + i % 5000))
        equal(held[-1].recv(6)[:2].hex(), "7600", f"registration {i}")
    one_too_many = connect(cleanup, port)
    one_too_many.sendall(registration(b"late", 4000))
    equal(one_too_many.recv(6)[:2].hex(), "7601")
    asking = connect(cleanup, port)
    asking.sendall(struct.pack(">HB", 9, 122) + b"node9998")
    contains(asking.recv(100), b"node9998")
    held.pop().close()
    def gone():
        with socket.create_connection(("127.0.0.1", port), 20) as again:
            again.sendall(struct.pack(">HB", 9, 122) + b"node9999")
            return again.recv(100)[:2] == b"\x77\x01"
    eventually(gone, "a registration ends with its socket")
    asking = connect(cleanup, port)
    asking.sendall(struct.pack(">HB", 6, 122) + b"first")
    contains(asking.recv(100), b"first")


@test("a socket that systemd opened is served: the first client has waited in it")
def activation(cleanup):
    listening = cleanup.enter_context(socket.socket())
    listening.bind(("127.0.0.1", 0))
    listening.listen(16)
    port = listening.getsockname()[1]
    early = connect(cleanup, port)
    early.sendall(registration(b"early", 4000))
    # As systemd passes it: the socket is descriptor 3, and LISTEN_PID is the process that reads it.
    start = f'exec 3<&{listening.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"'
    process = subprocess.Popen(["sh", "-c", start, program("COPPICE_EPMD", "coppice-epmd"), "-systemd"],
                               pass_fds=[listening.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    cleanup.callback(process.wait)
    cleanup.callback(process.kill)
    try:
        equal(early.recv(6)[:2].hex(), "7600")
    except TimeoutError:
        process.kill()
        said = process.stderr.read()
        if "not available" in said:
            raise Skip("built without systemd") from None
        raise AssertionError(said) from None
    erl = Erl(cleanup, epmd_port=port)
    equal(erl("lists:sort([N || {N, _} <- element(2, erl_epmd:names())])"), '["early","me"]')


if __name__ == "__main__":
    run()
