#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the documentation as HTML: pages.py OUT COPPICE COPPICED COPPICE_EPMD. The pages are Markdown: those of this
folder, the pages beside the code, and the reference pages (reference.py). Each becomes one HTML file with a table of
contents. Links between pages become links between these files, and a link to a file or heading that does not exist is
an error. The search runs in the browser over an index in a script, so it works from a folder without a server and
without a network.

cmark-gfm turns Markdown into HTML. All errors are printed before it exits with status 1.
"""
import html
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cpp_headers
import reference

root = reference.root
here = Path(__file__).resolve().parent

# The section, the page, its name in the navigation, and its source: a file of the repository. None: a reference page.
CONTENTS = (
    ("Start", "index", "What Coppice is", "README.md"),
    ("Start", "tutorial", "The first hour", "packaging/doc/tutorial.md"),
    ("Start", "erlang", "From Erlang and Elixir", "packaging/doc/erlang.md"),
    ("Start", "ergo", "From Ergo", "packaging/doc/ergo.md"),
    ("Write plugins", "plugins", "Write an actor", "plugin-api/README.md"),
    ("Write plugins", "chapters", "Chapters", "packaging/doc/plugins/README.md"),
    ("Write plugins", "terms", "How C++ becomes terms", "packaging/doc/plugins/terms.md"),
    ("Write plugins", "codec", "Codecs", "packaging/doc/plugins/codec.md"),
    ("Write plugins", "args", "Arguments", "packaging/doc/plugins/args.md"),
    ("Write plugins", "args-schema", "Schemas of arguments", "packaging/doc/plugins/args-schema.md"),
    ("Write plugins", "state", "State and reloads", "packaging/doc/plugins/state.md"),
    ("Write plugins", "reloads", "What a reload does", "packaging/doc/plugins/reloads.md"),
    ("Write plugins", "testing", "Testing", "packaging/doc/plugins/testing.md"),
    ("Write plugins", "scenes", "Patterns, several actors", "packaging/doc/plugins/scenes.md"),
    ("Write plugins", "cluster", "Several nodes", "packaging/doc/plugins/cluster.md"),
    ("Write plugins", "library", "A native library, a GPU", "packaging/doc/plugins/library.md"),
    ("Behaviours", "server", "Servers", "packaging/doc/plugins/server.md"),
    ("Behaviours", "statem", "State machines", "packaging/doc/plugins/statem.md"),
    ("Behaviours", "event-handlers", "Event handlers", "packaging/doc/plugins/event-handlers.md"),
    ("Behaviours", "stages", "Stages", "packaging/doc/plugins/stages.md"),
    ("Behaviours", "web", "Requests of the web", "packaging/doc/plugins/web.md"),
    ("Behaviours", "connections", "Connections", "packaging/doc/plugins/connections.md"),
    ("Behaviours", "datagrams", "Datagrams", "packaging/doc/plugins/datagrams.md"),
    ("Behaviours", "programs", "Programs", "packaging/doc/plugins/programs.md"),
    ("Behaviours", "pools", "Pools", "packaging/doc/plugins/pools.md"),
    ("Behaviours", "routers", "Routers", "packaging/doc/plugins/routers.md"),
    ("Behaviours", "raft", "Replicated state machines", "packaging/doc/plugins/raft.md"),
    ("Behaviours", "sagas", "Sagas", "packaging/doc/plugins/saga.md"),
    ("Behaviours", "named-events", "Named events", "packaging/doc/plugins/named-events.md"),
    ("Plugins, more", "c", "In C", "packaging/doc/plugins/c.md"),
    ("Plugins, more", "rust", "In Rust", "packaging/doc/plugins/rust.md"),
    ("Plugins, more", "headers", "Headers", "packaging/doc/plugins/headers.md"),
    ("Plugins, more", "cookbook", "Cookbook", "plugin-api/COOKBOOK.md"),
    ("Plugins, more", "stability", "What stays as it is", "plugin-api/STABILITY.md"),
    ("Plugins, more", "bundled", "Bundled plugins", "plugins/README.md"),
    ("Run nodes", "configuring", "Configurations by example", "config/README.md"),
    ("Run nodes", "operating", "Operating a node", "packaging/OPERATING.md"),
    ("Run nodes", "log-events", "What each log event means", "packaging/doc/log-events.md"),
    ("Run nodes", "prometheus", "Prometheus and Grafana", "packaging/prometheus/README.md"),
    ("Run nodes", "page", "The node's page", "packaging/PAGE.md"),
    ("Run nodes", "tls", "TLS between nodes", "packaging/TLS.md"),
    ("Run nodes", "security", "Security", "packaging/SECURITY.md"),
    ("Run nodes", "interop", "Interoperation", "packaging/INTEROP.md"),
    ("Look up", "configuration", "Configuration keys", None),
    ("Look up", "commands", "Commands", None),
    ("Look up", "metrics", "Metrics", None),
    ("Look up", "alerts", "Alerts", None),
    ("Look up", "cpp", "C++ declarations", None),
    ("Look up", "api", "C declarations", None),
)


class Page:
    def __init__(self, section, name, label, source, text):
        self.section, self.name, self.label, self.source, self.text = section, name, label, source, text
        self.headings = []  # (level, anchor, HTML)
        self.pieces = []  # for the search: (anchor, heading, text)


def anchor_of(words, taken):
    """The anchor that GitHub makes of a heading's text."""
    name = re.sub(r"[^\w\- ]", "", html.unescape(re.sub(r"<[^>]+>", "", words)).lower()).strip().replace(" ", "-") or "part"
    unique, number = name, 0
    while unique in taken:
        number += 1
        unique = f"{name}-{number}"
    taken.add(unique)
    return unique


