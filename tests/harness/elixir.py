# SPDX-License-Identifier: MIT
"""A real Elixir node beside the node under test; harness/erlang.py has the Erlang one."""
import functools
import shutil
import subprocess

from harness.erlang import Evaluator
from harness.tap import Skip

# Reads one expression from each line, prints its value as one line behind a mark.
_loop = """
loop = fn loop, bindings ->
  case IO.gets("") do
    :eof -> System.halt(0)
    line ->
      {text, bound} =
        try do
          {value, bound} = Code.eval_string(line, bindings)
          {inspect(value, limit: :infinity), bound}
        catch
          kind, reason -> {inspect({kind, reason}), bindings}
        end
      IO.puts("\\n@@ " <> text)
      loop.(loop, bound)
  end
end
loop.(loop, [])
"""


def program(name):
    """The path of elixir or iex. Skips the test if it is not there."""
    path = shutil.which(name)
    if path is None:
        raise Skip(f"no {name} on this machine (package elixir)")
    return path


@functools.cache
def version():
    asked = "IO.puts(System.version() <> \" on OTP \" <> System.otp_release())"
    return "Elixir " + subprocess.check_output([program("elixir"), "-e", asked], text=True).strip()


class Elixir(Evaluator):
    def __init__(self, cleanup, name="me@127.0.0.1", cookie="testcookie_of_24_letters", epmd_port=4369):
        command = [program("elixir"), "--name", name, "--cookie", cookie,
                   "--erl", "-start_epmd false -kernel logger_level error", "-e", _loop]
        super().__init__(cleanup, name, command, epmd_port)
        self(":up")  # from here on other nodes can reach it
