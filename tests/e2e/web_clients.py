#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Real clients of a web server: curl, Python's http.client and Node's agent with connections that are kept alive, wrk
and h2load, with and without TLS. A client that this machine does not have is skipped by name."""
import contextlib
import http.client
import os
import re
import shutil
import ssl
import subprocess
import threading

from harness.certificates import Authority
from harness.node import Folder, tree
from harness.site import WebSite
from harness.tap import Skip, check, contains, equal, eventually, run, shared, test

CHILDREN = """
        - {{ id: replies, actor: replies, name: replies }}
        - id: site
          name: site
          web:
            listen:
              - {{ address: 127.0.0.1, port: 0 }}
              - {{ address: 127.0.0.1, port: 0, tls: {{ certificate: {certificate}, key: {key} }} }}
            routes:
              - {{ path: /events, to: replies, upgrade: sse }}
              - {{ path: "/files/{{rest...}}", files: {folder} }}
              - {{ path: "/{{what}}", to: replies, limits: {{ body: 8MiB }} }}
            limits: {{ requests_per_connection: 1000000000 }}
            sse: {{ heartbeat: 500ms }}
"""


class Site(WebSite):
    def __init__(self, cleanup):
        folder = Folder()
        cleanup.callback(folder.close)
        self.authority = Authority(folder.path)
        certificate, key = self.authority.issue("server")
        self.files = folder.path / "files"
        self.files.mkdir()
        super().__init__(cleanup, tree(CHILDREN.format(certificate=certificate, key=key, folder=self.files), "web"), "replies")
        self.bases = (f"http://127.0.0.1:{self.at[1]}", f"https://127.0.0.1:{self.secured[1]}")

    def accepted(self):
        return self.report()["accepted"]


usual = shared(Site)


def needs(name):
    if not shutil.which(name):
        raise Skip(f"no {name} on this machine")


def finished(command, data=None, **options):
    done = subprocess.run(command, input=data, capture_output=True, timeout=120, check=False, **options)
    equal(done.returncode, 0, f"{command}: {done.stderr[-2000:]}")
    return done.stdout


def answered(path, query="-", body=b""):
    return f"{'POST' if body else 'GET'} {path} {path[1:]} q={query} h=- b=".encode() + body + b" v=1.1"


@test("curl: uploads from stdin, many at once on connections that are kept, events without a buffer, ranges that are resumed")
def curl(cleanup):
    needs("curl")
    site = usual()
    call = ["curl", "-sS", "--http1.1", "--max-time", "60", "--cacert", site.authority.path]
    for base in site.bases:
        data = os.urandom(3 << 20).hex().encode()
        equal(finished([*call, "-T", "-", "-X", "POST", f"{base}/now"], data), answered("/now", body=data))
        before = site.accepted()
        got = finished([*call, "--parallel", "--parallel-max", "5", f"{base}/now?q=[1-200]"])
        equal(sorted(got.replace(b"v=1.1", b"v=1.1\n").split(b"\n")[:-1]), sorted(answered("/now", number) for number in range(1, 201)))
        check(site.accepted() - before <= 10, "connections are kept", site.accepted() - before)
        (site.files / "large").write_bytes(data)
        part = site.files / "part"
        part.write_bytes(data[:1000001])
        finished([*call, "-C", "-", "-o", str(part), f"{base}/files/large"])
        equal(part.read_bytes(), data)
        with subprocess.Popen([*call[:-4], "-N", "--cacert", site.authority.path, f"{base}/events"], stdout=subprocess.PIPE) as follows:
            try:
                equal(follows.stdout.readline(), b"retry: 3000\n")
                eventually(lambda: site.node.call("replies", "clients") == "1", "it is there")
                for number in range(3):
                    site.node.ask("send", name="replies", term=f'{{say, <<"event {number}">>}}')
                    while (line := follows.stdout.readline()) in (b"\n", b":\n"):
                        pass
                    equal(line, b"data: event %d\n" % number)
            finally:
                follows.kill()
        eventually(lambda: site.node.call("replies", "clients") == "0", "it has gone")


@test("Python's http.client keeps its connection, with bodies of either kind")
def python(cleanup):
    site = usual()
    context = ssl.create_default_context(cafile=site.authority.path)
    for connection in (http.client.HTTPConnection(*site.at, timeout=60), http.client.HTTPSConnection(*site.secured, timeout=60, context=context)):
        with contextlib.closing(connection):
            before = site.accepted()
            for number in range(300):
                body = [None, b"x" * number, (b"y" * 10 for _ in range(number))][number % 3]
                connection.request("POST" if body else "GET", f"/now?q={number}", body)
                reply = connection.getresponse()
                sent = b"" if number % 3 == 0 else b"x" * number if number % 3 == 1 else b"y" * 10 * number
                equal((reply.status, reply.read()), (200, answered("/now", number, sent)))
            connection.request("HEAD", "/now")
            reply = connection.getresponse()
            equal((reply.status, reply.read()), (200, b""))
            equal(site.accepted() - before, 1)


NODE = """
const [base, ca] = process.argv.slice(1), assert = require("assert"), fs = require("fs");
const client = require(base.startsWith("https") ? "https" : "http");
const agent = new client.Agent({ keepAlive: true, maxSockets: 4, ca: fs.readFileSync(ca) });
let left = 400;
function ask(number) {
  const body = number % 2 ? "z".repeat(number * 100) : "";
  const request = client.request(`${base}/now?q=${number}`, { agent, method: body ? "POST" : "GET" }, reply => {
    let got = "";
    reply.on("data", part => { got += part; });
    reply.on("end", () => {
      assert.equal(reply.statusCode, 200);
      assert.equal(got, `${body ? "POST" : "GET"} /now now q=${number} h=- b=${body} v=1.1`);
      if (--left === 0) { console.log("all of them"); agent.destroy(); }
    });
  });
  for (let at = 0; at < body.length; at += 1000) request.write(body.slice(at, at + 1000)); // chunks
  request.end();
}
for (let number = 0; number < 400; number++) ask(number);
"""


@test("Node's agent keeps its connections, four of them, with chunks and without")
def node_agent(cleanup):
    needs("node")
    site = usual()
    for base in site.bases:
        before = site.accepted()
        equal(finished(["node", "-e", NODE, base, site.authority.path]), b"all of them\n")
        check(site.accepted() - before <= 4, "connections are kept", site.accepted() - before)


@test("wrk: two threads, fifty connections, a script that varies what it asks")
def wrk(cleanup):
    needs("wrk")
    site = usual()
    script = site.files / "vary.lua"
    script.write_text('n = 0\nrequest = function()\n  n = n + 1\n  if n % 2 == 0 then return wrk.format("POST", "/now?q=" .. n, nil, string.rep("x", n % 5000)) end\n'
                      '  return wrk.format("GET", "/now?q=" .. n)\nend\n')
    for base in site.bases:
        said = finished(["wrk", "-t2", "-c50", "-d2s", "--timeout", "60s", "-s", str(script), base]).decode()
        check(int(re.search(r"(\d+) requests in", said)[1]) > 50, said)
        check(not re.search("Socket errors|Non-2xx", said), said)
        eventually(lambda: site.report()["open"] == 0, "none is left")


@test("h2load with --h1: pipelined requests on twenty connections, over a reload")
def h2load(cleanup):
    needs("h2load")
    site = Site(cleanup)
    for base in site.bases:
        reloads = threading.Thread(target=lambda: [site.node.coppice("reload", "replies") for _ in range(3)])
        reloads.start()
        said = finished(["h2load", "--h1", "-n", "4000", "-c", "20", "-m", "8", f"{base}/now"]).decode()
        reloads.join()
        contains(said, "requests: 4000 total, 4000 started, 4000 done, 4000 succeeded, 0 failed, 0 errored, 0 timeout")
        contains(said, "status codes: 4000 2xx, 0 3xx, 0 4xx, 0 5xx")
    eventually(lambda: site.report()["open"] == 0, "none is left")


if __name__ == "__main__":
    run()
