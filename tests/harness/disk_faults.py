# SPDX-License-Identifier: MIT
"""Disk faults for a node under test: slow syncs, failing syncs, and SIGKILL at a record that the test chooses. A
library that is loaded into the node (disk_faults.c) produces them. The page outlives the node, so the counts go on
after a restart."""
import mmap
import os
import pathlib
import shutil
import struct
import subprocess

from harness.node import Folder
from harness.reports import sanitized
from harness.tap import Skip, shared

SOURCE = pathlib.Path(__file__).with_name("disk_faults.c")
FIELDS = ("writes", "syncs", "delay_us", "fails", "kill_on", "kill_at")  # the order of struct page
IN_WRITE, BEFORE_SYNC, AFTER_SYNC = 1, 2, 3
MOMENTS = {IN_WRITE: "in a write", BEFORE_SYNC: "before a sync", AFTER_SYNC: "after a sync"}


def why_not():
    """The reason why this machine cannot produce disk faults, or nothing."""
    if sanitized("address", "thread", "undefined"):
        return "a sanitizer's library wants to be the first"
    if not (os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")):
        return "no C compiler"
    return ""


def compile_library(folder):
    """Compiles the library into that folder; returns its path."""
    made = pathlib.Path(folder) / "disk_faults.so"
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    subprocess.run([*compiler.split(), "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", str(made), str(SOURCE)],
                   check=True, timeout=120)
    return made


@shared
def library(cleanup):
    """The library, compiled once for all tests of a script. Skips the test if it cannot be made."""
    if why := why_not():
        raise Skip(why)
    folder = Folder()
    cleanup.callback(folder.close)
    return compile_library(folder.path)


class Disk:
    """Controls the syncs and writes of one node, over all of its lives. The node has to be started with `environment`.
    `preload`: other libraries to load into it."""

    def __init__(self, cleanup, made_library, preload=()):
        folder = Folder()
        cleanup.callback(folder.close)
        path = folder.path / "page"
        path.write_bytes(bytes(mmap.PAGESIZE))
        with open(path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        cleanup.callback(self.page.close)
        self.environment = {"LD_PRELOAD": ":".join(map(str, (made_library, *preload))), "COPPICE_DISK_FAULTS": str(path)}

    def get(self, field):
        return struct.unpack_from("=Q", self.page, 8 * FIELDS.index(field))[0]

    def _set(self, field, value):
        struct.pack_into("=Q", self.page, 8 * FIELDS.index(field), value)

    def slow(self, seconds):
        self._set("delay_us", int(seconds * 1e6))

    def fail(self, count=1):
        """The next `count` syncs fail, and do nothing."""
        self._set("fails", count)

    def end_at(self, moment, count=1):
        """Ends the node at its count'th write or sync from now on, once."""
        self._set("kill_on", 0)
        self._set("kill_at", self.get("writes" if moment == IN_WRITE else "syncs") + count)
        self._set("kill_on", moment)

    def is_armed(self):
        return self.get("kill_on") != 0

    def heal(self):
        for field in ("delay_us", "fails", "kill_on"):
            self._set(field, 0)
