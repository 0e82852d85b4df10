#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The node's page in a browser: each view, the actions that each right allows, the token, a node that goes and comes
back, the keyboard, what a redraw keeps, a narrow screen, and text that is readable in dark and light colours."""
import json
import socket
from urllib.parse import quote

from harness.browser import ENTER, TAB, Browser
from harness.node import Node, connectable, free_port, tree
from harness.tap import check, contains, equal, eventually, run, test

TOKEN = "a_token_of_thirty_two_characters"

shop = tree("""
        - { id: kv, actor: kv, name: kv }
        - { id: weak, actor: probe, name: weak }
        - { id: many, name: many, pool: { actor: kv, size: 2 } }
""", "shop", "temporary", distribution=connectable, intensity=1000)


# One child of each kind that has a view. whole() inserts the ports of the listeners.
kinds = """
node: { workers: 2 }
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }
events:
  - { name: notes, buffer: 100, open: true }
cron:
  jobs:
    - { name: nightly, at: "30 2 * * mon-fri", timezone: Europe/Paris, do: { cast: { to: kv, message: "{put, nightly, done}" } } }
applications:
  - name: shop
    type: temporary
    supervisor:
      intensity: 1000
      children:
        - { id: kv, actor: kv, name: kv }
        - { id: weak, actor: probe, name: weak }
        - { id: prices, name: prices, pool: { actor: kv, size: 3 } }
        - { id: door, actor: door, name: door, args: { open_for: 1h } }
        - { id: events, name: events, event_manager: { handlers: [ { id: many, actor: alarms } ] } }
        - { id: counter, actor: "numbers:counter", name: counter }
        - { id: doubler, actor: "numbers:doubler", name: doubler, stage: { subscribe_to: [ { to: counter, max_demand: 10, min_demand: 5 } ] } }
        - { id: printer, actor: "numbers:printer", name: printer, args: { every: 100ms }, stage: { subscribe_to: [ { to: doubler, max_demand: 10 } ] } }
        - { id: hello_web, actor: hello_web, name: hello_web }
        - { id: site, name: site, web: { listen: [ { address: 127.0.0.1, port: WEB } ], routes: [ { method: GET, path: /, to: hello_web } ] } }
        - { id: echo, name: echo, tcp: { listen: [ { address: 127.0.0.1, port: TCP } ], actor: echo } }
"""


# Processes that agree with others. A member of a Raft group warns if the disk is slower than a heartbeat, so they are
# left out of the test that waits until there is no warning.
agreed = """
        - { id: ledger, actor: ledger, name: ledger, raft: { members: [ ledger@demo@127.0.0.1 ], heartbeat: 1s, election: 3s } }
        - { id: desk, actor: "transfer:desk", name: desk, saga: { lifespan: 1h, step_timeout: 1m } }
