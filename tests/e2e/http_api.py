#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The node's commands over HTTP: which rights each needs, its answers, its log lines; and the stream of changes."""
import http.client
import json
import shutil
import socket
import ssl
import struct
from urllib.parse import quote

from harness.certificates import Authority
from harness.node import Folder, Node, Shelf, connectable, free_port, root, tree, until_closed
from harness.tap import check, contains, equal, eventually, run, shared, test

TOKEN = "a_token_of_thirty_two_characters"
secret = "hunter2"

shop = tree("""
        - { id: kv, actor: kv, name: kv }
        - { id: weak, actor: probe, name: weak }
""", "shop", "temporary", distribution=connectable, intensity=1000)


class Api:
    """A node with control.http. It is asked with or without the token."""

    def __init__(self, cleanup, rights="[ inspect ]", token=True, settings=(), tls=None, own_tls="on", address=None, config=shop, wait=True):
        self.port = free_port()
        self.tls = tls  # the client's context; None: no TLS
        keys = ", ".join([f"port: {self.port}"] + ([f"address: {address}"] if address else []) + ([f"rights: {rights}"] if rights else []) +
                         (["token: { env: COPPICE_TEST_TOKEN }"] if token else []) + ([f"tls: {own_tls}"] if tls else []))
        self.node = Node(cleanup, config=config, wait=wait, settings=[("control.http", f"{{ {keys} }}"), *settings],
                         environment={"COPPICE_TEST_TOKEN": TOKEN})
        self.node.said("metrics and health at http")
        self.cleanup = cleanup

    def raw(self, method, path, body=None, **headers):
        """(status, headers, text) of an answer."""
        client = (http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=self.tls) if self.tls else
                  http.client.HTTPConnection("127.0.0.1", self.port, timeout=60))
        try:
            client.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = client.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            client.close()

    def ask(self, method, command, body=None, token=True, **headers):
        """(status, document) of a command's answer."""
        if token:
            headers["Authorization"] = f"Bearer {TOKEN if token is True else token}"
        if method == "POST":
            headers = {"Content_Type": "application/json", **headers}
        status, _, text = self.raw(method, f"/api/v1/{command}", json.dumps(body) if isinstance(body, (dict, list)) else body, **headers)
        return status, json.loads(text)

    def get(self, command, token=True):
        status, document = self.ask("GET", command, token=token)
        equal(status, 200, document)
        return document

    def post(self, command, token=True, **arguments):
        status, document = self.ask("POST", command, arguments, token=token)
        equal(status, 200, document)
        return document

    def stream(self, topics, token=True):
        return Stream(self, f"topics={topics}", token)

    def follow(self, query, token=True):
        return Stream(self, query, token)


class Stream:
    """A reader of the stream. Events are returned as (topic, document)."""

    def __init__(self, api, query, token=True, receives=0):
        self.socket = socket.socket()
        if receives:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
        self.socket.settimeout(60)
        self.socket.connect(("127.0.0.1", api.port))
        api.cleanup.callback(self.socket.close)
        lines = [f"GET /api/v1/stream?{query} HTTP/1.0", "Host: localhost"]
        lines += [f"Authorization: Bearer {TOKEN}"] if token else []
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.rest = b""
        head = self.until(b"\r\n\r\n").decode()
        self.status = int(head.split()[1])
        self.head = head

    def until(self, mark):
        while mark not in self.rest:
            part = self.socket.recv(65536)
            if not part:
                raise AssertionError(f"the stream ended: {self.rest[-500:]!r}")
            self.rest += part
        found, self.rest = self.rest.split(mark, 1)
        return found

    def event(self):
        while True:
            lines = self.until(b"\n\n").decode().split("\n")
            if lines[0].startswith("event: "):
                return lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))


usual = shared(Api)


@test("the API tells what a reader may do, and has a row for each command")
def about(cleanup):
    api = usual()
    for token, rights, word in ((False, ["inspect"], "wanted"), (True, ["inspect", "state", "manage"], "given")):
        document = api.get("", token=token)
        equal((document["node"], document["rights"], document["token"]), (api.node.name, rights, word))
    rows = {(one["name"], one["verb"]): one for one in document["commands"]}
    equal(rows["call", "POST"]["right"], "manage")
    equal(rows["logs", "GET"]["right"], "state")
    equal([one["name"] for one in rows["info", "GET"]["arguments"]], ["name"])
    described = api.get("openapi.json", token=False)
    equal(len([1 for path in described["paths"].values() for _ in path]), len(rows) + 3)


