#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""TLS of our listeners and of connections that our actors make, with OpenSSL, Erlang's ssl, Java and curl, in both
directions: versions and kinds of keys, keys that the peer changes, resumed sessions, handshake messages that are cut.
The results are compared with the table of packaging/INTEROP.md; --table prints its rows."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import interop_page
from harness.certificates import Authority
from harness.node import Folder, Node, connectable, root, tree
from harness.tap import Skip, check, equal, run, shared, test
from tls_ends import Curl, Java, OpenSsl, Otp, Relay

KINDS = ("ec", "rsa")
measured = {}  # {row: {feature: outcome}}


class Files:
    def __init__(self, cleanup):
        self.folder = Folder()
        cleanup.callback(self.folder.close)
        self.authorities = {kind: Authority(self.folder.path, f"{kind}-ca", kind) for kind in KINDS}
        self.leaves = {(name, kind): self.authorities[kind].issue(f"{kind}-{name}") for kind in KINDS for name in ("ours", "theirs")}

    def ca(self, kind):
        return self.authorities[kind].path


class Listening:
    """A node with an echo at a port for each kind of key, a listener that asks for a certificate, and a page for each
    kind."""

    def __init__(self, cleanup):
        self.files = Files(cleanup)
        (self.files.folder.path / "public").mkdir()
        self.files.folder.write("public/page.txt", "a page\n")
        children = ""
        for kind in KINDS:
            certificate, key = self.files.leaves["ours", kind]
            tls = f'certificate: {certificate}, key: {key}, min_version: "1.2"'
            here = "address: 127.0.0.1, port: 0, tls"
            children += f"""
        - {{ id: {kind}, name: {kind}, tcp: {{ listen: [ {{ {here}: {{ {tls} }} }} ], actor: echo }} }}
        - {{ id: asks_{kind}, name: asks_{kind}, tcp: {{ listen: [ {{ {here}: {{ {tls}, ca: {self.files.ca(kind)}, verify: peer }} }} ], actor: echo }} }}
        - id: page_{kind}
          name: page_{kind}
          web: {{ listen: [ {{ {here}: {{ {tls} }} }} ], routes: [ {{ path: "/{{rest...}}", files: {self.files.folder.path}/public }} ] }}"""
        self.node = Node(cleanup, config=tree(children, distribution=connectable))

    def port(self, name):
        return int(self.node.ask("listener", name=name)["listening"][0].removesuffix(" tls").rpartition(":")[2])


listening = shared(Listening)


def told(node):
    node.said("the peer changes its keys (KeyUpdate)", "the log says why the connection ends")


def to_us(cleanup, peer, feature):
    """The peer connects to us."""
    ours = listening()
    kind, version = feature_parts(feature)
    port, ca = ours.port(kind), ours.files.ca(kind)
    ends = peer(cleanup, ours.node.epmd_port)
    if feature == "KeyUpdate":
        connection = ends.connect(port, ca, version, changing=True)
        connection.echo("before")
        connection.change_keys()
        told(ours.node)
    elif feature == "session":
        for version in ("1.3", "1.2"):
            session = f"{ours.files.folder.path}/session-{version}"
            for line in ("hello", "again"):
                connection = ends.connect(port, ca, version, session=session)
                connection.echo(line)
                check(not connection.is_resumed(), "a session of its own")
                connection.close()
    elif feature == "cut":
        relay = Relay(cleanup, ours.port(f"asks_{kind}"), "client")
        ends.connect(relay.port, ca, version, own=ours.files.leaves["theirs", kind], cut=True).echo("hello")
        check(relay.cut, "a message was cut")
    else:
        ends.connect(port, ca, version).echo("hello")


def from_us(cleanup, peer, feature):
    """An actor of ours is kept connected to the peer."""
    files = Files(cleanup)
    kind, version = feature_parts(feature)
    # Erlang's peer needs an EPMD: the one of the connecting node, which is therefore started first and retries until
    # the peer exists.
    first = Node(cleanup, config=tree("        []", distribution=connectable)) if peer is Otp else None
    ends = peer(cleanup, first and first.epmd_port)
    for version in ("1.3", "1.2") if feature == "session" else (version,):
        server = ends.listen(files.ca(kind), files.leaves["theirs", kind], version, cut=feature == "cut", changing=feature == "KeyUpdate")
        relay = Relay(cleanup, server.port, "server")
        node = Node(cleanup, config=tree(f"""
        - id: out
          name: out
          tcp: {{ connect: {{ address: localhost, port: {relay.port}, tls: {{ ca: {files.ca(kind)}, min_version: "1.2" }}, backoff: {{ first: 100ms }} }}, actor: echo }}"""))
        connection = server.accept()
        connection.echo("hello")
        if feature == "KeyUpdate":
            connection.change_keys()
            told(node)
        elif feature == "session":
            check(not connection.is_resumed(), "the first one")
            connection.close()
            connection = server.accept()
            connection.echo("again")
            check(not connection.is_resumed(), "a session of its own")
        elif feature == "cut":
            check(relay.cut, "a message was cut")


def curl(cleanup, peer, feature):
    """curl gets a page of ours."""
    ours = listening()
    ends = peer(cleanup, None)
    kind, version = feature_parts(feature)
    port, ca = ours.port(f"page_{kind}"), ours.files.ca(kind)
    if feature != "session":
        ends.get(port, ca, version)
        return
    for version in ("1.3", "1.2"):
        ends.get(port, ca, version, "--header", "Connection: close", times=2)


def feature_parts(feature):
    version, _, kind = feature.partition("-")
    if kind:
        return kind.lower(), version
    return {"KeyUpdate": ("ec", "1.3"), "session": ("ec", None), "cut": ("rsa", "1.2")}[feature]


def register(peer, words, way, feature):
    def row():
        return words.format(peer.name())

    @test(f"{words.format(peer.__name__)}: {interop_page.SOCKETS[feature][1]}", proves=feature, peer=row)
    def one(cleanup):
        measured.setdefault(row(), {})[feature] = "failed"
        try:
            way(cleanup, peer, feature)
        except Skip:
            del measured[row()][feature]
            raise
        measured[row()][feature] = "passed"


for each in (OpenSsl, Otp, Java):
    for shown, direction in (("{} connects to us", to_us), ("we connect to {}", from_us)):
        for can in each.can:
            register(each, shown, direction, can)
for can in Curl.can:
    register(Curl, "{} connects to us", curl, can)


@test("the table of INTEROP.md has for each of these peers what came out")
def held(_):
    page = interop_page.sockets_of((root / "packaging/INTEROP.md").read_text(encoding="utf-8"))

    def kind(name):
        return [word for word in name.replace(",", "").split() if not any(c.isdigit() for c in word)]

    for row, outcomes in measured.items():
        # If the page has the peer in another version, the same results are expected.
        known = page.get(row) or next((cells for name, cells in page.items() if kind(name) == kind(row)), None)
        check(known, f"the page has a row for: {row}")
        for feature, outcome in outcomes.items():
            equal(known[feature], interop_page.cell([(outcome, "", "")]), f"{row}: {feature}")


def table():
    sys.stdout.write(interop_page.sockets_table({row: {feature: [(outcome, "", "")] for feature, outcome in outcomes.items()}
                                                 for row, outcomes in measured.items()}))


if __name__ == "__main__":
    if sys.argv[1:] == ["--table"]:
        sys.stdout, shown = sys.stderr, sys.stdout
        try:
            run([sys.argv[0]])
        finally:
            sys.stdout = shown
            table()
    run()
