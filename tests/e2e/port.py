#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""port: an actor and its program. The test checks how they talk, how each of them ends with the other, and what the
program is given. Nothing of the program is left, whatever happens."""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.request

from harness.node import Folder, Node, Shelf, free_port
from harness.tap import check, contains, equal, eventually, run, test

TREE = """
node: {{ workers: 2 }}
distribution: {{ listen: [] }}
applications:
  - name: programs
    type: {type}
    supervisor:
      intensity: {intensity}
      children:
        - id: talk
          name: talk
{child}
          port:
            command: {command}
            actor: programs:talk
            frame: {frame}
{more}
"""
LINES = "{ kind: line, max: 64KiB }"


def config(command, frame=LINES, more=(), child=(), intensity=100, type="permanent"):
    return TREE.format(command=json.dumps(command), frame=frame, more="\n".join("            " + line for line in more), type=type,
                       child="\n".join("          " + line for line in child), intensity=intensity)


def shell(script):
    return ["/bin/sh", "-c", script]


class Port:
    """A node with one program."""

    def __init__(self, cleanup, command, settings=(), wait=True, **options):
        self.plugins = Shelf(cleanup, "programs")
        self.node = Node(cleanup, config=config(command, **options), settings=(self.plugins.setting, *settings), wait=wait)

    def call(self, term):
        return self.node.call("talk", term)

    def say(self, text):
        equal(self.call('{say, <<"' + text.replace("\n", "\\n") + '">>}'), "ok")

    def lines(self):
        return re.findall(r'<<"(.*?)">>', self.call("lines"))

    def hears(self, wanted):
        eventually(lambda: self.lines() == wanted, wanted)

    def engine(self):
        return self.node.engine("talk")

    def pid(self):
        """The pid of the program. None: there is no program, or its actor does not answer in time."""
        engine = self.node.reply("info", name="talk").get("result", {}).get("engine")
        return engine and engine["pid"]


def alive(pid):
    """Whether the process is there and no zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter: the process ended between open and read
        return False


def children(node):
    """The children of the daemon, including zombies."""
    own = node.process.pid
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as stat:
                    if int(stat.read().rpartition(")")[2].split()[1]) == own:
                        found.append(int(entry))
            except (FileNotFoundError, ProcessLookupError):
                pass
    return found


@test("lines go to the program and come back; the end of what it reads ends it, and its actor with it")
def lines(cleanup):
    port = Port(cleanup, ["/bin/cat"], child=["restart: transient"])
    port.say("one\ntwo\n")
    port.hears(["one", "two"])
    equal(port.call("info"), '<<"/bin/cat">>')
    engine = port.engine()
    equal((engine["program"], engine["read"], engine["written"], engine["queued"]), ("/bin/cat", 8, 8, 0))
    pid = engine["pid"]
    port.say("half")
    equal(port.call("end"), "0")
    port.node.said("closed: it exited with 0")
    eventually(lambda: not children(port.node), "it is reaped")
    check(not alive(pid), "gone")
    equal(port.node.coppice("info", "talk").returncode, 1)  # a transient child that ended normally is gone


@test("frames with a length before them, as Erlang's packet 4, and bytes as they come")
def packets(cleanup):
    port = Port(cleanup, ["/bin/cat"], frame="{ kind: length, bytes: 4 }")
    equal(port.call('{say, <<0, 0, 0, 3, "abc", 0, 0, 0, 0, 0, 0, 0, 1, "d">>}'), "ok")
    eventually(lambda: (port.lines(), port.call("count")) == (["abc", "d"], "3"), "an empty one is in between")


@test("how a program ends is its actor's reason, and decides with `restart` whether both begin again")
def endings(cleanup):
    for script, said in (("exit 3", "it exited with 3"), ("kill -9 $$", "signal 9 ended it")):
        port = Port(cleanup, shell(f"read line; echo last; {script}"))
        first = port.pid()
        port.say("go\n")
        port.node.said("closed: " + said)
        eventually(lambda port=port, first=first: port.pid() not in (None, first), "both begin again")
        equal(port.lines(), [])
        check(not alive(first), "the first is gone")
    port.node.said("exit_signal")