@test("documents over HTTP are those of the control socket")
def documents(cleanup):
    api = usual()
    for command in ("nodes", "plugins", "events", "history", "log-level", "drain", "cron"):
        equal(api.get(command), api.node.ask(command))
    equal(api.get("info?name=kv")["pid"], api.node.pid("kv"))
    equal(api.get("tree?application=shop")["applications"][0]["name"], "shop")
    equal(api.get("status")["name"], api.node.name)
    check(api.get("logs?last=3")["lines"])
    check("processes" in api.get("top?count=1"))


@test("a process is looked at by its global name, and one of another node is refused, whichever right the reader has")
def named(cleanup):
    api = Api(cleanup, config=tree("""
        - { id: kv, actor: kv, name: kv }
        - { id: relay, actor: relay, name: relay }
""", "shop", "temporary", distribution=connectable))
    pid = api.node.pid("kv")
    equal(api.node.call("relay", f"{{relay, global_name_server, {{register_name, shop, {pid}}}}}"), "yes")
    for token in (False, True):
        equal(api.get("info?name=global:shop", token=token)["pid"], pid)
        status, document = api.ask("GET", "info?name=global:nobody", token=token)
        equal((status, document["why"]), (404, "no process has the global name nobody"))
        status, document = api.ask("GET", "info?name=kv@other@127.0.0.1", token=token)
        equal((status, document["why"]), (400, "it lives on another node: ask that one"))
    equal(api.node.call("global:shop", "{put, a, 1}"), "ok")
    equal(api.node.ask("log-level", level="debug", of="global:shop")["differs"][0]["of"], pid)
    contains(api.node.coppice("pool", "global:shop").stderr, "it is no pool, but a server")


@test("without the right state nothing is shown of a state, an exit reason, an argument or the log")
def no_terms(cleanup):
    api = usual()
    api.post("call", name="kv", term=f"{{put, {secret}, 1}}")
    before = api.node.pid("weak")
    api.post("exit", name="weak", reason=f"{{crash, {secret}}}")
    eventually(lambda: api.node.pid("weak") not in (None, before), "its restart")
    eventually(lambda: secret in json.dumps(api.get("info?name=weak")["ends"]), "its end")
    contains(json.dumps(api.get("tree")), secret)
    check("state" in api.get("info?name=kv"))
    for command in ("info?name=kv", "info?name=weak", "tree", "status", "health", "ps", "top", "plugins", "history", "nodes"):
        check(secret not in json.dumps(api.get(command, token=False)), command)
    check("state" not in api.get("info?name=kv", token=False))
    contains(api.get("info?name=weak", token=False)["ends"][-1]["reason"], "…")
    for command in ("logs", "diff"):
        status, why = api.ask("GET", command, token=False)
        equal((status, why["code"], why["why"]), (403, "refused", "the right state is missing"))


@test("why an application did not start and what is wrong in a file is shown to nobody without the right state, by probes neither")
def no_reasons(cleanup):
    shelf = Shelf(cleanup, "kv", "thrower")
    broken = tree("""
        - { id: kv, actor: kv, name: kv }
        - { id: broken, actor: thrower, args: { init: true } }
""", "shop", "temporary", distribution=connectable)
    api = Api(cleanup, rights="[ inspect, manage ]", settings=[shelf.setting], config=broken, wait=False)
    eventually(lambda: api.get("status")["applications"][0]["state"] == "failed", "it does not start")
    thrown = "<<\"init\">>"
    file = api.node.folder.path / "node.yaml"
    file.write_text(broken.replace("actor: kv, name: kv", f"actor: kv, name: kv, args: {{ max_entries: {secret} }}"), encoding="utf-8")
    contains(api.ask("GET", "wait-ready")[1]["why"], thrown)
    contains(api.get("status")["configuration"]["why"], secret)
    contains(json.dumps(api.post("apply", dry_run=True)), secret)
    for path in ("/livez", "/readyz", "/api/v1/wait-ready", "/api/v1/status", "/api/v1/health", "/api/v1/tree"):
        status, _, text = api.raw("GET", path)
        check(thrown not in json.dumps(json.loads(text), ensure_ascii=False).replace('\\"', '"') and secret not in text, path, text)
    contains(api.raw("GET", "/readyz")[2], "failed: {shutdown, …}")
    contains(api.raw("GET", "/readyz")[2], "node.yaml:10:")
    for command, arguments in (("apply", {"dry_run": True}), ("start", {"application": "shop"})):
        status, document = api.ask("POST", command, arguments, token=False)
        text = json.dumps(document).replace('\\"', '"')
        check(thrown not in text and secret not in text, command, text)


