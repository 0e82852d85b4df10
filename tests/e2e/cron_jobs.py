#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The jobs of a running node: what each kind does, what happens to jobs that fail, overlap or were missed, what
operators see and switch, what apply changes, and jobs that run on one of several nodes."""
import calendar
import datetime
import json
import re
import signal
import subprocess
import time
import urllib.request

from harness.erlang import Erl
from harness.node import Folder, Node, free_port, plugin_folder, program
from harness.tap import check, contains, equal, eventually, run, test

TREE = """
node: {{ workers: 2 }}
distribution: {{ listen: [ {{ address: 127.0.0.1, ports: 0-0 }} ], allow: {{ spawn: ["probe:probe"] }} }}
applications:
  - name: demo
    type: permanent
    supervisor:
      name: demo_sup
      children:
        - {{ id: kv, actor: kv, name: kv }}
        - {{ id: probe, actor: probe, name: probe }}
        - id: alike
          supervisor:
            name: alike
            strategy: simple_one_for_one
            children: [ {{ id: one, actor: probe, restart: temporary }} ]
cron:
  timezone: UTC
  jobs:
{jobs}
"""


def config(*jobs):
    return TREE.format(jobs="\n".join(f"    - {one}" for one in jobs))


def job(name, does, at="0 0 1 1 *", more=""):
    return f'{{ name: {name}, at: "{at}", do: {{ {does} }}{more} }}'


def report(node, name):
    return next(one for one in node.ask("cron")["jobs"] if one["name"] == name)


def outcome(node, name, runs=1):
    """The outcome of the run with the number `runs`, once it is over."""
    eventually(lambda: report(node, name)["runs"] >= runs and report(node, name)["under_way"] == 0, f"{name} has run")
    return report(node, name)["outcome"]


def now(node, name):
    done = node.coppice("cron", "run", name)
    equal((done.returncode, done.stderr), (0, ""))


COUNT = 'call: { to: kv, message: "{update_counter, runs, 1}" }'


def counted(node):
    found = re.fullmatch(r"\{ok,(\d+)\}", node.call("kv", "{get, runs}"))
    return int(found[1]) if found else 0


@test("a job sends, casts and calls at its times and when asked, here and to an Erlang node")
def actions(cleanup):
    port = free_port()
    node = Node(cleanup, config=config(
        job("tick", COUNT, at="* * * * * *"),
        job("put", 'cast: { to: kv, message: "{put, <<\\"cast\\">>, [1, 2.5]}" }'),
        job("plain", "send: { to: collector@peer@127.0.0.1 }"),
        job("cast_there", "cast: { to: collector@peer@127.0.0.1 }"),
        job("asks", "call: { to: collector@peer@127.0.0.1, message: what }"),
        job("nobody", "send: { to: nobody }"),
        job("refused", 'call: { to: probe, message: "{no, such, call}" }'),
        job("crashes", "call: { to: probe, message: throw }"),
        job("late", 'call: { to: probe, message: "{sleep, 5000}", timeout: 200ms }')),
        settings=(("control.http", f"{{ address: 127.0.0.1, port: {port} }}"),))
    eventually(lambda: counted(node) >= 2, "it runs each second")
    tick = report(node, "tick")
    equal(set(tick), {"name", "at", "timezone", "enabled", "where", "group", "here", "next", "last", "outcome", "took_ms", "under_way", "warning", "waiting",
                      "runs", "failures", "retries", "skipped", "missed"})
    equal((tick["at"], tick["timezone"], tick["enabled"], tick["where"], tick["here"]), ("* * * * * *", "UTC", True, "node", True))
    equal((report(node, "put")["next"][4:], report(node, "put")["last"], report(node, "put")["outcome"]),
          ("-01-01T00:00:00+00:00", None, None))
    now(node, "put")
    equal(outcome(node, "put"), "ok")
    eventually(lambda: node.call("kv", '{get, <<"cast">>}') == "{ok,[1,2.5]}", "what was cast is there")

    erl = Erl(cleanup, name="peer@127.0.0.1", epmd_port=node.epmd_port)
    erl("S = self(), P = spawn(fun Loop() -> receive {'$gen_call', F, what} -> S ! {asked, node(element(1, F))}, "
        "gen:reply(F, {some, answer}), Loop(); M -> S ! {heard, M}, Loop() end end), register(collector, P)")
    equal(erl(f"net_adm:ping('{node.name}')"), "pong")
    for name in ("plain", "cast_there", "asks"):
        now(node, name)
        equal(outcome(node, name), "ok")
    heard = [erl("(fun() -> receive M -> M after 10000 -> nothing end end)()") for _ in range(3)]
    seconds = int(time.time())
    for text, form in ((heard[0], r"\{heard,\{cron,<<\"plain\">>,(\d+)\}\}"), (heard[1], r"\{heard,\{'\$gen_cast',\{cron,<<\"cast_there\">>,(\d+)\}\}\}")):
        found = re.fullmatch(form, text)
        check(found and abs(int(found[1]) - seconds) < 60, "the job's name and its time", text)
    equal(heard[2], f"{{asked,'{node.name}'}}")

    for name, said in (("nobody", "there is no process nobody"), ("refused", "bad_request"), ("crashes", "it ended: "), ("late", "no answer within 200ms")):
        now(node, name)
        equal(outcome(node, name), "failed")
        node.said(f"{name}: ")
        node.said(said)
    table = node.coppice("cron").stdout
    for part in ("JOB", "NEXT", "nobody", "failed", "put"):
        contains(table, part)

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        text = page.read().decode()
    contains(text, "\ncoppice_cron_jobs 9\n")
    contains(text, '\ncoppice_cron_failures_total{job="nobody"} 1\n')
    contains(text, '\ncoppice_cron_runs_total{job="put"} 1\n')


@test("one that fails is tried again as often as it says, one that is under way is not begun again")
def failing(cleanup):
    node = Node(cleanup, config=config(
        job("again", "send: { to: nobody }", more=", on_failure: { retry: 2, backoff: { first: 1s, max: 1s } }"),
        job("slow", 'call: { to: probe, message: "{sleep, 3000}" }'),
        job("queued", 'call: { to: kv, message: "{update_counter, runs, 1}" }', more=", overlap: queue")))
    now(node, "again")
    eventually(lambda: report(node, "again")["runs"] == 3 and report(node, "again")["under_way"] == 0, "two further attempts")
    told = report(node, "again")
    equal((told["failures"], told["retries"], told["outcome"]), (3, 2, "failed"))
    node.said("attempt 2 of 3 follows")
    node.said("attempt 3 of 3 follows")
    now(node, "slow")
    done = node.coppice("cron", "run", "slow")
    equal(done.returncode, 1)
    contains(done.stderr, "a run of it is under way")
    equal(report(node, "slow")["skipped"], 1)
    equal(outcome(node, "slow"), "ok")
    for _ in range(20):
        now(node, "queued")
    equal(outcome(node, "queued", 20), "ok")
    equal(counted(node), 20)


@test("a job starts children, of an actor and of a template, and processes on other nodes; its run is theirs")
def processes(cleanup):
    second = Node(cleanup, name="second", config=config(job("none", COUNT)))
    node = Node(cleanup, epmd_port=second.epmd_port, config=config(
        job("child", "start: { supervisor: demo_sup, actor: probe }"),
        job("like", "start: { supervisor: alike }"),
        job("bad", "start: { supervisor: nobody, actor: probe }"),
        job("there", f'remote: {{ node: {second.name}, actor: "probe:probe" }}'),
        job("hidden", f'remote: {{ node: {second.name}, actor: "kv:kv" }}'),
        job("erlang", 'remote: { node: peer@127.0.0.1, function: "erlang:send", arguments: "[collector, {made, \\"by cron\\"}]" }'),
        job("erlang_bad", 'remote: { node: peer@127.0.0.1, function: "erlang:exit", arguments: "[boom]" }'),
        job("nowhere", 'remote: { node: nowhere@127.0.0.1, function: "a:b" }')))
    erl = Erl(cleanup, name="peer@127.0.0.1", epmd_port=node.epmd_port)
    erl("register(collector, self())")

    def started(name):
        return [one["pid"] for one in node.ask("ps")["processes"] if (one["label"] or "").startswith(name)]

    for name, label in (("child", "demo/child_"), ("like", "demo/alike/")):
        for reason, expected in (("{shutdown, done}", "ok"), ("boom", "failed")):
            runs = report(node, name)["runs"]
            now(node, name)
            pid = eventually(lambda: started(label), f"a child of {name}")[0]
            equal(report(node, name)["under_way"], 1)
            node.reply("exit", name=pid, reason=reason)
            equal(outcome(node, name, runs + 1), expected)
            eventually(lambda: not started(label), "and nothing is left of it")
    node.said("child: it ended: boom")
    for name, said in (("bad", "there is no process nobody"), ("hidden", "does not spawn coppice:spawn/2"), ("nowhere", "nowhere@127.0.0.1"),
                       ("erlang_bad", "it ended: boom")):
        now(node, name)
        equal(outcome(node, name), "failed")
        node.said(f"{name}: ")
        node.said(said)
    now(node, "erlang")
    equal(outcome(node, "erlang"), "ok")
    equal(erl('receive {made, "by cron"} -> yes after 10000 -> no end'), "yes")
    now(node, "there")
    theirs = eventually(lambda: [one["pid"] for one in second.ask("ps")["processes"]
                                 if one["plugin"] == "probe" and one["name"] is None], "one on the other node")
    equal(report(node, "there")["under_way"], 1)
    second.reply("exit", name=theirs[0], reason="normal_end")
    equal(outcome(node, "there"), "failed")


@test("what an operator switched, and what a job has seen, outlive a kill -9; what was missed is made up for as it says")
def kept(cleanup):
    daily = f"0 {(time.gmtime().tm_hour + 12) % 24} * * *"  # hours from now, so it is never due in this test
    text = config(job("off", COUNT, at="* * * * * *"),
                  job("forgets", COUNT, at=daily),
                  job("once", 'cast: { to: kv, message: "{put, once, 1}" }', at=daily, more=", missed: { run: once, within: 500h }"),
                  job("all", 'call: { to: kv, message: "{update_counter, all, 1}" }', at=daily, more=", missed: { run: all, within: 500h }"),
                  job("old", 'call: { to: kv, message: "{update_counter, old, 1}" }', at=daily, more=", missed: { run: all, within: 1h }"),
                  job("start", 'call: { to: kv, message: "{update_counter, start, 1}" }', at="@reboot"))
    node = Node(cleanup, config=text)
    equal(node.coppice("cron", "disable", "off").returncode, 0)
    equal(report(node, "off")["next"], None)
    contains(node.coppice("cron").stdout, "disabled")
    file = node.folder.path / "data" / "cron.json"
    eventually(lambda: file.exists() and json.loads(file.read_text())["jobs"].get("off", {}).get("enabled") is False, "it is written")
    node.stop(signal.SIGKILL)
    # Moves the clock by three days.
    state = json.loads(file.read_text())
    equal(set(state["jobs"]), {"off", "once", "all", "old"})
    for name in ("once", "all", "old"):
        state["jobs"][name]["seen"] = int(time.time()) - 3 * 86400
    file.write_text(json.dumps(state))
    node.begin()
    node.wait_ready()
    equal(outcome(node, "once"), "ok")
    equal(outcome(node, "all", 3), "ok")
    equal(node.call("kv", "{get, all}"), "{ok,3}")
    equal(outcome(node, "start"), "ok")
    equal((report(node, "once")["missed"], report(node, "all")["missed"], report(node, "old")["missed"], report(node, "old")["runs"]),
          (2, 0, 3, 0))
    equal((report(node, "off")["enabled"], report(node, "off")["runs"]), (False, 0))
    now(node, "off")
    equal(outcome(node, "off"), "ok")
    equal(node.coppice("cron", "enable", "off").returncode, 0)
    equal(outcome(node, "off", 3), "ok")
    node.stop(signal.SIGKILL)
    file.write_text("{}")
    node.begin()
    node.wait_ready()
    node.said("nothing is known of the jobs' last runs")
    equal(report(node, "all")["runs"], 0)


@test("apply adds, changes and removes jobs; the others go on undisturbed")
def applied(cleanup):
    node = Node(cleanup, config=config(job("stays", COUNT, at="* * * * * *"), job("changes", COUNT), job("goes", COUNT)))
    outcome(node, "stays")
    runs = report(node, "stays")["runs"]
    other = node.folder.write("other.yaml", config(job("new", COUNT, at="@every 1s"), job("stays", COUNT, at="* * * * * *"),
                                                   job("changes", 'send: { to: nobody }', more=", enabled: false")))
    changes = {one["path"]: one["action"] for one in node.ask("diff", file=other)["changes"]}
    equal(changes, {"cron.jobs.changes.do.call": "set", "cron.jobs.changes.do.send": "set", "cron.jobs.changes.enabled": "set",
                    "cron.jobs.goes": "set", "cron.jobs.new": "set"})
    node.ask("apply", file=other)
    equal([one["name"] for one in node.ask("cron")["jobs"]], ["changes", "new", "stays"])
    equal(outcome(node, "new"), "ok")
    check(report(node, "stays")["runs"] >= runs, "what it counted is still there")
    now(node, "changes")
    equal(outcome(node, "changes"), "failed")
    none = node.folder.write("none.yaml", config().replace("  jobs:\n", "  jobs: []\n"))
    node.ask("apply", file=none)
    equal(node.coppice("cron").stdout, "the node has no jobs\n")
    equal(node.ask("cron", for_ms=86_400_000), {"next": [], "all": True})


@test("operators hear what comes, and of names that are none")
def asked(cleanup):
    node = Node(cleanup, config=config(job("hourly", COUNT, at="@hourly"), job("tokyo", COUNT, at="30 9 * * *", more=", timezone: Asia/Tokyo"),
                                       job("never", COUNT, at="* * * * * *", more=", enabled: false")))
    coming = node.ask("cron", for_ms=86400000)
    equal((coming["all"], len([one for one in coming["next"] if one["name"] == "hourly"])), (True, 24))
    tokyo = [one for one in coming["next"] if one["name"] == "tokyo"]
    equal(len(tokyo), 1)
    contains(tokyo[0]["at"], "T09:30:00+09:00")
    equal(node.coppice("cron", "enable", "never").returncode, 0)
    equal((node.ask("cron", for_ms=3600000)["all"], len(node.ask("cron", for_ms=3600000)["next"])), (False, 1000))
    contains(node.coppice("cron", "next", "--for", "1h").stdout, "and more")
    for command in ("run", "enable", "disable"):
        done = node.coppice("cron", command, "hurly")
        equal(done.returncode, 1)
        contains(done.stderr, "there is no job of the name hurly (did you mean 'hourly'?)")
    equal(node.coppice("cron", "next", "--for", "0s").returncode, 2)
    equal(node.coppice("cron", "next", "--for", "9000h").returncode, 1)
    equal(subprocess.run([program("COPPICE", "coppice"), "cron", "--socket", "/nowhere"], capture_output=True, check=False).returncode, 3)


@test("check says what is wrong with a job, and where")
def checked(cleanup):
    folder = Folder()
    cleanup.callback(folder.close)

    def said(*jobs):
        text = config(*jobs).replace("node: {", "node: { name: x@127.0.0.1,") + f"plugins: {{ path: [ {plugin_folder()} ] }}\n"
        done = subprocess.run([program("COPPICE", "coppice"), "check", folder.write("bad.yaml", text)], capture_output=True, text=True,
                              check=False)
        return done.returncode, done.stdout + done.stderr

    equal(said(job("good", COUNT))[0], 0)
    for bad, part in ((job("a", COUNT, at="61 * * * *"), "61 is no minute (at column 1 of it)"),
                      (job("a", COUNT, at="0 0 30 2 *"), "no month it names has such a day"),
                      (job("a", COUNT, more=", timezone: Europe/Pariss"), "did you mean 'Europe/Paris'?"),
                      (job("a", COUNT, at="TZ=Nowhere/X @daily"), "there is no timezone Nowhere/X"),
                      (job("a", COUNT + ", send: { to: kv }"), "expected exactly one of send, cast, call, start and remote"),
                      (job("a", ""), "expected exactly one of send"),
                      (job("a", 'send: { to: kv, message: "{put" }'), "must be an Erlang term"),
                      (job("a", "start: { supervisor: s, actor: no_such_plugin }"), "no_such_plugin"),
                      (job("a", "start: { supervisor: s, actor: kv, args: { max_entries: x } }"), "max_entries"),
                      (job("a", "remote: { node: a@b }"), "expected exactly one of actor and function"),
                      (job("a", 'remote: { node: a@b, function: "a:b", arguments: "{}" }'), "must be a list of Erlang terms"),
                      (job("a", 'remote: { node: a@b, function: "ab" }'), "must be MODULE:FUNCTION"),
                      (job("a", COUNT, at="@reboot", more=", where: one"), "@reboot is for jobs whose where is node"),
                      (job("n" * 201, COUNT), "must be at most 200 bytes"),
                      (job("a", COUNT, more=", overlap: skipp"), "expected skip, queue or allow")):
        code, text = said(bad)
        equal(code, 78, text)
        contains(text, part)
    code, text = said(job("a", COUNT), job("a", COUNT))
    equal(code, 78, text)
    contains(text, "the job 'a' stands here a second time")
    leap = next(year for year in range(datetime.date.today().year + 8, 3000) if calendar.isleap(year))
    fifth = datetime.date(leap, 2, 29).isoweekday() % 7  # no earlier February has five of this weekday
    code, text = said(job("a", COUNT, at=f"0 0 * 2 {fifth}#5"))
    equal(code, 0, text)
    contains(text, "not due within five years")
    code, text = said(*(job(f"j{i}", COUNT) for i in range(10_001)))
    equal(code, 78, text[:1000])
    contains(text, "at most 10000 jobs")


@test("a child cannot have the name of pg's scope, by which nodes agree on who runs a job for one of them")
def no_scope(cleanup):
    node = Node(cleanup, wait=False, config=config(job("shared", COUNT, at="* * * * * *", more=", where: one"))
                .replace("{ id: probe, actor: probe, name: probe }", "{ id: probe, actor: probe, name: coppice }"))
    equal(node.process.wait(30), 78)
    node.said("the name 'coppice' is the node's own")


@test("a job for one of several nodes is run by the lowest name among those connected, and by another when that is gone")
def one_of_several(cleanup):
    jobs = config(job("shared", "call: { to: collector@peer@127.0.0.1 }", at="* * * * * *", more=", where: one"))
    # Only this test connects the nodes. `global` would do so through the Erlang node.
    alone_here = (("distribution.services.global", "false"),)
    low = Node(cleanup, name="low", config=jobs, settings=alone_here)
    top = Node(cleanup, name="top", config=jobs, settings=alone_here, epmd_port=low.epmd_port)
    erl = Erl(cleanup, name="peer@127.0.0.1", epmd_port=low.epmd_port,
              options=("-connect_all", "false", "-kernel", "prevent_overlapping_partitions", "false"))
    erl("register(collector, spawn(fun() -> (fun Loop(Runs) -> receive {'$gen_call', {Pid, _} = F, {cron, _, Seconds}} -> "
        "gen:reply(F, ok), Loop([{node(Pid), Seconds} | Runs]); {all, P} -> P ! {runs, Runs}, Loop(Runs) end end)([]) end))")

    def runs():
        """{second: the nodes that ran the job in it}."""
        text = erl("(fun() -> collector ! {all, self()}, receive {runs, Runs} -> Runs end end)()")
        out = {}
        for node, second in re.findall(r"\{'?(\w+)@127\.0\.0\.1'?,(\d+)\}", text):
            out.setdefault(int(second), []).append(node)
        return out

    def latest(node, count=3):
        """Whether this node alone ran the latest `count` runs."""
        known = sorted(runs().items())[-count:]
        return len(known) == count and all(one == [node] for _, one in known)

    def join():
        low.ask("connect", node=top.name)

    def doubled():
        """The seconds in which both nodes ran the job: the nodes did not know each other then."""
        return {second: nodes for second, nodes in runs().items() if len(nodes) > 1}

    join()
    eventually(lambda: latest("low"), "the lowest name runs it", 60)
    equal((report(low, "shared")["here"], report(top, "shared")["here"]), (True, False))
    contains(top.coppice("cron").stdout, "on another node")
    before = doubled()
    equal(erl("lists:sort([node(P) || P <- rpc:call('" + low.name + "', pg, get_members, [coppice, {cron, <<\"shared\">>}])])"),
          f"['{low.name}','{top.name}']")
    eventually(lambda: latest("low", 5), "and goes on", 60)
    equal(doubled(), before, "one of them")
    low.stop(signal.SIGKILL)
    eventually(lambda: latest("top"), "another takes over", 60)
    equal(doubled(), before)
    low.begin()
    low.wait_ready()
    join()
    eventually(lambda: latest("low"), "the lowest name has it again", 60)
    before = doubled()
    low.ask("disconnect", node=top.name)
    eventually(lambda: any(set(nodes) == {"low", "top"} for second, nodes in runs().items() if second not in before),
               "each side runs it while they are apart", 60)
    join()
    eventually(lambda: latest("low", 4), "and one of them when they have met", 60)


run()
