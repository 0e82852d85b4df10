# SPDX-License-Identifier: MIT
"""The costs of a node itself, beside the nearest equivalent in OTP: the time from its start until it is ready, a
question by its client, its memory and activity while idle, reading a large configuration."""
import contextlib
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from peers import COOKIE, BenchNode, Figure, Unavailable, child, epmd
from harness.node import Node
from harness.systemd import ServiceManager

ROOT = Path(__file__).resolve().parents[2]
CHILDREN = 100_000
IDLE_SECONDS = 20
AT_REST = ("node_rest_rss", "node_idle_cpu_each_minute", "node_idle_wakeups_each_second")
ROWS = ["node_start", "node_status", *AT_REST, f"node_read_{CHILDREN}_children"]
BOUNDS = {"node_idle_wakeups_each_second": Figure(10.0, "wakeups"), f"node_read_{CHILDREN}_children": Figure(1000.0, "ms")}
# Like our children: an identifier and a server. OTP would start it by module, function and arguments.
OTP_CHILD = "#{id => child_%d, start => {gen_server, start_link, [kv, [%d], []]}}"
OTP_READ = """
    T0 = erlang:monotonic_time(microsecond),
    {ok, [Specs]} = file:consult("%s"),
    ok = supervisor:check_childspecs(Specs),
    io:format("~w~n", [erlang:monotonic_time(microsecond) - T0]), halt().
"""


def erl(*arguments):
    """An Erlang node with its default options."""
    if not shutil.which("erl"):
        raise Unavailable("erl is not installed")
    return ["erl", "-noshell", *arguments]


def median_of(runs, measure):
    each = [measure() for _ in range(runs)]
    return Figure(statistics.median(each), "ms", min(each), max(each))


def milliseconds(command):
    """How long a command takes, in ms. The command must succeed."""
    began = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise Unavailable(f"{command[0]}: {done.stderr.strip() or done.stdout.strip()}")
    return (time.monotonic() - began) * 1000


def started(build):
    """Milliseconds until the demonstration's tree tells its service manager that it is ready."""
    with contextlib.ExitStack() as stack:
        manager = ServiceManager(stack)
        began = time.monotonic()
        Node(stack, config=(ROOT / "config/demo.yaml").read_text(encoding="utf-8"), under=manager, wait=False,
             settings=[("plugins.path", f"[ {build}/plugins ]")], coppiced=build.parent / "bin/coppiced")
        while "READY=1" not in manager.lines:
            if time.monotonic() - began > 60:
                raise Unavailable("our node is not ready after a minute")
            time.sleep(0.0005)
        return (time.monotonic() - began) * 1000


@contextlib.contextmanager
def otp_node(port):
    """An Erlang node with distribution. Yields its process once its code runs."""
    command = erl("-name", "bench_rest@127.0.0.1", "-setcookie", COOKIE, "-start_epmd", "false", "-eval", 'io:format("ready~n")')
    with child(["env", f"ERL_EPMD_PORT={port}", *command], stdout=subprocess.PIPE, text=True) as process:
        if process.stdout.readline() != "ready\n":
            raise Unavailable("the OTP node did not start")
        yield process


def otp_started(port):
    began = time.monotonic()
    with otp_node(port):
        return (time.monotonic() - began) * 1000


def use_of(pid):
    """(the processor time so far in ns, how often its threads went to sleep by themselves)."""
    spent = sleeps = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # the thread has ended
            spent += int((task / "schedstat").read_text(encoding="ascii").split()[0])
            sleeps += int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", (task / "status").read_text(encoding="utf-8"), re.M).group(1))
    return spent, sleeps


def at_rest(pid):
    """The rows of AT_REST."""
    time.sleep(3)  # the rest of its start
    resident = int(re.search(r"^VmRSS:\s*(\d+)", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"), re.M).group(1)) * 1024
    before = use_of(pid)
    time.sleep(IDLE_SECONDS)
    spent, sleeps = (after - earlier for after, earlier in zip(use_of(pid), before))
    return dict(zip(AT_REST, (Figure(resident, "bytes"), Figure(spent / 1e6 * 60 / IDLE_SECONDS, "ms"),
                              Figure(sleeps / IDLE_SECONDS, "wakeups"))))


def read_ours(build, folder):
    children = "\n".join(f"        - {{ id: child_{i}, actor: kv, args: {{ max_entries: {i + 1} }} }}" for i in range(CHILDREN))
    file = folder / "node.yaml"
    file.write_text(f"node: {{ name: a@127.0.0.1 }}\nplugins: {{ path: [ {build}/plugins ] }}\n"
                    f"applications:\n  - name: many\n    supervisor:\n      children:\n{children}\n", encoding="utf-8")
    return milliseconds([str(build.parent / "bin/coppice"), "check", str(file)])


def read_otp(folder):
    file = folder / "children.terms"
    file.write_text("[" + ",\n".join(OTP_CHILD % (i, i + 1) for i in range(CHILDREN)) + "].\n", encoding="utf-8")
    done = subprocess.run(erl("-eval", OTP_READ % file), capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        raise Unavailable(f"erl: {done.stderr.strip() or done.stdout.strip()}")
    return int(done.stdout) / 1000


def node(bench, rows, runs):
    """`runs`: how often a short row is measured."""
    ours, otp = {}, {}
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(epmd())
        if "node_start" in rows:
            ours["node_start"] = median_of(runs, lambda: started(bench.build))
            otp["node_start"] = median_of(runs, lambda: otp_started(port))
        resting = {*AT_REST, "node_status"} & set(rows)
        if resting:
            demo = stack.enter_context(BenchNode(bench.build, ROOT / "config/demo.yaml"))
            other = stack.enter_context(otp_node(port))
            if "node_status" in rows:
                ours["node_status"] = median_of(5 * runs, lambda: milliseconds(
                    [str(bench.build.parent / "bin/coppice"), "status", "--socket", demo.node.socket]))
                if shutil.which("erl_call"):
                    ask = ["env", f"ERL_EPMD_PORT={port}", "erl_call", "-n", "bench_rest@127.0.0.1", "-c", COOKIE, "-a",
                           "application which_applications []"]
                    otp["node_status"] = median_of(5 * runs, lambda: milliseconds(ask))
            if resting - {"node_status"}:
                ours.update(at_rest(demo.node.process.pid))
                otp.update(at_rest(other.pid))
        if rows_read := set(rows) & set(ROWS[-1:]):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            for name in rows_read:
                ours[name] = median_of(runs, lambda: read_ours(bench.build, folder))
                otp[name] = median_of(runs, lambda: read_otp(folder))
    return ours, {"otp": otp, "floor": {name: bound for name, bound in BOUNDS.items() if name in rows}}