@test("each command that acts is refused without the right manage, and what it names stays as it was")
def refused(cleanup):
    api = usual()
    acts = {one["name"]: one for one in api.get("", token=False)["commands"] if one["verb"] == "POST"}
    before = api.node.pid("kv")
    for name in acts:
        status, why = api.ask("POST", name, {"name": "kv", "path": "shop/kv", "application": "shop"}, token=False)
        equal((status, why["why"]), (403, "the right manage is missing"), name)
        contains(why["hint"], "token")
    equal(api.node.pid("kv"), before)


@test("with the token commands act, and each is in the log with the address and the token's name")
def acts(cleanup):
    api = Api(cleanup)
    equal(api.post("call", name="kv", term="size"), {"reply": "0"})
    api.post("cast", name="kv", term="{put, a, 1}")
    eventually(lambda: api.node.call("kv", "size") == "1", "the cast")
    before = api.node.pid("kv")
    equal(api.post("restart", path="shop/kv"), {"path": "shop/kv"})
    check(api.node.pid("kv") not in (None, before))
    api.post("terminate", path="shop/kv")
    equal(api.node.pid("kv"), None)
    api.post("stop", application="shop")
    api.post("start", application="shop")
    check(api.node.pid("kv"))
    api.post("log-level", level="debug")
    equal(api.get("log-level")["level"], "debug")
    equal(api.post("reload", plugin="kv", dry_run=True)["dry_run"], True)
    equal(api.post("apply", dry_run=True)["applied"], False)
    api.node.said("asked to restart shop/kv (http, 127.0.0.1:")
    api.node.said("asked to call kv")
    api.node.said("with the token named COPPICE_TEST_TOKEN)")
    api.node.said("asked to reload kv (dry run)")
    line = next(one for one in api.node.logged(module="control") if one["message"].startswith("asked to restart"))
    equal((line["fields"]["by"], line["fields"]["token"]), ("http", "COPPICE_TEST_TOKEN"))
    check(line["fields"]["address"].startswith("127.0.0.1:"))
    check(TOKEN not in api.node.log(), "the token is in no line")


@test("each right alone lets its commands through and no other one, and a refusal names the right that is missing")
def each_right(cleanup):
    words = ("inspect", "state", "manage")
    commands = usual().get("")["commands"]
    equal({one["right"] for one in commands}, set(words))
    for given in ((), *((one,) for one in words)):
        api = Api(cleanup, rights=f"[ {', '.join(given)} ]", token=False)
        for one in commands:
            # No command has the argument `nothing`: an allowed command fails by it, and does nothing.
            status, why = (api.ask("POST", one["name"], {"nothing": 1}, token=False) if one["verb"] == "POST" else
                           api.ask("GET", f"{one['name']}?nothing=1", token=False))
            wanted = (400, "no argument is called 'nothing'") if one["right"] in given else (403, f"the right {one['right']} is missing")
            equal((status, why["why"]), wanted, (given, one["name"], one["verb"]))
        for topic, right in (("status", "inspect"), ("tree", "inspect"), ("nodes", "inspect"), ("status,log", "state")):
            wanted = 200 if {"inspect", right} <= set(given) else 403
            equal(api.stream(topic, token=False).status, wanted, (given, topic))