@test("metrics count programs: those that run, how others ended, and their bytes")
def metrics(cleanup):
    at = free_port()
    port = Port(cleanup, shell("while read line; do case $line in bad) exit 3;; die) kill -9 $$;; end) exit 0;; *) echo $line;; esac; done"),
                settings=(("control.http", f"{{ port: {at} }}"),))

    def samples():
        with urllib.request.urlopen(f"http://127.0.0.1:{at}/metrics", timeout=10) as page:
            text = page.read().decode()
        return {how or name: int(value)
                for name, how, value in re.findall(r'^coppice_port_(\w+?)(?:_total)?{type="programs:talk"(?:,how="(\w+)")?} (\d+)', text, re.M)}

    port.say("hello\n")
    port.hears(["hello"])
    for number, word in enumerate(("bad", "die", "end"), 2):
        port.say(word + "\n")
        eventually(lambda number=number: (samples()["started"], samples()["programs"]) == (number, 1), f"after {word} it runs again")
    counted = samples()
    equal([counted[how] for how in ("exit", "exit_status", "exit_signal", "not_started")], [1, 1, 1, 0])
    equal((counted["read_bytes"], counted["written_bytes"]), (6, 18))


@test("an actor that ends takes its program with it: SIGTERM first, then SIGKILL to the group, and the next waits for that")
def ends(cleanup):
    port = Port(cleanup, shell("trap 'echo termed >&2; exit 0' TERM; echo on; while :; do sleep 0.02; done"))
    port.hears(["on"])
    first = port.pid()
    equal(port.node.coppice("call", "talk", "crash").returncode, 1)
    port.node.said("termed")
    eventually(lambda: port.pid() not in (None, first), "a new one")
    check(not alive(first), "the first is gone")
    port = Port(cleanup, shell("trap '' TERM; (trap '' TERM; while :; do sleep 0.02; done) & echo $!; while :; do sleep 0.02; done"),
                more=["kill_after: 300ms"])
    eventually(lambda: len(port.lines()) == 1, "it has a child")
    child, first = int(port.lines()[0]), port.pid()
    began = time.monotonic()
    port.node.ask("exit", name="talk", reason="shutdown")
    eventually(lambda: not alive(first) and not alive(child), "both are killed")
    check(time.monotonic() - began > 0.25, "not before its time")
    eventually(lambda: port.pid() not in (None, first), "a new one")
    first = port.pid()
    port.node.ask("exit", name="talk", reason="kill")
    eventually(lambda: not alive(first), "killed at once with its actor")


@test("the node's stop ends programs, and so does its kill")
def stops(cleanup):
    port = Port(cleanup, shell("trap 'echo told to end >&2; exit 0' TERM; while :; do sleep 0.02; done"))
    pid = port.pid()
    equal(port.node.stop(), 0)
    check(not alive(pid), "gone with it")
    contains(port.node.log(), "told to end")
    port = Port(cleanup, ["/bin/sleep", "1000"])
    pid = port.pid()
    port.node.process.send_signal(signal.SIGKILL)
    eventually(lambda: not alive(pid), "gone with it")


@test("what cannot be run is the start's reason; what a port cannot be is refused before")
def refused(cleanup):
    for command, why in ((["/no/such"], "run /no/such: No such file"), (["/etc/passwd"], "run /etc/passwd: Permission denied")):
        port = Port(cleanup, command, wait=False, type="temporary")
        port.node.said(why)
    folder = Shelf(cleanup, "programs", "talker")
    for text, why in ((config(["cat"]), "must begin with a program's path"), (config([]), "must begin with a program's path"),
                      (config(["/bin/cat"], more=["environment: [ X ]"]), "must be NAME=VALUE"),
                      (config(["/bin/cat"]).replace("programs:talk", "talker"), "cannot talk with a program")):
        file = folder.write("node.yaml", f"plugins: {{ path: [ {folder.path} ] }}\n" + text)
        done = subprocess.run([os.environ["COPPICE"], "check", str(file)], capture_output=True, text=True, check=False)
        check(done.returncode != 0 and why in done.stderr + done.stdout, why, done.stderr, done.stdout)


