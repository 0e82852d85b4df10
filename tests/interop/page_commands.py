#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the commands and expressions in pages that no other test runs: README's "what to type next", and what an Erlang
and an Elixir node ask. It also checks that each page with commands has a test that runs them, so that no new block
stays untested."""
import os
import re
import subprocess
from pathlib import Path

from harness import named
from harness.elixir import Elixir
from harness.erlang import Erl
from harness.node import Node, plugin_folder, program, root
from harness.page import pattern, squeezed
from harness.sdk import needs, working_folder
from harness.tap import check, contains, equal, eventually, run, shared, test

README = root / "README.md"
GUIDE = root / "packaging/doc/erlang.md"
# Pages with blocks of commands or expressions, and the file that runs them. That file names the page.
RUN_BY = {
    "README.md": "tests/interop/page_commands.py",
    "packaging/doc/erlang.md": "tests/interop/page_commands.py",
    "packaging/doc/tutorial.md": "tests/e2e/tutorial.py",
    "packaging/OPERATING.md": "tests/e2e/operating_page.py",
    "packaging/TLS.md": "tests/interop/tls_page.py",
    "plugin-api/README.md": "tests/harness/chapters.py",
    "plugin-api/COOKBOOK.md": "tests/e2e/cookbook.py",
}
# These show a tunnel to another machine, and steps that `packaging/dev boot` does in another way.
RUN_BY_NOBODY = {"packaging/PAGE.md", "packaging/README.md"}


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S)


@test("each page with commands or expressions has a test that runs them")
def ledger(_):
    pages = {str(page.relative_to(root)): text for page in named.pages() if "tests" not in page.parts
             if re.search(r"^```(?:sh|console|erlang|elixir)\b", text := page.read_text(encoding="utf-8"), re.M)}
    chapters = {name for name in pages if name.startswith("packaging/doc/plugins/")}  # e2e/chapters.py refuses a block that it does not run
    equal(set(pages) - chapters - RUN_BY_NOBODY, set(RUN_BY))
    for page, script in RUN_BY.items():
        contains((root / script).read_text(encoding="utf-8"), page.rpartition("/")[2])


@shared
def demo(cleanup):
    return Node(cleanup)


@test("what README says to type next is answered as it says")
def next_commands(cleanup):
    node = demo()
    lines = next(block for block in blocks(README, "sh") if "coppice call greeter" in block).splitlines()
    check(len(lines) >= 10, "there are commands", lines)
    bin_folder = working_folder(cleanup).path
    for name in ("coppice", "coppiced"):
        (bin_folder / name).symlink_to(Path(program(name.upper(), name)).resolve())
    environment = dict(os.environ, PATH=f"{bin_folder}:{os.environ['PATH']}", COPPICE_SOCKET=node.socket, COPPICE_PLUGINS=plugin_folder())
    scratch = working_folder(cleanup).path
    for name in ("config", "build"):
        (scratch / name).mkdir()
    (scratch / "config/demo.yaml").write_text((root / "config/demo.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    (scratch / "build/plugins").symlink_to(plugin_folder())
    for line in lines:
        command, _, said = (part.strip() for part in line.partition(" # "))
        if command.startswith("export PATH"):
            continue
        # Commands that would go on for ever print once.
        command = command.replace("logs -f", "logs").replace("coppice top", "coppice top --once")
        done = subprocess.run(["bash", "-c", command], cwd=scratch, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        fine = {0, 1} if command.startswith("coppice diff") else {0}
        check(done.returncode in fine, f"{command} succeeds", done.stdout, done.stderr)
        if re.match(r"[{\w]+\b[^ ]*$", said) or said.startswith("{"):
            equal(done.stdout.strip(), said, command)
    eventually(lambda: node.call("probe", "ping") == "pong", "the probe is back")


@test("README's Erlang node gets the answers that the page shows")
def from_erlang(cleanup):
    node = demo()
    text, = blocks(README, "erlang")
    erl = Erl(cleanup, epmd_port=node.epmd_port)
    node.call("kv", "{put, a, 1}")
    asked = re.findall(r"^\d+> (.*)\.\n(.*)$", text, re.M)
    equal(len(asked), 2)
    for expression, said in asked:
        equal(erl(expression), said, expression)


@shared
def shop(cleanup):
    """The node of the guide: the template's actor as `cart` below a supervisor `front`."""
    needs("g++")
    folder = working_folder(cleanup).path
    source = root / "plugin-api/templates/actor/cpp/my_actor.cpp"
    subprocess.run(["g++", "-std=c++20", "-O0", "-fPIC", "-shared", str(source), "-o", str(folder / "my_actor.so"), f"-I{root}/plugin-api",
                    f"-I{root}/etf/include", f"-Wl,--version-script={root}/plugin-api/plugin.map,-z,now"], check=True, timeout=300)
    config = """
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }
applications:
  - name: shop
    supervisor:
      children:
        - { id: front, supervisor: { name: front, children: [ { id: cart, name: cart, actor: my_actor } ] } }
"""
    return Node(cleanup, name="shop", config=config, settings=[("plugins.path", f"[ {folder} ]")])


def answered(language, comment, ask):
    """Evaluates each expression of the guide, and compares its result with the text behind it."""
    text, = blocks(GUIDE, language)
    lines = re.findall(rf"^(.*?)[,.]? *{comment} (.*)$", text, re.M)
    equal(len(lines), len(text.splitlines()), "every line says what comes of it")
    for expression, said in lines:
        got = ask(expression)
        check(pattern([said]).fullmatch(squeezed(got) + "\n"), f"{expression} gives {said}", got)


@test("the guide's Erlang node gets what the page says")
def guide_erlang(cleanup):
    answered("erlang", "%", Erl(cleanup, epmd_port=shop().epmd_port))


@test("the guide's Elixir node gets what the page says")
def guide_elixir(cleanup):
    answered("elixir", "#", Elixir(cleanup, epmd_port=shop().epmd_port))


run()
