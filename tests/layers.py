#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks every file by the house's rules: the include table (daemon/rooms.txt), the licence line and the prologue at the top,
names that say nothing, files that are too long, functions that throw on input from outside, and files that use names of a
header that they do not include.

Without arguments it checks the whole checkout and prints TAP, one line for each rule. --self-test seeds one violation
of each rule and expects it to be found. --headers, --fuzz-targets and --often-included print lists that Meson builds
from.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from groups import Names

ROOT = Path(__file__).resolve().parent.parent
SOURCES = (".cpp", ".hpp", ".c", ".h")
SCRIPTS = (".py", ".sh", ".erl", ".escript")
BANNED = {"utils", "util", "common", "helpers", "helper", "misc", "manager"}
TERMS = {"event_manager", "event-manager"}  # OTP's word for gen_event's process
LONGEST = 1000
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)
ROOMS_LINE = re.compile(r"^// rooms:(.*)$", re.M)


def read(path):
    return path.read_text(encoding="utf-8", errors="replace")


def files_of(root):
    """Every file that git knows or would add. Without git (a released archive): every file outside build/."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, check=False) if shutil.which("git") else None
    if listed and listed.returncode == 0:
        names = [Path(name) for name in listed.stdout.decode().split("\0") if name]
    else:
        names = [p.relative_to(root) for p in root.rglob("*") if p.is_file() and p.relative_to(root).parts[0] != "build"]
    return sorted(name for name in names if (root / name).is_file())


class Table:
    """The include table. It knows the room of each file."""

    def __init__(self, root):
        self.root = root
        self.may = {}
        self.inside = {}  # by room: for each of its folders, the folders of the room that it may include
        for line in read(root / "daemon/rooms.txt").splitlines():
            if line.strip() and not line.startswith("#"):
                room, uses = line.split(":")
                direct = uses.split()
                if "/" in room:
                    self.read_folder(room.strip(), direct)
                    continue
                unknown = [name for name in direct if name not in self.may]
                if unknown:
                    raise SystemExit(f"daemon/rooms.txt: {room.strip()} names {unknown[0]} before its own line")
                self.may[room.strip()] = set(direct).union(*(self.may[name] for name in direct))

    def read_folder(self, path, direct):
        room, folder = path.split("/", 1)
        inside = self.inside.setdefault(room, {})
        unknown = [name for name in direct if name not in inside]
        if room not in self.may or unknown:
            raise SystemExit(f"daemon/rooms.txt: {path} names {(unknown or [room])[0]} before its own line")
        inside[folder] = {folder}.union(*(inside[name] for name in direct))

    def crosses(self, name, target):
        """Whether `target` is in the same room as `name`, but in a folder that the folder of `name` may not include."""
        room = self.room(name)
        if room not in self.inside or name.parts[:2] != ("daemon", room) or target.parts[:2] != ("daemon", room):
            return False
        return self.folder(target) not in self.inside[room].get(self.folder(name), ())

    @staticmethod
    def folder(name):
        return "/".join(name.parts[2:-1]) or "."

    def room(self, name):
        """The room of a file. None: the file is outside of all rooms."""
        top, parts = name.parts[0], name.parts
        if top == "plugin-api":
            if parts[1] == "testing":
                return "testing"
            return "api-c" if name.suffix == ".h" else "api-cpp"
        if top == "etf":
            return "etf-headers" if parts[1] == "include" else "etf"
        if top in ("epmd", "plugins"):
            return top
        if top == "daemon":
            return parts[1] if len(parts) > 2 else "main"
        return None

    def allowed(self, name, text):
        """The rooms that the file may include from, including its own room."""
        room = self.room(name)
        if room is None and name.parts[:2] == ("tests", "unit") and len(name.parts) > 3:
            room = name.parts[2]
        declared = ROOMS_LINE.search(text) if name.parts[0] == "tests" else None
        if declared:
            rooms = set(declared.group(1).split())
            return rooms.union(*(self.may.get(one, set()) for one in rooms))
        if room is None:
            return self.may["plugins"]
        return {room} | self.may.get(room, set())

    def target(self, name, quoted, included):
        """The file that an #include means. None: it is not a file of ours."""
        if quoted:
            places = [name.parent / included, Path("daemon") / included, Path(included)]
            if name.parts[0] == "tests":
                places.append(Path("tests/unit") / included)
        else:
            places = [Path("plugin-api") / included, Path("etf/include") / included]
        for place in places:
            place = Path(os.path.normpath(place))
            if (self.root / place).is_file():
                return place
        return None


