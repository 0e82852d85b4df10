#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""TLS between nodes: with OTP's `-proto_dist inet_tls` and between nodes of ours, verified and not verified; refusals
and their sentences; certificates that change while connections last."""
import os
import pathlib
import re
import socket
import subprocess

from harness.certificates import Authority
from harness.erlang import Erl
from harness.node import Folder, Node
from harness.tap import check, contains, equal, eventually, run, test

ANY_PORT = "address: 127.0.0.1, ports: 0-0"


def peer(node, name):
    return next((p for p in node.ask("nodes")["nodes"] if p["name"] == name), None)


def listening(node):
    """The ports of the listeners, in the configuration's order."""
    return [int(re.search(r":(\d+)", one).group(1)) for one in node.ask("status")["listen"]]


def files(authority, name, verify="peer", more=""):
    certificate, key = authority.issue(name)
    return f"{{ certificate: {certificate}, key: {key}, ca: {authority.path}, verify: {verify}{more} }}"


def tls_node(cleanup, tls, name="demo", settings=(), **options):
    return Node(cleanup, name=name, settings=[("distribution.listen", f"[ {{ {ANY_PORT}, tls: {tls} }} ]"), *settings], **options)


def tls_erl(cleanup, authority, name="me@127.0.0.1", verify=True, versions="'tlsv1.3'", trusted=None, own=None, **options):
    """An Erlang node whose distribution speaks nothing but TLS; `own`: its certificate and key."""
    certificate, key = own or authority.issue(name.partition("@")[0])
    common = f'{{certfile,"{certificate}"}},{{keyfile,"{key}"}},{{cacertfile,"{trusted or authority.path}"}},{{versions,[{versions}]}}'
    how = "{verify,verify_peer}" if verify else "{verify,verify_none}"
    must = ",{fail_if_no_peer_cert,true}" if verify else ""
    optfile = authority.folder / f"{name}.conf"
    optfile.write_text(f"[{{server,[{common},{how}{must}]}},{{client,[{common},{how}]}}].\n")
    return Erl(cleanup, name=name, options=["-proto_dist", "inet_tls", "-ssl_dist_optfile", str(optfile), *options.pop("more", [])],
               **options)


def authority(cleanup, name="ca"):
    folder = Folder()
    cleanup.callback(folder.close)
    return Authority(folder.path, name)


@test("an OTP node connects to ours over TLS 1.3, both verified", proves="TLS")
def otp_to_us(cleanup):
    ca = authority(cleanup)
    node = tls_node(cleanup, files(ca, "ours"))
    erl = tls_erl(cleanup, ca, epmd_port=node.epmd_port)
    equal(erl(f"net_adm:ping('{node.name}')"), "pong", node.log())
    equal(erl(f"gen_server:call({{probe, '{node.name}'}}, {{echo, hello}})"), "hello")
    seen = peer(node, "me@127.0.0.1")
    equal((seen["state"], seen["direction"], seen["tls"]), ("connected", "in", "1.3"), node.log())
    contains(" ".join(node.ask("status")["listen"]), " tls")


@test("ours connects to an OTP node over TLS 1.3, both verified, and large messages pass both ways", proves="TLS")
def us_to_otp(cleanup):
    ca = authority(cleanup)
    node = tls_node(cleanup, files(ca, "ours"))
    erl = tls_erl(cleanup, ca, epmd_port=node.epmd_port)
    equal(erl("register(echo, spawn(fun F() -> receive {'$gen_call', {P, T}, R} -> P ! {T, R}, F() end end)), ok"), "ok")
    done = node.coppice("call", "echo@me@127.0.0.1", "<<\"over TLS\">>", "--timeout", "60s")  # OTP's first handshake takes long
    equal(done.stdout, "<<\"over TLS\">>\n", node.log())
    seen = peer(node, "me@127.0.0.1")
    equal((seen["direction"], seen["tls"]), ("out", "1.3"), node.log())
    equal(erl(f"B = binary:copy(<<\"0123456789abcdef\">>, 262144), B =:= gen_server:call({{probe, '{node.name}'}}, {{echo, B}}, 60000)"),
          "true", node.log())


@test("tls: on needs no files: two of ours and an OTP node that verifies nobody talk, keys are for their owner only")
def automatic(cleanup):
    node = tls_node(cleanup, "on")
    other = tls_node(cleanup, "on", name="other", epmd_port=node.epmd_port)
    equal(node.call(f"probe@{other.name}", "ping"), "pong", node.log())
    equal(peer(node, other.name)["tls"], "1.3")
    for name in ("ca-key.pem", "node-key.pem"):
        equal((node.folder.path / "data/tls" / name).stat().st_mode & 0o777, 0o600)
    equal((node.folder.path / "data/tls").stat().st_mode & 0o777, 0o700)
    erl = tls_erl(cleanup, authority(cleanup), verify=False, epmd_port=node.epmd_port)
    equal(erl(f"net_adm:ping('{node.name}')"), "pong", node.log())


