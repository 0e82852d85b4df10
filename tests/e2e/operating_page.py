#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""packaging/OPERATING.md: under each heading of a symptom a node is brought into that trouble, and the page's commands
print what the page shows. `packaging/dev packaged` runs the blocks that need a machine with the service."""
import os
import pathlib
import re
import resource
import signal
import subprocess

from harness.node import Node, plugin_folder, program, root
from harness.page import Reader, blocks, part
from harness.reports import sanitized
from harness.sdk import working_folder
from harness.tap import Skip, check, equal, eventually, run, test

PAGE = (root / "packaging/OPERATING.md").read_text(encoding="utf-8")
STOCK = "{ id: stock, actor: kv, name: stock }"
LINES = "{ id: lines, name: lines, tcp: { listen: [ { address: 127.0.0.1, port: 0 } ], actor: echo, frame: { kind: line, max: 1KiB } } }"
TRIED = {}  # {heading: the function that makes its trouble}


LISTENS = "listen: [ { address: 127.0.0.1, ports: 0-0 } ]"


class Machine:
    """A machine with the programs, and the node `shop` of the page. Files that the page has below /etc and /var are in
    another place here."""

    def __init__(self, cleanup):
        self.cleanup, self.folder = cleanup, working_folder(cleanup).path
        for name in ("bin", "log", "data"):
            (self.folder / name).mkdir()
        for name in ("coppice", "coppice-epmd"):
            (self.folder / "bin" / name).symlink_to(pathlib.Path(program(name.upper().replace("-", "_"), name)).resolve())
        self.node = None

    def starts(self, *children, distribution=LISTENS, **settings):
        config = f"""node: {{ name: shop@127.0.0.1, workers: 2 }}
plugins: {{ path: [ {plugin_folder()} ] }}
distribution: {{ {distribution} }}
applications:
  - name: shop
    supervisor:
      children:
"""
        config += "".join(f"        - {child}\n" for child in children)
        self.node = Node(self.cleanup, name="shop", config=config, settings=list(settings.items()))
        return self.node

    def runs(self, *command):
        subprocess.run([self.folder / "bin/coppice", *command], stdin=subprocess.DEVNULL, capture_output=True, check=True)

    def here(self, text):
        for path, place in (("/etc/coppice/tls", self.folder / "tls"), ("/etc/coppice", self.node.folder.path),
                            ("/var/lib/coppice", self.folder / "data"), ("/var/log/coppice", self.folder / "log")):
            text = text.replace(path, str(place))
        # Without an argument the command reads /etc/coppice.
        return re.sub(r"^\$ coppice check$", f"$ coppice check {self.node.folder.path}", text, flags=re.M)

    def follows(self, heading):
        environment = dict(os.environ, PATH=f"{self.folder}/bin:{os.environ['PATH']}", COPPICE_SOCKET=self.node.socket,
                           ERL_EPMD_PORT=str(self.node.epmd_port), LC_ALL="C.UTF-8")
        seen = Reader(self.folder, environment).follows(self.here(part(PAGE, heading)), kinds=("console",))
        check(seen, f"there are commands under {heading}")


def trouble(heading):
    """Registers the function that brings a Machine's node into the trouble of that heading, and the test of it."""
    def register(make):
        TRIED[heading] = make

        @test(f"the page for operators: {heading}")
        def shown(cleanup):
            machine = Machine(cleanup)
            make(machine)
            machine.follows(heading)
        return make
    return register


def limit(node, what, most):
    resource.prlimit(node.process.pid, what, (most, resource.prlimit(node.process.pid, what)[1]))


@trouble("The node is not ready, or parts of it do not run")
def terminated(machine):
    node = machine.starts(STOCK, "{ id: orders, actor: relay, name: orders }")
    node.ask("terminate", path="shop/stock", timeout_ms=5000)


@trouble("A mailbox grows, or answers are slow")
def waiting(machine):
    node = machine.starts("{ id: orders, actor: relay, name: orders }", "{ id: bank, actor: probe, name: bank }")
    machine.cleanup.callback(node.stop, signal.SIGKILL)  # the handler would go on longer
    for _ in range(30):  # each is given up after 5 s, then the next one waits
        node.connection().send("call", name="orders", term="{relay, bank, {spin, 600000}}", timeout_ms=600000)
    eventually(lambda: node.status("orders") == "parked" and node.ask("health")["warnings"], "the answer is awaited")


@trouble("Another node is down")
def alone(machine):
    node = machine.starts(STOCK, distribution=LISTENS + ", peers: [ oak@127.0.0.1 ]")
    eventually(lambda: [one for one in node.ask("nodes")["nodes"] if one["last_error"]], "it was tried")


@trouble("The disk is full")
def full(machine):
    """Makes the log's disk full: a limit on the size of files has the same consequences."""
    node = machine.starts(STOCK, **{"node.log.files": f"[ {{ path: {machine.folder}/log/node.log }} ]"})
    limit(node, resource.RLIMIT_FSIZE, 1)
    node.ask("cast", name="stock", term="nothing")  # makes a line of the log
    eventually(lambda: node.ask("status")["cannot_write"], "it is noticed")


@trouble("A certificate ends, or its new files are not used")
def ending(machine):
    folder = machine.folder / "tls"
    machine.runs("certificate", "init", str(folder))
    machine.runs("certificate", "issue", "shop@127.0.0.1", "--in", str(folder), "--days", "3")
    of = f"{folder}/shop@127.0.0.1"
    machine.starts(STOCK, distribution="listen: [ { address: 127.0.0.1, ports: 0-0, "
                   f"tls: {{ certificate: \"{of}.pem\", key: \"{of}-key.pem\", ca: {folder}/ca.pem, verify: peer }} }} ]")


@trouble("File descriptors run out")
def few_descriptors(machine):
    if sanitized("address", "thread"):
        raise Skip("the sanitizers need descriptors of their own")
    node = machine.starts(LINES)
    used = [int(one) for one in os.listdir(f"/proc/{node.process.pid}/fd")]
    node.close_connection()
    limit(node, resource.RLIMIT_NOFILE, max(used) + 1)


@trouble("What runs is not what is in /etc/coppice")
def applied(machine):
    node = machine.starts(STOCK)
    trial = node.folder.path / "trial.yaml"
    trial.write_text((node.folder.path / "node.yaml").read_text(encoding="utf-8") + "        - { id: orders, actor: kv, name: orders }\n", encoding="utf-8")
    equal(node.coppice("apply", str(trial)).returncode, 0)


@test("each heading whose commands need no service has its trouble here")
def whole(_):
    headings = re.findall(r"^### (.*)$", PAGE, re.M)
    equal({one for one in headings if any(block.kind == "console" for block in blocks(part(PAGE, one)))}, set(TRIED))
    equal(re.findall(r"^```(?!console\n|console service\n|\n).*$", PAGE, re.M), [])


run()
