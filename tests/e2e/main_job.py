#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The demo configuration through the client: every bundled plugin does what its README says, and every command shows
it, in a form for people and in a form for programs."""
import json
import subprocess

from harness.node import Folder, Node, program, root
from harness.tap import check, contains, equal, eventually, run, shared, test


demo = shared(Node)


@test("kv keeps, counts, lists and forgets any term")
def kv_answers(cleanup):
    node = Node(cleanup)
    for term, reply in [
        ("size", "0"),
        ("{put, a, 1}", "ok"),
        ("{get, a}", "{ok,1}"),
        ("{put, {x, [1.5, #{k => <<\"v\">>}]}, 'quoted atom'}", "ok"),
        ("{get, {x, [1.5, #{k => <<\"v\">>}]}}", "{ok,'quoted atom'}"),
        ("{get, missing}", "not_found"),
        ("{update_counter, hits, 5}", "5"),
        ("{update_counter, hits, -2}", "3"),
        ("{put, word, <<\"w\">>}", "ok"),
        ("{update_counter, word, 1}", "{error,badarg}"),
        ("size", "4"),
        ("{delete, word}", "ok"),
        ("{delete, word}", "ok"),
        ("size", "3"),
    ]:
        equal(node.call("kv", term), reply, term)
    node.ask("cast", name="kv", term="{put, b, 2}")
    equal(node.call("kv", "{get, b}"), "{ok,2}")
    node.ask("cast", name="kv", term="clear")
    equal(node.call("kv", "keys"), "[]")


@test("a full kv refuses new keys and still updates old ones")
def kv_is_bounded(cleanup):
    limit = 100
    node = Node(cleanup, settings=[("applications.demo.supervisor.children.kv.args.max_entries", limit)])
    for key in range(limit):
        equal(node.call("kv", f"{{put, {key}, x}}"), "ok")
    equal(node.call("kv", "{put, one_more, x}"), "{error,full}")
    equal(node.call("kv", "{update_counter, one_more, 1}"), "{error,full}")
    equal(node.call("kv", "{put, 7, y}"), "ok")
    equal(node.call("kv", "size"), str(limit))


@test("greeter greets with the configured word")
def greeter_greets(cleanup):
    node = demo()
    equal(node.call("greeter", '{hello, <<"you">>}'), '{ok,<<"hello, you">>}')


@test("relay calls others by name and pid, and says why it could not")
def relay_relays(cleanup):
    node = Node(cleanup)
    node.call("kv", "{put, a, 1}")
    equal(node.call("relay", "{relay, kv, {get, a}}"), "{ok,1}")
    pid = node.call("probe", "self")
    equal(node.call("relay", f"{{relay, {pid}, ping}}"), "pong")
    equal(node.call("relay", "{relay, nobody, ping}"), "{error,noproc}")
    equal(node.call("relay", "{relay, {kv, 'nowhere@127.0.0.1'}, size}"), "{error,nodedown}")
    equal(node.call("relay", "{fanout, [kv, nobody, kv], size}"), "[1,{error,noproc},1]")


@test("an actor that exits or throws is started again with a new pid")
def probe_grows_back(cleanup):
    node = Node(cleanup)
    for term, reason in [("{exit, oops}", "oops"), ("throw", "exception")]:
        before = node.call("probe", "self")
        failed = node.coppice("call", "probe", term)
        equal(failed.returncode, 1, term)
        contains(failed.stderr, reason)
        eventually(lambda: node.pid("probe") not in (None, before), "probe is back, with a new pid")
    equal(node.call("probe", "ping"), "pong")


@test("a call that nobody answers in time ends with status 4")
def call_times_out(cleanup):
    node = Node(cleanup)
    late = node.coppice("call", "probe", "{sleep, 2000}", "--timeout", "50ms")
    equal(late.returncode, 4)
    contains(late.stderr, "coppice: call probe: ")


@test("status, tree, ps, info, nodes and plugins describe the node in JSON")
def documents(cleanup):
    node = demo()
    status = node.ask("status")
    equal(status["name"], node.name)
    equal(status["state"], "running")
    check(status["creation"] > 3 and status["workers"] >= 1 and status["processes"] > 5, "status", status)
    equal([a["name"] for a in status["applications"]], ["demo"])

    tree = node.ask("tree")
    top = tree["applications"][0]["supervisor"]
    equal(top["name"], "demo_sup")
    found = {}

    def walk(child):
        found[child["id"]] = child
        for below in child.get("children", []):
            walk(below)

    walk(top)
    for name in ("greeter", "kv", "relay", "probe", "ticker", "inner"):
        check(name in found, f"{name} in the tree", sorted(found))
    equal(found["kv"]["pid"], node.info("kv")["pid"])
    equal(found["kv"]["plugin"], "kv")

    processes = node.ask("ps")["processes"]
    check({"kv", "relay"} <= {p.get("name") for p in processes}, "ps", processes)
    info = node.info(found["kv"]["pid"])
    equal(info["name"], "kv")
    check(found[  # one of its links is its supervisor
        "kv"]["pid"] and top["pid"] in info["links"], "links", info)

    equal(node.ask("nodes"), {"nodes": []})
    plugins = {p["id"]: p for p in node.ask("plugins")["plugins"]}
    check({"greeter", "kv", "relay", "probe", "ticker"} <= set(plugins), "plugins", plugins)
    equal(plugins["kv"]["generation"], 1)


# The keys of each document, as the manual page has them.
shapes = {
    "status": {"name", "state", "changes", "degraded", "version", "creation", "uptime_ms", "os_pid", "listen", "epmd", "workers", "processes",
               "dead_letters", "dropped", "malformed", "message_memory", "resident_memory", "plugin_memory", "slow_handlers", "taken_over", "stuck_threads",
               "applications", "connections", "plugins", "certificates", "switched_off", "configuration", "draining", "former_life",
               "restarts", "stuck", "cannot_write", "cpu_us"},
    "application": {"name", "type", "state", "reason", "supervisor"},
    "supervisor": {"id", "pid", "name", "behaviour", "plugin", "state", "restarts", "last_end", "children"},
    "worker": {"id", "pid", "name", "behaviour", "plugin", "state", "restarts", "last_end"},
    "process": {"pid", "name", "label", "behaviour", "plugin", "status", "mailbox", "reductions", "memory", "cpu_us"},
    "info": {"pid", "name", "label", "behaviour", "plugin", "status", "mailbox", "reductions", "memory", "cpu_us", "actor",
             "generation", "parent", "group_leader", "priority", "trap_exit", "worker", "ends", "links", "monitors",
             "monitored_by", "waits", "handles", "waiting", "state", "engine", "debug"},
    "pool": {"dispatch", "size", "queued", "held", "handled", "rejected", "expired", "retried", "lost", "unanswered", "uptime_ms",
             "workers"},
    "pool worker": {"pid", "held", "queued", "handled", "lost", "busy_ms", "restarts"},
    "event manager": {"kind", "events", "failures", "dropped", "handlers"},
    "event handler": {"handler", "pid", "permanent", "added_by", "restarts", "failure", "seen", "mean_us", "worst_us", "waiting",
                      "slow", "dropped"},
    "state machine": {"kind", "state", "previous", "since_ms", "changes", "queued", "postponed", "timeouts", "transitions"},
    "postponed": {"length", "limit", "dropped", "oldest"},
    "time-out": {"type", "left_ms"},
    "transition": {"event", "to", "ago_ms"},
    "mailbox": {"length", "bytes", "oldest_ms", "dropped"},
    "changes": {"valid", "applied", "changes", "rest", "diagnostics", "differences", "next_start"},
    "plugin": {"id", "version", "generation", "actors", "memory", "cpu_us", "file", "kept"},
    "reload": {"dry_run", "plugins", "pause_ms", "drain_ms", "save_ms", "restore_ms", "kept"},
    "reloaded": {"id", "from", "to", "actors"},
    "generation": {"version", "build_id", "generation"},
    "actor": {"pid", "path", "type", "outcome", "reason"},
}


@test("documents have the keys of the manual page and no others")
def document_shapes(cleanup):
    node = Node(cleanup)

    def has(shape, document):
        equal(set(document), shapes[shape], shape)

    has("status", node.ask("status"))
    application = node.ask("tree", application="demo")["applications"][0]
    has("application", application)
    has("supervisor", application["supervisor"])
    for child in application["supervisor"]["children"]:
        has("supervisor" if child["behaviour"] == "supervisor" else "worker", child)
    has("process", node.ask("ps", sort="memory")["processes"][0])
    has("info", node.info("kv"))
    has("mailbox", node.info("kv")["mailbox"])
    has("plugin", node.ask("plugins")["plugins"][0])
    report = node.ask("reload", plugin="kv")
    has("reload", report)
    has("reloaded", report["plugins"][0])
    has("generation", report["plugins"][0]["from"])
    has("actor", report["plugins"][0]["actors"][0])
    equal(set(node.ask("call", name="kv", term="size")), {"reply"})
    equal(set(node.ask("wait-ready")), {"ready", "waited_ms"})
    equal(node.ask("send", name="kv", term="hello"), {})
    has("changes", node.ask("diff"))
    equal(set(node.ask("restart", path="demo/kv")), {"path"})
    equal(set(node.ask("stop", application="demo")), {"application"})


@test("an event manager's engine has the keys of the manual page and no others")
def event_manager_shape(cleanup):
    demo = (root / "config" / "demo.yaml").read_text(encoding="utf-8")
    node = Node(cleanup, config=demo + "        - { id: alarms, name: alarms, event_manager: { handlers: [ { id: kept, actor: alarms } ] } }\n")
    engine = node.engine("alarms")
    equal(set(engine), shapes["event manager"])
    equal(set(engine["handlers"][0]), shapes["event handler"])
    equal((engine["handlers"][0]["failure"], engine["handlers"][0]["slow"]), ("none", False))
    node.ask("send", name="alarms", term="{notify, {set_alarm, {a, b}}}")
    eventually(lambda: node.engine("alarms")["handlers"][0]["seen"] == 1, "what it has seen is counted")
    text = node.coppice("info", "alarms").stdout
    for part in ("{alarms,kept}", "events 1, failed handlers 0, dropped 0", "WORST", "WAITING"):
        contains(text, part)


@test("a state machine's engine has the keys of the manual page and no others, and people see it as text")
def statem_shape(cleanup):
    demo = (root / "config" / "demo.yaml").read_text(encoding="utf-8")
    node = Node(cleanup, config=demo + "        - { id: door, name: door, actor: door, args: { open_for: 60s } }\n")
    node.ask("send", name="door", term="{'$gen_cast', push}")
    eventually(lambda: "1 of 10000, oldest push" in node.coppice("info", "door").stdout, "what is postponed is shown")
    equal(node.coppice("call", "door", "{code, 4711}").stdout.strip(), "true")
    engine = node.engine("door")
    equal(set(engine), shapes["state machine"])
    equal(set(engine["postponed"]), shapes["postponed"])
    equal([set(one) for one in engine["timeouts"]], [shapes["time-out"]])
    equal([set(one) for one in engine["transitions"]], [shapes["transition"]])
    text = node.coppice("info", "door").stdout
    for part in ("open, since ", "after locked", "0 of 10000, oldest none", "state_timeout, ", " left", "TO "):
        contains(text, part)


@test("the same commands print text for people")
def texts(cleanup):
    node = demo()
    for command, part in [("status", node.name), ("tree", "demo_sup"), ("ps", "kv"), ("plugins", "greeter"),
                          ("nodes", "NODE")]:
        shown = node.coppice(command)
        equal(shown.returncode, 0, command)
        contains(shown.stdout, part, command)
    contains(node.coppice("info", "kv").stdout, "mailbox")
    equal(node.coppice("call", "kv", "size").stdout, "0\n")


@test("what is asked wrongly is answered with what, why and an exit status")
def refusals(cleanup):
    node = demo()
    for arguments, status, part in [
        (["call", "kv", "{put, a"], 2, "coppice: term: "),
        (["call", "nobody", "x"], 1, "noproc"),
        (["info", "nobody"], 1, "coppice: info nobody: "),
        (["info", "<0.999999.0>"], 1, "coppice: info"),
        (["tree", "nothing"], 1, "coppice: tree nothing: "),
        (["call", "kv"], 2, "coppice: usage: "),
        (["frobnicate"], 2, "coppice: usage: "),
        (["call", "kv", "size", "--timeout", "soon"], 2, "soon"),
    ]:
        done = node.coppice(*arguments)
        equal(done.returncode, status, f"{arguments}: {done.stderr}")
        contains(done.stderr, part, str(arguments))
        equal(done.stdout, "")


@test("check --effective prints what several files come to, after which value took the place of which other")
def effective(cleanup):
    folder = Folder()
    cleanup.callback(folder.close)
    (folder.path / "conf.d").mkdir()
    first = folder.write("node.yaml", "node:\n  name: n@127.0.0.1\n  workers: 2\n  log: { level: info }\n")
    second = folder.write("conf.d/10-more.yaml", "node:\n  workers: 3\n")
    third = folder.write("conf.d/20-again.yaml", "node: { workers: 4, log: { format: json } }\n")

    def checked(*arguments):
        return subprocess.run([program("COPPICE", "coppice"), "check", *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)
    done = checked("--effective", first, second, third)
    equal(done.returncode, 0, done.stderr)
    lines = done.stdout.splitlines()
    equal(lines[:2], [f"# node.workers: {second}:2 overrides {first}:3", f"# node.workers: {third}:1 overrides {second}:2"])
    again = folder.write("effective.yaml", done.stdout)
    equal(checked("--effective", again).stdout.splitlines(), lines[2:], "it is a configuration, and the same one")
    contains(done.stdout, "workers: 4")
    document = json.loads(checked("--effective", first, second, third, "--json").stdout)
    equal(document["overridden"][1], {"path": "node.workers", "by": f"{third}:1", "over": f"{second}:2"})
    equal(checked(first, second).stdout, f"{first}, {second}: ok\n")


@test("without a node the client exits with 3")
def no_node(cleanup):
    node = Node(cleanup)
    equal(node.stop(), 0)
    gone = node.coppice("status")
    equal(gone.returncode, 3)
    contains(gone.stderr, "coppice: status: ")


@test("ticker's ticks arrive at whom it is told to tick")
def ticker_ticks(cleanup):
    node = demo()
    eventually(lambda: node.info("ticker")["reductions"] > 0, "a tick, every 10 s", seconds=60)


@test("a fan-out to a thousand actors is answered in order")
def fanout(cleanup):
    node = Node(cleanup)
    pids = []
    for _ in range(1000):
        reply = node.call("probe", "{spawn_link, probe, #{}}")
        check(reply.startswith("{ok,<0."), "spawned", reply)
        pids.append(reply[len("{ok,"):-1])
    equal(node.call("relay", f"{{fanout, [{','.join(pids)}], self}}"), "[" + ",".join(pids) + "]")


@test("what handle_info gets and why an actor ended is told to whom subscribed")
def subscription(cleanup):
    node = Node(cleanup)
    watcher = node.call("probe", "{spawn_link, probe, #{}}")[len("{ok,"):-1]
    watched = node.call("probe", "{spawn_link, probe, #{}}")[len("{ok,"):-1]
    equal(node.call(watched, f"{{subscribe, {watcher}}}"), "ok")
    before = node.info(watcher)["reductions"]
    node.ask("send", name=watched, term="{note, 1}")
    eventually(lambda: node.info(watcher)["reductions"] > before, "the watcher is told")


run()