@test("the automatic certificate convinces an OTP node that trusts its authority")
def automatic_trusted(cleanup):
    node = tls_node(cleanup, "on")
    ca = authority(cleanup)
    erl = tls_erl(cleanup, ca, trusted=node.folder.path / "data/tls/ca.pem", epmd_port=node.epmd_port)
    equal(erl(f"net_adm:ping('{node.name}')"), "pong", node.log())


@test("an OTP node whose certificate another authority signed is refused, in both directions, with the reason")
def stranger(cleanup):
    ours, theirs = authority(cleanup), authority(cleanup, "stranger")
    node = tls_node(cleanup, files(ours, "ours"))
    erl = tls_erl(cleanup, theirs, verify=False, epmd_port=node.epmd_port)
    equal(erl(f"net_adm:ping('{node.name}')"), "pang")
    node.said("no authority (ca) known here signed it (its issuer: CN=test stranger)", "the log says why")
    done = node.coppice("call", "x@me@127.0.0.1", "ping", "--timeout", "10s")
    check(done.returncode == 1, "it fails", done.stderr)
    contains(peer(node, "me@127.0.0.1")["last_error"], "no authority (ca) known here signed it (its issuer: CN=test stranger)")


@test("a certificate for another host is not accepted")
def other_host(cleanup):
    ca = authority(cleanup)
    certificate, key = ca.issue("elsewhere", "DNS:elsewhere.example")
    node = tls_node(cleanup, files(ca, "ours"))
    other = tls_node(cleanup, f"{{ certificate: {certificate}, key: {key}, ca: {ca.path} }}", name="other", epmd_port=node.epmd_port)
    check(node.coppice("call", f"probe@{other.name}", "ping", "--timeout", "10s").returncode == 1, "the call fails")
    contains(peer(node, other.name)["last_error"], "it is for DNS:elsewhere.example, and wanted is 127.0.0.1")


@test("TLS 1.2 is refused, and spoken when asked for")
def old_version(cleanup):
    ca = authority(cleanup)
    node = tls_node(cleanup, files(ca, "ours"))
    erl = tls_erl(cleanup, ca, versions="'tlsv1.2'", epmd_port=node.epmd_port)
    equal(erl(f"net_adm:ping('{node.name}')"), "pang")
    node.said("no version of TLS that is allowed here", "the log says why")
    allowing = tls_node(cleanup, files(ca, "allowing", more=', min_version: "1.2"'), name="old", epmd_port=node.epmd_port)
    equal(erl(f"net_adm:ping('{allowing.name}')"), "pong", allowing.log())
    equal(peer(allowing, "me@127.0.0.1")["tls"], "1.2")


@test("a plain peer at a TLS port and a TLS peer at a plain port end with words on both sides")
def crossed(cleanup):
    node = tls_node(cleanup, "on")
    plain = tls_node(cleanup, "off", name="plain", epmd_port=node.epmd_port)
    check(plain.coppice("call", f"probe@{node.name}", "ping", "--timeout", "10s").returncode == 1, "the call fails")
    contains(peer(plain, node.name)["last_error"], "the peer's port speaks TLS")
    node.said("this port speaks TLS, and the peer opened without it")
    check(node.coppice("call", f"probe@{plain.name}", "ping", "--timeout", "10s").returncode == 1, "the call fails")
    contains(peer(node, plain.name)["last_error"], "is its listener set to tls: off?")
    plain.said("the peer speaks TLS, and this listener is set to tls: off")


def refused_both_ways(node, erl, coming, going, name="me@127.0.0.1"):
    """An OTP node connects to ours and is refused, and our node connects to the OTP node and is refused. Each refusal
    is compared with our sentence about it."""
    equal(erl(f"net_adm:ping('{node.name}')"), "pang", node.log())
    eventually(lambda: any("connection from" in line and coming in line for line in node.log().splitlines()),
               f"the log has {coming!r}: {node.log()[-1000:]}")
    check(node.coppice("call", f"x@{name}", "ping", "--timeout", "10s").returncode == 1, "the call fails")
    contains(peer(node, name)["last_error"], going)
    node.said(going)


