#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The published JSON Schema accepts and refuses what `coppice check` does, for configurations that are made from a good
one by seeded mutations. JSON is YAML, so each of them is one document for both."""
import concurrent.futures
import copy
import json
import random
import subprocess

from harness.json_schema import Schema
from harness.node import Folder, plugin_folder, program
from harness.tap import check, equal, run, test

seed = 20240521
count = 400


def good(folder):
    """A configuration with every section and nearly every key that can be used."""
    return {
        "node": {
            "name": "corpus@127.0.0.1", "cookie": {"file": "cookie"}, "visibility": "hidden", "workers": 2,
            "runtime": {"park": "1s", "linger": "5s", "watchdog": "10ms", "busy_wait": "none", "blocking_threads": 4},
            "data": str(folder), "log": {"level": "debug", "format": "json"},
            "limits": {"processes": 1000, "connections": 10},
        },
        "epmd": {"mode": "off", "address": "127.0.0.1", "port": 4369},
        "distribution": {
            "listen": [{"address": "127.0.0.1", "ports": "15000-65000"}], "ticktime": "60s", "connect": "never",
            "connect_timeout": "7s", "allow": {"rpc": ["info"]},
            "routes": [{"node": "db@10.0.0.7", "address": "10.0.0.7", "port": 25672, "cookie": {"env": "COOKIE"}}],
        },
        "control": {"socket": "auto", "group": "coppice", "mode": "0660"},
        "plugins": {"path": [plugin_folder()], "reload_deadline": "5s"},
        "applications": [
            {"name": "first", "type": "transient", "max_runtime": "1h", "env": {"word": "hello", "n": 1},
             "supervisor": {
                 "name": "top", "strategy": "rest_for_one", "intensity": 3, "period": "5s",
                 "on_exceeded": "escalate", "auto_shutdown": "any_significant",
                 "children": [
                     {"id": "kv", "actor": "kv", "name": "store", "restart": "transient", "significant": True,
                      "shutdown": "5s", "backoff": {"first": "1s", "max": "30s", "jitter": 0.2},
                      "mailbox": {"limit": 10, "bytes": "64KiB", "on_full": "drop_new"}, "priority": "high",
                      "compression": {"level": 3, "threshold": "1KiB"},
                      "args": {"max_entries": 5}},
                     {"id": "inner", "shutdown": "infinity", "supervisor": {
                         "strategy": "one_for_all", "children": [{"id": "probe", "actor": "probe:probe"}]}},
                     {"id": "crowd", "restart": "temporary", "supervisor": {
                         "strategy": "simple_one_for_one", "children": [{"id": "worker", "actor": "kv"}]}},
                 ]}},
            {"name": "second", "depends_on": ["first"], "supervisor": {"children": []}},
        ],
    }


# Values that replace an expected one. Text that is a good name elsewhere is left out: a schema cannot know whether a
# plugin, an application or another child has that name.
values = [None, True, False, 0, 1, -1, 7, 300, 70000, 5000000000, 0.5, -2.5, "", " ", "0", "5s", "0ms", "1h30m", "64KiB",
          "-1", "auto", "off", "on", "infinity", "brutal_kill", "permanent", "temporary", "transient", "one_for_one",
          "simple_one_for_one", "never", "all_significant", "drop_old", "exit", "max", "0600", "0999", "x/y", "x@y",
          "Not A Word", "1-2", "2-1", "a" * 300, "\u0001", "::1", "300.0.0.1", [], [1], ["x y"], [[]], {}, {"x": 1}]

# Faults that `check` finds in the whole configuration, and a schema cannot.
beyond_schemas = ("stands here a second time", "depends_on", "no plugin", "has no actor", "args", "is the node's own",
                  "does not exist", "is named twice", "is no range")


def places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in items:
        yield from places(below, path + (key,))


def at(document, path):
    for step in path:
        document = document[step]
    return document


def mutate(document, choose):
    path = choose.choice([p for p in places(document) if p and p[:2] != ("plugins", "path")])
    holder, key = at(document, path[:-1]), path[-1]
    how = choose.random()
    if how < 0.15:
        del holder[key]
    elif how < 0.25 and isinstance(holder[key], dict):
        holder[key][choose.choice(["unknown", "nmae", "", "supervisor", "actor", "args"])] = choose.choice(values)
    elif how < 0.32 and isinstance(holder[key], list):
        holder[key].append(choose.choice(values))
    else:
        holder[key] = copy.deepcopy(choose.choice(values))
    return path


def corpus(folder):
    choose = random.Random(seed)
    made = [("as it is", good(folder))]
    while len(made) < count:
        document = good(folder)
        changed = [mutate(document, choose) for _ in range(choose.choice([1, 1, 1, 2]))]
        made.append((" ".join("/".join(map(str, path)) for path in changed), document))
    return made


def verdict(file):
    done = subprocess.run([program("COPPICE", "coppice"), "check", file, "--json"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)
    check(done.returncode in (0, 78), f"check {file}", done.returncode, done.stderr)
    return json.loads(done.stdout)


@test("the schema and check agree on every one of the mutated configurations")
def agree(cleanup):
    folder = Folder()
    cleanup.callback(folder.close)
    published = subprocess.run([program("COPPICE", "coppice"), "schema"], capture_output=True, text=True, check=True)
    schema = Schema(json.loads(published.stdout))
    documents = corpus(folder.path)
    files = [folder.write(f"{number}.yaml", json.dumps(document)) for number, (_, document) in enumerate(documents)]
    with concurrent.futures.ThreadPoolExecutor(2) as several:
        verdicts = list(several.map(verdict, files))
    equal((verdicts[0]["valid"], schema.faults(documents[0][1])), (True, []))
    compared, refused, differences = 0, 0, []
    for (changed, document), found in zip(documents, verdicts):
        errors = [one["message"] for one in found["diagnostics"] if one["severity"] == "error"]
        own = [one for one in errors if not any(part in one for part in beyond_schemas)]
        if errors and not own:
            continue
        compared += 1
        faults = schema.faults(document)
        refused += bool(faults)
        if bool(faults) == found["valid"]:
            differences.append(f"{changed}: check says {own}, the schema {faults}")
    equal(differences, [])
    check(compared >= 200 and refused >= 100 and compared - refused >= 20, "the corpus is worth comparing",
          compared, refused)


run()
