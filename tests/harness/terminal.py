# SPDX-License-Identifier: MIT
"""A program on a terminal of its own, like a shell that a person uses. It is ended by its pid."""
import os
import pty
import select
import subprocess

from harness.tap import check


class Terminal:
    def __init__(self, cleanup, command, **environment):
        self.descriptor, other_end = pty.openpty()
        cleanup.callback(os.close, self.descriptor)
        program = subprocess.Popen(command, stdin=other_end, stdout=other_end, stderr=other_end, start_new_session=True,
                                   env=dict(os.environ, TERM="xterm", ERL_CRASH_DUMP_SECONDS="0", **environment))
        self.pid = program.pid
        cleanup.callback(program.wait)
        cleanup.callback(program.kill)
        os.close(other_end)
        self.seen = b""

    def read_until(self, part):
        """Reads until `part` has come. False: the terminal was closed before."""
        while part not in self.seen:
            ready, _, _ = select.select([self.descriptor], [], [], 30)
            check(ready, f"the terminal shows no {part}", self.seen)
            try:
                self.seen += os.read(self.descriptor, 65536)
            except OSError:  # the program has closed it
                return False
        return True

    def types(self, text):
        os.write(self.descriptor, text.encode())
