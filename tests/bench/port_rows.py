# SPDX-License-Identifier: MIT
"""port_line_1M: an actor whose program prints a million short lines, beside an Erlang port with {line, N}.

Both programs wait, and take turns in every run.
"""
import contextlib
import subprocess
from pathlib import Path

from net_rows import child
from peers import Figure, Unavailable, patience, processor_time, scaled

LINES = 1000000


@contextlib.contextmanager
def erlang(bench):
    """(pid, a function that has this many lines printed and returns the microseconds that they took)"""
    source = Path(__file__).with_name("port_lines.erl")
    beam = bench.otp.folder / "port_lines.beam"
    command = bench.otp.erl("-s", "port_lines", "main")
    if not beam.exists() or beam.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["erlc", "-o", str(bench.otp.folder), str(source)], check=True)
    with child(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        words = process.stdout.readline().split()
        if words[:1] != ["serving"]:
            raise Unavailable("port_lines did not start")

        def ask(lines):
            process.stdin.write(f"{lines}\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        yield int(words[1]), ask


def lines(bench, rows, runs):
    count = scaled(LINES)
    with contextlib.ExitStack() as stack:
        node = stack.enter_context(bench.node("port.yaml", epmd_port=0)).node
        sides = {"ours": (node.process.pid, lambda number: int(node.call("lines", f"{{run, {number}}}", timeout_ms=int(patience() * 1000)))),
                 "otp": stack.enter_context(erlang(bench))}
        measured = {name: [] for name in sides}
        for _ in range(runs):
            for name, (pid, ask) in sides.items():
                before = processor_time(pid)
                took = ask(count)
                measured[name].append((count / took * 1e6, (processor_time(pid) - before) / count))
    figures = {name: {rows[0]: Figure.of(each, "lines/s", 1)} for name, each in measured.items()}
    return figures.pop("ours"), figures
