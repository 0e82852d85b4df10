#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A mistyped request, or a web request that a route brings to an actor that does not handle it, ends no actor; and
secrets in web requests are not logged."""
from harness.node import connectable, tree
from harness.site import WebSite
from harness.tap import check, contains, equal, eventually, run, test

CHILDREN = """
        - { id: kv, actor: kv, name: kv }
        - { id: strict, actor: kv, name: strict, unhandled: exit }
        - { id: bare, actor: thrower, name: bare }
        - { id: crowd, name: crowd, pool: { actor: thrower, size: 2 } }
        - { id: door, actor: door, name: door }
        - { id: below, supervisor: { name: below, children: [] } }
        - { id: news, name: news, event_manager: { handlers: [] } }
        - { id: gate, name: gate, tcp: { listen: [ { address: 127.0.0.1, port: 0 } ], actor: echo } }
        - id: site
          name: site
          web:
            listen: [ { address: 127.0.0.1, port: 0 } ]
            routes:
              - { path: /kv, to: kv }
              - { path: /strict, to: strict }
              - { path: /bare, to: bare }
              - { path: /crowd, to: crowd }
              - { path: /door, to: door }
"""
# Processes of the node itself, and processes that the configuration starts without a plugin.
OWN = ("net_kernel", "rex", "pg", "global_name_server", "application_controller", "coppice_cron", "coppice_events", "user", "below", "news",
       "gate", "site")
SECRETS = {"Authorization": "Bearer SECRET-TOKEN", "Cookie": "session=SECRET-COOKIE"}


def start(cleanup):
    return WebSite(cleanup, tree(CHILDREN, "shop", "temporary", distribution=connectable), "thrower", "kv", "door", "echo")


def ask(site, path, method="GET", **more):
    connection = site.client()
    connection.request(method, path, **more)
    answer = connection.getresponse()
    answer.read()
    return answer.status


@test("thirty calls that nothing takes end nobody, whatever the class says; the client exits 1 with the text")
def calls(cleanup):
    node = start(cleanup).node
    before = {name: node.pid(name) for name in ("kv", "bare", "door", "crowd")}
    node.call("kv", "{put, kept, 1}")
    for name in before:
        for _ in range(30):
            contains(node.reply("call", name=name, term="nonsense", timeout_ms=5000)["error"]["why"], "bad_request: ")
    done = node.coppice("call", "kv", "nonsense")
    equal((done.returncode, done.stdout), (1, ""))
    contains(done.stderr, "coppice: call kv: bad_request: ")
    equal({name: node.pid(name) for name in before}, before)
    equal(node.call("kv", "{get, kept}"), "{ok,1}")
    strict = node.pid("strict")
    contains(node.coppice("call", "strict", "nonsense").stderr, "{bad_call,nonsense}")
    eventually(lambda: node.pid("strict") not in (None, strict), "its configuration says that it ends")


@test("so does a call to a server of the node's own")
def own(cleanup):
    node = start(cleanup).node
    before = {name: node.pid(name) for name in OWN}
    for name in OWN:
        for term in ("nonsense", "{what, now}", "{subscribe, 1}"):
            check(node.refused(name, term), f"{name} says something")
    done = node.coppice("call", "net_kernel", "nonsense")
    equal((done.returncode, done.stdout, done.stderr), (1, "", "coppice: call net_kernel: bad_request: net_kernel takes no such request\n"))
    equal({name: node.pid(name) for name in OWN}, before)


@test("a web route to an actor that takes no requests is answered 500, counted in a line, and ends nobody")
def routes(cleanup):
    site = start(cleanup)
    node = site.node
    before = {name: node.pid(name) for name in ("kv", "bare", "door", "crowd")}
    for path in ("/kv", "/bare", "/door", "/crowd"):
        equal([ask(site, path) for _ in range(10)], [500] * 10, path)
    equal({name: node.pid(name) for name in before}, before)
    node.said("/kv, from kv: 500: it takes no such requests")
    equal(sum("/kv, from kv: 500" in line for line in node.log().splitlines()), 1, "one line for all of them")


@test("Authorization, Cookie and the body of a web request stand in no line of the log, whatever ends by it")
def secrets(cleanup):
    site = start(cleanup)
    node = site.node
    for path, name in (("/kv", None), ("/strict", "strict"), ("/bare", None)):
        before = node.pid(name) if name else None
        equal(ask(site, path, "POST", body="password=SECRET-BODY", headers=SECRETS), 500)
        if name:
            eventually(lambda: node.pid(name) not in (None, before), "it ended by that, and is back")
    node.said('{<<"authorization">>,...}', "the line has the request, but for that")
    node.said("body => ...")
    check("SECRET" not in node.log(), "no secret", node.log())
    check("SECRET" not in str(node.info("strict")), "nor in what is told of its end")


run()