@test("cookie, keys and token are in no answer, no file of the page and no line of the log")
def secrets(cleanup):
    folder = Folder()
    cleanup.callback(folder.close)
    authority = Authority(folder.path)
    certificate, key = authority.issue("node")
    listener = f"[ {{ address: 127.0.0.1, ports: 0-0, tls: {{ certificate: {certificate}, key: {key}, ca: {authority.path}, verify: peer }} }} ]"
    handlers = "[ { name: far, to: { syslog: '127.0.0.1:9' } } ]"
    api = Api(cleanup, tls=any_certificate(), settings=[("distribution.listen", listener), ("node.log.level", "debug"), ("node.log.handlers", handlers)])
    body = "".join(open(key, encoding="ascii").read().splitlines()[1:-1])
    words = (api.node.cookie, TOKEN, body[:32], body[-32:])

    def clean(text, where):
        for word in words:
            check(word not in text.replace("\\n", "").replace("\n", ""), where)

    needed = {"info": "name=kv", "pool": "name=kv", "listener": "name=kv", "raft": "name=kv", "saga": "name=kv"}
    commands = api.get("")["commands"]
    for one in commands:
        if one["verb"] == "GET":
            clean(json.dumps(api.ask("GET", f"{one['name']}?{needed.get(one['name'], '')}".rstrip("?"))[1]), one["name"])
    for name in ("reload", "apply"):
        clean(json.dumps(api.post(name, dry_run=True)), name)
    for name in ("connect", "call", "exit", "restart"):
        clean(json.dumps(api.ask("POST", name, {"node": "nobody@127.0.0.1"} if name == "connect" else {})[1]), name)
    reader = api.raw("GET", "/api/v1/openapi.json")[2]
    for path in ("/", "/metrics", "/livez", "/readyz", *(f"/{one.name}" for one in (root / "daemon/control/page").iterdir() if one.suffix in (".js", ".css"))):
        reader += api.raw("GET", path)[2]
    clean(reader, "the page")
    clean(api.node.log(), "the log")


@test("what the server refuses by itself has the form of the API's errors")
def refused_by_server(cleanup):
    api = usual()
    head = "Host: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"

    def answer(path, rest):
        with socket.create_connection(("127.0.0.1", api.port), timeout=60) as client:
            client.sendall(f"POST {path} HTTP/1.1\r\n{head}{rest}".encode())
            top, _, body = until_closed(client).decode().partition("\r\n\r\n")
        return int(top.split()[1]), top, body

    for rest, status, code in (("Content-Length: 100000\r\n\r\n", 413, "limit"), ("Transfer-Encoding: chunked\r\n\r\nno length\r\n", 400, "invalid")):
        got, top, body = answer("/api/v1/call", rest)
        equal(got, status)
        contains(top, "Content-Type: application/json")
        document = json.loads(body)
        equal((sorted(document), document["code"]), (["code", "hint", "what", "why"], code))
        check(document["why"])
    equal(answer("/livez", "Content-Length: 100000\r\n\r\n")[2], "the body is too large\n", "a probe's is text")


@test("rights without a token are what control.http says")
def written_rights(cleanup):
    api = Api(cleanup, rights="[ inspect, manage ]", token=False)
    equal(api.get("", token=False)["token"], "none")
    equal(api.post("call", token=False, name="kv", term="size"), {"reply": "0"})
    api.node.said("without the token)")
    equal(api.ask("GET", "logs", token=False)[0], 403)
    equal(api.ask("GET", "status", token="anything")[0], 401)
    api = Api(cleanup, rights="[]", token=True)
    equal(api.get("", token=False)["rights"], [])
    equal(api.ask("GET", "status", token=False)[1]["why"], "the right inspect is missing")
    equal(api.raw("GET", "/metrics")[0], 200)
    equal(api.raw("GET", "/readyz")[0], 200)


@test("a wrong token is 401, a foreign Host or Origin 403, and none of them acts")
def strangers(cleanup):
    api = usual()
    pid = api.node.pid("kv")
    for wrong in ("x", TOKEN[:-1], TOKEN + "x", TOKEN.upper()):
        for method, command in (("GET", "status"), ("GET", ""), ("POST", "restart")):
            status, headers, text = api.raw(method, f"/api/v1/{command}", '{"path": "shop/kv"}' if method == "POST" else None,
                                            Authorization=f"Bearer {wrong}", Content_Type="application/json")
            equal(status, 401, command)
            equal(headers["WWW-Authenticate"], "Bearer")
            check(TOKEN not in text)
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
        status, why = api.ask("POST", "restart", {"path": "shop/kv"}, **headers)
        equal((status, why["code"]), (403, "refused"), headers)
    equal(api.ask("POST", "restart", {"path": "shop/kv"}, Content_Type="text/plain")[0], 415)
    equal(api.ask("GET", "status", Host="evil.example")[0], 403)
    for command in ("status", "stream?topics=status"):
        equal(api.ask("GET", command, Origin="http://evil.example")[0], 403, command)
    equal(api.raw("GET", "/", Host="evil.example")[0], 403)
    equal(api.node.pid("kv"), pid)
    equal(api.ask("POST", "call", {"name": "kv", "term": "size"}, Origin=f"http://127.0.0.1:{api.port}")[0], 200)
    check(TOKEN not in api.node.log())


