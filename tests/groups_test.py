#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Which sources groups.py compiles together, and when a group no longer holds. Prints TAP."""
import contextlib
import io
import os
import sys
import tempfile
from pathlib import Path

import groups

SOUND = "namespace coppice::base {\nnamespace {\nint answer() { return 42; }\n}  // namespace\nint asked() { return answer(); }\n}\n"
COLLIDE = {
    "a function that both keep to themselves": "namespace {\nint answer(int of) { return of; }\n}\n",
    "a function that the other only calls": "#include <x.hpp>\nint other() { return answer(); }\n",
    "a static function": "static int asked() { return 1; }\n",
    "a type": "namespace {\nstruct asked {};\n}\n",
    "an enumerator": "namespace {\nenum known { yes, answer };\n}\n",
    "a macro": "#define asked 1\n",
    "another using": "using answer = int;\n",
    "the names of a namespace": "using namespace coppice::base;\n",
}
TOGETHER = {
    "what has other names": "namespace {\nint question() { return 1; }\n}\n",
    "a qualified name": "int other() { return deep::answer() + of.answer() + to->answer(); }\n",
    "a name in a text or a comment": '// answer()\nconst char* text = "answer()"; /* answer() */\n',
    "a name inside a function": "int other() {\n  return [](int x) { struct local {}; return x; }(1);\n}\n",
}


def outcomes(folder):
    def written(name, text):
        path = folder / name
        path.write_text(text)
        return path

    def together(text, base=SOUND):
        sources = [written("a.cpp", base), written("b.cpp", text)]
        return len(groups.grouped(sources)) == 1

    for what, text in COLLIDE.items():
        yield f"apart: {what}", not together(text)
    for what, text in TOGETHER.items():
        yield f"together: {what}", together(text)
    yield "together: the same using", together("using json = nlohmann::json;\njson f();\n", "using json = nlohmann::json;\njson g();\n")
    yield "apart: another meaning of a using", not together("using json = int;\njson f();\n", "using json = nlohmann::json;\njson g();\n")

    declared = "namespace {\nconstexpr int half = number;\nclass part final : public whole {};\nTEST_CASE(\"x\") {}\n}\n"
    yield "together: the value of a variable, a base class, a macro", together(
        "int f() { return number; }\nstruct g : whole {};\nTEST_CASE(\"y\") {}\n", declared)
    yield "apart: the second variable of a statement", not together("int f() { return b; }\n", "namespace {\nint a = 1, b = 2;\n}\n")
    yield "apart: a template with a default", not together(
        "int f() { return made(); }\n", "namespace {\ntemplate <class T = int>\nT made() { return {}; }\n}\n")

    yield "apart: a macro for a header", not together('#define ONLY 1\n#include "x.hpp"\n')
    yield "together: a header under a condition", together("#if ONLY\n#include <x.hpp>\n#endif\n")

    (folder / "near.hpp").touch()
    pair = [written("p.cpp", '#include "near.hpp"\n#include <vector>\n'), written("q.cpp", "#include <map>\n#include <vector>\n")]
    groups.write(folder / "pair", pair)
    lines = (folder / "pair/1.cpp").read_text().split()[1::2]
    yield "the headers come first, each once", lines == ['"../near.hpp"', "<vector>", "<map>", '"../p.cpp"', '"../q.cpp"']
    pair[1].write_text("#include <set>\n")
    yield "another header does not hold", not groups.hold(folder / "pair")
    pair[1].write_text("#define ONLY 1\n#include <set>\n")
    yield "a macro for a header does not hold", not groups.hold(folder / "pair")

    many = [written(f"m{n}.cpp", f"int f{n}();\n") for n in range(groups.LARGEST + 1)]
    yield "a group has a largest size", [len(one) for one in groups.grouped(many)] == [groups.LARGEST, 1]
    product = groups.ROOT / "daemon/spec/kinds/kinds.cpp"
    yield "what a test program compiles again stays alone", groups.grouped([product, many[0]]) == [[product], [many[0]]]

    made = folder / "groups"
    groups.write(made, many)
    yield "what is written holds", groups.hold(made) and len(list(made.glob("*.cpp"))) == 1
    os.utime(made / "1.cpp", (1, 1))  # older than its sources
    yield "a change that leaves names alone holds", groups.hold(made)
    many[0].write_text("namespace {\nint f1() { return 1; }\n}\n")
    yield "a name that collides does not hold", not groups.hold(made)
    many[0].unlink()
    yield "a source that is gone does not hold", not groups.hold(made)


def main():
    with tempfile.TemporaryDirectory(prefix="coppice-test-") as name:
        with contextlib.redirect_stdout(io.StringIO()):
            found = list(outcomes(Path(name)))
    for number, (what, good) in enumerate(found, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {what}")
    print(f"1..{len(found)}")
    return 0 if all(good for _, good in found) else 1


if __name__ == "__main__":
    sys.exit(main())