@test("no version in common is named, whoever connects")
def no_version(cleanup):
    ca = authority(cleanup)
    node = tls_node(cleanup, files(ca, "ours"))
    erl = tls_erl(cleanup, ca, versions="'tlsv1.2'", epmd_port=node.epmd_port)
    refused_both_ways(node, erl, "the peer offers no version of TLS that is allowed here", "protocol_version (70): no TLS version in common")


@test("an authority of ours that an OTP node does not know is named, whoever connects")
def unknown_to_them(cleanup):
    ours, theirs = authority(cleanup), authority(cleanup, "theirs")
    node = tls_node(cleanup, files(ours, "ours", verify="none"))
    erl = tls_erl(cleanup, theirs, epmd_port=node.epmd_port)
    unknown = "the peer refuses: unknown_ca (48): it does not know the authority (ca) that signed our certificate"
    refused_both_ways(node, erl, unknown, unknown)


@test("a certificate that has ended is named with its day, whoever connects")
def expired(cleanup):
    ca = authority(cleanup)
    node = tls_node(cleanup, files(ca, "ours"))
    erl = tls_erl(cleanup, ca, own=ca.issue("old", days=-1), epmd_port=node.epmd_port)
    refused_both_ways(node, erl, "the peer's certificate is not accepted: it expired on 20", "the peer's certificate is not accepted: it expired on 20")


@test("a certificate of ours that has ended, or is for another host, is told by the alert of who refuses it")
def ours_refused(cleanup):
    ca = authority(cleanup)
    certificate, key = ca.issue("old", days=-1)
    tls = f"{{ certificate: {certificate}, key: {key}, ca: {ca.path} }}"
    node = tls_node(cleanup, tls)
    erl = tls_erl(cleanup, ca, epmd_port=node.epmd_port)
    ended = "the peer refuses: certificate_expired (45): our certificate has expired"
    refused_both_ways(node, erl, ended, ended)
    certificate, key = ca.issue("elsewhere", "DNS:elsewhere.example")
    other = tls_node(cleanup, f"{{ certificate: {certificate}, key: {key}, ca: {ca.path} }}", name="other", epmd_port=node.epmd_port)
    equal(erl(f"net_adm:ping('{other.name}')"), "pang", other.log())
    # handshake_failure from OTP 25, bad_certificate from OTP 29.
    eventually(lambda: re.search(r"the peer refuses: .* for the host it wants", other.log()),
               f"the alert: {other.log()[-500:]}")


@test("among ours each side names the cause: the one that judges what is wrong, the other the alert")
def among_ours(cleanup):
    ours, theirs = authority(cleanup), authority(cleanup, "theirs")
    node = tls_node(cleanup, files(ours, "ours"))
    other = tls_node(cleanup, files(theirs, "other", verify="none"), name="other", epmd_port=node.epmd_port)
    check(other.coppice("call", f"probe@{node.name}", "ping", "--timeout", "10s").returncode == 1, "the call fails")
    contains(peer(other, node.name)["last_error"], "the peer refuses: unknown_ca (48)")
    node.said("no authority (ca) known here signed it (its issuer: CN=test theirs)")
    check(node.coppice("call", f"probe@{other.name}", "ping", "--timeout", "10s").returncode == 1, "the call fails")
    contains(peer(node, other.name)["last_error"], "no authority (ca) known here signed it (its issuer: CN=test theirs)")
    other.said("refused: TLS handshake: the peer refuses: unknown_ca (48)")


@test("an OTP node without TLS is told apart, whoever connects, and so is one with TLS at a plain port")
def otp_crossed(cleanup):
    node = tls_node(cleanup, "on", settings=[("distribution.connect_timeout", "2s")])
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    refused_both_ways(node, erl, "this port speaks TLS, and the peer opened without it",
                      "TLS handshake: the peer says nothing within 2000 ms: is its listener set to tls: off?")
    plain = tls_node(cleanup, "off", name="plain", epmd_port=node.epmd_port)
    secure = tls_erl(cleanup, authority(cleanup), name="secure@127.0.0.1", verify=False, epmd_port=node.epmd_port)
    refused_both_ways(plain, secure, "the peer speaks TLS, and this listener is set to tls: off", "the peer's port speaks TLS",
                      name="secure@127.0.0.1")


