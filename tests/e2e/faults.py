#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Faults of a node's surroundings: full disks, no descriptors left, a clock that jumps, EPMD gone, a name server that
does not answer, a certificate that expires. The node stays up, reports it once and recovers. logs.py has the control
client that never reads."""
import os
import pathlib
import re
import resource
import shutil
import socket
import subprocess
import threading
import time

from harness.certificates import Authority
from harness.epmd import Epmd
from harness.node import Folder, Node, connectable, free_port, plugin_folder, program, tree, variants
from harness.reports import sanitized
from harness.tap import Skip, check, contains, equal, eventually, run, test

CONFIG = tree("""
        - { id: talker, actor: talker, name: talker }
        - { id: probe, actor: probe, name: probe }
""", "wood", "temporary", distribution="connect_timeout: 2s, " + connectable, node="workers: 2, log: { rate: { per_source: unlimited } }", intensity=2)


def in_mounts(cleanup):
    """The command that gives a program mounts of its own. Skips the test if that is not possible."""
    for command in (["unshare", "-m"], ["unshare", "-rm"]):
        if shutil.which("unshare") and subprocess.run([*command, "true"], stderr=subprocess.DEVNULL).returncode == 0:
            return command
    raise Skip("no mount namespaces here")


def shelf_of(cleanup):
    shelf = Folder()
    cleanup.callback(shelf.close)
    return shelf.path


def plugins(cleanup):
    """Settings for a plugin folder of the test with talker and probe."""
    shelf = shelf_of(cleanup)
    shutil.copy(variants / "talker.so", shelf)
    shutil.copy(pathlib.Path(plugin_folder()) / "probe.so", shelf)
    return "plugins.path", f"[ {shelf} ]"


def on_small_disk(cleanup, settings=lambda disk: (), stderr=None):
    """A node with a disk of 1 MiB, and a path by which this process reaches that disk. Plugins with a sanitizer need
    more than 1 MiB. `stderr`: a file on the disk for the node's standard error."""
    size = "32m" if sanitized("address", "thread") else "1m"
    where = shelf_of(cleanup)
    script = f"mount -t tmpfs -o size={size},mode=0755 tmpfs {where} && exec \"$@\"" + (f" 2>{where}/{stderr}" if stderr else "")
    node = Node(cleanup, config=CONFIG, settings=[plugins(cleanup), *settings(where)], within=[*in_mounts(cleanup), "sh", "-c", script, "sh"])
    return node, pathlib.Path(f"/proc/{node.process.pid}/root{where}")


def fill(disk):
    """Makes a file that leaves nothing free."""
    filler = disk / "filler"
    try:
        with open(filler, "wb", buffering=0) as out:
            while out.write(bytes(4096)) == 4096:
                pass
    except OSError:
        pass
    return filler


def say(node, text, times=1):
    equal(node.call("talker", f'{{say, 1, <<"{text}">>, {times}}}'), "true")


def lines(node, **wanted):
    return [one["message"] for one in node.logged(**wanted)]


