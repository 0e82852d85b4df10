#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What an administrator sees and does: processes that were switched off by hand, the sender of each request, how the
last run of the node ended, and a client that survives a restart."""
import os
import pathlib
import pwd
import resource
import signal
import socket
import subprocess

from harness.distribution import SEND, Atom, Peer
from harness.metrics import Metrics
from harness.node import Node, free_port, program
from harness.reports import sanitized
from harness.tap import Skip, check, contains, equal, eventually, run, test
from harness.tcp_gate import Gate
from harness.terminal import Terminal

shop = """
node: { workers: 2, log: { level: info } }
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }
applications:
  - name: shop
    supervisor:
      children:
        - { id: kv, actor: kv, name: kv }
        - { id: probe, actor: probe, name: probe }
        - { id: lines, name: lines, tcp: { listen: [ { address: 127.0.0.1, port: 0 } ], actor: echo, frame: { kind: line, max: 1KiB } } }
cron:
  jobs:
    - { name: tick, at: "@yearly", do: { cast: { to: kv, message: tick } } }
"""


def warnings(node):
    return {(one["what"], one["name"]) for one in node.ask("health")["warnings"]}


def page(node, path):
    with socket.create_connection(("127.0.0.1", node.http_port), 10) as asks:
        asks.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        head, _, body = b"".join(iter(lambda: asks.recv(65536), b"")).partition(b"\r\n\r\n")
    return int(head.split()[1]), body.decode()


def asked(node, what):
    """The last line of the log that tells of such a request."""
    return eventually(lambda: [line for line in node.logged(module="control") if line["message"].startswith(f"asked to {what}")], what)[-1]


@test("what was switched off by hand is a warning of health, stands in status and counts in a metric, until it is on again")
def switched_off(cleanup):
    port = free_port()
    node = Node(cleanup, config=shop, settings=[("control.http", f"{{ address: 127.0.0.1, port: {port} }}")])
    node.http_port = port
    equal(warnings(node), set())
    node.ask("listener", name="shop/lines", change="suspend", timeout_ms=5000)
    node.ask("terminate", path="shop/kv", timeout_ms=5000)
    node.ask("cron", name="tick", change="disable")
    expected = {("listener", "shop/lines"), ("child", "shop/kv"), ("job", "tick")}
    equal(warnings(node), expected)
    equal({(one["what"], one["name"]) for one in node.ask("status")["switched_off"]}, expected)
    status, text = page(node, "/readyz")
    equal(status, 200)
    contains(text, "shop/lines")
    equal(page(node, "/metrics")[1].count('coppice_switched_off{what="'), 3)
    for what in ("listener", "child", "job"):
        contains(page(node, "/metrics")[1], f'coppice_switched_off{{what="{what}"}} 1\n')
    for environment, painted in (({}, True), ({"NO_COLOR": "1"}, False)):
        shown = Terminal(cleanup, [program("COPPICE", "coppice"), "tree", "--socket", node.socket], **environment)
        shown.read_until(b"stopped")
        shown.read_until(b"never")  # reads until it is closed
        equal(b"\x1b[33mstopped\x1b[0m" in shown.seen, painted, shown.seen)
    check("\x1b" not in node.coppice("tree").stdout, "none in a pipe")
    health = node.coppice("health")
    equal(health.returncode, 0)
    contains(health.stdout, "coppice listener shop/lines resume")
    node.ask("listener", name="shop/lines", change="resume", timeout_ms=5000)
    node.ask("restart", path="shop/kv", timeout_ms=5000)
    node.ask("cron", name="tick", change="enable")
    equal(warnings(node), set())
    Metrics(page(node, "/metrics")[1])


@test("a job whose switch cannot be written down is switched, and its client is told that it will not last")
def not_kept(cleanup):
    node = Node(cleanup, config=shop)
    (pathlib.Path(node.folder.path) / "data" / "cron.json").mkdir()
    done = node.coppice("cron", "disable", "tick")
    equal((done.returncode, done.stdout), (1, ""))
    contains(done.stderr, "not kept over a restart")
    equal(warnings(node), {("job", "tick")})


@test("who asked is in the log with the user's name, who called sudo and the terminal, of calls, casts and messages as well")
def audit(cleanup):
    node = Node(cleanup, config=shop)
    terminal = Terminal(cleanup, [program("COPPICE", "coppice"), "call", "kv", "{put, secret, 1}", "--socket", node.socket], SUDO_USER="alice")
    terminal.read_until(b"ok")
    line = asked(node, "call kv {put, …}")
    fields = line["fields"]
    equal((fields["uid"], fields["user"], fields["sudo_user"]), (str(os.getuid()), pwd.getpwuid(os.getuid()).pw_name, "alice"))
    check(fields["terminal"].startswith("pts/"), "the terminal", fields)
    contains(line["message"], f", user {pwd.getpwuid(os.getuid()).pw_name}, sudo by alice, on pts/")
    check("secret" not in node.log().replace(str(node.folder.path), ""), "nothing of the term is told")
    node.ask("cast", name="kv", term="hello")
    equal(asked(node, "cast kv hello")["level"], "info")
    node.ask("send", name="probe", term="[1]")
    asked(node, "send probe …")


@test("what sys of another node has switched on shows in info, is logged with that node, and ends with it")
def debugged(cleanup):
    node = Node(cleanup, config=shop)
    port = int(node.ask("status")["listen"][0].split()[0].rpartition(":")[2])

    def trace(peer, on):
        tag = peer.reference()
        peer.send("kv", (Atom("system"), (peer.pid(), tag), (Atom("debug"), (Atom("trace"), Atom(on)))))
        while True:
            control, payload = peer.receive()
            if control[0] == SEND and payload[0] == tag:
                return payload[1]

    equal(node.info("kv")["debug"], None)
    peer = Peer(port, "curious@127.0.0.1")
    cleanup.callback(peer.close)
    equal(trace(peer, "true"), Atom("ok"))
    equal(node.info("kv")["debug"], "trace by curious@127.0.0.1")
    node.said("kv: sys of curious@127.0.0.1 has switched on: trace")
    node.call("kv", "size")
    node.said("*DBG* kv got call size")
    peer.close()
    eventually(lambda: node.info("kv")["debug"] is None, "it ends with that node")
    node.said("kv: what sys of curious@127.0.0.1 has switched on is off")
    again = Peer(port, "curious@127.0.0.1")
    cleanup.callback(again.close)
    equal(trace(again, "true"), Atom("ok"))
    equal(node.coppice("trace", "kv", "off").returncode, 0)
    equal(node.info("kv")["debug"], None)
    asked(node, "trace kv off")
    equal(node.coppice("trace", "nobody", "off").returncode, 1)


@test("SIGUSR1 opens the log files anew and changes nothing")
def reopened(cleanup):
    node = Node(cleanup, config=shop.replace("log: { level: info }", "log: { level: info, files: [ { path: file.log } ] }"))
    file = pathlib.Path(node.folder.path) / "file.log"
    node.folder.write("node.yaml", shop.replace("id: probe, actor: probe, name: probe", "id: probe, actor: probe, name: another"))
    before = node.pid("probe")
    eventually(file.exists, "it is written")
    file.rename(file.with_suffix(".1"))
    node.process.send_signal(signal.SIGUSR1)

    def written_anew():
        node.ask("cast", name="kv", term="hello")
        return file.exists() and "asked to cast kv" in file.read_text()
    eventually(written_anew, "the new file is written")
    equal(node.pid("probe"), before)
    check("apply:" not in node.log(), "nothing was applied", node.log())


@test("what a signal ends is said to the journal as critical, and the next life knows how the last one ended")
def last_words(cleanup):
    if sanitized("address", "thread", "undefined"):
        raise Skip("a sanitizer handles the signal")
    node = Node(cleanup, config=shop, settings=[("node.log.format", "text")])
    equal(node.ask("status")["former_life"], None)
    equal(node.stop(), 0)
    at = os.stat(node.log_path)
    node.environment = {"JOURNAL_STREAM": f"{at.st_dev}:{at.st_ino}"}
    node.begin()
    node.wait_ready()
    equal(node.ask("status")["former_life"]["how"], "it was stopped")
    node.stop(signal.SIGSEGV)
    check("<2>coppice: SIGSEGV, sent by process" in node.log().splitlines()[-1], "it is critical", node.log())
    node.begin()
    node.wait_ready()
    life = node.ask("status")["former_life"]
    check(not life["orderly"] and life["how"].startswith("coppice: SIGSEGV, sent by"), "it is known", life)
    node.said("ended badly: coppice: SIGSEGV")
    node.stop(signal.SIGKILL)
    node.begin()
    node.wait_ready()
    contains(node.ask("status")["former_life"]["how"], "it was killed")


@test("logs -f goes on with the node's next life")
def followed(cleanup):
    node = Node(cleanup, config=shop)
    follows = subprocess.Popen([program("COPPICE", "coppice"), "logs", "-f", "--module", "control", "--socket", node.socket],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    cleanup.callback(follows.wait)
    cleanup.callback(follows.kill)
    node.ask("cast", name="kv", term="one")
    next(line for line in follows.stdout if "asked to cast kv one" in line)
    equal(node.stop(), 0)
    contains(next(follows.stderr), "waiting for its next start")
    node.begin()
    node.wait_ready()
    node.ask("cast", name="kv", term="two")
    next(line for line in follows.stdout if "asked to cast kv two" in line)
    contains(next(follows.stderr), "the node is back")


@test("top goes on with the node's next life")
def watched(cleanup):
    node = Node(cleanup, config=shop)
    terminal = Terminal(cleanup, [program("COPPICE", "coppice"), "top", "--every", "100ms", "--socket", node.socket])
    check(terminal.read_until(b"probe"), "it shows the processes")
    equal(node.stop(), 0)
    check(terminal.read_until(b"waiting for its next start"), "it waits", terminal.seen)
    node.begin()
    node.wait_ready()
    check(terminal.read_until(b"the node is back"), "it has found the node", terminal.seen)
    terminal.seen = b""
    check(terminal.read_until(b"probe"), "it shows the processes again", terminal.seen)


@test("a command that there is none of, and a process that nobody has heard of, are named with what may be meant")
def mistyped(cleanup):
    node = Node(cleanup, config=shop)
    wrong = node.coppice("staus")
    equal((wrong.returncode, wrong.stdout), (2, ""))
    equal(wrong.stderr.splitlines(), ["coppice: usage: there is no command staus", "  did you mean 'status'?"])
    contains(node.coppice("cron", "disabel", "tick").stderr, "there is no command cron disabel\n  did you mean 'disable'?")
    nobody = node.coppice("logs", "--process", "prob")
    equal((nobody.returncode, nobody.stdout), (1, ""))
    contains(nobody.stderr, "there is no process prob, and no line of one\n  did you mean 'probe'?")
    equal(node.coppice("logs", "--process", "kv").returncode, 0)


@test("drain: the node is not ready, its listeners accept nobody, and it waits until the last connection has ended")
def drained(cleanup):
    gate = Gate(cleanup)
    client = gate.connect()
    late = gate.node.coppice("drain", "--timeout", "300ms")
    equal(late.returncode, 4, late.stderr)
    contains(late.stdout, "net/gate")
    equal([one["why"] for one in gate.node.ask("health")["complaints"]], ["drained: its listeners accept nobody"])
    client.send(b"echo still\n")
    equal(client.line(), b"still")
    check(gate.report()["suspended"], "it accepts nobody")
    client.socket.close()
    equal(gate.node.coppice("drain").returncode, 0)
    equal(gate.node.coppice("restart", "net/gate").returncode, 0)
    check(gate.report()["suspended"], "nor does it when it is started anew")
    equal(gate.node.coppice("drain", "--undo").returncode, 0)
    equal(gate.node.ask("health")["complaints"], [])
    gate.connect()


@test("descriptors that run out are a warning of health, and the client is still answered when all of them are taken")
def few_descriptors(cleanup):
    if sanitized("address", "thread"):
        raise Skip("the sanitizers need descriptors of their own")
    node = Node(cleanup, config=shop)
    equal(node.ask("health")["warnings"], [])
    pid = node.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    open_files = pathlib.Path(f"/proc/{pid}/fd")
    used = [int(one) for one in os.listdir(open_files)]
    node.close_connection()
    eventually(lambda: len(os.listdir(open_files)) < len(used), "the connection has ended")
    # The limit leaves no descriptor: all below it are in use, but for the one of the connection that has ended.
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (max(used) + 1, before[1]))
    health = node.coppice("health")
    equal(health.returncode, 0, health.stderr)
    contains(health.stdout, "warning: descriptors")
    # Files that cannot be opened now are not reported as files that the next start would refuse.
    node.folder.write("node.yaml", shop + "# looked at once more\n")
    check("refused" not in node.coppice("health").stdout, "nothing is said against the files")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    eventually(lambda: not node.ask("health")["warnings"], "there are many again")


@test("a listener that descriptors bound says so")
def bounded(cleanup):
    if sanitized("address", "thread", "undefined"):
        raise Skip("the sanitizers need descriptors of their own")
    gate = Gate(cleanup)
    pid = gate.node.process.pid
    at = gate.address()
    equal(gate.report()["short_of_descriptors"], False)
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")) + 3, before[1]))
    crowd = [gate.connect(hears=False, at=at) for _ in range(20)]
    eventually(lambda: gate.report()["short_of_descriptors"], "it says so")
    contains(gate.node.coppice("listener", "gate").stdout, "short of descriptors")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    for client in crowd:
        client.socket.close()
    eventually(lambda: not gate.report()["short_of_descriptors"], "and no longer")


run()
