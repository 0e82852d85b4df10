#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads the plugin ABI from the C headers of plugin-api as text: the members of each struct with their types, and each
number.

Without arguments it is a test of these promises. Everything in recorded/MAJOR.MINOR/surface.json of this major is still
true. A struct that has a size may have grown at its end; other structs may not have grown. layout_*.h pin each member
by its offset. An interface is called coppice.NAME/draft-N if its header says (DRAFT), and coppice.NAME/1 otherwise. The
drafts are the headers of draft/ and the headers that STABILITY.md lists. A table is called coppice_NAME if a plugin
implements it, and coppice_NAME_api if the host gives it. Statuses of a behaviour are within 64 to 127. With --record
FILE it writes what the headers have today. Drafts may change, so they are left out.
"""
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
HEADERS = HERE.parents[1] / "plugin-api/coppice"
STRUCT = re.compile(r"^(?:typedef )?struct (coppice_\w+) \{(.*?)^\}", re.M | re.S)
CONSTANT = re.compile(r"^#define (COPPICE_\w+) ([^\s(].*|\(-?\d+\))\s*$", re.M)
MOVED = re.compile(r'^#pragma GCC warning "<coppice/([\w./]+)> is <coppice/([\w./]+)> now"\n#include <coppice/\2>$', re.M)
INTERFACE = re.compile(r'^#define (COPPICE_\w+) "(coppice\.[^"]*)"', re.M)
# The plugin's own copy: it does not cross the boundary.
INLINE = {"behaviours", "term"}


def headers():
    """The text of each header by its name. Headers that only point to a new place are left out."""
    texts = {file.stem: file.read_text(encoding="utf-8") for file in (*HEADERS.glob("draft/*.h"), *HEADERS.glob("detail/*.h"))}
    for file in HEADERS.glob("*.h"):
        if not moved(file):
            texts[file.stem] = file.read_text(encoding="utf-8")
    return dict(sorted(texts.items()))


def moved(file):
    """The match of a header that is kept at its old place for a minor version: its own name, and the header that it
    points to. None: the header has not moved."""
    return MOVED.search(file.read_text(encoding="utf-8"))


def prologue(text):
    return text.split("*/")[0]


def is_draft(text):
    return "(DRAFT)" in prologue(text)


def without_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def members(body):
    return [" ".join(part.split()) for part in body.split(";") if part.strip()]


def surface(texts):
    structs, constants = {}, {}
    for header, text in texts.items():
        if header in INLINE or is_draft(text):
            continue
        text = without_comments(text)
        for name, body in STRUCT.findall(text):
            structs[name] = members(body)
        for name, number in CONSTANT.findall(text):
            if not name.endswith(("_H", "_EXTERN_C", "_EXPORT", "_HEAD")):
                constants[name] = number.strip()
    return {"structs": structs, "constants": constants}


def least(name):
    return name.upper() + "_LEAST"


def names_of(member):
    """The name that a member declaration declares: `uint8_t* at`, `uint64_t host[8]`, `int32_t (*call)(…)`."""
    function = re.match(r".*?\(\*(\w+)\)", member)
    if function:
        return [function.group(1)]
    return [re.search(r"(\w+)(?:\[\d+\])?$", part.strip()).group(1) for part in member.split(",")]


def violations(recorded, now):
    for name, old in recorded["structs"].items():
        new = now["structs"].get(name)
        if new is None:
            yield f"{name} is gone"
        elif new[:len(old)] != old:
            at = next(i for i in range(len(old)) if i >= len(new) or new[i] != old[i])
            yield f"{name}: was `{old[at]}`, is `{new[at] if at < len(new) else 'nothing'}`"
        elif len(new) > len(old) and least(name) not in recorded["constants"]:
            yield f"{name} never grows, and has got `{new[len(old)]}`"
    for name, old in recorded["constants"].items():
        if name != "COPPICE_ABI_MINOR" and now["constants"].get(name) != old:
            yield f"{name}: was {old}, is {now['constants'].get(name)}"


def unpinned(now):
    pins = "".join(file.read_text(encoding="utf-8") for file in sorted(HERE.glob("layout_*.h")))
    for name, declared in now["structs"].items():
        if not re.search(rf"\b(?:SIZE\({name}, |GROWS_FROM\({name}, {least(name)}, )", pins):
            yield f"no layout_*.h pins the size of {name}"
        for member in sum(map(names_of, declared), []):
            if not re.search(rf"\b(?:AT|ENTRY)\({name}, {member}, ", pins) and not is_head(name, member, pins):
                yield f"no layout_*.h pins {name}.{member}"


def is_head(name, member, pins):
    return member in ("size", "reserved") and re.search(rf"\bHEAD\({name}\)", pins)


def unbounded(now):
    """Structs that have a size and no least size, or a least size and no size. The host has to know the size that the
    first version of a struct had."""
    for name, declared in now["structs"].items():
        sized = "uint32_t size" in declared[:2]
        if sized and least(name) not in now["constants"]:
            yield f"{name} has a size and no {least(name)}"
        if not sized and least(name) in now["constants"]:
            yield f"{name} has a {least(name)} and no size"


def misnamed(texts):
    for header, text in texts.items():
        interfaces = INTERFACE.findall(text)
        if is_draft(text) and not interfaces:
            yield f"{header}.h is a draft and names no interface"
        for macro, name in interfaces:
            if is_draft(text):
                form = re.fullmatch(rf"coppice\.{header}(_host)?/draft-([1-9]\d*)", name)
                wanted = f"coppice.{header}/draft-N" if not form else None
                ending = f"{(form[1] or '').upper()}_DRAFT_{form[2]}" if form else ""
            else:
                form = re.fullmatch(rf"coppice\.{header}/([1-9]\d*)", name)
                wanted = f"coppice.{header}/1" if not form else None
                ending = f"_{form[1]}" if form else ""
            if wanted:
                yield f"{header}.h: {macro} is {name}, not {wanted}"
            elif macro != f"COPPICE_{header.upper()}{ending}":
                yield f"{header}.h: {name} is called {macro}, not COPPICE_{header.upper()}{ending}"
            if f'"{name}"' not in prologue(text):
                yield f"{header}.h does not say at its top that it is {name}"


# A struct that a callback gets, with a function in it.
ARGUMENTS = {"coppice_pool_request"}
TABLE = re.compile(r"^typedef struct (coppice_\w+) \{.*?^\} \1;", re.M | re.S)
STATUS = re.compile(r"^#define (COPPICE_(?!METRIC_)\w+) (\(-\d+\)|\d+)(?=\s)", re.M)


def misnamed_tables(texts):
    """Tables of a draft with a wrong name: coppice_NAME is implemented by a plugin, coppice_NAME_api is given by the
    host."""
    for header, text in texts.items():
        if not is_draft(text):
            continue
        interfaces = [name for _, name in INTERFACE.findall(text)]
        wanted = set()
        if f"coppice.{header}_host" in "".join(interfaces):
            wanted = {f"coppice_{header}", f"coppice_{header}_api"}
        tables = {one.group(1) for one in TABLE.finditer(text) if "(*" in without_comments(one.group(0))} - ARGUMENTS
        for name in tables - (wanted or {f"coppice_{header}", f"coppice_{header}_api"}):
            yield f"draft/{header}.h: the table {name} is called neither coppice_{header} nor coppice_{header}_api"
        for name in wanted - tables:
            yield f"draft/{header}.h: there is no table {name}"


def out_of_range(texts):
    """Statuses of behaviours outside of their range. Numbers that end in u are flags and kinds, not statuses."""
    for header, text in texts.items():
        if header in ("status", "log"):
            continue
        for name, number in STATUS.findall(without_comments(text)):
            if not 64 <= abs(int(number.strip("()"))) <= 127:
                yield f"{header}.h: {name} is {number}: a behaviour's statuses are 64 to 127 and -127 to -64"


def unlisted(texts, promises):
    """Drafts on which the folder, the comment of the header and STABILITY.md disagree."""
    said = {name for name in texts if is_draft(texts[name])}
    lie = {file.stem for file in HEADERS.glob("draft/*.h")}
    row = next(line for line in promises.splitlines() if line.startswith("| drafts"))
    listed = set(re.findall(r"`draft/(\w+)\.h`", row))
    for what, names in (("lies in draft/ and does not say (DRAFT)", lie - said), ("says (DRAFT) and does not lie in draft/", said - lie),
                        ("is a draft that STABILITY.md does not list", said - listed), ("is in STABILITY.md and no draft", listed - said)):
        for name in sorted(names):
            yield f"{name}.h {what}"


def lost():
    """Headers at an old place that point to a header which does not exist."""
    for file in sorted(HEADERS.glob("*.h*")):
        leads = moved(file)
        if leads and (leads[1] != file.name or not (HEADERS / leads[2]).is_file()):
            yield f"{file.name} leads to {leads[2]}"


def seeded(now):
    """(what is violated, a surface with the violation) for each kind of violation. Each has to be found."""
    def changed(**structs):
        return {"structs": {**now["structs"], **structs}, "constants": now["constants"]}

    server, plain = now["structs"]["coppice_server"], now["structs"]["coppice_bytes"]
    yield "a member that moved", changed(coppice_server=[*server[:3], server[4], server[3], *server[5:]])
    yield "a member that is gone", changed(coppice_server=server[:-1])
    yield "a parameter of another type", changed(coppice_server=[m.replace("uint64_t tag", "uint32_t tag") for m in server])
    yield "growth of what never grows", changed(coppice_bytes=[*plain, "uint64_t more"])
    yield "a struct that is gone", {**now, "structs": {k: v for k, v in now["structs"].items() if k != "coppice_host"}}
    yield "a number that changed", {**now, "constants": {**now["constants"], "COPPICE_E_FULL": "(-99)"}}
    yield "a least size that rose", {**now, "constants": {**now["constants"], least("coppice_server"): "sizeof(coppice_server)"}}


def seeded_names(texts):
    """(what is wrong, the headers with the fault) for each kind of wrong name. Each has to be found."""
    def replaced(header, old, new):
        return {**texts, header: texts[header].replace(old, new)}

    yield "a draft under a frozen name", replaced("metric", "coppice.metric/draft-1", "coppice.metric/1")
    yield "a frozen interface under a draft's name", replaced("server", "coppice.server/1", "coppice.server/draft-1")
    yield "a draft of another header's name", replaced("post", "coppice.post/draft-1", "coppice.order/draft-1")
    yield "a draft whose macro has another number", replaced("order", "coppice.order/draft-1", "coppice.order/draft-2")
    yield "a draft that its prologue calls otherwise", replaced("order", '* "coppice.order/draft-1"', '* "coppice.order/1"')
    yield "a header that ceased to be a draft and kept its name", replaced("post", "(DRAFT)", "")


def outcomes(texts):
    """Each promise, and the violations of it that were found."""
    now = surface(texts)
    yield "every member is pinned by its offset, every struct by its size", list(unpinned(now))
    yield "what has a size has a least size, and nothing else has", list(unbounded(now))
    yield "drafts and frozen interfaces are named as such", list(misnamed(texts))
    yield "tables of drafts are named for who implements them", list(misnamed_tables(texts))
    yield "statuses of behaviours are in their range", list(out_of_range(texts))
    promises = (HEADERS.parent / "STABILITY.md").read_text(encoding="utf-8")
    yield "drafts lie in one folder and in one list", list(unlisted(texts, promises))
    yield "a header at its old place leads to the new one", list(lost())
    major = now["constants"]["COPPICE_ABI_MAJOR"].rstrip("u")
    for file in sorted(HERE.glob(f"recorded/{major}.*/surface.json")):
        recorded = json.loads(file.read_text(encoding="utf-8"))
        yield f"the ABI is still that of {file.parent.name}", list(violations(recorded, now))
    for what, broken in seeded(now):
        yield f"{what} is found", [] if list(violations(now, broken)) else ["it is not"]
    for what, broken in seeded_names(texts):
        yield f"{what} is found", [] if list(misnamed(broken)) else ["it is not"]
    for what, wrong in (
        ("a table with another name", misnamed_tables({**texts, "udp": texts["udp"].replace("coppice_udp_api", "coppice_datagram_api")})),
        ("a status out of range", out_of_range({**texts, "stage": texts["stage"].replace("COPPICE_STAGE_NONE 65", "COPPICE_STAGE_NONE 1002")})),
        ("a draft that no list has", unlisted(texts, promises.replace("`draft/pool.h`, ", ""))),
        ("a draft in another folder", unlisted({**texts, "server": texts["server"].replace("coppice.server/1", "(DRAFT)", 1)}, promises)),
    ):
        yield f"{what} is found", [] if list(wrong) else ["it is not"]
    unsized = {"structs": now["structs"], "constants": {k: v for k, v in now["constants"].items() if k != least("coppice_host")}}
    yield "a size without a least size is found", [] if list(unbounded(unsized)) else ["it is not"]
    for name in ("coppice_server", "coppice_descriptor"):
        grown = {**now, "structs": {**now["structs"], name: [*now["structs"][name], "void (*more)(void)"]}}
        yield f"{name} may grow at its end", list(violations(now, grown))
        yield f"{name} may not grow without a pin", [] if list(unpinned(grown)) else ["it may"]


def main(arguments):
    texts = headers()
    if arguments[:1] == ["--record"]:
        text = json.dumps(surface(texts), indent=1, sort_keys=True) + "\n"
        pathlib.Path(arguments[1]).write_text(text, encoding="utf-8")
        return 0
    failed = number = 0
    for number, (promise, found) in enumerate(outcomes(texts), 1):
        for line in found:
            print(f"# {line}")
        print(f"{'not ok' if found else 'ok'} {number} - {promise}")
        failed |= bool(found)
    print(f"1..{number}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
