#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`coppice init` on random command lines of its grammar, most of them with mistakes. An accepted line makes a project
that `coppice check` accepts; a refused line gives a sentence for each mistake and no file. A value that does not fit
its key may be left to `coppice check`. COPPICE_INIT_LINES is the number of lines, COPPICE_INIT_SEED their seed; a line
that fails is printed with its seed."""
import os
import random
import re
import shlex

from harness.made_plugins import coppice
from harness.sdk import working_folder
from harness.tap import check, equal, run, shared, test

LINES = int(os.environ.get("COPPICE_INIT_LINES", "60"))
SEED = int(os.environ.get("COPPICE_INIT_SEED", "1"))
GOOD = ("cart", "my-cart", "Audit", "stock_2", "MyActorInSup", "x" * 63)
BAD = ("for", "größe", "../x", "", "-", "x" * 65, "x" * 300, "9", "a b", "a\tb", "{", "}", "test", "a/b", ":", "::", "cart:", "'", '"', "\\", "%s", "$HOME", "\u202e")
OTHERS = ("app", "sup", "cron", "events", "logger")
# Keys of every kind, with values that fit. No test listens on the value of `port`.
VALUES = {
    "lang": ("c", "cpp", "rust"), "args": ("{start:5}", "{}"), "size": ("4",), "command": ("cat",), "members": ("3",), "to": ("cart",), "address": ("127.0.0.1",),
    "port": ("19999",), "tls": ("",), "type": ("permanent", "temporary"), "strategy": ("one_for_one", "rest_for_one"), "intensity": ("3",), "period": ("5s",),
    "at": ("@daily",), "message": ("go",), "buffer": ("10",), "path": ("log",), "level": ("error",), "bytes": ("1MiB",), "keep": ("2",),
}
WRONG_VALUES = ("", "gone", "-1", "{", "}", "[", "a,b", "ü", "'", "99999999999999999999", "\x7f", "x" * 500, "{a:{b:{c:1}}}", "null", "~", "&a", "*a", "!!int 1")


@shared
def kinds(_):
    """{option: its keys}, as --help lists them."""
    found = dict(re.findall(r"^  --([\w-]+) \[PARENT:\]NAME \.\.\.[^{]*\{([\w,]+)\}$", coppice("init", "--help").stdout, re.M))
    check(set(OTHERS) < set(found) and len(found) >= 15, "the help has the kinds", *found)
    return {kind: keys.split(",") for kind, keys in found.items()}


def braces(by, kind):
    """The text in the braces behind a name. It may be empty."""
    if by.random() < 0.5:
        return ""
    keys = by.sample(kinds()[kind], by.randrange(1, 1 + min(3, len(kinds()[kind]))))
    if by.random() < 0.1:
        keys.append(by.choice(("nonsense", "lnag", "", "ü", *VALUES)))
    pairs = []
    for key in keys:
        value = by.choice(VALUES.get(key, ("x",)) if by.random() < 0.9 else WRONG_VALUES)
        pairs.append(f"{key}:{value}" if value else key)
    whole = "{" + ",".join(pairs) + "}"
    return whole if by.random() < 0.95 else whole[:by.randrange(len(whole))]


def entry(by, kind, parents):
    name = by.choice(GOOD if by.random() < 0.9 else BAD) + (str(by.randrange(9)) if by.random() < 0.5 else "")
    parent = by.choice(parents) + ":" if parents and by.random() < 0.5 else ""
    if by.random() < 0.05:
        parent = by.choice(BAD) + ":"
    if kind in ("app", "sup"):
        parents.append(name)
    return parent + name + braces(by, kind)


def command_line(by):
    words, parents = [by.choice(("shop", "my-shop", "shop@127.0.0.1")) if by.random() < 0.9 else by.choice(BAD)], []
    for _ in range(by.randrange(1, 6)):
        kind = by.choice([*kinds(), "sup", "app", "actor"])
        words += [f"--{kind}", entry(by, kind, parents)]
    if by.random() < 0.1:
        words += [by.choice(("--observer", "--nonsense", "--dry-run", "stray", "--lang"))]
    if by.random() < 0.05:
        words.pop(by.randrange(len(words)))
    return [word.replace("\0", "") for word in words]


@test("a line of the grammar is a project that coppice check reads, or a sentence for each mistake and no file")
def lines(cleanup):
    taken = 0
    for seed in range(SEED, SEED + LINES):
        words = command_line(random.Random(seed))
        where = working_folder(cleanup).path
        line = f"seed {seed}: coppice init {shlex.join(words)}"
        done = coppice("init", *words, cwd=where)
        check(done.returncode in (0, 2), line, done.returncode, done.stderr)
        made = os.listdir(where)
        if done.returncode == 2:
            equal((made, done.stdout), ([], ""), line)
            said = done.stderr.splitlines()
            check(said and said[0].startswith("coppice: "), line, *said)
            check(all(one.startswith(("coppice: ", "  ")) and one.strip() for one in said), line, *said)
            continue
        equal(done.stderr, "", line)
        if "--dry-run" in words or "--help" in words:
            equal(made, [], line)
            continue
        taken += 1
        equal(len(made), 1, line)
        again = coppice("init", *words, cwd=where)
        equal((again.returncode, again.stderr), (0, ""), line)
        (where / made[0] / "build").mkdir()  # `meson setup` does so
        config, = (where / made[0] / "config").glob("*.yaml")
        for one in coppice("check", str(config), cwd=where).stderr.splitlines():
            check("not YAML" not in one, line, one)
            if "error:" in one and not any(f":{value}" in word for word in words for value in WRONG_VALUES if value):
                check("no plugin '" in one, line, one)  # plugins are not built here
    check(0 < taken < LINES or LINES < 20, "some lines are taken and some are refused", taken)


run()
