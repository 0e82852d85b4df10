#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The examples of config/README.md, as a stranger would copy them: `coppice check` takes each."""
import re
import subprocess
import textwrap

from harness.certificates import Authority
from harness.node import Shelf, program, root
from harness.tap import check, equal, run, test

# A stranger's actors on the page, and who stands for them here.
ACTORS = {
    "actor: resizer,": "actor: kv,", ", args: { quality: 80 }": "",
    "actor: session": 'actor: "wires:session"', "args: { greeting: hello }": "",
    "actor: store": 'actor: "wires:dialer"',
    "actor: syslog": 'actor: "echo:datagrams"',
    "actor: game, args: { highest: 100 }": 'actor: "seats:ledger"',
    "actor: cleaner, args: { limit: 100 }": "actor: kv",
    "actor: pager, args: { limit: 100 }": "actor: kv",
    "worker: shop:errand ": 'worker: "transfer:accounts" ', '{ url: "http://127.0.0.1" }': "{ file: accounts }",
}


def examples():
    """Blocks of YAML, without their margin."""
    page = (root / "config" / "README.md").read_text(encoding="utf-8")
    for theirs, ours in ACTORS.items():
        check(theirs in page, "it is on the page", theirs)
        page = page.replace(theirs, ours)
    return [textwrap.dedent(one) for one in re.findall(r"^ *```yaml\n(.*?)^ *```$", page, re.M | re.S)]


@test("each child of the page, together with what else is configured beside it, is one that check takes")
def page(cleanup):
    shelf = Shelf(cleanup, "kv", "wires", "echo", "alarms", "seats", "shard", "ledger", "transfer")
    authority = Authority(shelf.path)
    authority.issue("s")
    children = [one for one in examples() if one.startswith("- id:")]
    of_node = [one for one in examples() if one.startswith("node:")]
    rest = [one for one in examples() if not one.startswith(("- id:", "node:"))]
    check(len(children) >= 7 and len(rest) >= 2 and len(of_node) == 1, "they are found", len(children), len(rest), len(of_node))
    tree = "applications:\n  - name: main\n    supervisor:\n      children:\n" + textwrap.indent("".join(children), 8 * " ")
    shelf.write("page.yaml", f"node: {{ name: a@127.0.0.1 }}\nplugins: {{ path: [ {shelf.path} ] }}\n" + tree + "".join(rest))
    shelf.write("node.yaml", of_node[0])
    done = subprocess.run([program("COPPICE", "coppice"), "check", "page.yaml", "node.yaml"], cwd=shelf.path, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)
    equal(done.returncode, 0, done.stdout + done.stderr)
    said = [line for line in (done.stdout + done.stderr).splitlines() if "warning" in line]
    # The page shows some children without those that they name.
    equal([line for line in said if "which no child of this configuration registers" not in line], [], "and nothing to say about it")


if __name__ == "__main__":
    run()