@test("a log file on a full disk is said once elsewhere, tried again and goes on with whole lines; how many are missing is said")
def log_file(cleanup):
    node, disk = on_small_disk(cleanup, lambda at: [("node.log.files", f"[ {{ path: {at}/all.log }} ]")])
    say(node, "before")
    eventually(lambda: "talker: before" in (disk / "all.log").read_text(), "it is written")
    filler = fill(disk)
    for number in range(3):
        say(node, f"lost {number} " + "x" * 2000, 100)
        eventually(lambda: lines(node, last=1, module="talker")[0].startswith(f"lost {number}"), "it goes on")
    failed = [line for line in lines(node, module="log") if "cannot be written" in line]
    equal(len(failed), 1)
    warned = {one["what"]: one for one in node.ask("health")["warnings"]}
    contains(warned["log"]["why"], "No space left on device")
    equal(node.coppice("health").returncode, 0)
    contains(node.coppice("status").stdout, "all.log: ")
    contains(failed[0], "all.log cannot be written: ")
    contains(failed[0], "No space left on device")
    equal(node.call("probe", "ping"), "pong")
    filler.unlink()

    def again():
        say(node, "after")
        return [line for line in lines(node, module="log") if "is written again; " in line]
    equal([one for one in node.ask("health")["warnings"] if one["what"] == "data"], [], "the data are on another disk")
    check(int(re.search(r"(\d+) lines are missing", eventually(again, "it is written again", 30)[0])[1]) > 100, "they are counted")
    eventually(lambda: "talker: after" in (disk / "all.log").read_text(), "it is there")
    for line in (disk / "all.log").read_text().splitlines():
        check(line.startswith(("20", "x", "  ")) or not line, "a line of its own", line[:80])
    check(node.log().count("cannot be written") == 1, "once", node.log())
    equal(node.ask("status")["cannot_write"], [])


@test("a limit on the size of files ends no node: a log file that meets it is said once, and goes on when it is lifted")
def file_size(cleanup):
    shelf = shelf_of(cleanup)
    node = Node(cleanup, config=CONFIG, settings=[plugins(cleanup), ("node.log.files", f"[ {{ path: {shelf}/all.log }} ]")])
    before = resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (100_000, before[1]))
    say(node, "lost " + "x" * 2000, 200)
    failed = eventually(lambda: [line for line in lines(node, module="log") if "cannot be written" in line], "it is said")
    equal(len(failed), 1)
    contains(failed[0], "File too large")
    equal(node.call("probe", "ping"), "pong")
    resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, before)

    def again():
        say(node, "after")
        return [line for line in lines(node, module="log") if "is written again; " in line]
    eventually(again, "it is written again", 30)
    eventually(lambda: "talker: after" in (pathlib.Path(shelf) / "all.log").read_text(), "it is there")


@test("a standard error that takes no more loses lines, which the node counts and tells there, and nothing else")
def log_stderr(cleanup):
    node, disk = on_small_disk(cleanup, stderr="stderr")
    say(node, "before")
    filler = fill(disk)
    say(node, "lost " + "x" * 2000, 200)
    eventually(lambda: lines(node, last=1, module="talker")[0].startswith("lost"), "others have them")
    equal(node.call("probe", "ping"), "pong")
    filler.unlink()
    say(node, "after")

    def told():
        text = (disk / "stderr").read_text()
        return all(part in text for part in ("could not be written here", "talker: after")) and text

    text = eventually(told, "it is told, and what comes behind is there")
    equal(len(re.findall(r"log: \d+ lines could not be written here", text)), 1)
    check(re.search(r"^20\S+ warning talker: after", text, re.M), "on a line of its own", text[-500:])


@test("with a full data disk apply works and says what is not kept, reload is refused with its reason, and both go on later")
def data_disk(cleanup):
    node, disk = on_small_disk(cleanup, lambda at: [("node.data", str(at))])
    kept = (disk / "applied.yaml").read_text()
    equal(node.ask("status")["cannot_write"], [])
    filler = fill(disk)
    cannot, = node.ask("status")["cannot_write"]
    equal((cannot["what"], cannot["path"]), ("data", re.findall(r"node\.data=(\S+)", " ".join(node.process.args))[-1]))
    health = node.coppice("health")
    equal(health.returncode, 0)
    contains(health.stdout, "warning: data ")
    source = node.folder.path / "node.yaml"
    source.write_text(CONFIG.replace("intensity: 2", "intensity: 3"))
    node.ask("apply")
    said, = eventually(lambda: [line for line in lines(node, module="apply") if "the applied configuration is not " in line], "it is told")
    contains(said, "the applied configuration is not remembered: ")
    equal((disk / "applied.yaml").read_text(), kept, "the one before is whole")
    shelf = pathlib.Path(re.findall(r"plugins\.path=\[ (\S+) \]", " ".join(node.process.args))[-1])  # not of the build
    for name in ("talker.so", "probe.so"):
        with open(shelf / name, "ab") as plugin:
            plugin.write(bytes(200_000))
    done = node.coppice("reload", "talker")
    equal(done.returncode, 1)
    contains(done.stderr, "No space left on device")
    equal(node.call("probe", "ping"), "pong")
    filler.unlink()
    node.ask("reload", plugin="talker")
    source.write_text(CONFIG)
    node.ask("apply")
    contains((disk / "applied.yaml").read_text(), "intensity: 2")


