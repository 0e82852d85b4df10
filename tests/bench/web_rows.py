# SPDX-License-Identifier: MIT
"""The net_web_…, net_ws_… and net_sse_… rows: a site of ours whose requests an actor answers, cowboy, Node and nginx.

All serve at the same time and take turns in every run. The load of HTTP is wrk with one thread, which shares this machine's
cores with them. nginx has two workers, the Erlang node a scheduler for each core, Node one thread.
"""
import contextlib
import os
import re
import resource
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from harness.certificates import Authority
from harness.node import free_port
from net_rows import IDLE, RabbitmqLibraries, announced, client, enough_descriptors, kept
from peers import Figure, Unavailable, child, patience, processor_time, scaled

BODY = 64 << 10
FILE = 1 << 20
# (path, wrk's connections, whether with TLS, units in a request, the unit, the peers)
HTTP = {
    "net_web_hello_1": ("/hello", 1, False, 1, "requests/s", ("cowboy", "node", "nginx")),
    "net_web_hello_64": ("/hello", 64, False, 1, "requests/s", ("cowboy", "node", "nginx")),
    "net_web_hello_1000": ("/hello", 1000, False, 1, "requests/s", ("cowboy", "node", "nginx")),
    "net_web_tls_hello_64": ("/hello", 64, True, 1, "requests/s", ("cowboy", "node")),
    "net_web_post_64KiB": ("/size", 64, False, 1, "requests/s", ("cowboy", "node")),
    "net_web_file_1MiB": ("/files/1MiB", 64, False, FILE / 1e6, "MB/s", ("nginx",)),
}
ECHO, EVENTS = ("net_ws_echo_64", 400000), ("net_sse_fanout_1000", 300)
KEPT = {"net_web_idle_bytes": ("http", 6 << 10), "net_ws_idle_bytes": ("websocket", 8 << 10)}
POST = f"""wrk.method = "POST"
wrk.body = string.rep("x", {BODY})
wrk.headers["Content-Type"] = "text/plain"
"""
NGINX = """daemon off;
worker_processes 2;
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 10000; }}
http {{
  access_log off;
  default_type text/plain;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    location /hello {{ return 200 "hello"; }}
    location /files/ {{ root {folder}; }}
  }}
}}
"""


