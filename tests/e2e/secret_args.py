#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Secrets in the args of actors, which come from files and credentials: each start reads them anew, only markers in the
configuration are read, and only the actor ever has their text."""
import json
import subprocess

from harness.node import Folder, Node, Shelf, program
from harness.tap import check, contains, equal, run, test

first, second, token = "hunter2-the-first", "hunter2-the-second", "token-of-the-credential"


class Shop:
    """A node whose actors have a password in a file and a key in a credential."""

    def __init__(self, cleanup, **how):
        self.kept = Folder()
        cleanup.callback(self.kept.close)
        self.password = self.write("password", first + "\n")
        self.write("db", token)
        self.shelf = Shelf(cleanup, "keeper")
        self.node = Node(cleanup, config=self.config(), settings=[self.shelf.setting],
                         environment={"CREDENTIALS_DIRECTORY": str(self.kept.path)}, **how)

    def write(self, name, text):
        return self.kept.write(name, text, 0o640)

    def config(self, user="me"):
        marker = f"password: {{ $file: {self.password} }}"
        return f"""
node: {{ workers: 2, log: {{ level: debug }} }}
distribution: {{ listen: [] }}
plugins: {{ path: [ {self.shelf.path} ] }}
applications:
  - name: shop
    supervisor:
      name: top
      intensity: 100
      children:
        - {{ id: keeper, actor: keeper, name: keeper, args: {{ user: {user}, {marker}, hosts: [ {{ key: {{ $credential: db }} }} ] }} }}
        - {{ id: pool, name: pool, pool: {{ actor: keeper, size: 2, args: {{ {marker} }} }} }}
        - id: crowd
          supervisor:
            name: crowd
            strategy: simple_one_for_one
            children: [ {{ id: one, actor: keeper, args: {{ {marker} }} }} ]
"""

    def edit(self, **what):
        self.node.folder.write("node.yaml", self.config(**what))

    def checked(self, *more):
        """The output of `coppice check` for the file."""
        done = subprocess.run([program("COPPICE", "coppice"), "check", *more, str(self.node.folder.path / "node.yaml")],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        return done.stdout + done.stderr

    def told(self):
        """Everything that the node reports about itself, and everything that it leaves on the disk."""
        node, says = self.node, []
        for command in (["diff"], ["history"], ["status"], ["tree"], ["ps"], ["health"], ["plugins"], ["info", "keeper"], ["info", "pool"],
                        ["logs"]):
            done = node.coppice(*command)
            says.append(done.stdout + done.stderr)
        says.append(self.checked("--effective"))
        says.append(node.call("top", "{get_childspec, keeper}"))
        says.append(node.log())
        for file in node.folder.path.rglob("*"):
            if file.is_file() and not file.is_socket():
                says.append(file.read_bytes().decode(errors="replace"))
        return "\n".join(says)

    def is_silent(self):
        told = self.told()
        for secret in (first, second, token):
            check(secret not in told, f"{secret}: {told}" if secret in told else "")
        contains(told, self.password)
        contains(told, "$credential")


def text(word):
    return f'<<"{word}">>'


@test("an actor starts with the text of a file and of a credential, has a new one after its restart, and nobody else is told")
def reads(cleanup):
    shop = Shop(cleanup)
    node = shop.node
    given = node.call("keeper", "initial")
    contains(given, text(first))
    contains(given, text(token))
    equal(node.call("keeper", "args"), given)
    contains(node.call("pool", "initial"), text(first))
    shop.is_silent()
    shop.write("password", second + "\n")
    equal(node.ask("diff")["changes"], [], "a file's text is no part of the configuration")
    contains(node.call("keeper", "args"), text(first))
    node.ask("restart", path="shop/keeper")
    contains(node.call("keeper", "initial"), text(second))
    shop.edit(user="you")
    contains(json.dumps(node.ask("diff")), "args.user")
    shop.write("password", first)
    node.ask("apply")
    equal(node.call("keeper", "args"), node.call("keeper", "initial"), "it was started anew")
    contains(node.call("keeper", "initial"), text("you"))
    contains(node.call("keeper", "initial"), text(first))
    shop.is_silent()


@test("a template's secret is read for its children, and a caller's map is none, whatever it looks like")
def templates(cleanup):
    shop = Shop(cleanup)
    node = shop.node
    started = node.call("crowd", '{start_child, [#{user => <<"u">>}]}')
    contains(started, "{ok,<")
    own = started.removeprefix("{ok,").removesuffix("}")
    contains(node.call(own, "initial"), text(first))
    marker = f'#{{\'$file\' => <<"{shop.password}">>}}'
    refused = node.call("crowd", f"{{start_child, [#{{user => {marker}}}]}}")
    contains(refused, "bad_args")
    spec = f"#{{id => mine, start => {{coppice, start_link, [keeper, #{{hosts => [{marker}]}}]}}}}"
    mine = node.call("top", f"{{start_child, {spec}}}").removeprefix("{ok,").removesuffix("}")
    contains(node.call(mine, "initial"), f"'$file' => {text(shop.password)}")
    shop.is_silent()


@test("an actor whose secret cannot be read does not start, and the error has the key and the file; check warns")
def missing(cleanup):
    shop = Shop(cleanup)
    node = shop.node
    equal(node.coppice("apply").returncode, 0)
    (shop.kept.path / "password").unlink()
    failed = node.reply("restart", path="shop/keeper")
    contains(json.dumps(failed), f"args.password: open {shop.password}: No such file or directory")
    node.said(f"args.password: open {shop.password}: No such file or directory")
    shop.kept.write("password", "abc", 0o600)
    contains(json.dumps(node.reply("restart", path="shop/keeper")), "args.password: has 3 characters")
    shop.kept.write("password", first, 0o644)
    contains(json.dumps(node.reply("restart", path="shop/keeper")), "every user of the machine may access it")
    shop.write("password", second)
    node.ask("restart", path="shop/keeper")
    contains(node.call("keeper", "initial"), text(second))
    (shop.kept.path / "password").unlink()
    contains(shop.checked(), f"args.password: there is no file {shop.password}")
    runs = node.pid("keeper")
    shop.edit(user="you")
    contains(json.dumps(node.reply("apply")), f"shop/keeper: args.password: open {shop.password}: No such file or directory")
    equal(node.pid("keeper"), runs, "it was not stopped for an actor that could not start")
    contains(node.call("keeper", "initial"), text(second))
    shop.is_silent()


run()
