#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`coppice init` and `coppice add`: a project builds, passes its tests (one of them runs its tree), and is accepted by
a node; the command line of Ergo's tool makes the same tree; some things are refused, or left unchanged."""
import contextlib
import json
import os
import pathlib
import re
import socket
import subprocess

from harness.made_plugins import compile_all, coppice
from harness.node import Node, free_port, program
from harness.sdk import installed, needs, shell, working_folder
from harness.tap import Skip, check, contains, equal, run, test


def made(where, *arguments):
    done = coppice("init", *arguments, cwd=where)
    equal(done.returncode, 0, done.stderr)
    return done.stdout


def added(where, *arguments):
    done = coppice("add", *arguments, cwd=where)
    equal((done.returncode, done.stderr), (0, ""))
    return done.stdout


@test("a project, grown by add, builds without a warning and passes its tests, the running tree's among them, and coppice check takes it")
def builds(cleanup):
    needs("g++", "meson")
    where = working_folder(cleanup).path
    made(where, "shop", "--sup", "front", "--actor", "front:audit{lang:c,args:{start:5}}", "--logger", "lines", "--observer")
    page = cleanup.enter_context(socket.socket())
    with contextlib.suppress(OSError):  # another node's page may have the port of --observer
        page.bind(("127.0.0.1", 9911))
        page.listen()
    added(where / "shop", "sup", "front:inner")
    contains(added(where / "shop", "web", f"inner:desk{{port:{free_port()},tls}}"), "plugins/desk/desk.cpp\n")
    path = os.pathsep.join(str(pathlib.Path(program(name.upper(), name)).parent) for name in ("coppiced", "coppice"))
    said = shell("meson setup build -Dwerror=true && ninja -C build && meson test -C build", where / "shop",
                 PATH=f"{path}{os.pathsep}{os.environ['PATH']}", **installed()[1])
    check(re.search(r"^Ok: +3", said, re.M), "all tests were run, and none was skipped", said)
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
        made(where, name, *options, "--cron", "nightly{at:@daily,to:the_x,message:go}", "--events", "orders",
             "--logger", "errors{level:error,path:errors.log}")
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
    for word in ("--observer", "--dry-run"):
        done = coppice("init", "shop", "--actor", word, cwd=where)
        equal(done.returncode, 2)
        contains(done.stderr, f"the name '{word}' must begin with a letter")
    equal(coppice("init", cwd=where).returncode, 2)
    equal(coppice("init", "../x", cwd=where).returncode, 2)
    equal(os.listdir(where), [])


@test("names are taken as people write them; what can be no name is refused with its reason, by init and by add, of whatever it is the name")
def names(cleanup):
    where = working_folder(cleanup).path
    made(where, "my-shop", "--app", "my-app", "--sup", "My-App:mySup", "--actor", "my-sup:My-Cart")
    added(where / "my-shop", "actor", "my_sup:My-Audit")
    text = (where / "my-shop/config/my-shop.yaml").read_text(encoding="utf-8")
    for part in ("name: my-shop@127.0.0.1", "name: my_app", "name: my_sup", "actor: my_cart", "actor: my_audit"):
        contains(text, part)
    before = sorted(str(file) for file in where.rglob("*"))
    for name, why in (("größe", "not 'ö'"), ("for", "no word of C or C++"), ("x" * 300, "at most 64 bytes, not 300"), ("../x", "no path"), ("-", "must have a letter"),
                      ("", "there is no name")):
        for arguments, folder in ((("init", "other", "--app", name), where), (("init", "other", "--sup", name), where), (("init", "other", "--actor", name), where),
                                  (("add", "actor", name), where / "my-shop"), (("add", "sup", name), where / "my-shop")):
            done = coppice(*arguments, cwd=folder)
            equal((done.returncode, done.stdout), (2, ""), arguments)
            contains(done.stderr, why)
    for name, why in (("größe", "must be alive@host"), ("../x", "must be alive@host"), ("x" * 300, "at most 255 bytes"), ("-", "must have a letter"), ("", "NODE")):
        done = coppice("init", name, "--actor", "cart", cwd=where)
        equal((done.returncode, done.stdout), (2, ""), name)
        contains(done.stderr, why)
    equal(sorted(str(file) for file in where.rglob("*")), before, "nothing was written")


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