def from_markdown(text):
    done = subprocess.run(["cmark-gfm", "-e", "table", "-e", "strikethrough", "--unsafe", "-t", "html"], input=text,
                          capture_output=True, text=True, check=True)
    return done.stdout


class Site:
    def __init__(self, programs):
        self.errors = []
        self.images = set()  # files of the repository
        made = {
            "configuration": lambda: reference.configuration(json.loads((root / "config/node.schema.json").read_text(encoding="utf-8"))),
            "commands": lambda: reference.commands(programs),
            "metrics": lambda: reference.metrics((root / "tests/e2e/metrics_page.txt").read_text(encoding="utf-8")),
            "alerts": lambda: reference.alerts((root / "packaging/prometheus/coppice.rules.yml").read_text(encoding="utf-8")),
            "cpp": lambda: cpp_headers.page(root / "plugin-api/coppice", reference.escaped),
            "api": lambda: reference.api(root / "plugin-api/coppice"),
        }
        self.pages = []
        for section, name, label, source in CONTENTS:
            text = (root / source).read_text(encoding="utf-8") if source else "\n".join(made[name]())
            self.pages.append(Page(section, name, label, source, text))
        self.by_source = {page.source: page for page in self.pages if page.source}
        for page in self.pages:
            self.render(page)
        for page in self.pages:
            page.body = re.sub(r'<a href="([^"]*)"', lambda hit, of=page: self.link(of, html.unescape(hit[1])), page.body)
            page.body = re.sub(r'<img src="([^"]*)"([^>]*?) ?/?>', lambda hit, of=page: self.image(of, html.unescape(hit[1])) + hit[2] + ">", page.body)

    def render(self, page):
        taken = set()

        def heading(hit):
            level, words = int(hit[1]), hit[2]
            anchor = anchor_of(words, taken)
            page.headings.append((level, anchor, words))
            return f'<h{level} id="{anchor}">{words} <a class="here" href="#{anchor}" aria-label="link to this part">#</a></h{level}>'
        page.body = re.sub(r"<h([1-6])>(.*?)</h\1>", heading, from_markdown(page.text), flags=re.S)
        page.body = page.body.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")
        page.title = html.unescape(re.sub(r"<[^>]+>", "", page.headings[0][2])) if page.headings else page.name
        parts = re.split(r'<h[1-6] id="([^"]+)">(.*?) <a class="here".*?</h[1-6]>', page.body, flags=re.S)
        for anchor, words, body in zip(parts[1::3], parts[2::3], parts[3::3]):
            text = html.unescape(re.sub(r"<[^>]+>", " ", body))
            page.pieces.append((anchor, html.unescape(re.sub(r"<[^>]+>", "", words)), re.sub(r"\s+", " ", text).strip()))

    def link(self, page, target):
        """The <a href> of a link on the page. A link to a page of the site leads to the HTML file of that page."""
        if re.match(r"[a-z]+:", target):
            return f'<a href="{html.escape(target)}"'
        path, _, fragment = target.partition("#")
        if not path:
            self.hold_fragment(page, page, fragment)
            return f'<a href="#{fragment}"'
        base = Path(page.source).parent if page.source else Path("packaging/doc")
        file = Path(os.path.normpath(base / path))
        other = self.by_source.get(str(file)) or self.by_source.get(str(file / "README.md"))
        if other is not None:
            if fragment:
                self.hold_fragment(page, other, fragment)
            return f'<a href="{other.name}.html{"#" + fragment if fragment else ""}"'
        made = next((one for one in self.pages if one.source is None and str(file) == f"packaging/doc/{one.name}.md"), None)
        if made is not None:
            return f'<a href="{made.name}.html"'
        if not (root / file).exists():
            self.errors.append(f"{page.source or page.name}: there is no {file}")
        return f'<a class="file" title="{html.escape(str(file))} in the sources"'

    def image(self, page, target):
        """The <img src> of a picture of the repository. The picture is copied beside the pages."""
        file = root / os.path.normpath(Path(page.source or "packaging/doc/page").parent / target)
        if not file.is_file():
            self.errors.append(f"{page.source or page.name}: there is no picture {target}")
        self.images.add(file)
        return f'<img src="{html.escape(file.name)}"'

    def hold_fragment(self, page, other, fragment):
        if fragment not in {anchor for _, anchor, _ in other.headings}:
            self.errors.append(f"{page.source or page.name}: {other.source or other.name} has no heading #{fragment}")

    def navigation(self, page):
        out, section = [], None
        for one in self.pages:
            if one.section != section:
                section = one.section
                out.append(f"<h2>{section}</h2>")
            current = ' aria-current="page"' if one is page else ""
            out.append(f'<a href="{one.name}.html"{current}>{html.escape(one.label)}</a>')
            if one is page:
                out += [f'<a class="part" href="#{anchor}">{words}</a>' for level, anchor, words in one.headings if level == 2]
        return "\n".join(out)

    def write(self, out):
        out.mkdir(parents=True, exist_ok=True)
        frame = (here / "frame.html").read_text(encoding="utf-8")
        for page in self.pages:
            text = frame
            for name, value in (("TITLE", html.escape(page.title)), ("NAVIGATION", self.navigation(page)), ("BODY", page.body)):
                text = text.replace(f"@{name}@", value)
            (out / f"{page.name}.html").write_text(text, encoding="utf-8")
        pieces = [[f"{page.name}.html#{anchor}", page.title, heading, text]
                  for page in self.pages for anchor, heading, text in page.pieces]
        (out / "index.js").write_text("const pieces = " + json.dumps(pieces, ensure_ascii=False, separators=(",", ":")) + ";\n", encoding="utf-8")
        for file in (here / "style.css", here / "search.js", *self.images):
            shutil.copy(file, out / file.name)


def main(out, coppice, coppiced, coppice_epmd):
    if shutil.which("cmark-gfm") is None:
        sys.exit("pages.py: cmark-gfm is missing: packaging/dev deps doc")
    site = Site({"coppice": coppice, "coppiced": coppiced, "coppice-epmd": coppice_epmd})
    unsaid = (*reference.unsaid(root / "plugin-api/coppice"), *cpp_headers.unsaid(root / "plugin-api/coppice"))
    errors = site.errors + [f"plugin-api/coppice/{one}: no comment says what it is" for one in unsaid]
    for error in errors:
        print(f"pages.py: {error}", file=sys.stderr)
    if errors:
        sys.exit(1)
    site.write(Path(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