@test("a program gets what it is given: arguments, variables, a folder, limits, three descriptors; its standard error is the log's")
def given(cleanup):
    where = Folder()
    cleanup.callback(where.close)
    port = Port(cleanup, shell('echo "$0 $1"; echo $ONE; echo ${NOTIFY_SOCKET-none}; pwd; ulimit -v; ulimit -t; ls /proc/self/fd | tr "\\n" " "; echo; echo trouble >&2; cat') + ["a b", "$ONE"],
                more=["environment: [ ONE=1 ]", f"directory: {where.path}", "limits: { memory: 512MiB, cpu: 7s }"])
    port.hears(["a b $ONE", "1", "none", str(where.path), "524288", "7", "0 1 2 3 "])
    port.node.said("trouble")
    port = Port(cleanup, ["/usr/bin/env"], more=["clean_environment: true", "environment: [ ONE=1, TWO=2 ]"], child=["restart: temporary"])
    port.node.said("closed: it exited with 0")


@test("a program that does not read costs its actor a refused write; one that floods waits for its actor, and its errors for nobody")
def floods(cleanup):
    port = Port(cleanup, shell("read go; while read line; do :; done"), more=["write: { high: 256KiB, low: 64KiB }"])
    os.kill(port.pid(), signal.SIGSTOP)
    took = int(port.call("{fill, 100000000}"))
    check(262_144 <= took < 5_000_000, "as much as the socket and `high` hold", took)
    eventually(lambda: port.call("{fill, 65536}") == "0", "and what finds none is refused")
    os.kill(port.pid(), signal.SIGCONT)
    eventually(lambda: "drained" in port.lines(), "there is room again")
    port = Port(cleanup, shell("while :; do echo line; done"))
    eventually(lambda: int(port.call("count")) > 10_000, "lines come")
    port.call("pause")
    before = int(port.call("count"))
    time.sleep(0.5)
    equal(int(port.call("count")), before)
    port.call("resume")
    eventually(lambda: int(port.call("count")) > before + 10_000, "they go on")
    port = Port(cleanup, shell("echo out; yes error >&2"))
    port.hears(["out"])
    for _ in range(20):
        equal(port.call("count"), "1")
    check(port.node.log().count("error") < 20_000, "the log keeps to its rate")


@test("a program that closes what it talks by, and runs on, is told to end; one that leaves its group keeps nobody")
def leaves(cleanup):
    port = Port(cleanup, shell("trap 'exit 4' TERM; exec 0<&- 1>&-; while :; do sleep 0.02; done"), child=["restart: temporary"])
    port.node.said("closed: it exited with 4")
    folder = Folder()
    cleanup.callback(folder.close)
    left = folder.path / "left"
    port = Port(cleanup, shell(f"setsid sleep 60 & echo $! > {left}; echo bye; exit 0"), child=["restart: temporary"])
    port.node.said("closed: it exited with 0")
    eventually(lambda: port.node.pid("talk") is None, "its actor has ended")
    with contextlib.suppress(ProcessLookupError):  # it may not have left its group in time
        os.kill(int(left.read_text()), signal.SIGKILL)