@test("a file says what the command line would, and init says what is wrong with it")
def from_file(cleanup):
    where = working_folder(cleanup).path
    (where / "shop.yaml").write_text("- node: shop\n- sup: front\n- actor: front:cart\n  args: { start: 2 }\n- observer: true\n",
                                     encoding="utf-8")
    made(where, "--from", "shop.yaml", "--in", "one")
    made(where, "shop", "--sup", "front", "--actor", "front:cart{args:{start:2}}", "--observer", "--in", "two")
    equal((where / "one/config/shop.yaml").read_bytes(), (where / "two/config/shop.yaml").read_bytes())
    contains((where / "one/README.md").read_text(encoding="utf-8"), "coppice init --from shop.yaml")
    os.mkfifo(where / "pipe")
    (where / "wrong.yaml").write_text("- actr: x\n- actor: 5\n", encoding="utf-8")
    (where / "half.yaml").write_text("- node: shop\n- actr: x\n- actor: class\n", encoding="utf-8")
    for name, parts in (("wrong.yaml", ["did you mean 'actor'?", "entry 2", "names no node"]), ("none", ["none"]), ("pipe", ["no file"]),
                        ("half.yaml", ["did you mean 'actor'?", "init shop: --actor 'class'", "init shop: --actor 'for'"])):
        done = coppice("init", "--from", name, "--actor", "for", cwd=where)
        equal(done.returncode, 2)
        for part in parts:
            contains(done.stderr, part)
        equal("names no node" in done.stderr, name == "wrong.yaml", "the node's name is missing in a file that was read and has none")


@test("add leaves comments, layout and modes as they are; the same command twice changes nothing, and a dry run writes nothing")
def adds(cleanup):
    where = working_folder(cleanup).path
    made(where, "shop", "--sup", "front", "--actor", "front:cart")
    project, file = where / "shop", where / "shop/config/shop.yaml"
    text = file.read_text(encoding="utf-8").replace("actor: cart }", "actor: cart } # the first one\n              # and more")
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)
    if os.getuid() == 0:
        os.chown(file, 65534, 65533)
    owners = (file.stat().st_uid, file.stat().st_gid)
    contains(added(project, "actor", "front:audit{lang:c}", "--dry-run"), "plugins/audit/audit.c\n")
    equal(file.read_text(encoding="utf-8"), text)
    check(not (project / "plugins/audit").exists(), "nothing is written")
    added(where, "actor", "front:audit{lang:c}", "--in", "shop")
    grown = text.replace("# and more\n", "# and more\n              - { id: audit, name: audit, actor: audit }\n")
    equal(file.read_text(encoding="utf-8"), grown)
    equal(file.stat().st_mode & 0o777, 0o600)
    equal((file.stat().st_uid, file.stat().st_gid), owners)
    contains((project / "meson.build").read_text(encoding="utf-8"), "{'cart': 'cpp', 'audit': 'c'}")
    contains((project / "tests/tree.sh").read_text(encoding="utf-8"), "for process in front cart audit; do")
    check((project / "plugins/audit/audit_test.cpp").exists(), "it has a test")
    equal(added(project, "actor", "front:audit{lang:c}"), "audit is there already\n")
    (project / "plugins/audit/audit.c").write_text("mine", encoding="utf-8")
    done = coppice("add", "actor", "front:audit{lang:c}", cwd=project)
    equal(done.returncode, 1)
    contains(done.stderr, "audit.c exists and is another")
    added(project, "actor", "front:audit{lang:c}", "--force")
    equal(file.read_text(encoding="utf-8"), grown)
    document = json.loads(added(project, "events", "orders", "--json"))
    equal((document["node"], document["files"], document["by_hand"]),
          ("shop@127.0.0.1", [{"path": "config/shop.yaml", "action": "edit"}], []))


@test("what add cannot edit it prints and leaves; with these lines in place the same command makes the rest")
def by_hand(cleanup):
    where = working_folder(cleanup).path
    made(where, "shop", "--sup", "front")
    project, file = where / "shop", where / "shop/config/shop.yaml"
    text = file.read_text(encoding="utf-8").replace("children: []", "children: &all []")
    file.write_text(text, encoding="utf-8")
    done = coppice("add", "actor", "front:cart", cwd=project)
    equal((done.returncode, done.stdout),
          (1, "# config/shop.yaml, applications: shop: supervisor: children: front: supervisor: children:\n"
              "- { id: cart, name: cart, actor: cart }\n"))
    contains(done.stderr, "nothing was written")
    equal(file.read_text(encoding="utf-8"), text)
    equal(os.listdir(project / "plugins") if (project / "plugins").exists() else [], [])
    file.write_text(text.replace("&all []", "[{ id: cart, name: cart, actor: cart }]"), encoding="utf-8")
    contains(added(project, "actor", "front:cart"), "plugins/cart/cart.cpp")


