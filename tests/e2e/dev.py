#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`coppice dev`: a saved edit takes effect once it is built and tested; an edit that fails leaves the old code running,
and says why; a change of the configuration is applied; a node that ends is started again; a signal ends everything; two
projects do not disturb each other."""
import os
import pathlib
import signal
import subprocess

from harness.dev_project import SLOW, Dev
from harness.made_plugins import coppice
from harness.node import program
from harness.sdk import needs, working_folder
from harness.tap import check, contains, equal, eventually, run, test


@test("a saved edit is in force once it was tested, and keeps the state; one that does not compile, fails its test or is refused leaves the old code serving, also after a crash")
def edits(cleanup):
    dev = Dev(cleanup, "shop", "--sup", "front", "--actor", "front:cart", "--observer")
    dev.then_says(r"^project: built \(")
    dev.then_says(r"^node: ready \(")
    source = "plugins/cart/cart.cpp"
    add = "return sum_ += request.amount"
    equal(dev.call("cart", "{add, 5}"), "5")

    dev.edit(source, f"{add};", f"{add} == 1000 ? 1 : request.amount;")
    dev.then_says(r"^cart: built, tested, reloaded: 1 carried over \([0-9.]+ s\)$")
    equal(dev.call("cart", "{add, 1000}"), "6")

    good = dev.edit(source, f"{add} == 1000", "return nonsense")
    line = dev.then_says(r"^cart: not built: .*; the old code serves on \(.*\)$")[0]
    contains(line, "error: ")
    contains(line, "cart.cpp:")
    equal(dev.call("cart", "{add, 1000}"), "7")

    dev.edit(source, "return nonsense", "return sum_ += 7 + (request.amount == 1000)")
    contains(dev.then_says(r"^cart: built, its test failed with status [0-9]+: .*; the old code serves on \(.*\)$")[0],
             "the sum begins with args.start")
    equal(dev.call("cart", "{add, 1000}"), "8")

    (dev.project / source).write_text(good.replace("state_version = 1", "state_version = 2"), encoding="utf-8")
    dev.then_says(r"^cart: built, tested, reload refused: .*; the old code serves on \(.*\)$")
    equal(dev.call("cart", "{add, 1000}"), "9")

    was = dev.ask("status")["os_pid"]
    os.kill(was, signal.SIGKILL)
    dev.then_says(r"^node: ended with signal 9 \(Killed\); it is started again in 1 s$")
    dev.then_says(r"^node: ready \(")
    equal(dev.call("cart", "{add, 1000}"), "1")

    now = dev.ask("status")["os_pid"]
    check(now != was, "it is another process", now)
    equal(dev.stop(signal.SIGINT), 0, dev.text())
    check(not pathlib.Path(f"/proc/{now}").exists(), "the node has ended", dev.text())


@test("an actor in Rust is built, tested and reloaded beside one in C++")
def in_rust(cleanup):
    needs("cargo", "cc")
    dev = Dev(cleanup, "shop", "--app", "store", "--sup", "store:front", "--actor", "front:cart", "--actor", "front:audit{lang:rust}",
              "--observer")
    dev.then_says(r"^node: ready \(")
    equal([dev.call(name, "{add, 5}") for name in ("cart", "audit")], ["5", "5"])
    source = "plugins/audit/src/lib.rs"
    add = "self.sum.checked_add(amount)?"
    dev.edit(source, add, f"{add} + i64::from(amount == 1000)")
    dev.then_says(r"^audit: built, tested, reloaded: 1 carried over \([0-9.]+ s\)$")
    equal([dev.call(name, "{add, 1000}") for name in ("cart", "audit")], ["1005", "1006"])
    dev.edit(source, f"{add} +", f"{add} + nonsense +")
    contains(dev.then_says(r"^audit: not built: .*; the old code serves on \(.*\)$")[0], "nonsense")
    equal(dev.call("audit", "{add, 1}"), "1007")


@test("a configuration that is changed is applied, with a plugin that add has made; a wrong one is refused; another project runs beside it, and a second dev in the same project does not; a node ends with its dev")
def configuration(cleanup):
    dev = Dev(cleanup, "shop", "--sup", "front", "--observer")
    other = Dev(cleanup, "mill", "--sup", "front", "--observer", epmd_port=dev.epmd_port)
    for one in (dev, other):
        one.then_says(r"^node: ready \(")
    equal(dev.ask("status")["name"], "shop@127.0.0.1")

    text = dev.edit(dev.configuration, "node:\n", "nonsense: 1\nnode:\n")
    dev.then_says(r"^config: refused: .*shop\.yaml:[0-9]+: .*nonsense.*; the old tree goes on \(.*\)$")
    dev.configuration.write_text(text, encoding="utf-8")
    dev.then_says(r"^config: nothing has changed \(")

    done = coppice("add", "actor", "front:audit", cwd=dev.project)
    equal((done.returncode, done.stderr), (0, ""))
    dev.then_says(r"^audit: built, tested, and no actor of it runs yet \(")
    dev.then_says(r"^config: applied: .*front/audit.* \(")
    equal(dev.call("audit", "{add, 2}"), "2")

    again = coppice("dev", cwd=dev.project)
    equal(again.returncode, 1)
    contains(again.stderr, "coppice dev runs in this project already")
    equal(dev.stop(signal.SIGTERM), 0, dev.text())
    equal(other.ask("status")["name"], "mill@127.0.0.1")
    other.process.kill()
    other.process.wait()
    eventually(lambda: not other.answers(), "a node ends with a dev that is killed")


@test("a configuration that a node cannot start with is told, and the node starts when it is mended")
def mended(cleanup):
    dev = Dev(cleanup, "shop", "--sup", "front", broken=True)
    dev.then_says(r"nonsense")
    dev.then_says(r"^node: not started: the configuration is refused; it is tried again when something changes$")
    dev.edit(dev.configuration, "nonsense: 1\n", "")
    dev.then_says(r"^config: the node starts with it \(")
    dev.then_says(r"^node: ready \(")
    equal(dev.stop(signal.SIGHUP), 0, dev.text())


@test("a signal ends a build that is under way")
def ended_build(cleanup):
    dev = Dev(cleanup, "shop", "--actor", "cart")
    eventually(lambda: (dev.project / "build/meson-private").exists(), "the build has begun", SLOW)
    equal(dev.stop(signal.SIGINT), 0, dev.text())


@test("it says in a sentence that there is no project, no tool, no configuration of that name, or that the build folder is another's")
def refusals(cleanup):
    where = working_folder(cleanup).path

    def says(*parts, arguments=(), folder=where, **variables):
        done = subprocess.run([program("COPPICE", "coppice"), "dev", *arguments], cwd=folder, capture_output=True, text=True,
                              timeout=60, env={**os.environ, **variables}, check=False)
        check(done.returncode != 0, "it is refused", done.stdout)
        for part in parts:
            contains(done.stderr, part)

    says("config has no .yaml: this is no project of coppice init")
    equal(coppice("init", "shop", "--sup", "front", cwd=where).returncode, 0)
    project = where / "shop"
    says("no meson in PATH: install the package meson", folder=project, PATH=str(where))
    for name, missing in (("meson", "no ninja in PATH: install the package ninja-build"),):
        (where / name).write_text("#!/bin/sh\n", encoding="utf-8")
        (where / name).chmod(0o755)
        says(missing, folder=project, PATH=str(where))
    (where / "ninja").write_text("#!/bin/sh\n", encoding="utf-8")
    (where / "ninja").chmod(0o755)
    path = {"folder": project, "PATH": str(where)}
    says("config/none.yaml is no file", arguments=("--config", "config/none.yaml"), **path)
    says("in the project's folder", arguments=("--config", "../x.yaml"), **path)
    says("too long for a socket", arguments=("--build", "b" * 100), **path)
    says("no JSON document", arguments=("--json",), **path)
    notes = project / "build/meson-info"
    notes.mkdir(parents=True)
    (notes / "meson-info.json").write_text('{"directories":{"source":"/elsewhere"}}', encoding="utf-8")
    says("is the build folder of /elsewhere: --build names another one", **path)
    (project / "meson.build").unlink()
    says("there is no meson.build: this is no project of coppice init", **path)


run()
