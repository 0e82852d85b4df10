#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""wait-ready waits for a node that does not run yet, whatever happens meanwhile, and says in the end what has prevented
the node from being ready."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

from harness.node import Folder, Node, plugin_folder, program, variants
from harness.tap import Skip, check, contains, equal, eventually, run, test

EMPTY = "distribution: { listen: [ { address: 127.0.0.1, ports: 0-0 } ] }\n"


class Waiter:
    """A `coppice wait-ready` that runs beside the test."""

    def __init__(self, cleanup, *arguments, environment=(), user=None):
        self.process = subprocess.Popen([program("COPPICE", "coppice"), "wait-ready", *arguments],
                                        env=without_socket() | dict(environment), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, user=user)
        cleanup.callback(self.process.communicate)
        cleanup.callback(self.process.kill)

    def done(self):
        """The exit status, stdout and stderr."""
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err

    def waits(self):
        """Waits until it waits in the kernel, and checks that it has not ended."""
        with contextlib.suppress(FileNotFoundError):  # it has ended
            eventually(lambda: self.process.poll() is not None or self.sleeps(), "it waits")
        equal(self.process.poll(), None, "it waits")

    def sleeps(self):
        state = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        link = os.readlink(f"/proc/{self.process.pid}/exe")
        return state == "S" and link.endswith("coppice")

    def processor_seconds(self):
        return int(pathlib.Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[0]) / 1e9


def without_socket():
    return {key: value for key, value in os.environ.items() if key != "COPPICE_SOCKET"}


def folder(cleanup):
    made = Folder()
    cleanup.callback(made.close)
    return made


def nobody(cleanup):
    """The path of a control socket that does not exist. Its folder does not exist either."""
    return str(folder(cleanup).path / "later" / "control.sock")


def unprivileged():
    """The user that runs the client in tests of the folder: root's folder is /run/coppice, which a test may not fill.
    None: the present user."""
    return 65534 if os.geteuid() == 0 else None


def runtime_folder(cleanup):
    """An XDG_RUNTIME_DIR that every user may look into."""
    client = program("COPPICE", "coppice")
    if os.geteuid() == 0 and subprocess.run([client, "--version"], user=unprivileged(), capture_output=True).returncode != 0:
        raise Skip("only root can run the client where it is")
    path = folder(cleanup).path
    path.chmod(0o755)
    return path


def stale(path):
    """A socket file that a killed node has left."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))


def node_at(cleanup, path, **options):
    pathlib.Path(path).parent.mkdir(exist_ok=True)
    node = Node(cleanup, wait=False, settings=[("control.socket", path), *options.pop("settings", ())], **options)
    node.socket = path
    return node


def late_node(cleanup, kind="temporary"):
    """A node whose application `slow` starts when .gate exists, and fails to start as long as .needs does not exist."""
    shelf = folder(cleanup)
    shutil.copy(variants / "late.so", shelf.path / "late.so")
    gate, needs = shelf.path / "gate", shelf.path / "needs"
    config = EMPTY + f"""
applications:
  - name: slow
    type: {kind}
    supervisor: {{ children: [ {{ id: late, actor: late, args: {{ gate: "{gate}", needs: "{needs}" }} }} ] }}
  - name: next
    supervisor: {{ children: [] }}
