# SPDX-License-Identifier: MIT
"""What sanitizers say of the programs a test starts. A daemon's standard error is read by nobody while a test
passes, and its exit status may be lost, so under `packaging/dev sanitize` every program writes its report to a
file of its own; each is for the test under which it is found.
"""
import atexit
import os
import pathlib
import shutil
import tempfile

_options = ("ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS")
_most = 4000  # characters of a report that are shown


class Reports:
    """Finds nothing where no sanitizer is set up."""

    def __init__(self):
        self.folder = None
        self.expected = []
        names = [name for name in _options if name in os.environ]
        self.slower = 4 if names else 1  # times that a program may take longer, as packaging/dev allows a test
        if not names:
            return
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="coppice-reports-"))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        for name in names:
            os.environ[name] += f":log_path={self.folder}/report:log_exe_name=1"

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
