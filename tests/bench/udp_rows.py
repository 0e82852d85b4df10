# SPDX-License-Identifier: MIT
"""net_udp_echo: the bundled echo:datagrams, gen_udp and a bare loop of recvmmsg, with the same client.

All three serve at the same time, each on a port of its own, and take turns in every run.
"""
import contextlib
import subprocess
from pathlib import Path

from net_rows import Server, announced
from peers import Figure, Unavailable, patience, processor_time, scaled

ECHOES, SIZE = 1000000, 100


def program(bench):
    built = bench.build / "tests/bench/udp_echo"
    if not built.exists():
        raise Unavailable("udp_echo is not built")
    return str(built)


@contextlib.contextmanager
def all_serving(bench):
    """{name: Server}"""
    source = Path(__file__).with_name("udp_echo.erl")
    with contextlib.ExitStack() as stack:
        node = stack.enter_context(bench.node("net.yaml", epmd_port=0)).node
        port = int(node.engine("datagrams")["sockets"][0].rpartition(":")[2])
        servers = {"ours": Server(node.process.pid, port)}
        pid, ports = stack.enter_context(announced([program(bench), "serve"]))
        servers["floor"] = Server(pid, *ports)
        command = bench.otp.erl("-s", "udp_echo", "main")
        beam = bench.otp.folder / "udp_echo.beam"
        if not beam.exists() or beam.stat().st_mtime < source.stat().st_mtime:
            subprocess.run(["erlc", "-o", str(bench.otp.folder), str(source)], check=True)
        pid, ports = stack.enter_context(announced(command))
        servers["otp"] = Server(pid, *ports)
        yield servers


def echo(bench, rows, runs):
    """Datagrams of 100 bytes, 64 in flight."""
    echoes = scaled(ECHOES)
    with all_serving(bench) as servers:
        measured = {name: [] for name in servers}
        for _ in range(runs):
            for name, server in servers.items():
                before = processor_time(server.pid)
                done = subprocess.run([program(bench), "load", str(server.port), str(echoes), str(SIZE)], stdin=subprocess.DEVNULL,
                                      capture_output=True, text=True, timeout=patience(), check=False)
                if done.returncode != 0:
                    raise Unavailable(f"{name}: {done.stderr.strip()}")
                measured[name].append((float(done.stdout), (processor_time(server.pid) - before) / echoes))
    figures = {name: {rows[0]: Figure.of(each, "echoes/s", 1)} for name, each in measured.items()}
    return figures.pop("ours"), figures
