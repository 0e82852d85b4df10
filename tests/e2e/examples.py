#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles every example as a plugin author would who copies it: the hello worlds of the author's pages, the example
projects and the bundled plugins. There must be no warning, with the warnings that a strict author enables. With
COPPICE_EXAMPLES=all they are compiled at each level of optimisation, because warnings depend on inlining. Without it
the compilers only check the syntax."""
import concurrent.futures
import os

from harness.node import root
from harness.readme_examples import author_pages, example
from harness.sdk import installed, needs, shell, working_folder
from harness.tap import check, run, test

WAYS = [f"-O{level}" for level in range(4)] if os.environ.get("COPPICE_EXAMPLES") == "all" else ["-fsyntax-only"]
STRICT = "-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"


def sources(folder):
    """Every example. The examples of the author's pages are written to files, and their tests also with terms in
    Erlang's syntax."""
    pages = author_pages(root)
    for name in ("hello_c.c", "hello.cpp", "hello_test.cpp"):
        folder.write(name, example(pages, name))
    folder.write("syntax_test.cpp", '#include <coppice/testing/erlang.hpp>\n#include "hello_test.cpp"\n')
    written = [folder.path / name for name in ("hello_c.c", "hello.cpp", "syntax_test.cpp")]
    return [*written, *(file for place in ("plugin-api/examples", "plugins") for end in ("c", "cpp")
                        for file in sorted((root / place).glob(f"*/*.{end}")))]


def compiles(cleanup, c, cpp):
    needs(c, cpp)
    _, variables = installed()
    folder = working_folder(cleanup)
    files = sources(folder)
    check(len(files) > 8, "there are examples", *files)

    def compiled(file, way):
        language = f"{c} -std=c11" if file.suffix == ".c" else f"{cpp} -std=c++20"
        shell(f"{language} {way} -fPIC {STRICT} -c {file} -o /dev/null $(pkg-config --cflags coppice-plugin)",
              folder.path, **variables)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(compiled, file, way) for way in WAYS for file in files]:
            done.result()


@test("every example compiles without a warning with gcc")
def gcc(cleanup):
    compiles(cleanup, "gcc", "g++")


@test("the same with clang")
def clang(cleanup):
    compiles(cleanup, "clang", "clang++")


if __name__ == "__main__":
    run()