@test("add says at once what is wrong with kind, names and options, and where there is no project")
def add_mistakes(cleanup):
    where = working_folder(cleanup).path
    equal(coppice("add", "actor", "cart", cwd=where).returncode, 1)
    made(where, "shop", "--sup", "front", "--actor", "front:cart")
    done = coppice("add", "tcp", "frnt:for{lnag:c", "args}", cwd=where / "shop")
    equal((done.returncode, done.stdout), (2, ""))
    for part in ("nothing is known of 'args}'", "quotes keep"):
        contains(done.stderr, part)
    done = coppice("add", "tcp", "frnt:for{lnag:c}", cwd=where / "shop")
    equal((done.returncode, done.stdout), (2, ""))
    for part in ("did you mean 'front'?", "no word of C", "did you mean 'lang'?"):
        contains(done.stderr, part)
    equal(coppice("add", "actor", "cart", cwd=where / "shop").returncode, 2)


# Prints for each number of free KiB: the exit status of add, the number of files in the plugin's folder, whether the
# configuration has the actor, the number of files left over, and the status of the same command once there is room
# again.
FULL_DISK = """
mount -t tmpfs -o size=1m none {where} && cd {where} && for left in 0 4 8 12 16 20 24 28 32 48; do
  rm -rf shop; {coppice} init shop --actor cart >/dev/null; cd shop
  dd if=/dev/zero of=../fill bs=4k 2>/dev/null; truncate -s -"$left"K ../fill
  {coppice} add actor audit >../said 2>&1; status=$?
  files=$(ls plugins/audit 2>/dev/null | wc -l); has=$(grep -c 'actor: audit' config/shop.yaml)
  stray=$(find . -name '.*-??????' -o -name '*.tmp*' | wc -l)
  rm ../fill; {coppice} add actor audit >/dev/null; echo "$status $files $has $stray $?"; cd ..
done
"""


@test("a disk that is full in the middle of add leaves each file whole and nothing besides; with room the same command goes on")
def no_room(cleanup):
    needs("unshare")
    where = working_folder(cleanup).path
    script = FULL_DISK.format(where=where, coppice=program("COPPICE", "coppice"))
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, timeout=100, check=False)
    if "mount" in done.stderr or "unshare" in done.stderr:
        raise Skip("no file system may be mounted here")
    rows = [[int(one) for one in line.split()] for line in done.stdout.splitlines()]
    for status, files, has, stray, again in rows:
        equal((stray, again), (0, 0), done.stdout)
        equal(has, 1 - status, done.stdout)
        check(files == 3 or (files == 0 and status == 1), "the plugin is there whole or not at all", done.stdout)
    equal((rows[0][0], rows[-1][0]), (1, 0), done.stdout)


SMALL_DISKS = """
for own in 0 1; do for size in 4 8 16 32 64 96 128 160 192 256; do
  mount -t tmpfs -o size="$size"k none {where} && cd {where}
  if [ $own = 1 ]; then mkdir shop && : > shop/notes; fi
  {coppice} init shop --sup front --actor front:cart 2>&1 >/dev/null | sed "s/^/said /"
  echo "left $own $(find . -type f | wc -l) $(ls -A | wc -l)"; cd / && umount {where}
done; done
mount -t tmpfs none {where} && cd {where} && {coppice} init shop --actor cart >/dev/null && mount -o remount,ro {where}
{coppice} init other --actor cart; echo $?; cd shop; {coppice} add actor audit; echo $?; {coppice} add cron 'c{{at:@daily,to:cart,message:go}}'; echo $?
"""


@test("a disk that is full in the middle of init leaves no project, or a whole one, also in a folder that is there; a read-only folder is a sentence")
def small_disks(cleanup):
    needs("unshare")
    where = working_folder(cleanup).path
    script = SMALL_DISKS.format(where=where, coppice=program("COPPICE", "coppice"))
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=100, check=False)
    if "mount:" in done.stdout or "unshare:" in done.stdout:
        raise Skip("no file system may be mounted here")
    full, _, read_only = done.stdout.rpartition("left ")
    rounds = re.findall(r"((?:said .*\n)*)left (\d) (\d+) (\d+)\n", full + "left " + read_only)
    equal(len(rounds), 20, done.stdout)
    for said, own, files, entries in rounds:
        if said:
            check(re.fullmatch(r"said coppice: init shop: \S.*: No space left on device\n", said), "a sentence", said)
        own = int(own)  # the folder existed before, with a file in it
        check((int(files), int(entries)) == (own, own) if said else int(files) >= 10 + own and int(entries) == 1, "a whole project or none", said, own, files, entries)
    for some in (rounds[:10], rounds[10:]):
        check(some[0][0] and not some[-1][0], "one is too small, and one is not", *some)
    said = re.findall(r"^coppice: (init other|add actor audit|add cron c\S+): \S.*: Read-only file system\n1\n", read_only, re.M)
    equal((len(said), len(read_only.splitlines())), (3, 7), read_only)


run()
