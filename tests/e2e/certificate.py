#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""coppice certificate: makes an authority and certificates as files, without a node, and overwrites none unless asked.
Nodes verify each other with these files alone."""
import datetime
import json
import os
import pathlib
import subprocess

from harness.node import Folder, Node, free_port, program
from harness.tap import contains, equal, run, test


def certificate(*arguments):
    """Runs `coppice certificate`, without a node or a node's socket."""
    return subprocess.run([program("COPPICE", "coppice"), "certificate", *map(str, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)


def document(*arguments):
    done = certificate(*arguments, "--json")
    equal((done.returncode, done.stderr), (0, ""))
    return json.loads(done.stdout)


def folder(cleanup):
    made = Folder()
    cleanup.callback(made.close)
    return made.path


def days_left(end):
    return (datetime.datetime.fromisoformat(end.replace("Z", "+00:00")) - datetime.datetime.now(datetime.timezone.utc)).days


@test("init and issue say what they made and until when; keys are for their owner only")
def made(cleanup):
    at = folder(cleanup) / "new/tls"
    said = document("init", at)
    equal((said["ca"], said["key"], sorted(said)), (f"{at}/ca.pem", f"{at}/ca-key.pem", ["ca", "end", "key"]))
    equal(days_left(said["end"]) in (3649, 3650), True, said["end"])
    said = document("issue", "a@10.0.0.7", "--in", at, "--host", "db.example", "--host", "::1")
    equal(sorted(said), ["ca", "certificate", "end", "hosts", "key", "node"])
    equal((said["node"], said["hosts"]), ("a@10.0.0.7", ["10.0.0.7", "db.example", "::1"]))
    equal(days_left(said["end"]) in (396, 397), True, said["end"])
    equal(days_left(document("issue", "b@10.0.0.7", "--in", at, "--days", "7")["end"]) in (6, 7), True)
    equal({path.name: path.stat().st_mode & 0o777 for path in at.iterdir()},
          {"ca.pem": 0o644, "ca-key.pem": 0o600, "a@10.0.0.7.pem": 0o644, "a@10.0.0.7-key.pem": 0o600,
           "b@10.0.0.7.pem": 0o644, "b@10.0.0.7-key.pem": 0o600})


@test("an address stands in the certificate as an address and as a DNS name, where Erlang looks for it")
def alternatives(cleanup):
    at = folder(cleanup)
    document("init", at)
    made = document("issue", "a@127.0.0.1", "--in", at, "--host", "box")
    shown = subprocess.run(["openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", made["certificate"]],
                           capture_output=True, text=True, timeout=60, check=True).stdout
    equal(sorted(part.strip() for part in shown.splitlines()[1].split(",")), ["DNS:127.0.0.1", "DNS:box", "IP Address:127.0.0.1"])


@test("a key that replaces another has its owner, group and mode")
def keeps_owner(cleanup):
    at = folder(cleanup)
    document("init", at)
    key = pathlib.Path(document("issue", "a@box", "--in", at)["key"])
    os.chmod(key, 0o640)
    if os.geteuid() == 0:
        os.chown(key, 4321, 1234)
    before, old = key.stat(), key.read_bytes()
    document("issue", "a@box", "--in", at, "--replace")
    now = key.stat()
    equal((now.st_uid, now.st_gid, now.st_mode), (before.st_uid, before.st_gid, before.st_mode))
    equal(key.read_bytes() == old, False)
    equal(sorted(path.name for path in at.iterdir()), ["a@box-key.pem", "a@box.pem", "ca-key.pem", "ca.pem"])


@test("nothing is overwritten until --replace says so, and a part that is there counts")
def kept(cleanup):
    at = folder(cleanup)
    document("init", at)
    document("issue", "a@box", "--in", at)
    before = {path.name: path.read_bytes() for path in at.iterdir()}
    for arguments in (("init", at), ("issue", "a@box", "--in", at)):
        done = certificate(*arguments)
        equal((done.returncode, done.stdout), (1, ""))
        contains(done.stderr, " exists\n")
        contains(done.stderr, "--replace")
    equal({path.name: path.read_bytes() for path in at.iterdir()}, before)
    (at / "a@box.pem").unlink()
    equal(certificate("issue", "a@box", "--in", at).returncode, 1)
    equal((at / "a@box-key.pem").read_bytes(), before["a@box-key.pem"])
    equal(certificate("issue", "a@box", "--in", at, "--replace").returncode, 0)
    equal((at / "a@box-key.pem").read_bytes() != before["a@box-key.pem"], True)


@test("what cannot be done is said in a sentence, with what helps")
def refused(cleanup):
    at = folder(cleanup)
    for status, arguments, words in (
            (2, ("issue", "alone", "--in", at), "alone must be alive@host"),
            (2, ("issue", "../a@box", "--in", at), "must be alive@host"),
            (2, ("issue", "a@box", "--host", "a/b", "--in", at), "a/b must be an address or a host name"),
            (2, ("init", at, "--days", "0"), "--days"),
            (2, (), "subcommand"),
            (1, ("issue", "a@box", "--in", at), f"coppice certificate init {at} makes an authority")):
        done = certificate(*arguments)
        equal((done.returncode, done.stdout), (status, ""), done.stderr)
        contains(done.stderr, words)
    document("init", at, "--days", "100")
    done = certificate("issue", "a@box", "--in", at)
    equal(done.returncode, 1)
    contains(done.stderr, "the authority itself ends on")
    contains(done.stderr, "at most 99 days are left")
    (at / "ca-key.pem").write_text("damaged")
    contains(certificate("issue", "a@box", "--in", at, "--days", "9").stderr, "read a key")
    equal(sorted(path.name for path in at.iterdir()), ["ca-key.pem", "ca.pem"])


@test("two commands and the printed line: nodes verify each other, and one of another authority is refused")
def verified(cleanup):
    at, elsewhere = folder(cleanup), folder(cleanup)
    document("init", at)
    document("init", elsewhere)

    def line(name, where):
        done = certificate("issue", f"{name}@127.0.0.1", "--in", where)
        equal(done.returncode, 0, done.stderr)
        return next(each for each in done.stdout.splitlines() if each.startswith("  tls: ")).removeprefix("  tls: ")

    epmd_port = free_port()

    def node(name, where):
        listen = f"[ {{ address: 127.0.0.1, ports: 0-0, tls: {line(name, where)} }} ]"
        return Node(cleanup, name=name, settings=[("distribution.listen", listen)], epmd_port=epmd_port)

    one, two, stranger = node("one", at), node("two", at), node("stranger", elsewhere)
    equal(one.call(f"probe@{two.name}", "ping"), "pong", one.log())
    equal([peer["tls"] for peer in one.ask("nodes")["nodes"]], ["1.3"])
    equal(stranger.coppice("call", f"probe@{one.name}", "ping", "--timeout", "10s").returncode, 1)
    one.said("refused: TLS handshake", "the log says it")


if __name__ == "__main__":
    run()
