#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the C++ file that holds the files of the node's page, daemon/control/page. Usage: embed_page.py FOLDER OUTPUT
DEPFILE. The depfile also names the folder: when a file is added or removed, the time of the folder changes."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
sys.dont_write_bytecode = True
from embed_templates import literal  # noqa: E402

TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


def main(folder, output, depfile):
    files = sorted(one for one in pathlib.Path(folder).iterdir() if one.suffix in TYPES)
    entries = []
    for file in files:
        data = file.read_bytes()
        entries.append(f'  {{"{file.name}", "{TYPES[file.suffix]}", {{\n{literal(data)},\n    {len(data)}}}}},\n')
    pathlib.Path(output).write_text(
        "// SPDX-License-Identifier: MIT\n// Made by embed_page.py of the files in daemon/control/page.\n"
        '#include "control/page_files.hpp"\n\nnamespace coppice::control {\n\nnamespace {\n'
        "constexpr page_file all[] = {\n" + "".join(entries) + "};\n} // namespace\n\n"
        "std::span<const page_file> page_files() {\n  return all;\n}\n\n} // namespace coppice::control\n", encoding="ascii")
    pathlib.Path(depfile).write_text(f"{output}: {folder} " + " ".join(str(one) for one in files) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
