#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Configuration files that are broken, far too large or malicious: each gives an error with a line number within a
short time. Output to a file that takes nothing is an error too."""
import resource
import subprocess

from harness.node import Folder, program
from harness.reports import reports
from harness.tap import check, contains, equal, run, test


@test("hostile configurations are refused with a line, in little time")
def hostile(cleanup):
    most = 31 << 20
    bomb = b"".join(b"a%d: &a%d [%s]\n" % (i, i, b", ".join([b"*a%d" % (i - 1)] * 9)) for i in range(1, 40))
    rows = [
        ("a hundred megabytes", b"#" * (100 << 20), "larger than 32 MiB"),
        ("one long line", b"[" * most, "the line is longer"),
        ("open brackets", b"[\n" * (most // 2), "nested deeper than 400 levels"),
        ("many values", b"- a\n" * (most // 4), "grows to more than 4194304 values"),
        ("an alias bomb", b"a0: &a0 [x]\n" + bomb, "aliases of aliases multiply"),
        ("an alias of itself", b"a: &x [*x]\n", "a value that contains it"),
        ("a key twice", b"node: { name: n@127.0.0.1 }\nnode: {}\n", "stands here a second time"),
        ("a tab", b"node:\n\tname: n@127.0.0.1\n", "a tab in the indentation"),
        ("no UTF-8", b"node: { name: \xff\xfe }\n", "this is not UTF-8"),
        ("UTF-16", "node: { name: n@127.0.0.1 }\n".encode("utf-16"), "this is not UTF-8"),
        ("a zero byte", b"node: \0\n", "a control character"),
    ]
    folder = Folder()
    cleanup.callback(folder.close)
    file = folder.path / "node.yaml"
    for what, content, why in rows:
        file.write_bytes(content)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([program("COPPICE", "coppice"), "check", str(file)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=250 * reports.slower)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        equal(done.returncode, 78, f"{what}: {done.stderr[-500:]}")
        contains(done.stdout + done.stderr, why)
        check(len(done.stdout + done.stderr) < 20000, f"{what}: not too many words")
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        check(spent < 120 * reports.slower, f"{what}: in seconds of processor time", spent)


@test("no secret of a configuration that is wrong is printed by check, as JSON neither, or by a start that fails")
def secrets(cleanup):
    folder = Folder()
    cleanup.callback(folder.close)
    client, daemon = program("COPPICE", "coppice"), program("COPPICED", "coppiced")
    head = "node:\n  name: n@127.0.0.1\n"
    for number, (more, place) in enumerate((
            ("  cookie: hunter2\n", ":3:11: "), ("  cokie: hunter2\n", ":3:3: "), ("  cookie: [ hunter2 ]\n", ":3:11: "), ("  cookie: { hunter2 }\n", ":3:13: "),
            ("\tcookie: hunter2\n", ":3:1: "), ("  cookie: @hunter2\n", ":3:11: "), ("control: { http: { token: hunter2 } }\n", ":3:27: "),
            ("control: { http: { tls: { certificate: a, key: '-----BEGIN PRIVATE KEY-----hunter2' } } }\n", ":3:48: "))):
        bad = folder.write(f"bad{number}.yaml", head + more)
        for line in ([client, "check", bad], [client, "--json", "check", bad], [daemon, "--check", "--config", bad], [daemon, "--config", bad]):
            done = subprocess.run([str(word) for word in line], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60 * reports.slower, check=False)
            said = done.stdout + done.stderr
            equal(done.returncode, 78, said)
            check("hunter2" not in said, "it is not printed", said)
            if "--json" not in line:
                contains(said, f"bad{number}.yaml{place}error: ")
    good = folder.write("good.yaml", head + "  data: data\n")
    for line, status in (([daemon, "--config", good, "--set", "node.cookie=hunter2"], 78), ([daemon, "--config", good, "--set", "node.cookie:hunter2"], 2),
                         ([daemon, "--config", folder.write("env.yaml", head + "  data: data\n  cookie: { env: hunter2 }\n")], 1)):
        done = subprocess.run([str(word) for word in line], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60 * reports.slower, check=False)
        equal((done.returncode, "hunter2" in done.stdout + done.stderr), (status, False), line)


@test("what a start finds wrong with the file of a token or a cookie, check finds")
def token_files(cleanup):
    folder = Folder()
    cleanup.callback(folder.close)
    client, daemon = program("COPPICE", "coppice"), program("COPPICED", "coppiced")
    config = folder.write("node.yaml", "node: { name: n@127.0.0.1 }\ncontrol: { http: { token: { file: token } } }\n")
    token = folder.path / "token"
    for text, mode, why in (("a_word_of_twenty_letters", 0o640, "must be accessible by its owner only"), ("", 0o600, "the token is empty"), ("x" * 9000, 0o600, "larger than 8192 bytes"),
                            ("a_word_of\0twenty_letters", 0o600, "printable ASCII characters only")):
        token.write_text(text, encoding="ascii")
        token.chmod(mode)
        for line in ([client, "check", config], [daemon, "--config", config]):
            done = subprocess.run([str(word) for word in line], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60 * reports.slower, check=False)
            equal(done.returncode, 78, done.stderr)
            contains(done.stderr, why)
    token.write_text("a_word_of_twenty_letters\n", encoding="ascii")
    done = subprocess.run([str(client), "check", str(config)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60 * reports.slower, check=False)
    equal((done.returncode, done.stderr), (0, ""))


@test("where standard error is a full disk the exit status is what it would be, and nothing ends with a signal")
def full_disk(cleanup):
    folder = Folder()
    cleanup.callback(folder.close)
    client, daemon = program("COPPICE", "coppice"), program("COPPICED", "coppiced")
    bad = folder.write("bad.yaml", "node: {")
    for line, status in (([client, "check", bad], 78), ([client, "nonsuch"], 2), ([client, "new", "actor", "for"], 2),
                         ([client, "inspect", folder.path / "none.so"], 1), ([client, "--socket", folder.path / "none", "status"], 3),
                         ([daemon, "--check", "--config", bad], 78), ([daemon, "--set", "x"], 2)):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([str(word) for word in line], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=full,
                                  timeout=60 * reports.slower, check=False)
        equal(done.returncode, status, line)


@test("a command whose standard output is a full disk has failed, and one that fails anyway keeps its status")
def lost_output(cleanup):
    folder = Folder()
    cleanup.callback(folder.close)
    client = program("COPPICE", "coppice")
    bad = folder.write("bad.yaml", "node: {")
    for words, status in ((["schema"], 1), (["--version"], 1), (["check", "--help"], 1), (["new", "--list"], 1), (["completion", "bash"], 1),
                          (["--json", "check", bad], 78)):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([str(word) for word in (client, *words)], stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True,
                                  timeout=60 * reports.slower, check=False)
        equal(done.returncode, status, words)
        contains(done.stderr, "coppice: standard output: not all of it could be written")


run()