@test("without descriptors the node says so once, answers those it has, and takes others again when there are some")
def descriptors(cleanup):
    node = Node(cleanup, config=CONFIG, settings=[plugins(cleanup)])
    pid = node.process.pid
    equal(node.call("probe", "ping"), "pong")
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    room = 16 if sanitized("address", "thread", "undefined") else 3  # sanitizers use pipes to look at memory
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")) + room, before[1]))
    listen = int(re.search(r":(\d+)", node.ask("status")["listen"][0])[1])
    crowd = []
    cleanup.callback(lambda: [one.close() for one in crowd])
    for _ in range(40):
        crowd.append(socket.create_connection(("127.0.0.1", listen)))
    node.said("until some end: few file descriptors are left", "it says so")
    equal(node.call("probe", "ping"), "pong")
    equal(node.call("probe", "{echo, 1}"), "1")
    check(node.log().count("until some end: few file descriptors are left") <= 3, "a line for each place that listens", node.log())
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    for one in crowd:
        one.close()
    eventually(lambda: node.coppice("status").returncode == 0, "it takes others", 30)
    equal(node.call("probe", "ping"), "pong")


def faketime():
    found = sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        raise Skip("libfaketime is missing")
    if sanitized("address", "thread", "undefined"):
        raise Skip("a sanitizer's library wants to be the first")
    return str(found[0])


