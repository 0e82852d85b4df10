# SPDX-License-Identifier: MIT
"""The processor time that an author's compiler takes for a plugin, beside its bound: a multiple of the time that the
same compiler takes for the standard headers that the file needs, or for the same file without sanitizers. It needs no
build of ours, because it uses the headers of the checkout."""
import os
import resource
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

from peers import Figure, Unavailable
from harness.readme_examples import example

ROOT = Path(__file__).resolve().parents[2]
# The headers of the types in an author's class: its bases, and arguments of its callbacks.
SPOKEN = ("chrono", "memory", "optional", "span", "string", "string_view", "tuple", "variant", "vector")
SANITIZED = ("-O1", "-fsanitize=address,undefined")
# A row: the source, its flags, the source to compare with, that one's flags, and the bound as a multiple.
ROWS = {
    "sdk_compile_hello": ("hello", ("-O0",), "standard", ("-O0",), 2),
    "sdk_compile_kv": ("kv", ("-O0",), "standard_kv", ("-O0",), 3),
    "sdk_compile_test": ("stock_test", ("-O0",), "standard", ("-O0",), 5),
    "sdk_compile_24_types_sanitized": ("types_24", SANITIZED, "types_24", SANITIZED[:1], 6),
}
FIELDS = ("std::int64_t", "std::string", "double", "bool", "std::vector<std::string>", "std::optional<std::int64_t>")


def of_24_types():
    """A server that takes 24 types of messages, with a test of the kit that calls it with each type."""
    names = [f"message_{i}" for i in range(24)]
    structs = [f"struct {name} {{ {' '.join(f'{FIELDS[(i + j) % len(FIELDS)]} f{j};' for j in range(1 + i % 4))} }};"
               for i, name in enumerate(names)]
    handlers = [f"  answer handle_call(const {name}&) {{ return {{{{}}, {i}}}; }}" for i, name in enumerate(names)]
    calls = [f"  if (server.call({name}{{}}) != answer{{{{}}, {i}}}) return {i + 1};" for i, name in enumerate(names)]
    return "\n".join([
        "#include <coppice/server.hpp>", "#include <coppice/testing.hpp>", *structs,
        'using answer = std::pair<coppice::etf::constant<"ok">, std::int64_t>;',
        "class many : public coppice::server {", " public:", f"  using calls = std::variant<{', '.join(names)}>;", *handlers,
        "};", 'COPPICE_PLUGIN("many", "1.0.0", many);',
        "int main() {", "  coppice::testing::actor server(coppice::testing::plugin::linked());", *calls, "}", ""])


def source(name):
    if name == "hello":
        return example((ROOT / "plugin-api/README.md").read_text(encoding="utf-8"), "hello.cpp")
    if name == "kv":
        return (ROOT / "plugins/kv/kv.cpp").read_text(encoding="utf-8")
    if name == "stock_test":
        page = (ROOT / "plugin-api/README.md").read_text(encoding="utf-8")
        return example(page, "stock.cpp") + example(page, "stock_test.cpp").replace('#include "stock.cpp"\n', "")
    if name == "types_24":
        return of_24_types()
    more = ("unordered_map",) if name == "standard_kv" else ()
    return "".join(f"#include <{header}>\n" for header in (*SPOKEN, *more)) + "int main() {}\n"


def compiled(compiler, folder, name, flags):
    """The milliseconds of processor time that the compiler takes."""
    file = folder / f"{name}.cpp"
    file.write_text(source(name), encoding="utf-8")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([compiler, "-std=c++20", "-fPIC", *flags, f"-I{ROOT}/plugin-api", f"-I{ROOT}/etf/include", "-c",
                           str(file), "-o", str(folder / "made.o")], capture_output=True, text=True, check=False,
                          env=dict(os.environ, CCACHE_DISABLE="1"))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise Unavailable(f"{name}.cpp does not compile: {done.stderr[:1000]}")
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def sdk(_, rows):
    """Compiling a plugin, beside the allowed time."""
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        raise Unavailable(f"no {compiler} on this machine")
    ours, bound = {}, {}
    with tempfile.TemporaryDirectory() as scratch:
        for row in rows:
            name, flags, beside, their_flags, times = ROWS[row]
            runs = int(os.environ.get("PEER_BENCH_RUNS", "1" if name == "types_24" else "3"))
            # The files take turns, so that other load of the machine affects both.
            each = [(compiled(compiler, Path(scratch), name, flags), compiled(compiler, Path(scratch), beside, their_flags))
                    for _ in range(runs)]
            ours[row] = Figure(statistics.median(took for took, _ in each), "ms")
            bound[row] = Figure(times * statistics.median(took for _, took in each), "ms")
    return ours, {"floor": bound}