def arrows(table, name, text):
    allowed = table.allowed(name, text)
    for mark, included in INCLUDE.findall(text):
        quoted = mark == '"'
        if quoted and ".." in Path(included).parts and name.parts[0] != "tests":
            yield f'{name}: "{included}" climbs out of its folder'
            continue
        target = table.target(name, quoted, included)
        if target is None:
            if name.parts[0] == "tests" and "/" not in included:
                continue  # the build makes it
            if quoted or included.startswith("coppice/"):
                yield f"{name}: {included} is no file of ours; the system's stand in <>"
            continue
        room = table.room(target)
        if room is not None and room not in allowed:
            yield f"{name}: may not include {target} ({room}); allowed: {' '.join(sorted(allowed))}"
        elif table.crosses(name, target):
            may = table.inside[room].get(table.folder(name))
            yield f"{name}: may not include {target} of its own room; " + (
                f"allowed: {' '.join(sorted(may))}" if may else f"its folder has no line {room}/{table.folder(name)} in daemon/rooms.txt")


def opening(name, text):
    """The faults at the top of a file: the first line has to be the licence line, and a prologue follows."""
    lines = text.splitlines()
    if lines and lines[0].startswith("#!"):
        lines = lines[1:]
    while lines and ROOMS_LINE.match(lines[0]):
        lines = lines[1:]
    if not lines or "SPDX-License-Identifier: MIT" not in lines[0]:
        yield f"{name}: the first line must be the SPDX line"
        return
    rest = "\n".join(lines[1:]).lstrip("\n")
    said = re.match(r'(?:(?://|#(?!include|define|pragma|if)|%)[^\n]*\n?)+|/\*.*?\*/|""".*?"""', rest, re.S)
    if lines[0].lstrip().startswith("/*") and "*/" not in lines[0]:
        said = re.match(r".*?\*/", rest, re.S)
    if not said:
        yield f"{name}: no prologue after the SPDX line"


def long_files(name, text):
    count = text.count("\n")
    if count > LONGEST:
        yield f"{name}: {count} lines, more than {LONGEST}"


def once(name, text):
    if name.suffix in (".h", ".hpp") and name.parts[0] != "tests" and not re.search(r"^#(pragma once|ifndef \w+\n#define )", text, re.M):
        yield f"{name}: included twice, it would not compile: no #pragma once, no guard"


def throwing(name, text):
    node = name.parts[0] == "epmd" or (name.parts[0] == "daemon" and name.parts[1] != "cli")
    if node and name != Path("daemon/base/json_text.hpp"):
        for number, line in enumerate(text.split("\n"), 1):
            if ".dump(" in line.split("//")[0]:
                yield f"{name}:{number}: dump() throws for bytes that are not UTF-8: base/json_text.hpp"


# Waits and clocks that tests/unit/held_clock.cpp cannot replace, and the files that may use them.
UNHELD = {
    re.compile(r"\bfuture_status\b|\bstd::async\b|\bSYS_futex\b"): (),
    re.compile(r"\bgettimeofday\b|\bclock_gettime\("): ("daemon/base/clock.cpp", "daemon/runtime/scheduling/thread_clock.cpp"),
    re.compile(r"\btimerfd_create\b"): ("daemon/base/clock_watch.cpp",),
    re.compile(r"\b(rdtsc|__builtin_ia32_rdtsc)\b"): ("daemon/runtime/scheduling/turn_clock.hpp",),
}
SLEEPS = re.compile(r"\bsleep_(for|until)\(|\busleep\(|\bnanosleep\(")