@test("a clock that is set an hour forward, and back, moves no timer and no timeout, and is said once each time")
def clock(cleanup):
    now = shelf_of(cleanup) / "offset"
    now.write_text("+0\n")
    node = Node(cleanup, config=CONFIG, settings=[plugins(cleanup)],
                environment={"LD_PRELOAD": faketime(), "FAKETIME_TIMESTAMP_FILE": str(now), "FAKETIME_NO_CACHE": "1",
                             "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
    node.ask("log-level", level="debug", for_ms=1800000)
    for offset, said in (("+3600", r"forward by 3[56]\d\d s"), ("-3600", r"back by 7[12]\d\d s")):
        sleeper = subprocess.Popen([program("COPPICE", "coppice"), "call", "probe", "{sleep, 1000}", "--timeout", "60s", "--socket", node.socket],
                                   stdout=subprocess.PIPE, text=True)
        cleanup.callback(sleeper.stdout.close)
        now.write_text(offset + "\n")
        began = time.monotonic()
        equal((sleeper.communicate(timeout=60)[0], sleeper.returncode), ("ok\n", 0))
        check(time.monotonic() - began > 0.3, "it slept", began)
        say(node, "then")
        status = node.ask("status")
        check(0 < status["uptime_ms"] < 600_000, "by the other clock", status["uptime_ms"])
        left = node.ask("log-level")["differs"][0]["left_ms"]
        check(1_000_000 < left <= 1_800_000, "a level for half an hour", left)
        eventually(lambda: sum("the clock was set " in line for line in lines(node, module="log")) == (1 if offset[0] == "+" else 2), "told")
        check(re.search(said, lines(node, module="log")[-1]), "by how much", lines(node, module="log"))
    equal(node.coppice("health").returncode, 0)
    equal(node.stop(), 0)


@test("EPMD that goes is said once, and the node is registered again soon after it is back")
def epmd(cleanup):
    port = free_port()

    first = Epmd(cleanup, port)
    node = Node(cleanup, config=CONFIG, settings=[plugins(cleanup), ("epmd.mode", "client")], epmd_port=port)
    eventually(lambda: "registered at" in node.ask("status")["epmd"], "it is registered")
    first.end()
    eventually(lambda: node.ask("status")["epmd"].startswith("waiting: "), "it waits")
    equal(node.call("probe", "ping"), "pong")
    node.call("probe", "{sleep, 1500}")  # time for some attempts
    Epmd(cleanup, port)
    eventually(lambda: "registered at" in node.ask("status")["epmd"], "it is registered again", 60)
    text = node.log()
    equal(text.count("lost the registration"), 1)
    for said in ("epmd: not registered, trying again", "node: epmd: waiting"):
        check(1 <= text.count(said) <= 2, "not at each attempt", said, text)


class NameServer:
    """A name server on a loopback address of its own. It answers no request until `answers` is set. Then it answers
    127.0.0.1 for every name."""

    address = f"127.{os.getpid() % 250 + 1}.{os.getpid() // 250 % 250}.53"

    def __init__(self, cleanup):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        cleanup.callback(self.socket.close)
        try:
            self.socket.bind((self.address, 53))
        except PermissionError:
            raise Skip("port 53 is not ours") from None
        self.asked = set()
        self.answers = False
        self.ended = False
        thread = threading.Thread(target=self.serve)
        thread.start()
        cleanup.callback(thread.join)
        cleanup.callback(self.end)

    def end(self):
        self.ended = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", (self.address, 53))

    def serve(self):
        while not self.ended:
            query, whom = self.socket.recvfrom(4096)
            if len(query) < 17:
                continue
            end = query.index(b"\0", 12) + 5
            name, kind = query[12:end], query[end - 4:end - 2]
            self.asked.add(name[:-4])
            if self.answers:
                of_ipv4 = kind == b"\0\1"
                record = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x7f\0\0\1" if of_ipv4 else b""
                self.socket.sendto(query[:2] + b"\x81\x80\0\1\0" + bytes([of_ipv4]) + b"\0\0\0\0" + name + record, whom)


@test("a name server that does not answer delays only those who ask for its names, and is forgotten when it does")
def slow_dns(cleanup):
    mounts = in_mounts(cleanup)
    server = NameServer(cleanup)
    shelf = shelf_of(cleanup)
    (shelf / "resolv.conf").write_text(f"nameserver {server.address}\nsearch .\noptions timeout:3 attempts:1\n")
    (shelf / "nsswitch.conf").write_text("hosts: files dns\n")
    script = " && ".join(f"mount --bind {shelf}/{name} /etc/{name}" for name in ("resolv.conf", "nsswitch.conf")) + ' && exec "$@"'
    epmd_port = free_port()
    node = Node(cleanup, config=CONFIG, settings=[plugins(cleanup), ("node.name", "one@one.example"), ("epmd.address", "127.0.0.1")],
                epmd_port=epmd_port, within=[*mounts, "sh", "-c", script, "sh"])
    asking = [subprocess.Popen([program("COPPICE", "coppice"), "connect", f"x@slow{number}.example", "--socket", node.socket],
                               stderr=subprocess.PIPE, text=True) for number in range(6)]
    for one in asking:
        cleanup.callback(one.stderr.close)
    eventually(lambda: len(server.asked) > 1, "as many look-ups as there may be at a time")
    equal(node.call("probe", "ping"), "pong")
    done = node.coppice("connect", "y@127.0.0.1")  # unknown at its EPMD; no name server is asked for this address
    equal(done.returncode, 1)
    contains(done.stderr, "EPMD", "it was asked, and is not waited for in the queue of names")
    for number, one in enumerate(asking):
        contains(one.communicate(timeout=60)[1], f"slow{number}.example")
        check(one.returncode != 0, "no such node")
    server.answers = True
    known = eventually(lambda: "EPMD" in node.coppice("connect", "z@quick.example").stderr or None, "it finds the host", 60)
    check(known, "and asks its EPMD")
    equal(node.stop(), 0)


@test("a certificate that ends within two weeks is in the log once and in the status until it is replaced")
def certificates(cleanup):
    shelf = shelf_of(cleanup)
    authority = Authority(shelf)
    paths = dict(zip(("certificate", "key"), authority.issue("soon", days=10)))
    settings = [plugins(cleanup)]
    tls = "{{ certificate: {certificate}, key: {key}, ca: " + authority.path + ", verify: peer }}"
    at = CONFIG.replace("address: 127.0.0.1,", f"address: 127.0.0.1, tls: {tls.format(**paths)},")
    node = Node(cleanup, config=at, settings=settings)
    shown, = node.ask("status")["certificates"]
    equal((shown["file"], shown["soon"]), (paths["certificate"], True))
    contains(node.coppice("status").stdout, ": replace it")
    said = eventually(lambda: [one for one in node.logged(module="net") if "expires on" in one["message"]], "it is told")
    equal([one["level"] for one in said], ["warning"])
    contains(said[0]["message"], "in 9 days")
    equal(said[0]["fields"]["file"], paths["certificate"])
    for fresh, name in zip(authority.issue("later", days=100), ("certificate", "key")):
        shutil.copy(fresh, paths[name])
    eventually(lambda: not node.ask("status")["certificates"][0]["soon"], "it is replaced")
    equal(node.stop(), 0)


@test("a certificate that is replaced by files which cannot be used is a warning of health at once, also one of a listener of actors")
def unused_certificates(cleanup):
    shelf = shelf_of(cleanup)
    authority = Authority(shelf)
    own, other = (dict(zip(("certificate", "key"), authority.issue(name, days=100))) for name in ("own", "other"))
    site = f"""
        - id: site
          name: site
          web:
            listen: [ {{ address: 127.0.0.1, port: {free_port()}, tls: {{ certificate: {own["certificate"]}, key: {own["key"]} }} }} ]
            routes: [ {{ path: /, to: probe }} ]
"""
    node = Node(cleanup, config=CONFIG.rstrip() + site, settings=[plugins(cleanup)])
    warnings = lambda: [one for one in node.ask("health")["warnings"] if one["what"] == "certificate"]
    shown, = node.ask("status")["certificates"]
    equal((shown["file"], shown["soon"], shown["unused"]), (own["certificate"], False, None))
    equal(warnings(), [])
    shutil.copy(other["key"], own["key"])  # the key of another certificate
    warned, = warnings()
    equal(warned["name"], own["certificate"])
    contains(warned["why"], "cannot be used")
    contains(node.coppice("health").stdout, own["certificate"])
    contains(node.coppice("status").stdout, "its files have changed and cannot be used")
    shutil.copy(other["certificate"], own["certificate"])
    equal(warnings(), [])


@test("a certificate that has ended is an error in the log once and in the status")
def ended_certificate(cleanup):
    shelf = shelf_of(cleanup)
    authority = Authority(shelf)
    settings = [plugins(cleanup)]
    tls = "{{ certificate: {certificate}, key: {key}, ca: " + authority.path + ", verify: peer }}"
    over = dict(zip(("certificate", "key"), authority.issue("over", days=-1)))
    node = Node(cleanup, config=CONFIG.replace("address: 127.0.0.1,", f"address: 127.0.0.1, tls: {tls.format(**over)},"), settings=settings)
    said = eventually(lambda: [one for one in node.logged(module="net") if "has expired on" in one["message"]], "it is told")
    equal([one["level"] for one in said], ["error"])
    equal(node.ask("status")["certificates"][0]["soon"], True)
    contains(node.coppice("health").stdout, "ends, or has ended")
    equal(node.call("probe", "ping"), "pong")


run()
