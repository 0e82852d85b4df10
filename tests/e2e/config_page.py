#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The configurations in pages, used as a reader would copy them: `coppice check` accepts each configuration in
config/README.md, in the bundled plugins' pages and in the page about the node's page."""
import re
import subprocess
import textwrap

from harness.certificates import Authority
from harness.node import Folder, Shelf, plugin_folder, program, root
from harness.tap import check, equal, run, test

# Actors that the page expects the reader to write, and the actors that replace them here.
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


def blocks(page):
    """The blocks of YAML in a page, without their margin."""
    return [textwrap.dedent(one) for one in re.findall(r"^ *```yaml\n(.*?)^ *```$", page, re.M | re.S)]


def tree(children):
    return "applications:\n  - name: main\n    supervisor:\n      children:\n" + textwrap.indent(children, 8 * " ")


def checked(folder, *files):
    return subprocess.run([program("COPPICE", "coppice"), "check", *files], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60, check=False)


def examples():
    page = (root / "config" / "README.md").read_text(encoding="utf-8")
    for theirs, ours in ACTORS.items():
        check(theirs in page, "it is on the page", theirs)
        page = page.replace(theirs, ours)
    return blocks(page)


@test("each child of the page, together with what else is configured beside it, is one that check takes")
def page(cleanup):
    shelf = Shelf(cleanup, "kv", "wires", "echo", "alarms", "seats", "shard", "ledger", "transfer")
    authority = Authority(shelf.path)
    authority.issue("s")
    children = [one for one in examples() if one.startswith("- id:")]
    of_node = [one for one in examples() if one.startswith("node:")]
    rest = [one for one in examples() if not one.startswith(("- id:", "node:"))]
    check(len(children) >= 7 and len(rest) >= 2 and len(of_node) == 1, "they are found", len(children), len(rest), len(of_node))
    shelf.write("page.yaml", f"node: {{ name: a@127.0.0.1 }}\nplugins: {{ path: [ {shelf.path} ] }}\n" + tree("".join(children)) + "".join(rest))
    shelf.write("node.yaml", of_node[0])
    done = checked(shelf.path, "page.yaml", "node.yaml")
    equal(done.returncode, 0, done.stdout + done.stderr)
    said = [line for line in (done.stdout + done.stderr).splitlines() if "warning" in line]
    # The page shows some children without the children that these name.
    equal([line for line in said if "which no child of this configuration registers" not in line], [], "and nothing to say about it")


@test("the children that the pages of the bundled plugins show are ones that check takes")
def bundled(cleanup):
    pages = sorted((root / "plugins").glob("*/README.md"))
    check(len(pages) >= 15, "the plugins have pages", *pages)
    folder = Folder()
    cleanup.callback(folder.close)
    for page in pages:
        shown = blocks(page.read_text(encoding="utf-8"))
        equal(len(shown), 1, page.parent.name)
        folder.write("page.yaml", f"node: {{ name: a@127.0.0.1 }}\nplugins: {{ path: [ {plugin_folder()} ] }}\n" + tree(shown[0]))
        done = checked(folder.path, "page.yaml")
        equal(done.returncode, 0, f"{page.parent.name}: {done.stdout}{done.stderr}")


@test("what the page about the node's page shows is what check takes")
def of_the_page(cleanup):
    folder = Folder()
    cleanup.callback(folder.close)
    certificate, key = Authority(folder.path).issue("node")
    files = {"page-token": f"{folder.path}/page-token", "node.pem": certificate, "node.key": key}
    shown = blocks((root / "packaging/PAGE.md").read_text(encoding="utf-8"))
    check(len(shown) >= 3, "they are found", *shown)
    for one in shown:
        for file, ours in files.items():
            one = one.replace(f"/etc/coppice/{file}", ours)
        folder.write("page.yaml", "node: { name: a@127.0.0.1 }\napplications: []\n" + one)
        done = checked(folder.path, "page.yaml")
        equal(done.returncode, 0, f"{one}{done.stdout}{done.stderr}")


if __name__ == "__main__":
    run()