def timing(name, text):
    product = name.parts[0] in ("daemon", "epmd", "etf")
    unit = name.parts[:2] == ("tests", "unit") and "fixtures" not in name.parts and not name.stem.startswith("held_clock")
    if not product and not unit:
        return
    for number, line in enumerate(text.split("\n"), 1):
        code = line.split("//")[0]
        if unit and SLEEPS.search(code) and "work->sleep_until(" not in code:
            yield f"{name}:{number}: a test waits for what it can see (test::pause between two looks) or moves the clock (held_clock.hpp)"
        for pattern, allowed in UNHELD.items():
            if product and pattern.search(code) and str(name) not in allowed:
                yield f"{name}:{number}: no test could hold this: base/clock.hpp, base/promise.hpp"


def names(name):
    for part in name.with_suffix("").parts:
        for word in re.split(r"[-_.]", re.sub(rf"(?:\b|_)({'|'.join(TERMS)})", "", part)):
            if word in BANNED:
                yield f"{name}: '{word}' says nothing about what is inside"
                return


def check(root):
    """{rule: its violations}."""
    table = Table(root)
    found = {"includes follow daemon/rooms.txt": [], "each file opens with its licence and a prologue": [],
             "each header may be included twice": [],
             f"no file is longer than {LONGEST} lines": [], "no name is banned": [],
             "JSON becomes text where it cannot throw": [], "a test can hold the clock": [],
             "a file includes what it names": []}
    include, open_, once_, long_, name_, throws, times, misses = found.values()
    texts = {}
    for name in files_of(root):
        name_ += names(name)
        if name.suffix not in SOURCES + SCRIPTS:
            continue
        text = read(root / name)
        long_ += long_files(name, text)
        open_ += opening(name, text)
        once_ += once(name, text)
        if name.suffix in SOURCES:
            include += arrows(table, name, text)
            throws += throwing(name, text)
            times += timing(name, text)
            if table.room(name) is not None or name.parts[:2] == ("tests", "unit"):
                texts[name] = text
    misses += missing(table, texts)
    return found


def missing(table, texts):
    """Names that a file uses with their namespace although neither it nor its headers include the header that declares
    them. A build that compiles several sources at once, or precompiles headers, compiles such a file."""
    names = {name: Names(text) for name, text in texts.items()}
    home, known = {}, {}
    for name, said in names.items():
        if name.suffix == ".hpp" and table.room(name) is not None:
            for one in said.declared:
                home.setdefault(one, set()).add(name)

    def reached(name):
        if name not in known:
            known[name] = {name}
            targets = [table.target(name, mark == '"', what) for mark, what in INCLUDE.findall(texts[name])]
            known[name] = {name}.union(*(reached(one) for one in targets if one in texts))
        return known[name]

    for name, said in names.items():
        for one in sorted((said.qualified & home.keys()) - said.declared):
            if not home[one] & reached(name) and any(table.room(has) not in ("api-cpp", "testing") for has in home[one]):
                yield f"{name}: includes nothing that has {'::'.join(one)}: {min(home[one])}"


def report(found):
    for number, (rule, violations) in enumerate(found.items(), 1):
        for violation in violations:
            print(f"# {violation}")
        print(f"{'not ok' if violations else 'ok'} {number} - {rule}")
    print(f"1..{len(found)}")
    return 1 if any(found.values()) else 0


