#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The page of log events (packaging/doc/log-events.md) has every event of the node, with its id, levels, fields and
module as in the sources; and a node's own lines are as the page says."""
import re

from harness.node import Node, root
from harness.tap import check, equal, eventually, run, test

PAGE = (root / "packaging/doc/log-events.md").read_text(encoding="utf-8")
CRASH = {"callback", "last_message", "state", "backtrace"}
OPERATOR = {"uid", "os_pid", "user", "sudo_user", "terminal", "by", "address", "token"}  # added by control/audit.cpp
LEVELS = {"debug", "info", "notice", "warning", "error"}


def described():
    """{event: (id, levels, module, fields, sentences)}, as the page has it."""
    out = {}
    for name, text in re.findall(r"^### (\w+)\n\n(.*?)(?=^##|\Z)", PAGE, re.M | re.S):
        facts, sentences = text.split("\n\n", 1)
        module = re.search(r"[Mm]odule `(\w+)`", facts)
        told = re.search(r"Fields: (.*)\Z", facts, re.S)
        fields = set(re.findall(r"`(\w+)`", told[1])) if told else set()
        if told and "those of a crash" in told[1]:
            fields |= CRASH
        if told and "those of\n`asked_by_operator`" in told[1].replace("those of `", "those of\n`"):
            fields = fields - {"asked_by_operator"} | OPERATOR
        out[name] = (re.search(r"Id `(\w+)`", facts)[1], set(re.findall(r"`(\w+)`", facts.partition("Id `")[0])) & LEVELS,
                     module and module[1], fields, sentences)
    return out


def declared():
    """{event: id}, as base/log_event.hpp has it."""
    return dict(re.findall(r'event \w+\{"(\w+)", "(\w{32})"\}', (root / "daemon/base/log_event.hpp").read_text(encoding="utf-8")))


def told_in(name):
    """The sources that report an event, each with its text."""
    return {path: text for path in sorted((root / "daemon").rglob("*.cpp")) if f"events::{name}" in (text := path.read_text(encoding="utf-8"))}


@test("the page has every event of the node, with its id, and says more of it than its name")
def whole(_):
    page = described()
    equal({name: of[0] for name, of in page.items()}, declared())
    for name, (*_, sentences) in page.items():
        check(len(sentences.split()) >= 8, "it is explained", name, sentences)


@test("levels, module and fields are those that the sources tell the event with")
def facts(_):
    for name, (_, levels, module, fields, _) in described().items():
        sources = told_in(name)
        check(sources, "somebody tells of it", name)
        text = "".join(sources.values())
        # The text around the call: the level or the fields may be in variables before it.
        near = "".join(text[max(0, found.start() - 900):found.end() + 500] for found in re.finditer(rf"events::{name}\b", text))
        for level in levels:
            check(f"level::{level}" in near, "the level is one that the source names", name, level)
        if module:
            check(f'module = "{module}"' in text or f'"{module}"' in near, "the module is the source's", name, module)
        for field in fields - OPERATOR:
            check(f'"{field}"' in text, "the field is one that the source gives", name, field)
    audit = (root / "daemon/control/audit.cpp").read_text(encoding="utf-8")
    given = set(re.findall(r'\{"(\w+)", ', audit[audit.index("fields_of"):audit.index("void log_change")]))
    equal((described()["asked_by_operator"][3], given), (OPERATOR, OPERATOR))


CONFIG = """
node: { log: { level: debug, format: json } }
distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ], peers: [ nobody@127.0.0.1 ] }
applications:
  - name: shop
    type: temporary
    supervisor:
      intensity: 1
      period: 1h
      children:
        - { id: probe, actor: probe, name: probe }
        - id: front
          supervisor: { intensity: 0, on_exceeded: park, children: [ { id: kv, actor: kv, name: kv } ] }
cron: { jobs: [ { name: tick, at: "@yearly", do: { call: { to: nobody, message: tick } } } ] }
"""


@test("lines of a node have the fields and the level that the page says")
def lines(cleanup):
    node = Node(cleanup, config=CONFIG)
    page = described()
    by_id = {of[0]: name for name, of in page.items()}

    def seen():
        out = {}
        for line in node.logged():
            name = by_id.get(line.get("fields", {}).get("message_id"))
            if name:
                out.setdefault(name, []).append(line)
        return out
    node.coppice("exit", "kv", "oops")
    node.coppice("exit", "probe", "oops")
    node.coppice("cron", "run", "tick")
    wanted = {"application_started", "child_ended", "child_parked", "asked_by_operator", "job_failed", "not_connected"}
    eventually(lambda: wanted <= set(seen()), lambda: (wanted - set(seen()), node.log()), 30)
    for name, all_of_it in seen().items():
        for line in all_of_it:
            check(line["level"] in page[name][1], "its level is on the page", name, line)
            check(set(line["fields"]) - {"message_id"} <= page[name][3], "its fields are on the page", name, line)
            equal(line["module"], page[name][2], name)


run()
