#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The plugin ABI as text: every struct's members with their types, and every number, read from plugin-api's C headers.

Without arguments, as a test: what recorded/MAJOR.MINOR/surface.json holds of this major must still be so, a struct that
begins with its size may have grown at its end and others not at all; and layout_*.h pin each member by offset. With
--record FILE it writes what the headers say today. Headers that call themselves a DRAFT may change and are left out.
"""
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
HEADERS = HERE.parents[1] / "plugin-api/coppice"
STRUCT = re.compile(r"^(?:typedef )?struct (coppice_\w+) \{(.*?)^\}", re.M | re.S)
CONSTANT = re.compile(r"^#define (COPPICE_\w+) ([^\s(].*|\(-?\d+\))\s*$", re.M)
# Reading terms is the plugin's own code: nothing of it crosses the boundary.
INLINE_ONLY = {"coppice_reader"}


def without_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def members(body):
    return [" ".join(part.split()) for part in body.split(";") if part.strip()]


def surface():
    structs, constants = {}, {}
    for header in sorted(HEADERS.glob("*.h")):
        text = header.read_text(encoding="utf-8")
        if "(DRAFT)" in text.split("*/")[0]:
            continue
        text = without_comments(text)
        for name, body in STRUCT.findall(text):
            if name not in INLINE_ONLY:
                structs[name] = members(body)
        for name, number in CONSTANT.findall(text):
            if not name.endswith(("_H", "_EXTERN_C", "_EXPORT", "_HEAD")):
                constants[name] = number.strip()
    return {"structs": structs, "constants": constants}


def names_of(member):
    """What a member declaration declares: `uint8_t* at`, `uint64_t host[8]`, `int32_t (*call)(…)`."""
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
        elif len(new) > len(old) and old[0] != "uint32_t size":
            yield f"{name} never grows, and has got `{new[len(old)]}`"
    for name, old in recorded["constants"].items():
        if name != "COPPICE_ABI_MINOR" and now["constants"].get(name) != old:
            yield f"{name}: was {old}, is {now['constants'].get(name)}"


def unpinned(now):
    pins = "".join(file.read_text(encoding="utf-8") for file in sorted(HERE.glob("layout_*.h")))
    for name, declared in now["structs"].items():
        for member in sum(map(names_of, declared), []):
            if not re.search(rf"\b(?:AT|ENTRY)\({name}, {member}, ", pins) and not is_head(name, member, pins):
                yield f"no layout_*.h pins {name}.{member}"


def is_head(name, member, pins):
    return member in ("size", "reserved") and re.search(rf"\bHEAD\({name}\)", pins)


def seeded(now):
    """A violation of each kind must be found."""
    def changed(**structs):
        return {"structs": {**now["structs"], **structs}, "constants": now["constants"]}

    server, plain = now["structs"]["coppice_server"], now["structs"]["coppice_bytes"]
    yield "a member that moved", changed(coppice_server=[*server[:3], server[4], server[3], *server[5:]])
    yield "a member that is gone", changed(coppice_server=server[:-1])
    yield "a parameter of another type", changed(coppice_server=[m.replace("uint64_t tag", "uint32_t tag") for m in server])
    yield "growth of what never grows", changed(coppice_bytes=[*plain, "uint64_t more"])
    yield "a struct that is gone", {**now, "structs": {k: v for k, v in now["structs"].items() if k != "coppice_host"}}
    yield "a number that changed", {**now, "constants": {**now["constants"], "COPPICE_E_FULL": "(-99)"}}


def main(arguments):
    now = surface()
    if arguments[:1] == ["--record"]:
        pathlib.Path(arguments[1]).write_text(json.dumps(now, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        return 0
    outcomes = [("every member is pinned by its offset", list(unpinned(now)))]
    major = now["constants"]["COPPICE_ABI_MAJOR"].rstrip("u")
    for file in sorted(HERE.glob(f"recorded/{major}.*/surface.json")):
        recorded = json.loads(file.read_text(encoding="utf-8"))
        outcomes.append((f"the ABI is still that of {file.parent.name}", list(violations(recorded, now))))
    for what, broken in seeded(now):
        outcomes.append((f"{what} is found", [] if list(violations(now, broken)) else ["it is not"]))
    grown = {"structs": {**now["structs"], "coppice_server": [*now["structs"]["coppice_server"], "void (*more)(void)"]},
             "constants": now["constants"]}
    outcomes.append(("a table may grow at its end", list(violations(now, grown))))
    for number, (promise, found) in enumerate(outcomes, 1):
        for line in found:
            print(f"# {line}")
        print(f"{'not ok' if found else 'ok'} {number} - {promise}")
    print(f"1..{len(outcomes)}")
    return 1 if any(found for _, found in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