def self_test():
    """Checks that each rule finds the violation that is seeded for it, and finds nothing in a clean tree."""
    head = "// SPDX-License-Identifier: MIT\n// A file of the self-test,\n// with a prologue.\n#pragma once\n"
    seeds = {
        "includes follow daemon/rooms.txt": {
            "daemon/base/up.hpp": head + '#include "net/stream/stream.hpp"\n',
            "plugins/kv/kv.cpp": head + '#include "base/error.hpp"\n',
            "plugin-api/coppice/wrong.h": head + "#include <coppice/sugar.hpp>\n",
            "tests/unit/base/up_test.cpp": head + '#include "net/stream/stream.hpp"\n',
            "daemon/net/climbs.cpp": head + '#include "../base/error.hpp"\n',
            "daemon/net/ghost.cpp": head + '#include "base/ghost.hpp"\n',
            "daemon/host/low/up.cpp": head + '#include "host/high/top.hpp"\n',
            "daemon/host/attic/up.cpp": head + '#include "host/low/one.hpp"\n',
            "daemon/host/low/root.cpp": head + '#include "host/all.hpp"\n',
            "plugin-api/coppice/testing/up.hpp": head + '#include "base/error.hpp"\n',
            "plugin-api/testing/beyond.cpp": head + '#include "net/stream/stream.hpp"\n',
        },
        "each file opens with its licence and a prologue": {
            "daemon/base/bare.hpp": "#pragma once\n",
            "daemon/base/silent.hpp": "// SPDX-License-Identifier: MIT\n#pragma once\n#include <string>\n",
        },
        "each header may be included twice": {"daemon/base/twice.hpp": head.replace("#pragma once\n", "struct twice {};\n")},
        f"no file is longer than {LONGEST} lines": {"daemon/base/long.cpp": head + "\n" * LONGEST},
        "no name is banned": {"daemon/base/string_utils.hpp": head, "daemon/common/x.hpp": head},
        "JSON becomes text where it cannot throw": {"daemon/base/prints.hpp": head + "auto text = value.dump();\n"},
        "a test can hold the clock": {
            "daemon/base/waits.cpp": head + "auto came = result.wait_for(span) == std::future_status::ready;\n",
            "epmd/reads.cpp": head + "clock_gettime(CLOCK_MONOTONIC, &now);\n",
            "tests/unit/net/sleeps_test.cpp": head + "std::this_thread::sleep_for(span);\n",
        },
        "a file includes what it names": {
            "daemon/net/stream/few.cpp": head + "namespace coppice::net {\nvoid f() { base::error e; }\n}\n",
            "tests/unit/net/few_test.cpp": head + '#include <string>\nvoid f() { coppice::base::error e; }\n',
        },
    }
    clean = {
        "daemon/rooms.txt": "api-c:\netf-headers:\napi-cpp: api-c etf-headers\nbase:\nnet: base\n"
                            "host: base\nhost/low:\nhost/middle: low\nhost/high: middle\nhost/.: high\nplugins: api-c api-cpp\n"
                            "testing: base api-cpp\n",
        "daemon/host/low/one.hpp": head + '#include "base/error.hpp"\n',
        "daemon/host/high/top.hpp": head + '#include "host/low/one.hpp"\n',
        "daemon/host/all.hpp": head + '#include "host/high/top.hpp"\n',
        "daemon/base/error.hpp": head + "#include <string>\nnamespace coppice::base {\nclass error {};\n}\n",
        "daemon/net/stream/stream.hpp": head + '#include "base/error.hpp"\n#include <coppice_not_ours.h>\n',
        "daemon/net/stream/stream.cpp": head + '#include "stream.hpp"\n#include "net/stream/stream.hpp"\nvoid f(coppice::base::error e);\n',
        "plugin-api/coppice/sugar.hpp": head + "#include <coppice/plugin.h>\n",
        "plugin-api/testing/sugar.cpp": head + '#include <coppice/sugar.hpp>\n#include "base/error.hpp"\n',
        "plugin-api/coppice/plugin.h": "/* SPDX-License-Identifier: MIT\n * One comment\n * for both.\n */\n#ifndef P\n#define P\n#endif\n",
        "plugins/kv/good.cpp": head + "#include <coppice/sugar.hpp>\n",
        "tests/unit/net/stream_test.cpp": head + '#include "net/stream/stream.hpp"\n#include "base/error.hpp"\n',
        "tests/fuzz/stream.cpp": "// rooms: net\n" + head + '#include "net/stream/stream.hpp"\n',
    }

    def run(files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return check(Path(folder))

    outcomes = [("a clean tree passes", not any(run(clean).values()))]
    for rule, files in seeds.items():
        for name, text in files.items():
            found = run({**clean, name: text})
            outcomes.append((f"{rule}: {name} is found",
                             len(found[rule]) == 1 and sum(len(v) for v in found.values()) == 1))
    for number, (what, good) in enumerate(outcomes, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {what}")
    print(f"1..{len(outcomes)}")
    return 0 if all(good for _, good in outcomes) else 1


def headers():
    """The headers that have to be compiled alone: installed headers, and headers that no source of ours includes first.
    Headers that only point to another header are left out."""
    table, names, first = Table(ROOT), files_of(ROOT), set()
    for name in names:
        include = INCLUDE.search(read(ROOT / name)) if name.suffix == ".cpp" else None
        if include:
            first.add(table.target(name, include[1] == '"', include[2]))
    return [name for name in names if name.suffix in (".h", ".hpp") and name.parts[0] not in ("tests", "plugins")
            and "#pragma GCC warning" not in read(ROOT / name)
            and (name not in first or table.room(name) in ("api-c", "api-cpp", "etf-headers"))]


def fuzz_targets():
    """A line NAME: ROOM… for each tests/fuzz/*.cpp that is a target."""
    for path in sorted((ROOT / "tests/fuzz").glob("*.cpp")):
        rooms = ROOMS_LINE.search(read(path))
        if rooms:
            yield f"{path.stem}:{rooms.group(1)}"


SHARE = 0.3  # a header is precompiled if this share of a target's sources include it
CRASHES = "etf/include/coppice/etf/encode.hpp"  # crashes clang 14 when it instantiates a lambda of a precompiled header


def often_included():
    """A line TARGET: HEADER… for each library of a room and each unit program: the headers that many of its sources
    include, directly or by other headers. Headers of the C++ library are in tests/often_included.hpp."""
    table, of_target = Table(ROOT), {}
    tested = {*table.may, "plugins"}
    for name in files_of(ROOT):
        room = table.room(name)
        if room is None and name.parts[:2] == ("tests", "unit") and name.parts[2] in tested:
            room = f"unit-{name.parts[2]}"
        if name.suffix == ".cpp" and room not in (None, "api-cpp", "plugins", "main"):
            of_target.setdefault(room, []).append(name)
    included = {}  # by file: headers of ours that it includes directly, and other headers

    def reached(name, seen):
        if name not in included:
            if not (ROOT / name).is_file():  # a header of a library
                return seen
            included[name] = [(table.target(name, mark == '"', what), what) for mark, what in INCLUDE.findall(read(ROOT / name))]
        for target, what in included[name]:
            one = str(target) if target else what
            if one not in seen:
                seen.add(one)
                if target:
                    reached(target, seen)
        return seen

    for room, sources in sorted(of_target.items()):
        counts = Counter(one for name in sources for one in reached(name, set()))
        often = [one for one, count in counts.items() if count >= SHARE * len(sources) and one.endswith((".h", ".hpp"))
                 and CRASHES not in {one} | reached(Path(one), set())]
        yield " ".join([f"{room}:", *sorted(often)])


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    if arguments == ["--headers"]:
        print("\n".join(str(name) for name in headers()))
        return 0
    if arguments == ["--fuzz-targets"]:
        print("\n".join(fuzz_targets()))
        return 0
    if arguments == ["--often-included"]:
        print("\n".join(often_included()))
        return 0
    if arguments:
        print(f"layers.py: unknown arguments: {' '.join(arguments)}", file=sys.stderr)
        return 2
    return report(check(ROOT))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
