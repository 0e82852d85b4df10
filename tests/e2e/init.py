#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`coppice init`: a project builds, passes its tests, the one of its running tree among them, and is taken by a node; the
command line that people of Ergo know makes its tree; and what it refuses, or leaves as it is."""
import os
import pathlib
import re

from harness.made_plugins import compile_all, coppice
from harness.node import Node, free_port, program
from harness.sdk import installed, needs, shell, working_folder
from harness.tap import check, contains, equal, run, test


def made(where, *arguments):
    done = coppice("init", *arguments, cwd=where)
    equal(done.returncode, 0, done.stderr)
    return done.stdout


@test("a project builds without a warning and passes its tests, the running tree's among them, and coppice check takes it")
def builds(cleanup):
    needs("g++", "meson")
    where = working_folder(cleanup).path
    made(where, "shop", "--sup", "front", "--actor", "front:audit{lang:c,args:{start:5}}")
    path = os.pathsep.join(str(pathlib.Path(program(name.upper(), name)).parent) for name in ("coppiced", "coppice"))
    said = shell("meson setup build -Dwerror=true && ninja -C build && meson test -C build", where / "shop",
                 PATH=f"{path}{os.pathsep}{os.environ['PATH']}", **installed()[1])
    check(re.search(r"^Ok: +2", said, re.M), "both tests were run, and none was skipped", said)
    equal(coppice("check", "shop/config/shop.yaml", cwd=where).returncode, 0)


@test("the command line of Ergo's README, with -- for -with-, makes its tree")
def as_ergo(cleanup):
    needs("g++", "xargs")
    where = working_folder(cleanup).path
    ports = [free_port() for _ in range(3)]
    made(where, "MyNode", "--app", "MyApp", "--sup", "MyApp:MySup", "--actor", "MySup:MyActorInSup", "--actor",
         "MyApp:MyActorInApp", "--tcp", f"MySup:MyTCP{{port:{ports[0]}}}", "--udp", f"MySup:MyUDP{{port:{ports[1]}}}", "--pool",
         "MySup:MyPool{size:4}", "--web", f"MyWeb{{port:{ports[2]}}}", "--observer")
    project = where / "MyNode"
    sources = sorted(file for file in project.glob("plugins/*/*.cpp") if not file.stem.endswith("_test"))
    equal([file.stem for file in sources], ["my_actor_in_app", "my_actor_in_sup", "my_pool", "my_tcp", "my_udp", "my_web"])
    compile_all(where, [f"g++ -std=c++20 -O0 -fPIC -shared $(pkg-config --cflags coppice-plugin) {file} -o {file.stem}.so "
                        "$(pkg-config --libs coppice-plugin)" for file in sources])
    text = (project / "config/MyNode.yaml").read_text(encoding="utf-8")
    text = re.sub(r"9911", str(free_port()), text)
    node = Node(cleanup, name="MyNode", config=text,
                settings=[("plugins.path", f"[ {where} ]"), ("distribution.listen", "[]")])

    def below(one):
        return {child["id"]: below(child) for child in one.get("children", [])}
    trees = {one["name"]: below(one["supervisor"]) for one in node.ask("tree")["applications"]}
    pool = trees["my_app"]["my_sup"].pop("my_pool")
    check(len(pool) in (0, 4), "the pool has its workers, or shows none", pool)
    equal(trees, {"my_node": {"my_web": {}, "my_web_site": {}},
                  "my_app": {"my_sup": {"my_actor_in_sup": {}, "my_tcp": {}, "my_udp": {}}, "my_actor_in_app": {}}})
    equal(node.call("my_actor_in_app", "{add, 42}"), "42")
    equal(node.call("my_pool", "{square, 7}"), "49")


@test("each kind, alone and all together, makes a configuration that coppice check takes but for what is not built")
def every_kind(cleanup):
    where = working_folder(cleanup).path
    kinds = [line.split()[0] for line in coppice("new", "--list").stdout.splitlines()]
    sets = [[kind] for kind in kinds] + [kinds]
    for number, some in enumerate(sets):
        name = f"node{number}"
        options = [word for kind in some for word in (f"--{kind}", f"the-{kind}")]
        made(where, name, *options, "--cron", "nightly{at:@daily,to:the_x,message:go}", "--events", "orders")
        said = coppice("check", f"{name}/config/{name}.yaml", cwd=where).stderr
        for line in said.splitlines():
            if "error:" in line:
                contains(line, "no plugin 'the_")


@test("what is wrong is said at once with status 2, also what a shell has made of braces, and nothing is written")
def mistakes(cleanup):
    where = working_folder(cleanup).path
    done = coppice("init", "shop", "--actor", "cart{lang:c", "args}", "--actor", "nobody:x", "--sup", "for", "--actor",
                   "y{lnag:c}", cwd=where)
    equal((done.returncode, done.stdout), (2, ""))
    for part in ("nothing is known of 'args}'", "quotes keep", "no word of C", "did you mean 'lang'?"):
        contains(done.stderr, part)
    contains(coppice("init", "shop", "--actor", "nobody:x", cwd=where).stderr, "no application or supervisor nobody")
    equal(coppice("init", cwd=where).returncode, 2)
    equal(coppice("init", "../x", cwd=where).returncode, 2)
    equal(os.listdir(where), [])


@test("the same command twice changes nothing; what was edited is left unless forced")
def twice(cleanup):
    where = working_folder(cleanup).path
    arguments = ("shop", "--actor", "cart")
    contains(made(where, *arguments, "--dry-run"), "shop/plugins/cart/cart.cpp")
    equal(os.listdir(where), [])
    made(where, *arguments)
    contains(made(where, *arguments), "are there already")
    source = where / "shop/plugins/cart/cart.cpp"
    source.write_text("mine", encoding="utf-8")
    done = coppice("init", *arguments, cwd=where)
    equal(done.returncode, 1)
    contains(done.stderr, "cart.cpp exists and is another")
    equal(source.read_text(encoding="utf-8"), "mine")
    made(where, *arguments, "--force")
    check(source.read_text(encoding="utf-8") != "mine", "it is replaced")


run()
