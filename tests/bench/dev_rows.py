# SPDX-License-Identifier: MIT
"""The time from a saved edit until `coppice dev` has put it into force, beside the same edit built by ninja and tested
by hand in a copy of the project. The bound is half a second more than by hand."""
import contextlib
import os
import re
import shutil
import statistics
import subprocess
import time

from peers import Figure, Skipped, Unavailable
from harness import tap
from harness.dev_project import Dev

ROW = "dev_save_to_force"
ALLOWED = 500  # ms more than by hand
SOURCE = "plugins/cart/cart.cpp"
ADDS = "return sum_ += request.amount"
LOOKS = 0.002  # seconds between two looks at dev's output


def edit(dev, project, number):
    """Makes an edit that differs for each number."""
    path = project / SOURCE
    before = re.search(re.escape(ADDS) + "[^;]*;", path.read_text(encoding="utf-8"))[0]
    dev.edit(path, before, f"{ADDS} == {1000 + number} ? 1 : request.amount;")


def in_force(dev, number):
    """Saves an edit. Returns the ms from then to the line that says that the edit is in force."""
    said = len(dev.text())
    begun = time.monotonic()
    edit(dev, dev.project, number)
    while True:
        text = dev.text()[said:]
        if re.search(r"^cart: built, tested, reloaded", text, re.M):
            return 1000 * (time.monotonic() - begun)
        if re.search(r"^cart: (?!built, tested)", text, re.M) or time.monotonic() - begun > 240:
            raise Unavailable(f"coppice dev: {text[-1000:]}")
        time.sleep(LOOKS)


def by_hand(dev, project, test, number):
    begun = time.monotonic()
    edit(dev, project, number)
    for command in (["ninja", "-C", "build"], [test]):
        subprocess.run(command, cwd=project, env=dev.environment, capture_output=True, check=True)
    return 1000 * (time.monotonic() - begun)


def saved(*_):
    """The time from a saved edit of a project's actor until the edit is in force, beside the time by hand."""
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(tap.close_shared)
        try:
            dev = Dev(cleanup, "shop", "--actor", "cart")
            dev.then_says(r"^node: ready \(")
        except tap.Skip as why:
            raise Skipped(str(why)) from why
        except AssertionError as why:
            raise Unavailable(f"coppice dev did not begin: {why}") from why
        copy = dev.where / "by_hand"
        shutil.copytree(dev.project, copy, ignore=shutil.ignore_patterns("build"))
        subprocess.run(["meson", "setup", "build"], cwd=copy, env=dev.environment, capture_output=True, check=True)
        subprocess.run(["ninja", "-C", "build"], cwd=copy, env=dev.environment, capture_output=True, check=True)
        test = next(path for path in (copy / "build").rglob("cart*test*") if path.is_file() and os.access(path, os.X_OK))
        took = [(in_force(dev, number), by_hand(dev, copy, test, number)) for number in range(1, 6)]
    return ({ROW: Figure(statistics.median(ours for ours, _ in took), "ms")},
            {"ninja+test+500ms": {ROW: Figure(ALLOWED + statistics.median(hand for _, hand in took), "ms")}})
