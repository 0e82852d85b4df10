#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The node's page in a browser: each view, what it offers with which rights, the token, a node that goes and comes back, the
keyboard, and text that can be read in the dark and in the light."""
import json

from harness.browser import ENTER, TAB, Browser
from harness.node import Node, connectable, free_port, tree
from harness.tap import check, contains, equal, eventually, run, test

TOKEN = "a_token_of_thirty_two_characters"

shop = tree("""
        - { id: kv, actor: kv, name: kv }
        - { id: weak, actor: probe, name: weak }
        - { id: many, name: many, pool: { actor: kv, size: 2 } }
""", "shop", "temporary", distribution=connectable, intensity=1000)


class Page:
    def __init__(self, cleanup, rights="[ inspect, state, manage ]", token=False):
        self.browser = Browser(cleanup)
        self.port = free_port()
        keys = f"port: {self.port}, rights: {rights}" + (", token: { env: COPPICE_TEST_TOKEN }" if token else "")
        self.node = Node(cleanup, config=shop, settings=[("control.http", f"{{ {keys} }}")], environment={"COPPICE_TEST_TOKEN": TOKEN})
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
        """The first button of these words there, once it is there."""
        find = f"[...document.querySelectorAll('{within} button')].find(one => one.textContent === {json.dumps(words)})"
        eventually(lambda: self.js(f"const one = {find}; one?.click(); return Boolean(one)"), f"a button {words}", 60)

    def press_at(self, path, words):
        """In the row of the tree that shows this child."""
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
    page.node.ask("restart", path="shop/weak")
    page.shows("Nothing is wrong.")


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
    page.shows("<script>alert(1)</script>")


@test("a plugin is reloaded after its dry run; the other views have what there is")
def others(cleanup):
    page = Page(cleanup)
    page.go("plugins")
    page.shows("kv")
    page.press("Reload…")
    eventually(lambda: "would be carried over" in page.js("return document.getElementById('dialog').innerText"), "the plan", 60)
    page.press("Reload", "dialog")
    eventually(lambda: page.node.ask("plugins")["plugins"][0]["generation"] == 2 or page.notice(), "it is reloaded", 60)
    for view, part in (("cluster", "This node is connected to no other."), ("events", "Named events"), ("jobs", "The node has no jobs.")):
        page.go(view)
        page.shows(part)


@test("the log shows lines as they are written, and its level is set")
def log(cleanup):
    page = Page(cleanup)
    page.go("log")
    page.shows("page, metrics and health at")
    page.node.ask("restart", path="shop/kv")
    page.shows("asked to restart shop/kv")
    page.press("Log level…")
    page.press("Set", "dialog")
    eventually(lambda: page.node.ask("log-level")["level"] == "debug", "the level", 60)


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


@test("a node that goes and comes back is followed again")
def back(cleanup):
    page = Page(cleanup)
    page.shows("Nothing is wrong.")
    equal(page.node.stop(), 0)
    state = "return document.getElementById('state').textContent"
    eventually(lambda: page.js(state) == "The node does not answer; trying again.", "it says so", 60)
    page.node.begin()
    eventually(lambda: page.js(state) == "", "it is back", 60)


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


@test("each view can be read in the dark and in the light")
def readable(cleanup):
    page = Page(cleanup)
    page.node.ask("terminate", path="shop/weak")
    seen = {}
    for scheme in ("light", "dark"):
        page.browser.prefers(scheme)
        for view, part in (("overview", "terminated"), ("tree", "stopped"), ("processes", "shop/kv"), ("process/kv", "Mailbox"), ("plugins", "kv"), ("log", "node")):
            page.go(view)
            page.shows(part)
            page.browser.type(TAB)
            faint = {what: ratio for what, ratio in page.browser.contrasts().items() if ratio < (3 if what == "the focus" else 4.5)}
            equal(faint, {}, f"{view}, {scheme}")
        seen[scheme] = page.js("return getComputedStyle(document.body).color")
    check(seen["light"] != seen["dark"])


if __name__ == "__main__":
    run()