"""


def whole(more=""):
    return kinds.rstrip().replace("WEB", str(free_port())).replace("TCP", str(free_port())) + more


# Each view, with a text from `kinds` that it shows.
VIEWS = (("overview", "Applications"), ("tree", "doubler"), ("processes", "shop/kv"), ("process/kv", "Mailbox"), ("ends", "Ends"), ("pools", "prices"), ("pipelines", "doubler"), ("machines", "locked"),
         ("events", "notes"), ("jobs", "nightly"), ("listeners", "site"), ("sagas", "desk"), ("cluster", "Cluster"), ("raft", "ledger"), ("plugins", "numbers"), ("log", "node"))


class Page:
    def __init__(self, cleanup, rights="[ inspect, state, manage ]", token=False, config=shop):
        self.browser = Browser(cleanup)
        self.port = free_port()
        keys = f"port: {self.port}, rights: {rights}" + (", token: { env: COPPICE_TEST_TOKEN }" if token else "")
        self.node = Node(cleanup, config=config, settings=[("control.http", f"{{ {keys} }}")], environment={"COPPICE_TEST_TOKEN": TOKEN})
        self.go("overview")

    def go(self, view):
        self.browser.open(f"http://127.0.0.1:{self.port}/#/{view}")

    def text(self):
        return self.browser.evaluate("return document.getElementById('main').innerText")

    def shows(self, part, what=""):
        try:
            eventually(lambda: part in self.text(), what or part, 60)
        except AssertionError:
            contains(self.text(), part, what)

    def js(self, script):
        return self.browser.evaluate(script)

    def buttons(self):
        return self.js("return [...document.querySelectorAll('main button')].map(one => one.textContent)")

    def press(self, words, within="main"):
        """Presses the first button with these words within that element, once it is there."""
        find = f"[...document.querySelectorAll('{within} button')].find(one => one.textContent === {json.dumps(words)})"
        eventually(lambda: self.js(f"const one = {find}; one?.click(); return Boolean(one)"), f"a button {words}", 60)

    def press_at(self, path, words):
        """Presses a button in the row of the tree that shows this child."""
        row = f"[...document.querySelectorAll('ul.tree .row')].find(one => one.querySelector('.id')?.textContent === {json.dumps(path)})"
        find = f"[...({row})?.querySelectorAll('button') ?? []].find(one => one.textContent === {json.dumps(words)})"
        eventually(lambda: self.js(f"const one = {find}; one?.click(); return Boolean(one)"), f"{words} of {path}", 60)

    def notice(self):
        return self.js("const one = document.getElementById('notice'); return one.hidden ? '' : one.textContent")

    def fill(self, selector, value):
        self.js(f"const one = document.querySelector({json.dumps(selector)}); one.value = {json.dumps(value)}; one.dispatchEvent(new Event('input')); one.dispatchEvent(new Event('change'))")


@test("the overview shows what is wrong, and that it is not any more, while it is open")
def overview(cleanup):
    page = Page(cleanup)
    page.shows("Nothing is wrong.")
    page.shows(page.node.name)
    page.node.ask("terminate", path="shop/weak")
    page.shows("terminated: it stays down until somebody restarts it")
    top = "const at = one => document.querySelector(one).getBoundingClientRect(); return at('main .first.wrong').bottom <= at('main .charts').top"
    check(page.js(top), "what is wrong stands above the charts")
    page.node.ask("restart", path="shop/weak")
    page.shows("Nothing is wrong.")
    drawn = "return [...document.querySelectorAll('main .charts polyline')].map(one => one.points.length)"
    before = page.js(drawn)
    equal(len(before), 6)
    eventually(lambda: all(now > then for now, then in zip(page.js(drawn), before)), "each chart goes on", 60)


@test("applications, jobs, the configuration and a drained node are acted on, each after a question where something ends")
def acted_on(cleanup):
    page = Page(cleanup, config=whole())
    page.shows("Nothing is wrong.")
    kv = page.node.pid("kv")
    page.press("Stop")
    equal(page.node.pid("kv"), kv, "it asks first")
    page.press("Stop", "dialog")
    eventually(lambda: page.node.pid("kv") is None, "the application is stopped", 60)
    page.shows("stopped")
    page.press("Start")
    eventually(lambda: page.node.pid("kv") not in (None, kv), "and started", 60)
    page.go("jobs")
    page.press("Run now")
    page.press("Run", "dialog")
    eventually(lambda: page.node.call("kv", "{get, nightly}") == "{ok,done}", "the job", 60)
    page.go("overview")
    file = page.node.folder.path / "node.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("every: 100ms", "every: 200ms"), encoding="utf-8")
    page.shows("on disk it differs")
    page.press("Apply…")
    eventually(lambda: " shop/printer" in page.js("return document.getElementById('dialog').innerText"), "what would change", 60)
    page.press("Apply", "dialog")
    eventually(lambda: page.notice() == "The configuration was applied", "it is applied", 60)
    page.node.ask("drain", change="on")
    page.press("Take back into service")
    eventually(lambda: not page.node.ask("status")["draining"], "it serves again", 60)
    page.node.said("asked to drain off (http, 127.0.0.1:")
    page.go("process/kv")
    page.press("Log level…")
    page.press("Set", "dialog")
    eventually(lambda: [(one["of"], one["level"]) for one in page.node.ask("log-level")["differs"]] == [("kv", "debug")], "the process's level", 60)


@test("another node is shown with its state, what goes to it now, its loss and the last error, and is connected again")
def cluster(cleanup):
    page = Page(cleanup, config=shop)
    away = Node(cleanup, name="away", config=shop, epmd_port=page.node.epmd_port)
    page.node.ask("connect", node=away.name)
    page.go("cluster")
    page.shows("connected")
    equal(page.js("return document.querySelector('main .state').className"), "state good")
    check("Connect" not in page.buttons(), "it is connected", page.buttons())
    column = "return document.querySelector('main td[data-title=Out]').textContent"
    long = "x" * 200_000
    page.node.call(f"weak@{away.name}", f'{{echo, <<"{long}">>}}')
    eventually(lambda: "KiB/s" in page.js(column), lambda: f"what went to it: {page.js(column)}", 10)
    eventually(lambda: page.js(column) == "0 B/s", lambda: f"nothing goes to it now: {page.js(column)}", 10)
    equal(away.stop(), 0)
    page.shows("down")
    eventually(lambda: page.js("return document.querySelector('main td[data-title=\"Last error\"]').textContent") != "", "why", 60)
    away.begin()
    away.wait_ready()
    page.press("Connect")
    eventually(lambda: page.notice() == f"{away.name} is connected", "it is told", 60)
    page.shows("connected")


@test("a child is restarted in the tree, after a question")
def tree_view(cleanup):
    page = Page(cleanup)
    page.go("tree")
    page.shows("weak")
    before = page.node.pid("kv")
    page.press_at("kv", "Restart")
    equal(page.node.pid("kv"), before, "it asks first")
    page.press("Restart", "dialog")
    eventually(lambda: page.node.pid("kv") not in (None, before), "its restart", 60)
    eventually(lambda: page.notice() == "shop/kv was restarted", "it says so", 60)
    page.press_at("weak", "Terminate")
    page.press("Terminate", "dialog")
    page.shows("stopped")
    page.press_at("weak", "Start")
    page.press("Restart", "dialog")
    eventually(lambda: page.node.pid("weak"), "it is back", 60)
    page.fill("main input", "kv")
    eventually(lambda: "weak" not in page.text() and "kv" in page.text(), "the search", 60)


@test("processes are filtered, and one is shown whole and ended")
def processes(cleanup):
    page = Page(cleanup)
    page.go("processes")
    page.shows("shop/weak")
    page.fill("main input", "shop/k")
    eventually(lambda: "shop/weak" not in page.text() and "shop/kv" in page.text(), "the filter", 60)
    page.fill("main select", "supervisor")
    page.shows("No process fits.")
    page.go("process/weak")
    page.shows("Links and monitors")
    before = page.node.pid("weak")
    page.press("Exit…")
    page.fill("#field-reason", "{<<\"<img src=x onerror=alert(1)>\">>, 1}")
    page.press("Send", "dialog")
    eventually(lambda: page.node.pid("weak") not in (None, before), "its end", 60)
    page.go("overview")
    page.go("process/weak")
    page.shows("<img src=x onerror=alert(1)>", "what a term says is text")
    equal(page.js("return document.querySelectorAll('main img').length"), 0)
    page.go("process/many")
    page.shows("Wait for it")
    page.js("location.hash = '#/process/' + encodeURIComponent('<script>alert(1)</script>')")
    eventually(lambda: page.js("return document.querySelector('main .failed') && document.querySelector('main h1').textContent") == "<script>alert(1)</script>",
               "a process that is not there has a heading", 60)


@test("a plugin is reloaded after its dry run; the other views have what there is")
def others(cleanup):
    page = Page(cleanup)
    page.go("plugins")
    page.shows("kv")
    for column in ("Memory", "Processor time"):
        page.shows(column)
    page.press("Reload…")
    eventually(lambda: "kv: 3 actors would be carried over" in page.js("return document.getElementById('dialog').innerText"), "the plan", 60)
    page.press("Reload", "dialog")
    eventually(lambda: page.node.ask("plugins")["plugins"][0]["generation"] == 2 or page.notice(), "it is reloaded", 60)
    for view, part in (("cluster", "This node is connected to no other."), ("events", "The node has no event managers."), ("jobs", "The node has no jobs."),
                       ("pipelines", "The node has no stages."), ("machines", "The node has no state machines."), ("listeners", "The node has no listeners."), ("raft", "The node has no replicated state machines."), ("sagas", "The node has no sagas."), ("ends", "No child has ended.")):
        page.go(view)
        page.shows(part)


@test("the log shows lines as they are written and those that fit a filter, its level is set, and its handlers are shown")
def log(cleanup):
    handlers = "{ name: far, to: { syslog: '127.0.0.1:9' }, level: error }"
    page = Page(cleanup, config=shop.replace("workers: 2", f"workers: 2, log: {{ handlers: [ {handlers} ] }}", 1))
    page.go("log")
    page.shows("page, metrics and health at")
    page.shows("as configured")
    page.shows("127.0.0.1:9")
    page.node.ask("restart", path="shop/kv")
    page.shows("asked to restart shop/kv")
    page.fill("main input", "Restart Shop")
    eventually(lambda: "page, metrics and health at" not in page.text(), "the filter", 60)
    page.shows("asked to restart shop/kv")
    page.press("Log level…")
    page.press("Set", "dialog")
    eventually(lambda: page.node.ask("log-level")["level"] == "debug", "the level", 60)
    page.shows("until it is set again")


@test("without rights no action and no log is offered; with the token they are, and the token is in no address")
def token(cleanup):
    page = Page(cleanup, rights="[ inspect ]", token=True)
    page.shows("Applications")
    views = "return [...document.querySelectorAll('nav a')].map(one => one.textContent)"
    check("Log" not in page.js(views))
    for view in ("tree", "plugins", "process/kv"):
        page.go(view)
        page.shows("kv")
        check(not {"Restart", "Terminate", "Stop", "Reload…", "Exit…"} & set(page.buttons()), view)
    page.js("document.getElementById('token').click()")
    page.fill("#field-token", "wrong")
    page.press("Use it", "dialog")
    eventually(lambda: "The token is not the node's." in page.js("return document.getElementById('dialog').innerText"), "a wrong one", 60)
    page.fill("#field-token", TOKEN)
    page.press("Use it", "dialog")
    eventually(lambda: "Log" in page.js(views), "the right one", 60)
    page.go("tree")
    page.press_at("kv", "Restart")
    page.press("Restart", "dialog")
    eventually(lambda: page.notice() == "shop/kv was restarted", "it acts", 60)
    check(TOKEN not in page.js("return location.href + document.documentElement.outerHTML"))
    page.js("document.getElementById('token').click()")
    eventually(lambda: "Log" not in page.js(views), "it is forgotten", 60)
    check(TOKEN not in page.node.log())


@test("a reader that may see nothing is asked for the token, and one that no node can have is refused as a wrong one is")
def asked_for(cleanup):
    page = Page(cleanup, rights="[]", token=True)
    dialog = "return document.getElementById('dialog').open && document.getElementById('dialog').innerText"
    eventually(lambda: "Without the token" in (page.js(dialog) or ""), "it is asked for", 60)
    for wrong in ("кириллица", "naïve", "wrong"):
        page.fill("#field-token", wrong)
        page.press("Use it", "dialog")
        eventually(lambda: "The token is not the node's." in (page.js(dialog) or ""), wrong, 60)
        equal(page.js("return sessionStorage.length"), 0, wrong)
    page.fill("#field-token", TOKEN)
    page.press("Use it", "dialog")
    page.shows("Nothing is wrong.")
    equal(page.js("return [sessionStorage.length, localStorage.length, document.cookie]"), [1, 0, ""], "it is kept for the tab alone")


@test("a question that another one takes the place of is given up, whatever the other one is answered")
def given_up(cleanup):
    page = Page(cleanup, token=True)
    page.go("tree")
    page.press_at("kv", "Restart")
    before = page.node.pid("kv")
    page.js("document.getElementById('token').click()")
    page.fill("#field-token", TOKEN)
    page.press("Use it", "dialog")
    eventually(lambda: page.js("return document.getElementById('token').textContent") == "Forget the token", "the token is taken", 60)
    page.press_at("weak", "Terminate")
    page.press("Terminate", "dialog")
    eventually(lambda: page.node.pid("weak") is None, "a later question is one", 60)
    equal(page.node.pid("kv"), before)


@test("a node that comes back with other rights shows what the reader may do now")
def other_rights(cleanup):
    page = Page(cleanup)
    page.go("tree")
    page.shows("weak")
    check("Stop" in page.buttons())
    equal(page.node.stop(), 0)
    page.node.command = [one.replace("rights: [ inspect, state, manage ]", "rights: [ inspect ]") for one in page.node.command]
    page.node.begin()
    eventually(lambda: "Stop" not in page.buttons() and "weak" in page.text(), "nothing acts any more", 60)
    check("Log" not in page.js("return [...document.querySelectorAll('nav a')].map(one => one.textContent)"))


@test("a node that goes and comes back is followed again")
def back(cleanup):
    page = Page(cleanup)
    page.node.ask("terminate", path="shop/weak")
    page.go("process/kv")
    page.shows("Mailbox")
    wrong = "return document.getElementById('wrong').textContent"
    eventually(lambda: page.js(wrong) == "One thing is wrong", "it is said on each view", 60)
    equal(page.node.stop(), 0)
    state = "return document.getElementById('state').textContent"
    eventually(lambda: page.js(state) == "The node does not answer; trying again.", "it says so", 60)
    equal(page.js(wrong), "", "what was wrong with it may have changed")
    contains(page.text(), "Mailbox", "what it told last stays")
    page.node.begin()
    eventually(lambda: page.js(state) == "", "it is back", 60)
    page.go("overview")
    page.shows("Nothing is wrong.")


@test("by the keyboard alone one comes from view to view, and acts")
def keyboard(cleanup):
    page = Page(cleanup)
    page.shows("Nothing is wrong.")

    def tab_to(text):
        for _ in range(40):
            page.browser.type(TAB)
            if page.js("return document.activeElement.textContent") == text:
                return
        raise AssertionError(f"no way to {text} by Tab")

    tab_to("Plugins")
    page.browser.type(ENTER)
    page.shows("Reload what changed…")
    tab_to("Reload…")
    page.browser.type(ENTER)
    eventually(lambda: page.js("return document.getElementById('dialog').open"), "the question", 60)
    page.browser.type("\ue00c")  # Escape
    eventually(lambda: not page.js("return document.getElementById('dialog').open"), "it is left", 60)
    is_open = "return document.getElementById('dialog').open"
    page.go("process/weak")
    page.shows("Links and monitors")
    before = page.node.pid("weak")
    tab_to("Exit…")
    page.browser.type(ENTER)
    eventually(lambda: page.js(is_open), "the question", 60)
    equal(page.js("return document.activeElement.id"), "field-reason")
    page.browser.type("stopped" + ENTER)
    eventually(lambda: page.node.pid("weak") not in (None, before), "Enter in a field sends it", 60)
    eventually(lambda: page.node.info("weak")["ends"][-1]["reason"] == "stopped", "with what was typed", 60)
    page.go("tree")
    page.shows("weak")
    before = page.node.pid("kv")
    tab_to("Restart")
    page.browser.type(ENTER)
    eventually(lambda: page.js(is_open), "the question", 60)
    equal(page.js("return document.activeElement.textContent"), "Cancel", "nothing ends by Enter alone")
    page.browser.type(ENTER)
    eventually(lambda: not page.js(is_open), "it is left", 60)
    equal(page.node.pid("kv"), before)
    page.browser.type(ENTER)
    eventually(lambda: page.js(is_open), "the question once more", 60)
    page.browser.type(TAB + ENTER)
    eventually(lambda: page.node.pid("kv") not in (None, before), "its restart", 60)
    page.go("process/kv")
    page.shows("Links and monitors")
    tab_to("Log level…")
    page.browser.type(ENTER)
    eventually(lambda: page.js(is_open), "the level is asked for", 60)
    page.browser.type("nonsense" + ENTER)
    eventually(lambda: "expected one of trace" in page.notice(), "it is refused", 60)
    page.browser.type("\ue00c")
    equal(page.notice(), "", "what is said goes away by Escape")


@test("pools, pipelines and state machines are shown as they are")
def work(cleanup):
    page = Page(cleanup, config=whole())
    page.node.call("door", "{code, 4711}")
    page.go("pools")
    page.shows("Wait for it")
    page.press("Resize…")
    page.fill("#field-size", "5")
    page.press("Resize", "dialog")
    eventually(lambda: page.node.engine("prices")["size"] == 5, "its size", 60)
    eventually(lambda: page.js("return document.querySelectorAll('tr.more tbody tr').length") == 5, "its workers", 60)
    page.go("pipelines")
    page.shows("Demand open")
    said = page.js("return document.querySelector('.picture svg').getAttribute('aria-label')")
    for part in ("counter gives to doubler", "doubler gives to printer"):
        contains(said, part)
    left = page.js("return [...document.querySelectorAll('.picture .box')].map(one => [one.querySelector('text').firstChild.data, one.querySelector('rect').x.baseVal.value]).sort((a, b) => a[1] - b[1]).map(one => one[0])")
    equal(left, ["counter", "doubler", "printer"], "from left to right as events flow")
    page.go("process/doubler")
    page.shows("Demand open")
    page.shows(page.node.pid("counter"), "its producer, by its pid")
    page.go("machines")
    page.shows("Timers")
    eventually(lambda: page.js("return document.querySelector('.picture .now text')?.firstChild.data") == "open", "its state", 60)
    page.shows("state_timeout")


@test("consumer supervisors, programs, connections and sockets of datagrams are shown in their views, and each process whole")
def further_kinds(cleanup):
    page = Page(cleanup, config=whole("""
        - { id: jobs, name: jobs, consumer_supervisor: { template: { actor: "numbers:job", restart: transient, args: { takes: 1s } }, subscribe_to: [ { to: counter, max_demand: 10 } ] } }
        - { id: cat, name: cat, port: { command: [ /bin/cat ], actor: echo } }
        - { id: dgram, name: dgram, udp: { listen: [ { address: 127.0.0.1, port: 0 } ], actor: "echo:datagrams" } }
