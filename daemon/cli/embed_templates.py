#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the C++ file that holds every file of plugin-api/templates, so that `coppice new` needs neither the source nor
a network. Usage: embed_templates.py FOLDER CRATE OUTPUT DEPFILE. CRATE is the folder in which the Rust crate is
installed. The depfile also names the folders: when a file is added or removed, the time of its folder changes."""
import os
import pathlib
import sys

MADE_BY_TOOLS = {"target", "build", "__pycache__", "meson.build.user", "Cargo.lock"}


def files_of(folder):
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - MADE_BY_TOOLS)
        yield pathlib.Path(where)
        for name in sorted(set(names) - MADE_BY_TOOLS):
            yield pathlib.Path(where) / name


def literal(data):
    """The bytes as a C++ string literal of one or more lines. Octal escapes are used because they end after three
    digits."""
    lines = []
    for line in data.splitlines(keepends=True) or [b""]:
        text = "".join(chr(c) if 32 <= c < 127 and chr(c) not in '"\\?' else f"\\{c:03o}" for c in line)
        lines.append(f'    "{text}"')
    return "\n".join(lines)


def main(folder, crate, output, depfile):
    folder = pathlib.Path(folder)
    found = list(files_of(folder))
    files = [file for file in found if file.is_file() and file.parent != folder]
    entries = []
    for file in files:
        data = file.read_bytes()
        entries.append(f'  {{"{file.relative_to(folder).as_posix()}", {{\n{literal(data)},\n    {len(data)}}}}},\n')
    pathlib.Path(output).write_text(
        "// SPDX-License-Identifier: MIT\n// Made by embed_templates.py of the files in plugin-api/templates.\n"
        '#include "cli/templates.hpp"\n\nnamespace coppice::cli {\n\nnamespace {\n'
        "constexpr template_file all[] = {\n" + "".join(entries) + "};\n} // namespace\n\n"
        "std::span<const template_file> template_files() {\n  return all;\n}\nstd::string_view rust_crate() {\n  return\n"
        + literal(crate.encode()) + ";\n}\n\n} // namespace coppice::cli\n", encoding="ascii")
    pathlib.Path(depfile).write_text(f"{output}: " + " ".join(str(one).replace(" ", "\\ ") for one in found) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
