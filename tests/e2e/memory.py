#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The memory of each plugin: 200 MB are counted within 10 %, in whatever way the plugin allocated them and whichever
plugin frees them, in the status, in the list of plugins and on the page of metrics."""
import urllib.request

from harness.metrics import Metrics
from harness.node import Node, Shelf, free_port, tree
from harness.tap import check, contains, equal, run, test

MB = 1000 * 1000
LEAK = 200 * MB
REST = 2 * MB  # memory that a plugin may have besides
WAYS = ("by_malloc", "by_containers", "by_library", "in_blocking_run", "on_thread")
CHILDREN = """
        - { id: hoard, actor: hoard, name: hoard }
        - { id: scavenger, actor: scavenger, name: scavenger }
"""


class Watched:
    """A node with the two plugins, and its reports of their memory."""

    def __init__(self, cleanup):
        shelf = Shelf(cleanup, "hoard", "scavenger")
        self.port = free_port()
        self.node = Node(cleanup, config=tree(CHILDREN), settings=[shelf.setting, ("control.http", f"{{ port: {self.port} }}")])

    def has(self, plugin, wanted):
        """Checks that all three reports say that this plugin has about this much memory."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            page = Metrics(answer.read().decode())
        listed, = [one["memory"] for one in self.node.ask("plugins")["plugins"] if one["id"] == plugin]
        said = {"status": self.node.ask("status")["plugin_memory"][plugin], "plugins": listed,
                "metrics": page.value("coppice_plugin_memory_bytes", plugin=plugin)}
        for where, bytes_ in said.items():
            check(wanted * 0.9 - REST / 4 <= bytes_ <= wanted * 1.1 + REST / 4, f"{plugin} in {where}, wanted {wanted}", said)

    def tell(self, name, term):
        return self.node.call(name, term, timeout_ms=60000)


for way in WAYS:
    @test(f"200 MB that a plugin has {way} are its own within 10 %, and are gone when it frees them")
    def leaks(cleanup, way=way):
        at = Watched(cleanup)
        before = at.node.ask("status")["resident_memory"]
        equal(at.tell("hoard", f"{{{way}, {LEAK}}}"), "ok")
        at.has("hoard", LEAK)
        at.has("scavenger", 0)
        resident = at.node.ask("status")["resident_memory"]
        check(resident > before + LEAK / 4, "it is in the node's memory", resident)  # zlib does not touch all of it
        equal(at.tell("hoard", "drop"), "ok")
        at.has("hoard", 0)
        equal(at.node.stop(), 0, at.node.log())


@test("what another plugin frees is taken off the one that allocated it")
def freed_by_another(cleanup):
    at = Watched(cleanup)
    equal(at.tell("hoard", f"{{by_malloc, {LEAK}}}"), "ok")
    equal(at.tell("scavenger", f"{{by_malloc, {LEAK // 4}}}"), "ok")
    address = at.tell("hoard", "give")
    at.has("hoard", LEAK)
    equal(at.tell("scavenger", f"{{take, {address}}}"), "ok")
    at.has("hoard", 0)
    at.has("scavenger", LEAK // 4)


@test("people are shown the plugins with memory, the largest first")
def shown(cleanup):
    at = Watched(cleanup)
    equal(at.tell("scavenger", f"{{by_malloc, {20 * MB}}}"), "ok")
    equal(at.tell("hoard", f"{{by_malloc, {60 * MB}}}"), "ok")
    status, plugins = at.node.coppice("status").stdout, at.node.coppice("plugins").stdout
    contains(status, "resident memory")
    line, = [line for line in status.splitlines() if line.startswith("plugin memory")]
    equal(plugins.split()[:7], ["PLUGIN", "VERSION", "GENERATION", "MEMORY", "ACTORS", "TIME", "FILE"])
    check(0 < line.index("hoard ") < line.index("scavenger "), "the largest first", line)
    contains(line, "MiB")


if __name__ == "__main__":
    run()