class Server:
    """A site on `port`, and with TLS on `secure`."""

    def __init__(self, pid, port, secure=None):
        self.pid, self.port, self.secure = pid, port, secure

    def used(self):
        """The processor time of the server and its children so far, in ns."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii").split()
        return sum(processor_time(pid) for pid in (self.pid, *children))


@contextlib.contextmanager
def ours(bench, folder):
    config = folder / "web.yaml"
    config.write_text(Path(__file__).with_name("web.yaml").read_text(encoding="utf-8").replace("@FOLDER@", str(folder)), encoding="utf-8")
    with bench.node(config, epmd_port=0) as node:
        ports = [int(one.rpartition(":")[2].split()[0]) for one in node.node.ask("listener", name="site")["listening"]]
        yield Server(node.node.process.pid, *ports)


@contextlib.contextmanager
def nginx(folder):
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port), encoding="utf-8")
    with child([shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin"), "-e", str(folder / "nginx.log"), "-c", str(config)],
               stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 10
        while subprocess.run(["wrk", "-t1", "-c1", "-d1s", f"http://127.0.0.1:{port}/hello"], capture_output=True, check=False).returncode != 0:
            if process.poll() is not None or time.monotonic() > deadline:
                raise Unavailable("nginx did not start")
            time.sleep(0.1)
        yield Server(process.pid, port)


@contextlib.contextmanager
def all_serving(bench, rows, names):
    """{name: Server} of the servers that are there. A server that is not there is noted."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # for the programs that are started here
    cowboy = RabbitmqLibraries(bench.otp, "cowboy", "cowlib", "ranch")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coppice-bench-")))
        folder.chmod(0o755)  # nginx's workers run as another user
        (folder / "files").mkdir()
        (folder / "files/1MiB").write_bytes(bytes(range(256)) * (FILE // 256))
        pair = Authority(folder).issue("127.0.0.1")
        servers = {"ours": stack.enter_context(ours(bench, folder))}
        if "cowboy" in names:
            if why := cowboy.missing():
                bench.missing.setdefault((cowboy.name, why), []).extend(rows)
            else:
                pid, ports = stack.enter_context(announced(cowboy.program("web_cowboy", *pair)))
                servers["cowboy"] = Server(pid, *ports)
        if "node" in names:
            if not shutil.which("node"):
                bench.missing.setdefault(("node", "install nodejs"), []).extend(rows)
            else:
                pid, ports = stack.enter_context(announced(["node", str(Path(__file__).with_name("web_node.js")), *pair]))
                servers["node"] = Server(pid, *ports)
        if "nginx" in names:
            if not shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin"):
                bench.missing.setdefault(("nginx", "install nginx-light (and disable its service)"), []).extend(rows)
            else:
                servers["nginx"] = stack.enter_context(nginx(folder))
        yield servers


def asked(server, folder, path, connections, secure):
    """(requests a second, the server's processor time of each in ns) under wrk."""
    seconds = max(1, scaled(300) // 100)
    url = f"https://127.0.0.1:{server.secure}{path}" if secure else f"http://127.0.0.1:{server.port}{path}"
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s"]
    if path == "/size":
        script = Path(folder) / "post.lua"
        script.write_text(POST, encoding="ascii")
        command += ["-s", str(script)]
    before = server.used()
    done = subprocess.run([*command, url], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=patience(), check=False)
    cost = server.used() - before
    rate, count = re.search(r"^Requests/sec:\s+([0-9.]+)", done.stdout, re.M), re.search(r"^\s+(\d+) requests in", done.stdout, re.M)
    if done.returncode != 0 or not rate or not int(count.group(1)) or re.search("Socket errors|Non-2xx", done.stdout):
        raise Unavailable(f"wrk at {url}: {done.stdout}{done.stderr}")
    return float(rate.group(1)), cost / int(count.group(1))


def http(bench, rows, runs):
    """Requests with keep-alive, by wrk."""
    if not shutil.which("wrk"):
        raise Unavailable("wrk is not installed")
    figures = {}
    with all_serving(bench, rows, {name for row in rows for name in HTTP[row][5]}) as servers, tempfile.TemporaryDirectory() as folder:
        for row in rows:
            path, connections, secure, factor, unit, names = HTTP[row]
            each = {name: [] for name in ("ours", *names) if name in servers}
            for _ in range(runs):
                for name, measured in each.items():
                    measured.append(asked(servers[name], folder, path, connections, secure))
            for name, measured in each.items():
                figures.setdefault(name, {})[row] = Figure.of(measured, unit, factor)
    return figures.pop("ours"), figures


def by_program(bench, rows, runs, command, operations, unit):
    """One row of a client of ours that prints operations a second."""
    figures = {}
    with all_serving(bench, rows, {"cowboy"}) as servers:
        each = {name: [] for name in servers}
        for _ in range(runs):
            for name, server in servers.items():
                before = server.used()
                done = subprocess.run(command(server), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=patience(), check=False)
                if done.returncode != 0:
                    raise Unavailable(f"{name}: {done.stderr.strip()}")
                each[name].append((float(done.stdout), (server.used() - before) / operations))
        for name, measured in each.items():
            figures[name] = {rows[0]: Figure.of(measured, unit)}
    return figures.pop("ours"), figures


def echo(bench, rows, runs):
    """WebSockets with one message of 100 bytes in flight on each of 64 connections."""
    count = scaled(ECHO[1])
    return by_program(bench, rows, runs, lambda server: [client(bench), "websocket", str(server.port), str(count), "64", "100"], count, "echoes/s")


def fan_out(bench, rows, runs):
    """Each event reaches a thousand clients before the next event is published."""
    program = bench.build / "tests/bench/events_load"
    if not program.exists():
        raise Unavailable("events_load is not built")
    count = scaled(EVENTS[1])
    return by_program(bench, rows, runs, lambda server: [str(program), str(server.port), str(count), "1000"], count * 1000, "events/s")


def idle(bench, rows):
    """Resident bytes for each connection that is kept alive after a request, and for each WebSocket that has echoed
    once."""
    count = scaled(IDLE)
    enough_descriptors(count)
    figures, bound = {}, {}
    for row in rows:
        kind, bound[row] = KEPT[row][0], Figure(float(KEPT[row][1]), "bytes")
        with all_serving(bench, [row], {"cowboy", "node"} if kind == "http" else {"cowboy"}) as servers:
            for name, server in servers.items():
                figures.setdefault(name, {})[row] = kept(bench, name, server.pid, server.port, count, kind)
    return figures.pop("ours"), {"floor": bound, **figures}
