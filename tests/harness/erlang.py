# SPDX-License-Identifier: MIT
"""A real Erlang node beside the node under test. It has its own EPMD port, reads expressions from its standard input
and answers each with one line. It is ended by its pid. ERL in the environment replaces the command `erl`. The other
programs of that release are looked for beside it."""
import functools
import os
import pathlib
import shlex
import shutil
import signal
import subprocess

from harness.tap import Skip, eventually

# Reads one expression from each line and prints its value as one line behind a mark, so that no other output of the
# node can be taken for an answer.
_loop = r"""
F = fun Loop(B0) ->
  case io:get_line("") of
    eof -> halt(0);
    Line ->
      B = try
        {ok, T, _} = erl_scan:string(unicode:characters_to_list(Line)),
        {ok, E} = erl_parse:parse_exprs(T),
        {value, V, B1} = erl_eval:exprs(E, B0),
        io:format("~n@@ ~0tp~n", [V]), B1
      catch C:R -> io:format("~n@@ ~0tp~n", [{C, R}]), B0 end,
      Loop(B)
  end end, F(erl_eval:new_bindings()).
"""


# The command that starts a node, in words as in a shell. Another release has another command.
command_line = shlex.split(os.environ.get("ERL") or "erl")


@functools.cache
def beside_erl(program):
    """The command of another program of that release. Skips the test if it is not there."""
    *before, erl = command_line
    path = os.path.join(os.path.dirname(erl), program)
    looked = subprocess.run([*before, "sh", "-c", 'command -v "$0"', path], stdout=subprocess.DEVNULL, check=False)
    if looked.returncode != 0:
        raise Skip(f"no {program} where {' '.join(command_line)} is")
    return [*before, path]


class Evaluator:
    """A program that reads an expression from each line and answers with one line behind a mark. It is ended by its
    pid."""

    full_stop = ""  # the end of an expression, in languages that need one

    def __init__(self, cleanup, name, command, epmd_port, **more):
        self.name = name
        environment = dict(os.environ, ERL_EPMD_PORT=str(epmd_port), ERL_CRASH_DUMP_SECONDS="0", **more)
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        env=environment)
        cleanup.callback(self.end)
        self.output = []

    def __call__(self, expression):
        """The value of an expression as text. Its variables stay bound for later expressions."""
        one_line = " ".join(expression.split())
        self.process.stdin.write(one_line.rstrip(self.full_stop + " ") + self.full_stop + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("@@ "):
                return line[3:].rstrip("\n")
            self.output.append(line)
        raise AssertionError(f"{self.name} ended: {''.join(self.output)}")

    def freeze(self):
        """Stops the program until SIGCONT. On return none of its threads runs any more."""
        self.process.send_signal(signal.SIGSTOP)
        threads = pathlib.Path(f"/proc/{self.process.pid}/task")
        eventually(lambda: all((one / "stat").read_text().rpartition(")")[2].split()[0] == "T" for one in threads.iterdir()), "it stands still")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Erl(Evaluator):
    full_stop = "."

    def __init__(self, cleanup, name="me@127.0.0.1", cookie="testcookie_of_24_letters", epmd_port=4369, options=(), start_epmd=False,
                 display=None):
        if shutil.which(command_line[0]) is None:
            raise Skip(f"no {command_line[0]} on this machine")
        kind = "-name" if "." in name.partition("@")[2] else "-sname"
        command = [*command_line, kind, name, "-setcookie", cookie, "-start_epmd", "true" if start_epmd else "false",
                   "-kernel", "logger_level", "error", *options, "-noshell", "-eval", _loop.replace("\n", " ")]
        super().__init__(cleanup, name, command, epmd_port, **({} if display is None else {"DISPLAY": display}))
        self("up")  # from here on other nodes can reach it