"""
    node = Node(cleanup, config=config, settings=[("plugins.path", f"[ {shelf.path}, {plugin_folder()} ]")], wait=False)
    node.gate, node.needs = gate, needs
    return node


@test("it waits for a node that comes up later, though not even the socket's folder is there")
def comes_up_later(cleanup):
    path = nobody(cleanup)
    waiter = Waiter(cleanup, "--socket", path)
    waiter.waits()
    node_at(cleanup, path)
    code, out, err = waiter.done()
    equal((code, err), (0, ""))
    contains(out, "ready after ")


@test("the node may also be named by COPPICE_SOCKET, and with --json there is one document")
def environment_and_json(cleanup):
    path = nobody(cleanup)
    waiter = Waiter(cleanup, "--json", environment={"COPPICE_SOCKET": path}.items())
    began = time.monotonic()
    waiter.waits()
    node_at(cleanup, path)
    code, out, err = waiter.done()
    equal((code, err), (0, ""))
    document = json.loads(out)
    equal(set(document), {"ready", "waited_ms"})
    equal(document["ready"], True)
    check(0 < document["waited_ms"] <= (time.monotonic() - began) * 1000 + 1000, "the whole wait", document)


@test("without a name it takes the only socket that appears in the folder")
def the_only_one(cleanup):
    runtime = runtime_folder(cleanup)
    waiter = Waiter(cleanup, environment={"XDG_RUNTIME_DIR": str(runtime)}.items(), user=unprivileged())
    waiter.waits()
    node_at(cleanup, str(runtime / "coppice" / "only.sock"), settings=[("control.mode", '"0666"')])
    equal(waiter.done()[0], 0)


@test("of several sockets in the folder none is waited for: they are listed, status 2")
def several(cleanup):
    runtime = runtime_folder(cleanup)
    (runtime / "coppice").mkdir()
    for name in ("a.sock", "b.sock"):
        stale(runtime / "coppice" / name)
    code, out, err = Waiter(cleanup, environment={"XDG_RUNTIME_DIR": str(runtime)}.items(), user=unprivileged()).done()
    equal((code, out), (2, ""))
    contains(err, "coppice/a.sock")
    contains(err, "coppice/b.sock")


@test("when the time is over the status is 4, and it says that there is no node")
def no_node_in_time(cleanup):
    path = nobody(cleanup)
    for timeout in ("0ms", "300ms"):
        began = time.monotonic()
        code, out, err = Waiter(cleanup, "--socket", path, "--timeout", timeout, "--json").done()
        equal((code, out), (4, ""), err)
        contains(err, f"coppice: wait-ready: not ready within {timeout}: no node: ")
        contains(err, path)
        check(time.monotonic() - began >= int(timeout[:-2]) / 1000, "not before the time")


@test("a socket file that a killed node left is no node, and one that takes its place is")
def stale_socket(cleanup):
    path = str(folder(cleanup).path / "control.sock")
    stale(path)
    code, _, err = Waiter(cleanup, "--socket", path, "--timeout", "200ms").done()
    equal(code, 4)
    contains(err, "no node: ")
    contains(err, "Connection refused")
    waiter = Waiter(cleanup, "--socket", path)
    waiter.waits()
    node_at(cleanup, path)
    equal(waiter.done()[0], 0)


@test("a path that no socket can have is refused at once")
def impossible_path(cleanup):
    code, _, err = Waiter(cleanup, "--socket", "/tmp/" + "x" * 200).done()
    equal(code, 2)
    contains(err, "too long")


@test("of a node that starts it says which application it is at, and it returns when that has started")
def starting(cleanup):
    node = late_node(cleanup)
    node.needs.touch()
    eventually(lambda: node.answers() and node.ask("status")["applications"][0]["state"] == "starting", "it starts")
    code, _, err = Waiter(cleanup, "--socket", node.socket, "--timeout", "500ms").done()
    equal(code, 4, node.log())
    contains(err, "not ready within 500ms: starting: application slow\n")
    waiter = Waiter(cleanup, "--socket", node.socket)
    waiter.waits()
    node.gate.touch()
    equal(waiter.done()[0], 0, node.log())


@test("with no time at all a node that is ready is ready")
def no_time(cleanup):
    node = Node(cleanup)
    for _ in range(20):
        code, _, err = Waiter(cleanup, "--socket", node.socket, "--timeout", "0ms").done()
        equal((code, err), (0, ""))


@test("an application that did not start is named with its reason, and waited for until somebody starts it")
def did_not_start(cleanup):
    node = late_node(cleanup)
    waiter = Waiter(cleanup, "--socket", node.socket)
    eventually(lambda: node.answers() and node.ask("status")["state"] == "running", "all was tried")
    code, _, err = Waiter(cleanup, "--socket", node.socket, "--timeout", "500ms").done()
    equal(code, 4)
    contains(err, "not ready within 500ms: not ready: application slow failed: ")
    contains(err, "nothing to begin with")
    waiter.waits()
    node.needs.touch()
    node.gate.touch()
    equal(node.coppice("start", "slow").returncode, 0, node.log())
    equal(waiter.done()[0], 0)


@test("a child that does not start is one event of the log, with the callback that failed")
def did_not_start_in_the_log(cleanup):
    node = late_node(cleanup)
    eventually(lambda: node.answers() and node.ask("status")["state"] == "running", "all was tried")
    line, = eventually(lambda: [one for one in node.logged(module="supervisor")
                                if one["fields"].get("message_id") == "659cb48f35d94a8cbd01ebbaa69793b8"], "it is told")
    equal((line["fields"]["callback"], line["fields"].get("last_message")), ("init", None), line)
    contains(line["fields"]["reason"], "nothing to begin with")
    contains(line["message"], "\nin init")


@test("a node that dies while it starts is waited for until it comes back")
def dies_and_comes_back(cleanup):
    for end in (lambda node: node.process.kill(), lambda node: node.process.terminate()):
        node = late_node(cleanup)
        node.needs.touch()
        waiter = Waiter(cleanup, "--socket", node.socket)
        eventually(lambda: node.answers() and node.ask("status")["state"] == "starting", "it starts")
        waiter.waits()
        end(node)
        node.process.wait(30)
        waiter.waits()
        node_at(cleanup, node.socket, epmd_port=node.epmd_port)
        equal(waiter.done()[0], 0)


@test("a node that takes itself down is waited for, and then said to be gone")
def takes_itself_down(cleanup):
    node = late_node(cleanup, kind="permanent")
    equal(node.process.wait(30), 1, node.log())
    code, _, err = Waiter(cleanup, "--socket", node.socket, "--timeout", "300ms").done()
    equal(code, 4)
    contains(err, "no node: ")


@test("a node that does not answer is given up when the time is over, and waited for without a timeout")
def frozen(cleanup):
    node = Node(cleanup)
    node.process.send_signal(signal.SIGSTOP)
    cleanup.callback(lambda: node.process.send_signal(signal.SIGCONT))
    code, _, err = Waiter(cleanup, "--socket", node.socket, "--timeout", "200ms").done()
    equal(code, 4)
    contains(err, "the node does not answer")
    waiter = Waiter(cleanup, "--socket", node.socket)
    waiter.waits()
    node.process.send_signal(signal.SIGCONT)
    equal(waiter.done()[0], 0)


@test("waiting costs next to no time of a processor, and a signal ends it")
def costs_nothing(cleanup):
    waiter = Waiter(cleanup, "--socket", nobody(cleanup))
    waiter.waits()
    begun = waiter.processor_seconds()
    time.sleep(2)  # the test shows that nothing happens
    used = waiter.processor_seconds() - begun
    waiter.process.send_signal(signal.SIGINT)
    equal(waiter.done()[0], -signal.SIGINT)
    check(used < 0.2, "seconds of CPU in 2 s", used)


@test("a wrong --timeout is a usage error at once")
def bad_timeout(cleanup):
    code, _, err = Waiter(cleanup, "--socket", nobody(cleanup), "--timeout", "5").done()
    equal(code, 2)
    check(re.search(r'--timeout: "5" is no time', err), "said", err)


run()
