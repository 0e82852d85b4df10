#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""config/web.yaml in a browser: its page by the keyboard alone, and its clock over a crash of the actor behind it."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.browser import ENTER, TAB, Browser
from harness.node import Node, free_port, root
from harness.tap import equal, eventually, run, test


def page(cleanup, *options):
    browser = Browser(cleanup, *options)
    port = free_port()
    text = (root / "config" / "web.yaml").read_text(encoding="utf-8").replace("port: 8080", f"port: {port}")
    node = Node(cleanup, config="node: { workers: 2 }\ndistribution: { listen: [] }\n" + text[text.index("applications:"):])
    browser.open(f"http://127.0.0.1:{port}/")
    return browser, node


def clock(browser):
    return browser.evaluate("return document.getElementById('clock').textContent")


def notes(browser):
    return browser.evaluate("return [...document.querySelectorAll('#notes span')].map(one => one.textContent)")


@test("notes are added and removed by the keyboard alone")
def by_keyboard(cleanup):
    browser, _ = page(cleanup)
    browser.type(TAB)
    equal(browser.evaluate("return document.activeElement.id"), "text")
    for count, text in enumerate(("buy milk", "<b>and</b> bread"), 1):
        browser.type(text + ENTER)
        eventually(lambda: len(notes(browser)) == count, "the note is there", 60)
    equal(notes(browser), ["buy milk", "<b>and</b> bread"])
    browser.type(TAB + TAB)
    equal(browser.evaluate("return document.activeElement.getAttribute('aria-label')"), "Remove buy milk")
    browser.type(ENTER)
    eventually(lambda: notes(browser) == ["<b>and</b> bread"], "it is gone", 60)
    eventually(lambda: browser.evaluate("return document.activeElement.id") == "text", "and the focus is where one goes on", 60)


@test("the clock goes on when the actor behind it has crashed and when its plugin is reloaded")
def clock_goes_on(cleanup):
    browser, node = page(cleanup)

    def goes_on(what):
        before = clock(browser)
        eventually(lambda: clock(browser) not in (before, "–"), what, 60)

    goes_on("the clock goes")
    node.coppice("exit", "hello_web", "kill")
    goes_on("and again")
    equal(node.coppice("reload", "hello_web").returncode, 0)
    goes_on("and again")
    goes_on("and again")


@test("what one page says in the chat another one hears, over a crash and a reload")
def chats(cleanup):
    browser, node = page(cleanup)
    lines = lambda: browser.evaluate("return [...document.querySelectorAll('#chat p')].map(one => one.textContent)")
    say = "document.getElementById('line').focus()"
    eventually(lambda: browser.evaluate("return socket.readyState") == 1, "it has joined", 60)
    browser.evaluate(say)
    browser.type("hello <b>all</b>" + ENTER)
    eventually(lambda: lines() == ["Guest 1: hello <b>all</b>"], "it is heard", 60)
    equal(node.coppice("reload", "hello_web").returncode, 0)
    browser.type("still here" + ENTER)
    eventually(lambda: lines() == ["Guest 1: hello <b>all</b>", "Guest 1: still here"], "over the reload", 60)
    before = node.pid("hello_web")
    node.coppice("exit", "hello_web", "kill")
    eventually(lambda: node.pid("hello_web") not in (None, before) and browser.evaluate("return socket.readyState") == 1 and lines() == [], "it joins again", 60)
    browser.type("anew" + ENTER)
    eventually(lambda: lines() == ["Guest 1: anew"], "and is heard", 60)


if __name__ == "__main__":
    run()
