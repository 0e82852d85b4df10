#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Cuts the hello worlds out of plugin-api/README.md: README OUT_C OUT_CPP. Fails when one is longer than promised."""
import re
import sys

PROMISED = {"c": 40, "cpp": 15}

readme, out_c, out_cpp = sys.argv[1:]
text = open(readme, encoding="utf-8").read()
for language, out in (("c", out_c), ("cpp", out_cpp)):
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)
    if len(blocks) != 1:
        sys.exit(f"{readme}: {len(blocks)} {language} examples, one expected")
    lines = len(blocks[0].splitlines())
    if lines > PROMISED[language]:
        sys.exit(f"{readme}: the {language} example has {lines} lines, at most {PROMISED[language]} are promised")
    with open(out, "w", encoding="utf-8") as file:
        file.write(blocks[0])