@test("a plain and a TLS listener side by side: the first is what EPMD tells, a route reaches the second")
def side_by_side(cleanup):
    node = Node(cleanup, settings=[("distribution.listen", f"[ {{ {ANY_PORT} }}, {{ {ANY_PORT}, tls: on }} ]")])
    plain, secure = listening(node)
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    equal(erl(f"net_adm:ping('{node.name}')"), "pong", node.log())
    equal(peer(node, "me@127.0.0.1")["tls"], None)
    known = erl(f"{{port, P, _}} = erl_epmd:port_please(\"demo\", {{127,0,0,1}}), P")
    equal(int(known), plain)
    route = f"[ {{ node: {node.name}, address: 127.0.0.1, port: {secure}, tls: on }} ]"
    other = Node(cleanup, name="other", settings=[("distribution.routes", route), ("epmd.mode", "off")])
    equal(other.call(f"probe@{node.name}", "ping"), "pong", other.log())
    equal(peer(other, node.name)["tls"], "1.3")


@test("a route's own cookie counts over TLS too")
def route_cookie(cleanup):
    node = tls_node(cleanup, "on")
    (port,) = listening(node)
    folder = Folder()
    cleanup.callback(folder.close)
    right, wrong = folder.write("right", node.cookie, 0o600), folder.write("wrong", "another_one_of_24_letters", 0o600)

    def caller(name, cookie):
        route = f"[ {{ node: {node.name}, address: 127.0.0.1, port: {port}, tls: on, cookie: {{ file: {cookie} }} }} ]"
        return Node(cleanup, name=name, settings=[("distribution.routes", route), ("node.cookie", f"{{ file: {wrong} }}")],
                    epmd_port=node.epmd_port)

    equal(caller("one", right).call(f"probe@{node.name}", "ping"), "pong", node.log())
    refused = caller("two", wrong)
    check(refused.coppice("call", f"probe@{node.name}", "ping", "--timeout", "10s").returncode == 1, "the call fails")
    contains(peer(refused, node.name)["last_error"], "cookie")


@test("changed certificate files serve new connections, the old ones go on; damaged files change nothing")
def reloaded(cleanup):
    ca = authority(cleanup)
    certificate, key = ca.issue("ours")
    node = tls_node(cleanup, f"{{ certificate: {certificate}, key: {key}, ca: {ca.path} }}")
    (port,) = listening(node)
    erl = tls_erl(cleanup, ca, epmd_port=node.epmd_port)
    equal(erl(f"net_adm:ping('{node.name}')"), "pong", node.log())

    def serial():
        """The serial number of the certificate that a new connection is shown."""
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-showcerts"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=30)
        return re.search(r"-----BEGIN.*?-----END[^\n]*", done.stdout, re.S).group(0)

    first = serial()
    before = pathlib.Path(certificate).read_text()
    pathlib.Path(certificate).write_text("damaged")
    equal(serial(), first)
    node.said("the old ones stay")
    fresh, fresh_key = ca.issue("fresh")
    os.replace(fresh_key, key)
    os.replace(fresh, certificate)
    check(serial() not in (first, before), "new connections see the new certificate")
    equal(erl(f"gen_server:call({{probe, '{node.name}'}}, ping)"), "pong")
    equal(peer(node, "me@127.0.0.1")["state"], "connected")


@test("an OpenSSL client gets TLS 1.3 with the fast cipher though it prefers another, and its garbage ends only itself")
def openssl_client(cleanup):
    ca = authority(cleanup)
    node = tls_node(cleanup, files(ca, "ours", verify="none"))
    (port,) = listening(node)
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", ca.path, "-verify_return_error"],
                          input="no distribution handshake\n", capture_output=True, text=True, timeout=30)
    contains(done.stdout, "TLSv1.3, Cipher is TLS_CHACHA20_POLY1305_SHA256")
    with socket.create_connection(("127.0.0.1", port)) as rude:
        rude.sendall(b"\x16\x03\x01\x02\x00" + bytes(range(256)) * 2)
        rude.settimeout(10)
        while rude.recv(4096):
            pass
    equal(node.call("probe", "ping"), "pong")


@test("more handshakes at once than there are places: the silent make room, established ones and newcomers don't notice")
def flood(cleanup):
    ca = authority(cleanup)
    node = tls_node(cleanup, files(ca, "ours"))
    (port,) = listening(node)
    erl = tls_erl(cleanup, ca, epmd_port=node.epmd_port)
    equal(erl(f"net_adm:ping('{node.name}')"), "pong", node.log())
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(300)]
    for each in silent:
        cleanup.callback(each.close)
    node.said("the distribution: of those who connect and say nothing", "the bound is reached")
    equal(erl(f"gen_server:call({{probe, '{node.name}'}}, ping)"), "pong")
    another = tls_erl(cleanup, ca, name="another@127.0.0.1", epmd_port=node.epmd_port)
    equal(another(f"net_adm:ping('{node.name}')"), "pong", node.log())


if __name__ == "__main__":
    run()
