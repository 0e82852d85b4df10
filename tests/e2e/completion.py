#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The command line itself: what a shell completes, with the names of a running node, and the example at the end of each
command's --help; every example is run."""
import os
import pathlib
import re
import shutil
import subprocess

from harness.node import Folder, Node, connectable, plugin_folder, program, root, tree
from harness.tap import Skip, check, contains, equal, run, test
from harness.terminal import Terminal

CONFIG = tree("""
        - { id: kv, actor: kv, name: kv }
        - { id: 'odd id', actor: probe, name: probe }
        - { id: inner, supervisor: { children: [ { id: relay, actor: relay, name: relay } ] } }
        - { id: gate, tcp: { listen: [ { address: 127.0.0.1, port: 0 } ], actor: echo } }
""", "garden", "temporary", distribution=connectable) + """
events: [ { name: notes, open: true } ]
cron: { jobs: [ { name: nightly, at: "@daily", do: { call: { to: kv, message: size } } } ] }
"""


def client(*arguments, **options):
    return subprocess.run([program("COPPICE", "coppice"), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, **options)


def folder_with_client(cleanup):
    """A folder for PATH in which the client is `coppice`."""
    folder = Folder()
    cleanup.callback(folder.close)
    (folder.path / "bin").mkdir()
    (folder.path / "bin" / "coppice").symlink_to(program("COPPICE", "coppice"))
    return folder


def environment(folder, node):
    return dict(os.environ, PATH=f"{folder.path}/bin:{os.environ['PATH']}", COPPICE_SOCKET=node.socket)


class Bash:
    """A bash that has read the completion script. completes() returns what it offers at the end of a line."""

    def __init__(self, cleanup, node):
        self.folder = folder_with_client(cleanup)
        self.environment = environment(self.folder, node)
        self.folder.write("script", client("completion", "bash").stdout)
        self.folder.write("a file.yaml", "")

    def completes(self, line):
        # Called as readline calls it. The words are those that bash splits; the function does not depend on them.
        asked = f"""
source ./script || exit 9
complete -p coppice | grep -q -- '-F _coppice' || exit 8
COMP_LINE={shell_word(line)} COMP_POINT={len(line)} COMP_WORDS=({line}) COMP_CWORD=1
_coppice coppice '' ''
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
        done = subprocess.run(["bash", "-c", asked], cwd=self.folder.path, env=self.environment, capture_output=True, text=True, timeout=30)
        equal((done.returncode, done.stderr), (0, ""), line)
        return [one for one in done.stdout.splitlines() if one]


def shell_word(text):
    return "'" + text.replace("'", "'\\''") + "'"


@test("bash completes commands, options, their values and the names of the node that is there")
def bash(cleanup):
    node = Node(cleanup, config=CONFIG)
    other = Node(cleanup, name="other", config=CONFIG, epmd_port=node.epmd_port)
    equal(node.coppice("connect", other.name).returncode, 0)
    shell = Bash(cleanup, node)
    for line, offered in (
            ("coppice st", ["start", "status", "stop"]), ("coppice top --s", ["--socket", "--sort"]),
            ("coppice top --sort m", ["mailbox", "memory", "messages"]), ("coppice start ", ["garden"]),
            ("coppice --json stop g", ["garden"]),
            ("coppice restart garden/", ["garden/\\'odd\\ id\\'", "garden/gate", "garden/inner", "garden/inner/relay", "garden/kv"]),
            ("coppice reload k", ["kv"]), ("coppice call re", ["relay", "rex"]), ("coppice logs --module ep", ["epmd"]),
            ("coppice log-level debug --of kv", ["kv"]), ("coppice completion ", ["bash", "fish", "zsh"]),
            ("coppice cron run ", ["nightly"]), ("coppice cron disable n", ["nightly"]), ("coppice events tail no", ["notes"]),
            ("coppice listener ", ["garden/gate"]),
            ("coppice add ro", ["router"]), ("coppice add s", ["saga", "stage", "statem", "sup"]),
            # bash takes the part before @ and : for a word of its own, so completions do not repeat it.
            ("coppice disconnect other@127", ["127.0.0.1"]), ("coppice disconnect oth", ["other@127.0.0.1"]),
            ("coppice apply ", []), ("coppice nonsuch", [])):
        equal(shell.completes(line), offered, line)
    check(node.socket not in shell.completes("coppice --socket /"), "sockets are looked for where nodes have theirs")


@test("without a node commands complete, and names do not")
def no_node(cleanup):
    node = Node(cleanup, config=CONFIG)
    shell = Bash(cleanup, node)
    equal(node.stop(), 0)
    equal(shell.completes("coppice sta"), ["start", "status"])
    equal(shell.completes("coppice start "), [])


def other_shell(cleanup, shell):
    """The folder with the shell's script and the environment of a node. The shell has that folder as its working
    directory."""
    if not shutil.which(shell):
        raise Skip(f"no {shell} on this machine")
    node = Node(cleanup, config=CONFIG)
    folder = folder_with_client(cleanup)
    folder.write("afile.yaml", "")
    folder.write("_coppice", client("completion", shell).stdout)
    equal(subprocess.run([shell, "-n", f"{folder.path}/_coppice"], capture_output=True, timeout=30).returncode, 0)
    return folder.path, environment(folder, node)


@test("fish completes commands, names of the node that is there, also where they have to be quoted, and files")
def fish(cleanup):
    folder, env = other_shell(cleanup, "fish")
    for line, offered in (
            ("coppice statu", ["status"]), ("coppice top --sort m", ["mailbox", "memory", "messages"]),
            ("coppice start ", ["garden"]), ("coppice --json stop g", ["garden"]),
            ("coppice restart garden/in", ["garden/inner", "garden/inner/relay"]),
            ("coppice restart garden/\\'o", ["garden/'odd id'"]), ("coppice restart \"garden/'o", ["garden/'odd id'"]),
            ("coppice call 're", ["relay", "rex"]), ("coppice check a", ["afile.yaml"])):
        done = subprocess.run(["fish", "-c", "source _coppice; complete -C $argv[1]", "--", line], cwd=folder, env=env,
                              capture_output=True, text=True, timeout=30)
        equal((done.returncode, done.stderr), (0, ""), line)
        equal(done.stdout.splitlines(), offered, line)


@test("zsh completes commands, names of the node that is there, also where they have to be quoted, and files")
def zsh(cleanup):
    folder, env = other_shell(cleanup, "zsh")
    shell = Terminal(cleanup, ["zsh", "-f", "-i"], PATH=env["PATH"], COPPICE_SOCKET=env["COPPICE_SOCKET"])
    # A login shell finds the function by its name in a folder of functions. Another key prints the resulting line.
    shell.types(f"cd {folder}; fpath=({folder} $fpath); autoload -U compinit; compinit -u -D; setopt no_always_last_prompt; "
                "show() { print -r -- \"[$BUFFER]\" }; zle -N show; bindkey '^O' show; print rea''dy\r")
    shell.read_until(b"ready\r\n")
    for line, became in (
            ("coppice statu", "coppice status "), ("coppice start ", "coppice start garden "),
            ("coppice --json stop g", "coppice --json stop garden "), ("coppice restart garden/k", "coppice restart garden/kv "),
            ("coppice restart garden/in", "coppice restart garden/inner"),
            ("coppice restart garden/\\'o", "coppice restart garden/\\'odd\\ id\\' "),
            ("coppice restart \"garden/'o", "coppice restart \"garden/'odd id'\" "),
            ("coppice call 'rel", "coppice call 'relay' "), ("coppice check a", "coppice check afile.yaml ")):
        shell.seen = b""
        shell.types(f"{line}\t\x0f")
        shell.read_until(f"[{became}]".encode())
        shell.types("\x15")


@test("a script for a shell that is not known is refused")
def unknown_shell(cleanup):
    equal(client("completion", "csh").returncode, 2)


def commands():
    """Every command as a list of words, as --help lists them."""
    def listed(*of):
        text = client(*of, "--help").stdout.partition("Subcommands:\n")[2].partition("\n\n")[0]
        return re.findall(r"^  ([a-z-]+)", text, re.M)
    for name in listed():
        yield [name]
        yield from ([name, below] for below in listed(name))


def example(command):
    """The example at the end of the command's --help."""
    shown = client(*command, "--help")
    equal((shown.returncode, shown.stderr), (0, ""))
    lines = shown.stdout.rstrip().splitlines()
    check(lines[-2:-1] == ["Example:"], "it ends with an example", command, shown.stdout)
    return lines[-1].strip()


@test("each --help ends with an example, which does what it says")
def examples(cleanup):
    demo = (root / "config" / "demo.yaml").read_text(encoding="utf-8")
    node = Node(cleanup, config=demo + "        - { id: workers, name: workers, pool: { actor: greeter, size: 2 } }\n"
                '        - { id: gate, name: gate, tcp: { listen: [{ address: 127.0.0.1, port: 0 }], actor: echo } }\n'
                'events: [ { name: notes, open: true } ]\n'
                'cron: { jobs: [ { name: nightly, at: "@daily", do: { call: { to: kv, message: size } } } ] }\n')
    database = Node(cleanup, name="db", config=CONFIG, epmd_port=node.epmd_port)
    folder = folder_with_client(cleanup)
    shutil.copy(pathlib.Path(plugin_folder()) / "kv.so", folder.path)
    folder.write("node.yaml", "node: { name: demo@127.0.0.1 }\n")
    (pathlib.Path(folder.path) / "log").mkdir()  # becomes a durable log without segments
    identity = b"coppicel\0\0\0\1" + bytes(16)
    (pathlib.Path(folder.path) / "log/identity").write_bytes(identity + bytes.fromhex("a57b18b6"))
    lines = {" ".join(command): example(command) for command in commands()}
    check(len(lines) > 30, "all commands", lines)
    # The order matters: a project is made before something is added to it; a child is terminated and an application
    # stopped before they are started again.
    first = ["init", "certificate init", "connect", "call", "cast", "terminate", "restart", "stop", "start"]
    for command in first + [one for one in lines if one not in first]:
        check(lines[command].startswith(f"coppice {command}"), "it is of this command", command, lines[command])
        if command in ("dev", "raft", "saga"):  # tested in e2e/NAME: dev goes on until it is ended, the others need plugins
            continue
        done = subprocess.run(["sh", "-ec", lines[command]], cwd=folder.path, env=environment(folder, node), capture_output=True,
                              text=True, timeout=60)
        equal((done.returncode, done.stderr), (0, ""), lines[command] + "\n" + node.log()[-2000:])
    equal(database.stop(), 0)
    contains(lines["call"], "{put,")


run()
