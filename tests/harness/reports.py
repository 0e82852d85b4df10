# SPDX-License-Identifier: MIT
"""What sanitizers say of the programs a test starts. A daemon's standard error is read by nobody while a test
passes, and its exit status may be lost, so in a sanitized build every program writes its report to a file of its
own; each is for the test under which it is found. Which sanitizer a build has is said by the build, as Meson's
b_sanitize; a sanitizer's options may be in the environment of any.
"""
import atexit
import os
import pathlib
import shutil
import tempfile

_options = {"address": "ASAN_OPTIONS", "thread": "TSAN_OPTIONS", "undefined": "UBSAN_OPTIONS"}
_built_with = os.environ.get("COPPICE_SANITIZE", "none").split(",")
_most = 4000  # characters of a report that are shown


def sanitized(*kinds):
    """Whether the programs under test have one of these sanitizers: address, thread, undefined."""
    return any(kind in _built_with for kind in kinds)


class Reports:
    """Finds nothing where no sanitizer is set up."""

    def __init__(self):
        self.folder = None
        self.expected = []
        names = [name for kind, name in _options.items() if sanitized(kind)]
        self.slower = 4 if names else 1  # times that a program may take longer, as packaging/dev allows a test
        if not names:
            return
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="coppice-reports-"))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        for name in names:
            given = os.environ.get(name)
            os.environ[name] = (given + ":" if given else "") + f"log_path={self.folder}/report:log_exe_name=1"

    def expect(self, program, part):
        """Until the next take(), reports of this program that contain `part` are what the test wants."""
        self.expected.append((program, part))

    def take(self):
        """The reports since the last time that no test expects, as text."""
        found = []
        for file in sorted(self.folder.iterdir()) if self.folder else []:
            text = file.read_text(errors="replace")
            file.unlink()
            if text.strip() and not any(f".{program}." in file.name and part in text for program, part in self.expected):
                found.append(f"{file.name}:\n{text[:_most]}")
        self.expected.clear()
        return "\n".join(found)


reports = Reports()
