#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes packaging/doc/page.png, the picture of the node's page in README.md. It shows a node with each kind of process;
an operator has terminated one of them. Run it after a change of the page's look: COPPICE_BROWSER=1 tests/run.py
--script tests/page_picture.py"""
from harness.browser import Browser
from harness.node import Node, free_port, root
from harness.tap import check, eventually, run, test

PICTURE = root / "packaging/doc/page.png"
MOST = 100 << 10  # bytes

SHOP = """
node: { workers: 2 }
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }
applications:
  - name: shop
    type: temporary
    supervisor:
      intensity: 1000
      children:
        - { id: kv, actor: kv, name: kv }
        - { id: stock, actor: probe, name: stock }
        - { id: prices, name: prices, pool: { actor: kv, size: 3 } }
        - { id: door, actor: door, name: door }
  - name: numbers
    type: temporary
    supervisor:
      children:
        - { id: counter, actor: "numbers:counter", name: counter }
        - { id: doubler, actor: "numbers:doubler", name: doubler, stage: { subscribe_to: [ { to: counter } ] } }
        - { id: printer, actor: "numbers:printer", name: printer, args: { every: 100ms }, stage: { subscribe_to: [ { to: doubler, max_demand: 100 } ] } }
"""


@test("the picture of README is taken")
def picture(cleanup):
    browser = Browser(cleanup)
    port = free_port()
    node = Node(cleanup, name="orchard", config=SHOP, settings=[("control.http", f"{{ port: {port}, rights: [ inspect, state, manage ] }}")])
    node.ask("terminate", path="shop/stock")
    browser.prefers("light")
    browser.resize(1000, 560)
    browser.open(f"http://127.0.0.1:{port}/")
    drawn = "return document.querySelector('polyline')?.points.length ?? 0"
    eventually(lambda: browser.evaluate(drawn) >= 30, "half a minute in the charts", 120)
    taken = browser.picture()
    check(len(taken) <= MOST, "the picture is small", len(taken))
    PICTURE.write_bytes(taken)


if __name__ == "__main__":
    run()
