#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""config/web.yaml in a browser: its page is used with the keyboard alone and is readable in dark and light colours; its
clock goes on after a crash of the actor behind it."""
from harness.browser import ENTER, TAB, Browser
from harness.node import Node, free_port, root
from harness.tap import check, equal, eventually, run, test


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
    node.reply("exit", name="hello_web", reason="kill")
    goes_on("and again")
    node.ask("reload", plugin="hello_web")
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
    node.ask("reload", plugin="hello_web")
    browser.type("still here" + ENTER)
    eventually(lambda: lines() == ["Guest 1: hello <b>all</b>", "Guest 1: still here"], "over the reload", 60)
    before = node.pid("hello_web")
    node.reply("exit", name="hello_web", reason="kill")
    eventually(lambda: node.pid("hello_web") not in (None, before) and browser.evaluate("return socket.readyState") == 1 and lines() == [], "it joins again", 60)
    browser.type("anew" + ENTER)
    eventually(lambda: lines() == ["Guest 1: anew"], "and is heard", 60)


def tab_to(browser, wanted):
    for _ in range(20):
        browser.type(TAB)
        if browser.evaluate("return document.activeElement.id") == wanted:
            return
    raise AssertionError(f"no way to {wanted} by Tab")


@test("chat and game are played by the keyboard alone, from one to the other and back, one game after the other")
def plays(cleanup):
    browser, _ = page(cleanup)
    hint = lambda: browser.evaluate("return document.getElementById('hint').textContent")
    eventually(lambda: browser.evaluate("return socket.readyState") == 1 and hint() == "I think of a number from 1 to 100. Which one?", "both have begun", 60)
    tab_to(browser, "line")
    browser.type("by keys" + ENTER)
    eventually(lambda: browser.evaluate("return document.getElementById('chat').textContent") == "Guest 1: by keys", "it is heard", 60)
    equal(browser.evaluate("return document.activeElement.id + document.activeElement.value"), "line", "one goes on there")
    for _ in range(2):
        tab_to(browser, "number")
        low, high = 1, 100
        while True:
            guess = (low + high) // 2
            browser.type(f"{guess}{ENTER}")
            said = eventually(lambda: hint().startswith(f"{guess} ") and hint(), "it is answered", 60)
            if said.startswith(f"{guess} it is: "):
                break
            equal(said.split(" is too ")[0], str(guess))
            low, high = (guess + 1, high) if said.endswith("small.") else (low, guess - 1)
        eventually(lambda: browser.evaluate("return game.readyState") == 3, "it is over", 60)
        browser.type("1" + ENTER)
        eventually(lambda: hint() == "I think of a number from 1 to 100. Which one?", "and another one begins", 60)
        tab_to(browser, "text")


@test("whoever prefers dark pages, or light ones, can read all of it, and sees where he is")
def readable(cleanup):
    browser, _ = page(cleanup)
    browser.type(TAB + "a note" + ENTER)
    eventually(lambda: notes(browser) == ["a note"], "the note is there", 60)
    eventually(lambda: browser.evaluate("return socket.readyState") == 1, "it has joined", 60)
    tab_to(browser, "line")
    browser.type("a line" + ENTER)
    eventually(lambda: browser.evaluate("return document.getElementById('chat').textContent") == "Guest 1: a line", "it is heard", 60)
    shown = {}
    for scheme in ("light", "dark"):
        browser.prefers(scheme)
        shown[scheme] = browser.evaluate("return getComputedStyle(document.body).color")
        for _ in range(9):
            browser.type(TAB)
            found = browser.contrasts()
            check({"h1", "hint", "span", "p", "button", "text's placeholder", "line's placeholder", "number's placeholder"} <= set(found), "all is looked at", found)
            faint = {what: ratio for what, ratio in found.items() if ratio < (3 if what == "the focus" else 4.5)}
            equal(faint, {}, f"{scheme}: {found}")
    check(shown["light"] != shown["dark"], "they differ", shown)


if __name__ == "__main__":
    run()
