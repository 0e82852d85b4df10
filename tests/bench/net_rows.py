# SPDX-License-Identifier: MIT
"""The net_… rows: the bundled echo behind a listener of ours, ranch's and a bare libuv echo, with the same client.

All three serve at the same time, each on a port of its own, and take turns in every run, so that other load of the machine
affects them alike.
"""
import contextlib
import resource
import subprocess
import threading
from pathlib import Path

from peers import QUIET, Figure, Skipped, Unavailable, cache, child, patience, processor_time, resident, scaled, unpacked

# The client's arguments (mode, operations in a run, connections, bytes of a message), and the unit of an operation.
TCP = {
    "net_tcp_echo_1": (("echo", 50000, 1, 100), "echoes/s"),
    "net_tcp_echo_64": (("echo", 400000, 64, 100), "echoes/s"),
    "net_tcp_echo_1000": (("echo", 400000, 1000, 100), "echoes/s"),
    "net_tcp_connect": (("connect", 20000, 64), "connections/s"),
    "net_tcp_1MiB": (("echo", 1000, 1, 1 << 20), "MB/s"),
}
IDLE, IDLE_BOUND, DESCRIPTORS = 10000, 6 << 10, 24000


class Server:
    """A server that echoes on `port`, and large messages on `bulk`."""

    def __init__(self, pid, port, bulk=None):
        self.pid, self.port, self.bulk = pid, port, bulk or port


class RabbitmqLibraries:
    """Libraries that Debian's rabbitmq-server has compiled: unpacked from the package, which is not installed."""

    def __init__(self, otp, *names):
        self.otp, self.name, self.names = otp, names[0], names
        self.folder = cache("rabbitmq-server")

    def compiled(self):
        """The folders of the libraries, if all of them are there."""
        found = [next(iter(sorted(self.folder.glob(f"usr/lib/rabbitmq/lib/*/plugins/{name}-*/ebin"))), None) for name in self.names]
        return found if all(found) else []

    def missing(self):
        """The reason why the libraries take no part in this run. Empty: they take part."""
        _, why = unpacked("rabbitmq-server")
        return why or ("" if self.compiled() else f"{self.folder} has no {self.name}")

    def program(self, module, *arguments):
        """The command that runs `module`, a source of this folder, with these libraries."""
        source = Path(__file__).with_name(f"{module}.erl")
        paths = [word for ebin in self.compiled() for word in ("-pa", str(ebin))]
        command = self.otp.erl("+Q", "65536", *paths, "-s", module, "main", "-extra", *arguments)
        beam = self.otp.folder / f"{module}.beam"
        if not beam.exists() or beam.stat().st_mtime < source.stat().st_mtime:
            subprocess.run(["erlc", *paths, "-o", str(self.otp.folder), str(source)], check=True)
        return command


@contextlib.contextmanager
def announced(command):
    """Runs a program that prints "serving PORT…". Yields its pid and the ports."""
    with child(command, stdout=subprocess.PIPE, text=True) as process:
        stuck = threading.Timer(QUIET, process.kill)
        stuck.start()
        words = process.stdout.readline().split()
        stuck.cancel()
        if words[:1] != ["serving"]:
            raise Unavailable(f"{Path(command[0]).name} did not start")
        yield process.pid, [int(port) for port in words[1:]]


@contextlib.contextmanager
def ours(bench):
    with bench.node("net.yaml", epmd_port=0) as node:
        yield Server(node.node.process.pid, int(node.node.ask("listener", name="echo")["listening"][0].rpartition(":")[2]))


@contextlib.contextmanager
def libuv(bench):
    program = bench.build / "tests/bench/net_echo"
    if not program.exists():
        raise Unavailable("net_echo is not built")
    with announced([str(program)]) as (pid, ports):
        yield Server(pid, *ports)


@contextlib.contextmanager
def all_serving(bench, rows):
    """{name: Server} of all servers that are there. A server that is not there is noted."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # for the programs that are started here
    ranch = RabbitmqLibraries(bench.otp, "ranch")
    with contextlib.ExitStack() as stack:
        servers = {"ours": stack.enter_context(ours(bench)), "floor": stack.enter_context(libuv(bench))}
        if why := ranch.missing():
            bench.missing.setdefault((ranch.name, why), []).extend(rows)
        else:
            pid, ports = stack.enter_context(announced(ranch.program("ranch_echo")))
            servers[ranch.name] = Server(pid, *ports)
        yield servers


def client(bench):
    program = bench.build / "tests/bench/net_load"
    if not program.exists():
        raise Unavailable("net_load is not built")
    return str(program)


def one_run(program, server, told):
    """(operations a second, the server's processor time of each in ns)"""
    mode, operations, connections, *size = told
    operations = max(scaled(operations), 2 * connections)
    port = server.bulk if size and size[0] > 64 << 10 else server.port
    before = processor_time(server.pid)
    done = subprocess.run([program, mode, str(port), str(operations), str(connections), *map(str, size)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=patience(), check=False)
    if done.returncode != 0:
        raise Unavailable(done.stderr.strip())
    return float(done.stdout), (processor_time(server.pid) - before) / operations


def tcp(bench, rows, runs):
    """Echoes of 100 bytes and of 1 MiB, and connections of one echo."""
    figures = {}
    with all_serving(bench, rows) as servers:
        for row in rows:
            told, unit = TCP[row]
            each = {name: [] for name in servers}
            for _ in range(runs):
                for name, server in servers.items():
                    each[name].append(one_run(client(bench), server, told))
            factor = told[3] / 1e6 if unit == "MB/s" else 1
            for name, measured in each.items():
                figures.setdefault(name, {})[row] = Figure.of(measured, unit, factor)
    return figures.pop("ours"), figures


def enough_descriptors(count):
    """Raises Skipped where this machine does not allow this many connections. IDLE connections need DESCRIPTORS."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < DESCRIPTORS * count // IDLE:
        raise Skipped(f"{count} connections are held with a hard limit of {DESCRIPTORS * count // IDLE} descriptors (ulimit -Hn), here it is {hard}")


def kept(bench, name, pid, port, count, *kind):
    """The growth of the server `name` for each of `count` connections of this kind of net_load."""
    subprocess.run([client(bench), "hold", str(port), "1", *kind], stdin=subprocess.DEVNULL, capture_output=True,
                   timeout=QUIET, check=True)  # the cost of the first connection is not counted
    before = resident(pid)
    with subprocess.Popen([client(bench), "hold", str(port), str(count), *kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as holding:
        held = holding.stdout.readline() == "holding\n"
        grown = resident(pid) - before
        holding.stdin.close()
    if not held:
        raise Unavailable(f"{name} has not answered {count} connections")
    return Figure(grown / count, "bytes")


def idle(bench, rows):
    """Resident bytes for each connection that has echoed once and is silent, by the growth of the server, beside the
    allowed amount."""
    count = scaled(IDLE)
    enough_descriptors(count)
    figures = {}
    with all_serving(bench, rows) as servers:
        servers.pop("floor")
        for name, server in servers.items():
            figures[name] = {rows[0]: kept(bench, name, server.pid, server.port, count)}
    return figures.pop("ours"), {"floor": {rows[0]: Figure(float(IDLE_BOUND), "bytes")}, **figures}