@test("a name of control.http.hosts reaches page, API and probes alike, and no other name does")
def names(cleanup):
    api = Api(cleanup, token=False, settings=[("control.http.hosts", "[ probes.example ]")])
    for path in ("/", "/api/v1/status", "/livez", "/metrics"):
        for host in ("probes.example", f"Probes.Example:{api.port}", "localhost"):
            equal(api.raw("GET", path, Host=host)[0], 200, f"{host} {path}")
        for host in ("evil.example", "probes.example.evil", ""):
            equal(api.raw("GET", path, Host=host)[0], 403, f"{host} {path}")
    contains(api.raw("GET", "/livez", Host="evil.example")[2], "control.http.hosts")


@test("what cannot be asked is told with its status and what helps")
def mistakes(cleanup):
    api = usual()
    for method, command, body, status, part in (
            ("GET", "stats", None, 404, "there is no such command"), ("GET", "statu", None, 404, "did you mean 'status'?"),
            ("GET", "info", None, 400, "the argument name is missing"), ("GET", "info?nme=x", None, 400, "did you mean 'name'?"),
            ("GET", "info?name=nobody", None, 404, "not_found"), ("GET", "ps?limit=x", None, 400, "whole number"),
            ("POST", "call", {"name": "kv"}, 400, "the argument term is missing"), ("POST", "call", [], 400, "no JSON object"),
            ("POST", "call", "{", 400, "no JSON object"), ("POST", "call", {"name": "kv", "term": "{"}, 400, "term"),
            ("POST", "call", {"name": "nobody_there", "term": "x"}, 404, "noproc"),
            ("POST", "call", {"name": "weak", "term": "{sleep, 5000}", "timeout_ms": 1}, 504, "no answer within 1ms"),
            ("POST", "apply", {"file": "/etc/passwd"}, 400, "no argument is called 'file'"), ("POST", "call?name=weak", {"name": "kv", "term": "size"}, 400, "in the body"),
            ("POST", "call", '{"name": "weak", "term": "self", "name": "kv"}', 400, "name is given twice"), ("GET", f"?token={TOKEN}", None, 400, "no arguments"),
            ("GET", f"openapi.json?token={TOKEN}", None, 400, "no arguments"), ("GET", f"status?token={TOKEN}", None, 400, "no argument is called 'token'"), ("POST", "status", {}, 405, "GET, HEAD only"),
            ("POST", "saga", {"name": "kv", "change": "resolve", "tx": "t", "decision": "abort"}, 405, "GET, HEAD only"),
            ("GET", "call", None, 405, "POST only"), ("DELETE", "status", None, 405, "GET"), ("GET", "stream", None, 400, "topics"),
            ("GET", "stream?topics=weather", None, 400, "weather"), ("GET", "stream?topics=status&since=now", None, 400, "topics"),
            ("GET", "stream?event=nothing", None, 404, "there is no such event"), ("GET", "stream?event=nothing&since=x", None, 400, "since"),
            ("GET", "stream?event=nothing&topics=status", None, 400, "topics")):
        got, why = api.ask(method, command, body)
        equal(got, status, (command, why))
        equal(sorted(why), ["code", "hint", "what", "why"])
        contains(json.dumps(why), part)
    for sent, status in (("", b"413"), (f"Authorization: Bearer {TOKEN}\r\n", b"400")):
        with socket.create_connection(("127.0.0.1", api.port), timeout=60) as client:
            client.sendall(f"POST /api/v1/call HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{sent}"
                           "Connection: close\r\nContent-Length: 100000\r\n\r\n".encode())
            if sent:
                client.sendall(b"x" * 100_000)
            check(until_closed(client).startswith(b"HTTP/1.1 " + status), "only a reader that may act sends much", sent)


@test("script in what a client says comes back as JSON text")
def script(cleanup):
    api = usual()
    status, headers, text = api.raw("GET", "/api/v1/info?name=%3Cscript%3Ealert(1)%3C/script%3E")
    equal((status, headers["Content-Type"], headers["X-Content-Type-Options"]), (400, "application/json", "nosniff"))
    contains(json.loads(text)["what"], "<script>")