"""))
    page.go("pipelines")
    eventually(lambda: "counter gives to jobs" in (page.js("return document.querySelector('.picture svg')?.getAttribute('aria-label')") or ""), "it is a stage", 60)
    equal("on another node" in page.text() + page.js("return [...document.querySelectorAll('.picture text')].map(one => one.textContent).join()"), False)
    page.go("process/jobs")
    page.shows("Demand open")
    page.go("process/cat")
    page.shows("/bin/cat")
    page.shows("its process id")
    page.go("listeners")
    page.shows("dropped by the kernel")
    place = page.node.engine("echo")["listening"][0].rpartition(":")[2]
    client = cleanup.enter_context(socket.create_connection(("127.0.0.1", int(place)), timeout=60))
    client.sendall(b"hello\n")
    connection = eventually(lambda: next((one["pid"] for one in page.node.ask("ps")["processes"] if one["label"] == "shop/echo" and one["plugin"]), None), "its actor", 60)
    page.go("process/" + quote(connection))
    page.shows(f"127.0.0.1:{client.getsockname()[1]}")
    check("connections ended" not in page.text(), "nothing that a listener alone has")


@test("groups of Raft and sagas are shown with members, transactions and their steps")
def agreements(cleanup):
    page = Page(cleanup, config=whole(agreed))
    eventually(lambda: page.node.engine("ledger")["role"] == "leader", "it leads", 60)
    page.node.call("ledger", '{append, {deposit, <<"alice">>, 10}}', timeout_ms=30000)
    page.go("raft")
    page.shows("in order")
    page.shows("ledger@demo@127.0.0.1 leads")
    equal(page.js("return document.querySelectorAll('main tbody > tr:not(.more, .more *)').length"), 1, "its actor is no group")
    page.go("process/ledger")
    page.shows("Entries on disk")
    page.go("sagas")
    page.shows("No transaction is open.")
    page.node.call("desk", '{start, {move, {<<"nobody">>, <<"ann">>}, {<<"nobody">>, <<"bob">>}, 30}, #{id => <<"<b>tx">>}}')
    page.shows("<b>tx")
    page.js("[...document.querySelectorAll('button.opener')].find(one => one.getAttribute('aria-label') === 'Details of <b>tx').click()")
    page.shows("Asks for")
    page.shows("nobody@demo@127.0.0.1")
    equal(page.js("return document.querySelectorAll('main b').length"), 0)
    page.go("process/desk")
    page.shows("1 transaction open")


@test("events, jobs and listeners are shown, and changed with the right manage")
def around(cleanup):
    page = Page(cleanup, config=whole())
    page.go("events")
    page.shows("notes")
    tail = page.node.ask("events", name="notes", since="now")["tail"]
    page.js("[...document.querySelectorAll('button.opener')].find(one => one.getAttribute('aria-label') === 'Details of notes').click()")
    eventually(lambda: page.js("return [...document.querySelectorAll('tr.more a')].some(one => /^<0\\.\\d+\\.0>$/.test(one.textContent))"), "the subscriber's pid", 60)
    page.node.ask("events", tail=tail, close=True)
    page.shows("Nobody has subscribed.")
    publish = lambda term: page.node.ask("events", name="notes", change="publish", term=term)
    publish("{first, 1}")
    page.press("Follow")
    page.shows("{first,1}", "what the event keeps")
    publish('{<<"<b>second</b>">>, 2}')
    page.shows('{<<"<b>second</b>">>,2}', "what comes, as it is")
    streams = lambda: json.loads(page.js("return fetch('api/v1/').then(one => one.text())"))["streams"]["open"]
    eventually(lambda: streams() == 2, "the view's and the event's", 60)
    page.press("Stop following")
    eventually(lambda: streams() == 1, "the event's has ended", 60)
    equal("{first,1}" in page.text(), False)
    page.go("jobs")
    page.press("Disable")
    page.press("Disable", "dialog")
    eventually(lambda: not page.node.ask("cron")["jobs"][0]["enabled"], "it is disabled", 60)
    page.go("overview")
    page.shows("job nightly: disabled by hand.")
    page.press("Enable")
    page.shows("Nothing is wrong.")
    page.go("listeners")
    page.shows("hello_web")
    place = page.node.engine("echo")["listening"][0].rpartition(":")[2]
    for _ in range(3):
        cleanup.enter_context(socket.create_connection(("127.0.0.1", int(place)), timeout=60))
    eventually(lambda: page.js("return [...document.querySelectorAll('main td[data-title=Open]')].map(one => one.textContent)") == ["3 of 10,000", "0 of 10,000"], "connections are counted, and are no listeners", 60)
    page.press("Suspend")
    page.press("Suspend", "dialog")
    page.shows("suspended")
    page.press("Resume")
    eventually(lambda: not page.node.engine("echo")["suspended"], "it accepts again", 60)


@test("what has ended is listed with its reasons, which are text")
def ended(cleanup):
    page = Page(cleanup, config=whole(agreed))
    evil = "{<<\"<script>document.title='evil'</script><img src=x onerror=document.title='evil'>\">>, 1}"
    for reason in ("first", evil):
        before = page.node.pid("weak")
        page.node.ask("exit", name="weak", reason=reason)
        eventually(lambda: page.node.pid("weak") not in (None, before), "it is back", 60)
    page.node.ask("exit", name="door", reason=evil)
    page.go("ends")
    page.shows("shop/weak")
    page.shows("<img src=x onerror")
    page.js("[...document.querySelectorAll('button.opener')].find(one => one.getAttribute('aria-label') === 'Details of shop/weak').click()")
    page.shows("first", "an earlier end")
    for view, part in VIEWS:
        page.go(view)
        page.shows(part)
        equal(page.js("return document.querySelectorAll('main img, main script').length"), 0, view)
    check("evil" not in page.js("return document.title"))


@test("names that look like script, and addresses that lead nowhere, are text")
def names(cleanup):
    page = Page(cleanup, config=shop.replace("id: weak, actor: probe, name: weak", "id: \"<b>weak\", actor: probe, name: weak"))
    for view in ("tree", "processes/weak"):
        page.go(view)
        page.shows("<b>weak")
        equal(page.js("return document.querySelectorAll('main b').length"), 0, view)
    for address in ("constructor", "__proto__", "tree/%", "process/%3Cimg%20src%3Dx%3E", "nothing"):
        page.go(address)
        eventually(lambda: page.js("return document.querySelector('main h1, main .failed') !== null"), address, 60)
        equal(page.js("return document.querySelectorAll('main img').length"), 0, address)


@test("a redraw keeps the focus, a selection, the scroll position and what is open")
def kept(cleanup):
    page = Page(cleanup, config=whole())
    draws = "window.draws = 0; new MutationObserver(() => ++draws).observe(document.getElementById('main'), {subtree: true, childList: true, characterData: true, attributes: true})"

    def drawn():
        """Waits until the view has been redrawn twice with something that differs."""
        before = page.js("return draws")
        eventually(lambda: page.js("return draws") >= before + 2, "it is drawn again", 60)

    page.js(draws)
    page.go("processes")
    page.shows("shop/kv")
    page.js("[...document.querySelectorAll('tbody a')].find(one => one.closest('tr').textContent.includes('shop/doubler')).focus(); getSelection().selectAllChildren(document.querySelector('h1'))")
    page.js("window.scrollTo(0, 150)")
    drawn()
    check("shop/doubler" in page.js("return document.activeElement.closest('tr')?.textContent ?? ''"), "the focus is in the row, wherever that has gone to")
    equal(page.js("return String(getSelection())"), "Processes")
    equal(page.js("return scrollY"), 150)
    page.go("pools")
    page.shows("Wait for it")
    page.js("document.querySelector('button.opener').focus()")
    page.browser.type(ENTER)
    eventually(lambda: page.js("return document.querySelectorAll('tr.more').length") == 0, "it is closed", 60)
    page.node.call("prices", "{put, a, 1}")
    drawn()
    equal(page.js("return [document.activeElement.className, document.querySelectorAll('tr.more').length]"), ["opener", 0])
    page.browser.type(ENTER)
    page.shows("Wait for it", "and open again")
    page.node.call("prices", "{put, a, 1}")
    drawn()
    equal(page.js("return document.querySelectorAll('tr.more').length"), 1)
    page.go("tree")
    page.shows("doubler")
    pool = "[...document.querySelectorAll('ul.tree details')].find(one => one.querySelector('.id').textContent === 'prices')"
    page.js(f"{pool}.querySelector('summary').click()")
    eventually(lambda: not page.js(f"return {pool}.open"), "the branch is closed", 60)
    page.js(f"{pool}.querySelector('summary').focus()")
    page.node.ask("exit", name="kv", reason="kill")
    page.shows("1 restart")
    equal(page.js(f"return [{pool}.open, document.activeElement === {pool}.querySelector('summary')]"), [False, True], "and stays so, with the focus")


@test("no view is wider than a phone, or than 1,000 pixels, and none has an error")
def narrow(cleanup):
    page = Page(cleanup, config=whole(agreed))
    page.js("window.errors = []; addEventListener('error', one => errors.push(one.message)); addEventListener('unhandledrejection', one => errors.push(String(one.reason)))")
    page.node.ask("exit", name="weak", reason='{shutdown, <<"' + "a_reason_" * 40 + '">>}')
    for width in (390, 1000):
        page.browser.resize(width, 844)
        for view, part in VIEWS:
            page.go(view)
            page.shows(part)
            equal(page.js("return Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)") <= width, True, f"{view} at {width}")
    equal(page.js("return errors"), [])


@test("at 1,000 pixels nothing overlaps in any view, and nothing is cut off at the sides")
def laid_out(cleanup):
    page = Page(cleanup, config=whole(agreed))
    page.node.ask("exit", name="weak", reason='{shutdown, <<"' + "a_reason_" * 40 + '">>}')
    page.node.call("door", "{code, 4711}")
    page.browser.resize(1000, 844)
    for view, part in VIEWS:
        page.go(view)
        page.shows(part)
        page.js("window.scrollTo(0, 0)")
        equal(page.browser.misplaced(), [], view)


@test("without the right state pipelines are shown, and names of states are not")
def no_state(cleanup):
    page = Page(cleanup, rights="[ inspect ]", config=whole(agreed))
    page.go("pipelines")
    page.shows("Demand open")
    contains(page.js("return document.querySelector('.picture svg').getAttribute('aria-label')"), "counter gives to doubler")
    page.go("machines")
    page.shows("The names of states are shown with the right state.")
    for view, _ in VIEWS[:-1]:
        page.go(view)
        eventually(lambda: page.js("return document.querySelector('main h1') !== null"), view, 60)
        check(not {"Restart", "Terminate", "Stop", "Resize…", "Suspend", "Disable", "Run now", "Reload…", "Exit…"} & set(page.buttons()), view)


@test("each view can be read in the dark and in the light, and used by the keyboard")
def readable(cleanup):
    page = Page(cleanup, config=whole(agreed))
    page.node.ask("terminate", path="shop/weak")
    seen = {}
    for scheme in ("light", "dark"):
        page.browser.prefers(scheme)
        for view, part in VIEWS:
            page.go(view)
            page.shows(part)
            reached = page.js("return [...document.querySelectorAll('main :is(a, button, input, select, summary)')].filter(one => one.tabIndex < 0).length")
            equal(reached, 0, f"{view}: all that acts is reached by Tab")
            page.browser.type(TAB)
            faint = {what: ratio for what, ratio in page.browser.contrasts().items() if ratio < (3 if what == "the focus" else 4.5)}
            equal(faint, {}, f"{view}, {scheme}")
        seen[scheme] = page.js("return getComputedStyle(document.body).color")
    check(seen["light"] != seen["dark"])


if __name__ == "__main__":
    run()
