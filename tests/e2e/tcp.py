#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Actors for connections in a running node: clients of every kind, mistakes of the actors, a reload in the middle of a
line, what operators see and change, and actors that connect to others."""
import contextlib
import os
import socket
import ssl
import struct
import threading
import urllib.request

from harness.certificates import Authority
from harness.node import Folder, Node, free_port
from harness.reports import sanitized
from harness.tap import check, contains, equal, eventually, run, test
from harness.tcp_gate import Client, Gate, alone, config


@test("bytes one by one and many lines at once come as the same lines")
def lines(cleanup):
    gate = Gate(cleanup)
    client = gate.connect()
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in b"echo one by one\r\n":
        client.send(bytes([byte]))
    equal(client.line(), b"one by one")
    client.send(b"".join(b"echo %d\n" % number for number in range(1000)))
    equal([client.line() for _ in range(1000)], [b"%d" % number for number in range(1000)])
    client.send(b"echo \n\necho last\n")
    equal([client.line(), client.line()], [b"", b"last"])
    equal(gate.report()["open"], 1)
    client.socket.close()
    gate.open(0)
    gate.ended(eof=1)


@test("a frame beyond its bound ends its connection before there is room for it, and no other")
def too_large(cleanup):
    gate = Gate(cleanup)
    other = gate.connect()
    client = gate.connect()
    client.send(b"x" * 5000)
    equal(client.ends(), b"")
    gate.ended(frame_too_large=1)
    other.send(b"echo still\n")
    equal(other.line(), b"still")
    gate = Gate(cleanup, frame="{ kind: length, bytes: 4, max: 16MiB }", actor="echo")
    client = gate.connect(hears=False)
    before = gate.node.kilobytes("VmRSS")
    client.send(struct.pack(">I", 1 << 30) + b"1 GiB was announced")
    equal(client.ends(), b"")
    gate.ended(frame_too_large=1)
    check(gate.node.kilobytes("VmRSS") - before < 20_000, "nothing was allocated for it", gate.node.kilobytes("VmRSS") - before)


@test("an actor's mistake resets its own connection and is counted; the listener goes on")
def mistakes(cleanup):
    gate = Gate(cleanup)
    other = gate.connect()
    for index, word in enumerate((b"crash", b"stop")):
        client = gate.connect()
        client.send(word + b"\n")
        equal(client.ends(), "reset", word)
        eventually(lambda: gate.report()["crashed"] == index + 1, "it is counted")
    gate.node.said("told to")
    client = gate.connect()
    client.send(b"echo a\nclose\necho never\n")
    equal(client.line(), b"a")
    equal(client.ends(), b"", "what is written goes out")
    client = gate.connect()
    client.send(b"reset\n")
    equal(client.ends(), "reset")
    gate.ended(normal=2)
    waits = gate.connect()
    waits.send(b"sleep 1500\n")
    eventually(lambda: any(gate.node.status(pid) == "parked" for pid in gate.actors()), "its callback waits")
    pid = next(pid for pid in gate.actors() if gate.node.status(pid) == "parked")
    gate.node.reply("exit", name=pid, reason="kill")
    equal(waits.ends(), "reset", "at once, though its callback waits")
    threading.Event().wait(1.6) # until it has returned
    other.send(b"echo alive\n")
    equal(other.line(), b"alive")
    equal(gate.report()["crashed"], 3)
    pid = gate.actors()[0]
    gate.node.reply("exit", name=pid, reason="kill")
    equal(other.ends(), "reset")
    gate.open(0)


@test("a client that does not read is told nothing more, and closed when it stays so; others notice nothing")
def slow(cleanup):
    gate = Gate(cleanup, more=["write: { high: 256KiB, stall: 1s }"])
    client = gate.connect()
    client.send(b"flood\n")
    other = gate.connect()
    for number in range(50):
        other.send(b"echo %d\n" % number)
        equal(other.line(), b"%d" % number)
    gate.ended(slow=1)
    most = 200_000 + (256_000 if sanitized("address") else 0)  # it keeps that much freed memory
    check(gate.node.kilobytes("VmRSS") < most, "what waits is bounded", gate.node.kilobytes("VmRSS"))
    reader = gate.connect()
    reader.send(b"fill\n")
    taken = 0
    while True:
        part = reader.socket.recv(1 << 20)
        taken += len(part)
        if part.endswith(b"drained\n"):
            break
    equal((taken - len(b"drained\n")) % 65536, 0, "whole writes")


@test("an actor that takes nothing stops its client by TCP, and goes on where it was")
def pauses(cleanup):
    gate = Gate(cleanup)
    client = gate.connect()
    client.send(b"pause 500\n")
    client.socket.settimeout(0.3)
    sent = 0
    with contextlib.suppress(TimeoutError):
        while sent < 64 << 20:
            sent += client.socket.send(b"echo x\n" * 9000)
    check(sent < 32 << 20, "the kernel's buffers are full", sent)
    client.socket.settimeout(30)
    whole = sent // 7
    rest = b"echo x\n"[sent % 7:] if sent % 7 else b""
    reader = threading.Thread(target=lambda: client.take(2 * (whole + bool(rest))))
    reader.start()
    client.send(rest)
    reader.join(30)
    check(not reader.is_alive(), "all is answered")


@test("times for silence: no first byte, a frame that does not end, nothing at all")
def times(cleanup):
    gate = Gate(cleanup, more=["read: { first_byte: 300ms, frame: 400ms, idle: 1s }"])
    silent, half = gate.connect(), gate.connect()
    half.send(b"echo ha")
    equal((silent.ends(), half.ends()), (b"", b""))
    gate.ended(idle=2)
    busy = gate.connect()
    for _ in range(4):
        busy.send(b"echo x\n")
        equal(busy.line(), b"x")
        threading.Event().wait(0.4)
    equal(busy.ends(), b"")
    gate.ended(idle=3)


@test("half-closed clients are answered where that is wanted, and else ended")
def half_closed(cleanup):
    gate = Gate(cleanup, more=["half_close: true"])
    client = gate.connect()
    client.send(b"echo a\necho b\n")
    client.socket.shutdown(socket.SHUT_WR)
    equal([client.line() for _ in range(3)], [b"a", b"b", b"eof"])
    equal(client.ends(), b"")
    client = gate.connect()
    client.send(b"end\n")
    equal(client.ends(), b"")
    client.send(b"echo unheard\n")
    client.socket.close()
    gate.open(0)
    gate = Gate(cleanup)
    client = gate.connect()
    client.send(b"echo a\n")
    client.socket.shutdown(socket.SHUT_WR)
    equal(client.line(), b"a")
    equal(client.ends(), b"")
    gate.ended(eof=1)


@test("without framing the actor leaves what it does not use, and framing may change on the way")
def raw(cleanup):
    gate = Gate(cleanup)
    client = gate.connect()
    client.send(b"raw\nabc")
    equal(client.take(2), b"ab")
    client.send(b"d")
    equal(client.take(2), b"cd")
    client.send(b"zz")
    pid = gate.actors()[0]
    eventually(lambda: gate.node.status(pid) == "parked", "its callback waits")
    client.send(b"ef")
    equal(client.take(4), b"zzef", "what came while the callback waited")
    client.send(b"lines\necho a\necho b\nraw\n")
    equal([client.line(), client.line()], [b"a", b"b"], "what came with the change is cut at once")
    client.send(b"<" + b"x" * 3_000_000 + b">")
    equal(client.line(), b"3000002", "what is left may be more than the credit")
    client.socket.settimeout(60)
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        client.send(b"<" * (20 << 20))
    check(client.ends() in (b"", "reset"), "and no more than may wait")
    gate.ended(frame_too_large=1)
    payload = os.urandom(3 << 20)
    echo = Gate(cleanup, frame="{ kind: none }", actor="echo")
    client = echo.connect(hears=False)
    writer = threading.Thread(target=lambda: client.send(payload))
    writer.start()
    equal(client.take(len(payload)) == payload, True)
    writer.join()


@test("there are no more than max_connections; who comes beyond waits")
def bound(cleanup):
    gate = Gate(cleanup, more=["max_connections: 3"])
    three = [gate.connect() for _ in range(3)]
    fourth = gate.connect(hears=False)
    fourth.socket.settimeout(0.5)
    try:
        check(False, "it is not served", fourth.line())
    except TimeoutError:
        pass
    equal(gate.report()["open"], 3)
    three[0].socket.close()
    fourth.socket.settimeout(20)
    contains(fourth.line(), b"hello")


@test("access says who is let in, and apply changes it, bounds and times without closing anything")
def changes(cleanup):
    gate = Gate(cleanup, more=["access: { deny: [ 127.0.0.0/8 ] }"])
    client = gate.connect(hears=False)
    equal(client.ends() in (b"", "reset"), True)
    eventually(lambda: gate.report()["denied"] == 1, "it is counted")
    gate.node.folder.write("node.yaml", config(more=["access: { deny: [ 10.0.0.0/8 ] }", "max_connections: 2"]))
    port = gate.address()
    contains(gate.node.coppice("diff").stdout, "tcp.access")
    gate.node.ask("apply")
    equal(gate.address(), port, "the listener goes on")
    stays = gate.connect()
    gate.node.folder.write("node.yaml", config(more=["read: { idle: 5m }"]))
    gate.node.ask("apply")
    stays.send(b"echo here\n")
    equal(stays.line(), b"here")
    equal(gate.report()["max_connections"], 10000)
    gate.node.folder.write("node.yaml", config(actor="echo", frame="{ kind: none }"))
    contains(gate.node.coppice("apply").stdout, "restart")
    equal(stays.ends() in (b"", "reset"), True)
    other = gate.connect(hears=False)
    other.send(b"anything")
    equal(other.take(8), b"anything")


@test("a listener is suspended and resumed by hand")
def suspended(cleanup):
    gate = Gate(cleanup)
    client = gate.connect()
    equal(gate.node.ask("listener", name="gate", change="suspend")["suspended"], True)
    waiting = gate.connect(hears=False)
    client.send(b"echo goes on\n")
    equal(client.line(), b"goes on")
    equal(gate.report()["open"], 1)
    gate.node.ask("listener", name="gate", change="resume")
    contains(waiting.line(), b"hello")
    contains(gate.node.coppice("listener", "gate").stdout, "listening")
    done = gate.node.coppice("listener", "dialer")
    equal((done.returncode, "it is no listener" in done.stderr), (1, True), done.stderr)


@test("a reload in the middle of a line carries on with the line, and closes nothing")
def reload(cleanup):
    gate = Gate(cleanup)
    clients = [gate.connect() for _ in range(50)]
    for index, client in enumerate(clients):
        client.send(b"echo half %d" % index)
    gate.plugins.put("wires_2", "wires")
    report = gate.node.ask("reload", plugin="wires")
    equal([one["generation"] for one in gate.node.ask("plugins")["plugins"] if one["id"] == "wires"], [2], report)
    for index, client in enumerate(clients):
        client.send(b" done %d\n" % index)
        equal(client.line(), b"half %d done %d" % (index, index))
    equal((gate.report()["open"], gate.report()["crashed"]), (50, 0))


@test("TLS: certificates, protocols, clients that are asked for theirs, and what is no TLS")
def tls(cleanup):
    folder = Folder()
    cleanup.callback(folder.close)
    authority = Authority(folder.path)
    certificate, key = authority.issue("server")
    mine, my_key = authority.issue("client")
    files = f"{{ certificate: {certificate}, key: {key}, ca: {authority.path}, verify: peer }}"
    gate = Gate(cleanup, listen=f"[{{ address: 127.0.0.1, port: 0, tls: {files}, alpn: [ wires/1, wires/0 ] }}]")
    contains(gate.report()["listening"][0], " tls")

    def secured(own=True, protocols=("wires/0", "wires/1"), version=ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context(cafile=authority.path)
        context.maximum_version = version
        if own:
            context.load_cert_chain(mine, my_key)
        context.set_alpn_protocols(list(protocols))
        connection = context.wrap_socket(socket.create_connection(gate.address(), 20), server_hostname="127.0.0.1")
        cleanup.callback(connection.close)
        return Client(connection)

    client = secured()
    equal(client.line(), b"hello 127.0.0.1 tls=1.3 alpn=wires/1 subject=CN=client")
    client.send(b"echo sealed\n")
    equal(client.line(), b"sealed")
    for refused in (dict(own=False), dict(version=ssl.TLSVersion.TLSv1_2)):
        try:
            check(False, "it is refused", secured(**refused).line())
        except (ssl.SSLError, ConnectionError, EOFError):
            pass
    plain = socket.create_connection(gate.address(), 20)
    cleanup.callback(plain.close)
    plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
    check(b"hello" not in Client(plain).socket.recv(1000), "an alert, and the end")
    gate.ended(tls=3)
    client.send(b"echo still\n")
    equal(client.line(), b"still")


@test("a Unix-domain socket is listened at, with its mode; a stale file is replaced, another's is not")
def unix(cleanup):
    folder = Folder()
    cleanup.callback(folder.close)
    path = f"{folder.path}/gate.sock"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(path)
    stale.close()
    gate = Gate(cleanup, listen=f'[{{ path: {path}, mode: "0600" }}, {{ address: "::1", port: 0 }}]')
    equal(os.stat(path).st_mode & 0o7777, 0o1600, "marked as no control socket, for the client")
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(20)
    cleanup.callback(client.close)
    client.connect(path)
    client = Client(client)
    client.send(b"echo local\n")
    equal(client.line(), b"local")
    six = Client(socket.create_connection(gate.address(1), 20))
    cleanup.callback(six.socket.close)
    contains(six.line(), b"hello [::1]")
    second = Node(cleanup, name="second", config=config(listen=f"[{{ path: {path} }}]"),
                  settings=[gate.plugins.setting], wait=False)
    check(second.process.wait(20) != 0, "it does not start")
    contains(second.log(), path)
    equal(gate.node.stop(), 0)
    check(not os.path.exists(path), "its file goes with it")


@test("a proxy's header says whose a connection is, before TLS and without; who should send one and does not is closed")
def proxies(cleanup):
    gate = Gate(cleanup, more=["proxy_protocol: { accept: either, from: [ 127.0.0.1 ] }"])
    client = gate.connect(hears=False)
    client.send(b"PROXY TCP4 10.1.2.3 10.0.0.1 4711 443\r\necho behind\n")
    equal([client.line(), client.line()], [b"hello 10.1.2.3 tls= alpn= subject=", b"behind"])
    client = gate.connect(hears=False)
    header = b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x21, 0x11]) + struct.pack(">H", 12) + socket.inet_aton("10.9.9.9")
    header += socket.inet_aton("10.0.0.1") + struct.pack(">HH", 1000, 443)
    for byte in header:
        client.send(bytes([byte]))
    contains(client.line(), b"hello 10.9.9.9")
    appended = b"\x20" + struct.pack(">H", 2000) + b"c" * 2000
    client = gate.connect(hears=False)
    client.send(header[:14] + struct.pack(">H", 12 + len(appended)) + header[16:] + appended + b"echo long\n")
    equal([client.line(), client.line()], [b"hello 10.9.9.9 tls= alpn= subject=", b"long"])
    for wrong in (b"GET / HTTP/1.1\r\n\r\n", b"PROXY TCP4 10.1.2.3 10.0.0.1 4711\r\n", b"P" * 600):
        client = gate.connect(hears=False)
        client.send(wrong)
        equal(client.ends() in (b"", "reset"), True, wrong)
    gate.ended(proxy=3)
    eventually(lambda: "PROXY header: there is none" in gate.node.log(), "the log says why")
    elsewhere = Gate(cleanup, more=["proxy_protocol: { accept: v1, from: [ 10.0.0.0/8 ] }"])
    elsewhere.connect()
    folder = Folder()
    cleanup.callback(folder.close)
    authority = Authority(folder.path)
    certificate, key = authority.issue("server")
    secure = Gate(cleanup, listen=f"[{{ address: 127.0.0.1, port: 0, tls: {{ certificate: {certificate}, key: {key}, verify: none }} }}]",
                  more=["proxy_protocol: { accept: v1 }"])
    plain = socket.create_connection(secure.address(), 20)
    cleanup.callback(plain.close)
    plain.sendall(b"PROXY TCP4 10.1.2.3 10.0.0.1 4711 443\r\n")
    context = ssl.create_default_context(cafile=authority.path)
    contains(Client(context.wrap_socket(plain, server_hostname="127.0.0.1")).line(), b"hello 10.1.2.3 tls=1.3")


@test("an actor connects out: to a name, to nobody, with TLS, and hears of every end")
def connects(cleanup):
    gate = Gate(cleanup)
    host, port = gate.address()
    events = lambda: gate.node.call("dialer", "events")
    equal(gate.node.call("dialer", f'{{connect, <<"localhost">>, {port}}}'), "1")
    eventually(lambda: "hello" in events(), events())
    contains(events(), "open 1 tls=")
    equal(gate.node.call("dialer", '{write, 1, <<"echo out and back\\n">>}'), "0")
    eventually(lambda: "line out and back" in events(), "it is answered")
    equal(gate.node.call("dialer", "{close, 1}"), "0")
    eventually(lambda: "closed 1 0" in events(), "its own close")
    check(gate.node.call("dialer", '{write, 1, <<"gone">>}') != "0", "it is not there any more")
    equal(gate.node.call("dialer", f'{{connect, <<"127.0.0.1">>, {free_port()}}}'), "2")
    eventually(lambda: "closed 2 8" in events(), events())
    equal(gate.node.call("dialer", f'{{connect, <<"no-such-host.invalid">>, {port}}}'), "3")
    eventually(lambda: "closed 3 8" in events(), events())
    equal(gate.node.call("dialer", f'{{connect, <<"{host}">>, {port}}}'), "4")
    eventually(lambda: "open 4" in events(), events())
    gate.node.call("dialer", '{write, 4, <<"crash\\n">>}')
    eventually(lambda: "closed 4 2" in events(), lambda: f"a reset: {events()}")
    folder = Folder()
    cleanup.callback(folder.close)
    authority = Authority(folder.path)
    certificate, key = authority.issue("server")
    other = Authority(folder.path, "other")
    secure = Gate(cleanup, listen=f"[{{ address: 127.0.0.1, port: 0, tls: {{ certificate: {certificate}, key: {key}, verify: none }} }}]")
    port = secure.address()[1]
    equal(gate.node.call("dialer", f'{{connect_tls, <<"localhost">>, {port}, <<"{authority.path}">>}}'), "5")
    eventually(lambda: "open 5 tls=1.3" in events(), events())
    equal(gate.node.call("dialer", f'{{connect_tls, <<"localhost">>, {port}, <<"{other.path}">>}}'), "6")
    eventually(lambda: "closed 6" in events(), "its certificate is not believed")
    check("open 6" not in events(), "and never open")


@test("many clients at once, while actors crash and the plugin is reloaded: every answer is right")
def many(cleanup):
    gate = Gate(cleanup)
    address = gate.address()
    faults, done = [], threading.Event()

    def client(number):
        try:
            while not done.is_set():
                with socket.create_connection(address, 20) as connection:
                    one = Client(connection)
                    one.line()
                    for index in range(20):
                        one.send(b"echo %d %d\n" % (number, index))
                        if one.line() != b"%d %d" % (number, index):
                            faults.append((number, index))
                    if number % 3 == 0:
                        one.send(b"crash\n")
                        one.ends()
        except Exception as why:
            faults.append(why)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for index in range(4):
        gate.plugins.put("wires_2" if index % 2 == 0 else "wires", "wires")
        gate.node.ask("reload", plugin="wires")
        threading.Event().wait(0.3)
    done.set()
    for thread in threads:
        thread.join()
    equal(faults, [])
    gate.open(0)


@test("what cannot be is refused with its place: check knows actors that take no connections")
def refused(cleanup):
    gate = Gate(cleanup)
    for yaml, part in ((config(actor="kv"), "takes no connections"),
                       (config(frame="{ kind: fixed }"), "size"),
                       (config(frame="{ kind: length, bytes: 3 }"), "1, 2, 4 or 8"),
                       (config(frame="{ kind: line, delimiter: x }"), "without effect unless kind is delimiter"),
                       (config(listen="[]"), "one place"),
                       (config(listen="[{ port: 1 }]"), "address"),
                       (config(more=["access: { allow: [ 10.0.0.1/8 ] }"]), "10.0.0.0/8"),
                       (config(more=["write: { high: 1KiB, low: 2KiB }"]), "at most `high`"),
                       (config().replace('actor: "wires:dialer"', 'actor: "wires:session"'), "'tcp' or 'port' map")):
        done = gate.node.coppice("check", gate.node.folder.write("other.yaml", alone(gate, yaml)))
        equal(done.returncode != 0, True, yaml)
        contains(done.stdout + done.stderr, part)
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        node = Node(cleanup, name="second", config=config(listen=f"[{{ address: 127.0.0.1, port: {port} }}]"),
                    settings=[gate.plugins.setting], wait=False)
        check(node.process.wait(20) != 0, "it does not start")
        node.said(str(port))


@test("what connections do is counted where Prometheus reads it")
def metrics(cleanup):
    port = free_port()
    gate = Gate(cleanup, settings=(("control.http.port", port),))
    client = gate.connect()
    client.send(b"echo x\nclose\n")
    client.line(), client.ends()
    gate.ended(normal=1)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    contains(text, 'coppice_tcp_accepted_total{listener="net/gate"} 1')
    contains(text, 'coppice_tcp_ended_total{listener="net/gate",how="normal"} 1')
    equal(gate.node.engine("gate")["accepted"], 1)


run()
