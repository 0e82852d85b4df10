# SPDX-License-Identifier: MIT
"""A strict reader of /metrics: Prometheus' text format 0.0.4 or OpenMetrics 1.0, and nothing else."""
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"^({NAME})(\{{(.*)\}})? (-?[0-9]+(?:\.[0-9]+)?(?:e[-+][0-9]+)?|[-+]Inf)$")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)')


class Metrics:
    """Families and samples of one answer. A line that is not in the format is an error."""

    def __init__(self, text, openmetrics=False):
        self.kinds, self.help, self.samples = {}, {}, {}
        self.bounds = {}  # by series of a histogram: [(bound, number of observations at or below it)], in order
        if not text.endswith("\n"):
            raise ValueError("the last line has no end")
        lines = text[:-1].split("\n")
        if openmetrics:
            if lines.pop() != "# EOF":
                raise ValueError("there is no # EOF at the end")
        family = None
        for line in lines:
            if line.startswith("# "):
                family = self.describe(line, family)
            else:
                self.sample(line, family, openmetrics)
        self.judge_histograms(openmetrics)

    def describe(self, line, family):
        word, name, rest = line[2:].split(" ", 2)
        if word == "HELP":
            if name in self.help:
                raise ValueError(f"the family {name} comes twice")
            self.help[name] = rest
        elif word == "TYPE":
            if name != next(reversed(self.help)) or name in self.kinds or rest not in ("counter", "gauge", "histogram"):
                raise ValueError(f"out of place: {line}")
            self.kinds[name] = rest
        else:
            raise ValueError(f"neither HELP nor TYPE: {line}")
        return name

    def sample(self, line, family, openmetrics):
        found = SAMPLE.match(line)
        if not found:
            raise ValueError(f"no sample: {line}")
        name, _, inside, value = found.groups()
        kind = self.kinds[family]
        suffixes = {"counter": ["_total" if openmetrics else ""], "histogram": ["_bucket", "_sum", "_count"]}
        if name not in [family + suffix for suffix in suffixes.get(kind, [""])] \
                or (kind == "counter") != name.endswith("_total"):
            raise ValueError(f"{name} is not of the {kind} {family}")
        labels = {}
        while inside:
            one = LABEL.match(inside)
            if not one or one.group(1) in labels:
                raise ValueError(f"labels: {line}")
            labels[one.group(1)] = re.sub(r"\\(.)", lambda c: {"n": "\n"}.get(c.group(1), c.group(1)), one.group(2))
            inside = inside[one.end():]
        key = (name, tuple(sorted(labels.items())))
        if key in self.samples:
            raise ValueError(f"the series comes twice: {line}")
        counts = kind == "counter" or name.endswith(("_bucket", "_count"))
        if counts and value.startswith("-"):
            raise ValueError(f"a counter below zero: {line}")
        self.samples[key] = float(value)
        if kind == "histogram" and name.endswith("_bucket"):
            of = (family, tuple(sorted((of, value) for of, value in labels.items() if of != "le")))
            if "le" not in labels:
                raise ValueError(f"a bucket without its bound: {line}")
            self.bounds.setdefault(of, []).append((float(labels["le"]), float(value)))

    def judge_histograms(self, openmetrics):
        """Bounds rise up to infinity and their counts do not fall; each histogram has a sum and a count."""
        for (family, labels), buckets in self.bounds.items():
            bounds, counts = zip(*buckets)
            if list(bounds) != sorted(set(bounds)) or list(counts) != sorted(counts) or bounds[-1] != float("inf"):
                raise ValueError(f"the bounds of {family} {dict(labels)}: {buckets}")
            # OpenMetrics allows neither a sum nor a count if observed values may be negative.
            told = not openmetrics or bounds[0] >= 0
            if self.samples.get((f"{family}_count", labels)) != (counts[-1] if told else None):
                raise ValueError(f"{family}_count {dict(labels)} is not that of all its buckets, {counts[-1]}")
            if told != ((f"{family}_sum", labels) in self.samples):
                raise ValueError(f"{family}_sum {dict(labels)} is missing or has no place")

    def value(self, name, **labels):
        """The one sample of that name with (at least) these labels."""
        found = self.all(name, **labels)
        if len(found) != 1:
            raise ValueError(f"{len(found)} samples of {name} {labels}")
        return found[0][1]

    def all(self, name, **labels):
        """[(labels, value)] of that name with (at least) these labels."""
        return [(dict(at), value) for (of, at), value in self.samples.items()
                if of == name and labels.items() <= dict(at).items()]
