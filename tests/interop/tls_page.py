#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs packaging/TLS.md to the letter: the commands, configuration and ssl_dist_optfile of each section are taken out
of the page and used. OTP connects to us and we connect to OTP. Connections that the page says are refused are refused.
Only the folders are replaced."""
import os
import pathlib
import re

from harness.certificates import Authority
from harness.erlang import Erl
from harness.node import Folder, Node, program, root
from harness.page import Reader
from harness.tap import check, contains, equal, run, test

page = (root / "packaging/TLS.md").read_text()
ECHO = "register(echo, spawn(fun F() -> receive {'$gen_call', {P, T}, R} -> P ! {T, R}, F() end end)), ok"
ACTORS = "applications: [ { name: demo, supervisor: { children: [ { id: probe, actor: probe, name: probe } ] } } ]\n"


class Section:
    """The examples under one heading, with /etc/coppice and /var/lib/coppice in a folder of the test's."""

    def __init__(self, cleanup, heading):
        folder = Folder()
        cleanup.callback(folder.close)
        self.cleanup, self.folder = cleanup, folder
        intro, *sections = re.split(r"^## ", page, flags=re.M)
        (text,) = [each for each in sections if each.startswith(heading + "\n")]
        self.text = self.here(text)
        self.blocks = dict(fenced(self.text))
        (self.arguments,) = [self.here(block) for language, block in fenced(intro) if language == "text"]
        (folder.path / "etc").mkdir()

    def here(self, text):
        return text.replace("/etc/coppice", f"{self.folder.path}/etc").replace("/var/lib/coppice", f"{self.folder.path}/data")

    def commands(self):
        tools = pathlib.Path(self.folder.path / "bin")
        tools.mkdir()
        (tools / "coppice").symlink_to(program("COPPICE", "coppice"))
        Reader(self.folder.path, dict(os.environ, PATH=f"{tools}:{os.environ['PATH']}")).follows(self.text)

    def node(self, **options):
        settings = [("node.data", f"{self.folder.path}/data")]
        return Node(self.cleanup, config=self.blocks["yaml"] + ACTORS, settings=settings, **options)

    def erl(self, node, conf=None, **options):
        (self.folder.path / "etc/ssl_dist.conf").write_text(conf or self.blocks["erlang"])
        return Erl(self.cleanup, epmd_port=node.epmd_port, options=self.arguments.split(), **options)


def fenced(text):
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, flags=re.M | re.S)


def both_directions(section, node, version):
    """One OTP node connects to us, and we connect to another one."""
    coming = section.erl(node)
    equal(coming(f"gen_server:call({{probe, '{node.name}'}}, {{echo, hello}})"), "hello", node.log())
    equal(seen(node, coming), ("in", version), node.log())
    called = section.erl(node, name="called@127.0.0.1")
    equal(called(ECHO), "ok")
    equal(node.call("echo@called@127.0.0.1", "<<\"hi\">>"), '<<"hi">>', node.log())
    equal(seen(node, called), ("out", version), node.log())


def seen(node, erl):
    return next((one["direction"], one["tls"]) for one in node.ask("nodes")["nodes"] if one["name"] == erl.name)


def refused(section, node, words):
    """An OTP node of another authority, which would accept us: we refuse."""
    folder = Folder()
    section.cleanup.callback(folder.close)
    stranger = Authority(folder.path, "stranger")
    certificate, key = stranger.issue("me")
    theirs = section.blocks["erlang"].replace("verify_peer", "verify_none").replace("{fail_if_no_peer_cert, true},", "")
    for option, path in (("certfile", certificate), ("keyfile", key), ("cacertfile", stranger.path)):
        theirs = re.sub(rf'{{{option}, "[^"]*"', f'{{{option}, "{path}"', theirs)
    erl = section.erl(node, conf=theirs, name="stranger@127.0.0.1")
    equal(erl(f"net_adm:ping('{node.name}')"), "pang", node.log())
    node.said(words, "the log says why")
    check(node.coppice("call", "x@stranger@127.0.0.1", "ping", "--timeout", "10s").returncode == 1, "the call fails")
    contains([one for one in node.ask("nodes")["nodes"] if one["name"] == "stranger@127.0.0.1"][0]["last_error"], words)


@test("encryption only, as the page has it, in both directions")
def encrypted(cleanup):
    section = Section(cleanup, "Encryption only")
    section.commands()
    node = section.node()
    both_directions(section, node, "1.3")


@test("an OTP node verifies ours with tls: on, as the page has it, and no other")
def one_sided(cleanup):
    section = Section(cleanup, "OTP verifies a node with `tls: on`")
    node = section.node()
    section.commands()
    both_directions(section, node, "1.3")
    other = Node(cleanup, name="other", settings=[("distribution.listen", "[ { address: 127.0.0.1, tls: on } ]")],
                 epmd_port=node.epmd_port)
    doubting = section.erl(node, name="doubting@127.0.0.1")
    equal(doubting(f"net_adm:ping('{other.name}')"), "pang", other.log())
    other.said("the peer refuses: unknown_ca (48)", "the log says why")


@test("both verified with the cluster's own authority, as the page has it; another authority's are refused", proves="TLS")
def own_authority(cleanup):
    section = Section(cleanup, "Both verified, with an authority of the cluster's own")
    section.commands()
    node = section.node()
    both_directions(section, node, "1.3")
    refused(section, node, "no authority (ca) known here signed it (its issuer: CN=test stranger)")


@test("both verified with an authority that is there already, as the page has it; another authority's are refused")
def given_authority(cleanup):
    section = Section(cleanup, "Both verified, with an authority that is there already")
    Authority(section.folder.path / "etc", "company-ca")
    section.commands()
    node = section.node()
    both_directions(section, node, "1.3")
    refused(section, node, "no authority (ca) known here signed it (its issuer: CN=test stranger)")


@test("both verified with TLS 1.2, as the page has it", proves="TLS")
def old_version(cleanup):
    section = Section(cleanup, "Both verified, with TLS 1.2")
    section.commands()
    node = section.node()
    both_directions(section, node, "1.2")


@test("the manual page's examples are those of the page")
def manual(_):
    manual_page = (root / "packaging/man/coppice.yaml.5.in").read_text().replace("\\-", "-")
    section = re.search(r"^\.SH TLS\n(.*?)^\.SH ", manual_page, flags=re.M | re.S).group(1)
    lines = {line.strip().removeprefix("$ ") for _, block in fenced(page) for line in block.splitlines()}
    examples = re.findall(r"^\.nf\n(.*?)^\.fi$", section, flags=re.M | re.S)
    equal(len(examples), 3)
    for example in examples:
        for line in example.splitlines():
            check(line.strip() in lines, "the page has it", line)


if __name__ == "__main__":
    run()