@test("ps filters, sorts and cuts at the node")
def listing(cleanup):
    api = usual()
    everything = api.get("ps")
    equal(everything["total"], len(everything["processes"]))
    one = api.get("ps?limit=1&sort=reductions")
    equal((len(one["processes"]), one["total"] >= everything["total"] - 2), (1, True))
    most = max(one["reductions"] for one in everything["processes"])
    check(one["processes"][0]["reductions"] >= most, one, most)
    equal([one["name"] for one in api.get("ps?filter=SHOP/K")["processes"]], ["kv"])
    equal([one["name"] for one in api.get(f"ps?filter={quote(api.node.pid('kv'))}")["processes"]], ["kv"])
    equal({one["behaviour"] for one in api.get("ps?behaviour=supervisor")["processes"]}, {"supervisor"})
    equal(sorted(one["name"] for one in api.get("ps?behaviour=server")["processes"]), ["kv", "weak"])
    equal(api.get("ps?behaviour=server&without_actors=true")["total"], 0)
    pids = [one["pid"] for one in everything["processes"]]
    equal([one["pid"] for one in api.get(f"ps?limit={len(pids) // 2}")["processes"]], pids[:len(pids) // 2])
    equal(api.get("ps?filter=nothing_is_called_so"), {"processes": [], "total": 0})


@test("the page and its files are there, with headers that let no foreign script in")
def page(cleanup):
    api = usual()
    status, headers, text = api.raw("GET", "/")
    equal((status, headers["Content-Type"], headers["Cache-Control"]), (200, "text/html; charset=utf-8", "no-store"))
    contains(headers["Content-Security-Policy"], "default-src 'none'; script-src 'self'")
    equal((headers["X-Content-Type-Options"], headers["Referrer-Policy"]), ("nosniff", "no-referrer"))
    check("<script>" not in text and "style=" not in text)
    size = len(text)
    names = [one.name for one in (root / "daemon/control/page").iterdir() if one.suffix in (".js", ".css")]
    check({"main.js", "page.css"} < set(names), "the files are there", names)
    for name in names:
        status, headers, text = api.raw("GET", f"/{name}")
        equal((status, headers["Content-Type"]), (200, "text/css; charset=utf-8" if name.endswith("css") else "text/javascript; charset=utf-8"))
        size += len(text)
    check(size < 150 << 10, "it is small", size)
    equal(api.raw("POST", "/")[0], 405)
    equal(api.raw("HEAD", "/")[2], "")
    for path in ("/page/main.js", "/../main.js", "/main.js/", "/nothing.js", "//main.js"):
        equal(api.raw("GET", path)[0], 404, path)


def any_certificate():
    """A TLS context of a client that trusts every certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@test("beyond loopback page and API are there with a token and tls alone; metrics and probes always")
def beyond(cleanup):
    everywhere = "0.0.0.0"
    for how in ({"token": False}, {"token": True}, {"token": False, "tls": any_certificate()}):
        api = Api(cleanup, rights=None, address=everywhere, **how)
        for path in ("/", "/main.js", "/api/v1/", "/api/v1/status", "/api/v1/stream?topics=status", "/api/v1/openapi.json"):
            equal(api.raw("GET", path)[0], 404, (how, path))
        equal(api.raw("POST", "/api/v1/restart", '{"path": "shop/kv"}', Content_Type="application/json", Authorization=f"Bearer {TOKEN}")[0], 404, how)
        for path in ("/metrics", "/livez", "/readyz"):
            equal(api.raw("GET", path)[0], 200, (how, path))
    api = Api(cleanup, rights=None, address=everywhere, tls=any_certificate())
    equal(api.raw("GET", "/")[0], 200)
    equal(api.get("", token=False)["rights"], [])
    equal(api.ask("GET", "status", token=False)[0], 403)
    equal(api.get("status")["name"], api.node.name)
    api = Api(cleanup, address=everywhere, tls=any_certificate())
    equal(api.get("status", token=False)["name"], api.node.name)


@test("certificate files that change are used for the next connection, and the port stays open")
def renewed(cleanup):
    folder = Folder()
    cleanup.callback(folder.close)
    authority = Authority(folder.path)
    first, second = authority.issue("first"), authority.issue("second")
    trusting = ssl.create_default_context(cafile=authority.path)
    api = Api(cleanup, tls=trusting, own_tls=f"{{ certificate: {first[0]}, key: {first[1]} }}")

    def name():
        with socket.create_connection(("127.0.0.1", api.port), timeout=60) as raw, trusting.wrap_socket(raw, server_hostname="127.0.0.1") as secured:
            return dict(one for part in secured.getpeercert()["subject"] for one in part)["commonName"]

    equal(name(), "first")
    for fresh, old in zip(second, first):
        shutil.copy(fresh, old)
    eventually(lambda: name() == "second", "the new certificate", 60)
    equal(api.get("status")["name"], api.node.name)


@test("with tls the port speaks nothing else, and its certificate is among the node's")
def encrypted(cleanup):
    api = Api(cleanup, tls=any_certificate())
    api.node.said(f"page, metrics and health at https://127.0.0.1:{api.port}/")
    equal(api.get("status")["name"], api.node.name)
    equal(api.ask("GET", "status", token="another")[0], 401)
    for path in ("/", "/metrics", "/livez"):
        equal(api.raw("GET", path)[0], 200, path)
    with socket.create_connection(("127.0.0.1", api.port), timeout=60) as plain:
        plain.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        check(b"coppice_" not in until_closed(plain))
    authority = api.node.folder.path / "data" / "tls" / "ca.pem"
    trusting = ssl.create_default_context(cafile=authority)
    with socket.create_connection(("127.0.0.1", api.port), timeout=60) as raw, trusting.wrap_socket(raw, server_hostname="127.0.0.1") as secured:
        equal(secured.version(), "TLSv1.3")
    check(api.node.ask("status")["certificates"], "status names it")


@test("a stream has each document whole, then what changes, and lines of the log as they are written")
def stream(cleanup):
    api = usual()
    reader = api.stream("tree,nodes,log")
    equal(reader.status, 200)
    contains(reader.head, "Content-Type: text/event-stream")
    first = dict(reader.event() for _ in range(3))
    equal(first["tree"]["whole"]["applications"][0]["name"], "shop")
    equal(first["nodes"]["whole"], {"nodes": []})
    check(first["log"]["whole"]["lines"])
    api.post("restart", path="shop/kv")
    patched = lines = False
    while not (patched and lines):
        topic, document = reader.event()
        patched = patched or (topic == "tree" and api.node.pid("kv") in json.dumps(document))
        lines = lines or (topic == "log" and "asked to restart shop/kv" in json.dumps(document["whole"]["lines"]))


@test("a stream without the right state has neither terms nor the log")
def stream_rights(cleanup):
    api = usual()
    reader = api.stream("log", token=False)
    equal(reader.status, 403)
    before = api.node.pid("weak")
    api.post("exit", name="weak", reason=f"{{crash, {secret}}}")
    eventually(lambda: api.node.pid("weak") not in (None, before), "its restart")
    after = api.node.pid("weak")

    def told(**how):
        """The events of a reader until it knows of the restart."""
        reader, seen = api.stream("tree,status", **how), ""
        while after not in seen:
            seen += json.dumps(reader.event())
        return seen
    check(secret not in told(token=False))
    contains(told(), secret)


@test("an event is followed as it is published, from what is kept, from a number or from now on, with the right state alone")
def followed(cleanup):
    api = Api(cleanup, settings=[("events", "[ { name: notes, buffer: 100, open: true } ]"), ("control.http.streams", "3")])
    publish = lambda term: api.post("events", name="notes", change="publish", term=term)
    equal(api.follow("event=notes", token=False).status, 403)
    publish("{first, 1}")
    reader = api.follow("event=notes")
    equal(reader.status, 200)
    contains(reader.head, "Content-Type: text/event-stream")
    topic, line = reader.event()
    equal((topic, sorted(line), line["seq"], line["payload"]), ("event", ["payload", "seq", "time"], 1, "{first,1}"))
    publish("{second, 2}")
    equal(reader.event()[1]["payload"], "{second,2}")
    after, now = api.follow("event=notes&since=1"), api.follow("event=notes&since=now")
    equal(after.event()[1]["seq"], 2)
    equal(api.follow("event=notes").status, 503, "no more readers than there may be")
    publish("third")
    for one in (reader, after, now):
        equal(one.event()[1]["payload"], "third")
        one.socket.close()
    eventually(lambda: api.node.ask("events")["events"][0]["subscribers"] == 0, "nobody has subscribed any more")
    eventually(lambda: api.get("")["streams"] == {"open": 0, "dropped": 0}, lambda: f"they are gone: {api.get('')['streams']}", 60)
    reader = api.follow("event=notes&since=now")
    equal(reader.status, 200)
    equal(api.node.stop(), 0)


@test("a reader that may not act follows an event of a connected node, and makes the node connect to none")
def followed_elsewhere(cleanup):
    api = Api(cleanup, rights="[ inspect, state ]")
    away = Node(cleanup, name="away", config=shop, epmd_port=api.node.epmd_port, settings=[("events", "[ { name: notes, buffer: 100, open: true } ]")])
    follow = lambda: api.follow(f"event=notes@{away.name}", token=False)
    equal(follow().status, 403)
    equal(api.get("nodes")["nodes"], [])
    equal(api.follow(f"event=nothing@{api.node.name}", token=False).status, 404, "of the node itself no connection is needed")
    # With the right manage the node connects, and the log names the user.
    equal(api.follow(f"event=notes@{away.name}").status, 200)
    follows = lambda: [line["message"] for line in api.node.logged(module="control") if line["message"].startswith(f"asked to follow notes@{away.name} (http, ")]
    eventually(lambda: len(follows()) == 1, "it is logged")
    api.post("connect", node=away.name)
    away.ask("events", name="notes", change="publish", term="{first, 1}")
    reader = follow()
    equal(reader.status, 200)
    equal(reader.event()[1]["payload"], "{first,1}")


def waiter(api, path, token=False, method="GET", body=""):
    """The socket of a client that has sent a request and waits for the answer. Closing it resets the connection: if the
    client only ended its sending side, the node would still answer."""
    client = socket.create_connection(("127.0.0.1", api.port))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    api.cleanup.callback(client.close)
    lines = [f"{method} /api/v1/{path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"Authorization: Bearer {TOKEN}"] if token else []
    client.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
    return client


@test("requests without the token that wait leave places to all others, and take them again when their clients have left")
def waiting(cleanup):
    api = Api(cleanup)
    clients = [waiter(api, "top?over_ms=60000") for _ in range(48)]
    refused = lambda: api.raw("GET", "/api/v1/top?over_ms=1")
    eventually(lambda: refused()[0] == 503, "those that wait are as many as may be")
    status, headers, text = refused()
    equal((status, headers["Retry-After"], json.loads(text)["why"]), (503, "5", "too many requests without a token wait already"))
    equal(api.raw("GET", "/api/v1/top?sort=rate")[0], 503)
    equal(api.get("status", token=False)["state"], "running")
    check(api.get("top?over_ms=1")["processes"], "with the token")
    for one in clients:
        one.close()
    eventually(lambda: refused()[0] == 200, "they have left")


@test("what asks a process for a client ends when the client has left, however long it would have waited")
def abandoned(cleanup):
    api = Api(cleanup)
    asking = lambda: api.get("ps?behaviour=request")["total"]
    equal(asking(), 0)
    ask = json.dumps({"name": "weak", "term": "{sleep, 3600000}", "timeout_ms": 3600000})
    clients = [waiter(api, "call", token=True, method="POST", body=ask) for _ in range(3)]
    eventually(lambda: asking() == 3, "each has a process that asks")
    for one in clients:
        one.close()
    eventually(lambda: asking() == 0, "they are gone")
    api.post("exit", name="weak", reason="kill")


@test("sixty-four readers are served by one sampler, and one more is told to come later")
def many(cleanup):
    api = Api(cleanup)
    readers = [api.stream("status", token=False) for _ in range(64)]
    for one in readers:
        equal(one.event()[0], "status")
    equal(api.get("")["streams"]["open"], 64)
    equal(api.stream("status", token=False).status, 503)
    for one in readers:
        equal(one.event()[0], "status")
        one.socket.close()
    eventually(lambda: api.get("")["streams"]["open"] == 0, "they are gone")
    equal(api.stream("status", token=False).status, 200)


@test("a reader that does not take its bytes is dropped and counted, and the node goes on")
def slow(cleanup):
    api = Api(cleanup, settings=[("node.log.rate.per_source", "unlimited")])
    reader = Stream(api, "topics=log", receives=4096)
    equal(reader.status, 200)
    long = "x" * 190  # names beyond the limit are cut
    for number in range(100_000):
        api.node.reply("call", name=f"{number}{long}", term="x")
        if number % 1000 == 0 and api.get("")["streams"]["dropped"]:
            break
    eventually(lambda: api.get("")["streams"] == {"open": 0, "dropped": 1}, "it is dropped", 120)
    equal(api.get("status")["state"], "running")


@test("streams end with the node, and a command that waits is answered")
def ending(cleanup):
    api = Api(cleanup)
    reader = api.stream("status")
    reader.event()
    equal(api.node.stop(), 0)
    try:
        while True:
            reader.event()
    except (AssertionError, ConnectionResetError):
        pass


if __name__ == "__main__":
    run()