@test("a program that closes its output alone goes on, and has what it is told, until it exits")
def reads_only(cleanup):
    folder = Folder()
    cleanup.callback(folder.close)
    heard = folder.path / "heard"
    port = Port(cleanup, shell(f"exec 1>&-; cat > {heard}; exit 6"), child=["restart: temporary"])
    pid = port.pid()
    for text in ("one", "two"):
        port.say(text + "\n")
        eventually(lambda text=text: heard.exists() and heard.read_text().endswith(text + "\n"), f"{text} is read")
    equal(port.pid(), pid)
    equal(port.call("end"), "0")
    port.node.said("closed: it exited with 6")
    eventually(lambda: port.node.pid("talk") is None, "its actor has ended")


@test("a reload in the middle of a line goes on with the program and with the line")
def reload(cleanup):
    port = Port(cleanup, ["/bin/cat"])
    port.say("one\nha")
    port.hears(["one"])
    pid = port.pid()
    port.plugins.put("programs_2", "programs")
    done = port.node.coppice("reload", "programs")
    equal(done.returncode, 0, done.stderr)
    port.say("lf\n")
    port.hears(["one", "half"])
    equal(port.pid(), pid)


@test("hundreds of ends leave no process and no descriptor")
def many(cleanup):
    port = Port(cleanup, ["/bin/true"], intensity=1_000_000, child=["backoff: { first: 1ms, max: 1ms, jitter: 0 }"])
    descriptors = lambda: len(os.listdir(f"/proc/{port.node.process.pid}/fd"))
    eventually(lambda: port.node.log().count("closed: it exited with 0") > 20, "it runs")
    before = descriptors()
    eventually(lambda: port.node.log().count("closed: it exited with 0") > 200, "and again", 60)
    check(descriptors() < before + 20, "they are closed", before, descriptors())
    check(len(children(port.node)) <= 2, "and reaped", children(port.node))


@test("what is changed of a program starts it again, and only that")
def apply(cleanup):
    port = Port(cleanup, ["/bin/cat"])
    pid = port.pid()
    port.node.folder.write("node.yaml", config(["/bin/cat"], child=["shutdown: 9s"]))
    contains(port.node.coppice("apply").stdout, "update")
    equal(port.pid(), pid)
    port.node.folder.write("node.yaml", config(["/bin/cat"], child=["shutdown: 9s"], more=["kill_after: 1s"]))
    contains(port.node.coppice("apply").stdout, "port.kill_after")
    check(port.pid() != pid, "another one")

@test("the bundled filter makes a server of a program: many wait at once, its end is their answer, and it comes back")
def bundled(cleanup):
    text = (pathlib.Path(__file__).resolve().parents[2] / "config" / "net.yaml").read_text(encoding="utf-8")
    child = text[text.index("        - id: capitals"):]
    node = Node(cleanup, config="node: { workers: 2 }\ndistribution: { listen: [] }\napplications:\n  - name: net\n    type: permanent\n"
                "    supervisor:\n      intensity: 100\n      children:\n" + child)
    equal(node.call("capitals", '{line, <<"one line">>}'), '<<"ONE LINE">>')
    equal(node.call("capitals", '{line, <<"two\\nlines">>}'), "{error,badarg}")
    pid = node.engine("capitals")["pid"]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        lines = [f"line {number}" for number in range(40)]
        answers = list(pool.map(lambda line: node.call("capitals", f'{{line, <<"{line}">>}}'), lines))
        equal(answers, [f'<<"{line.upper()}">>' for line in lines])
        os.kill(pid, signal.SIGSTOP)
        waits = [pool.submit(node.coppice, "call", "capitals", '{line, <<"x">>}', "--timeout", "50s") for _ in range(3)]
        eventually(lambda: node.call("capitals", "waiting") == "3", "they wait")
        os.kill(pid, signal.SIGKILL)
        for one in waits:
            contains(one.result().stdout, "{error,ended}")
    eventually(lambda: node.answer("capitals", '{line, <<"back">>}') == '<<"BACK">>', "it is back with another")
    check(node.engine("capitals")["pid"] != pid, "another program")


if __name__ == "__main__":
    run()
