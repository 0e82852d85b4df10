#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that the simulation of tests/unit/saga/simulation finds faults: each of fourteen planted faults has to break a
promise within 60 seconds.

planted_faults.py [WORD…]: all faults, or those whose name contains one of the words.
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import planted  # noqa: E402

# Name, file of daemon/saga, text, replacement.
FAULTS = [
    ("a decision told before it is logged", "coordinator.cpp",
     "put(of, record_kind::decision, 0, decision_record{true, in.end}, out);",
     "const std::uint64_t before = of.last_write;\n"
     "  put(of, record_kind::decision, 0, decision_record{true, in.end}, out);\n"
     "  of.last_write = before;"),
    ("undo out of order", "ending.cpp",
     "one.order > next->order",
     "one.order < next->order"),
    ("an undo runs for a key whose do never ran", "participant.cpp",
     "if (in.what == request_kind::reverse) remember_forgotten(in.key);",
     "if (in.what == request_kind::reverse) {\n"
     "    unit& made = make_unit();\n"
     "    made.part.emplace().key = in.key;\n"
     "    made.part->kind = in.kind;\n"
     "    made.part->reverse_wanted = true;\n"
     "    entries_[in.key] = made.number;\n"
     "    return call_reverse(made, out);\n"
     "  }"),
    ("a key whose answer was kept runs again", "participant.cpp",
     "if (part.state == entry_state::begun) {",
     "if (part.state == entry_state::begun || part.state == entry_state::done) {"),
    ("a prepared participant that changes its mind", "participant.cpp",
     "part.due = now_ + patience(++part.tries);",
     "part.due = now_ + patience(++part.tries);\n"
     "    part.reverse_wanted = part.tries > 2;\n"
     "    if (part.reverse_wanted) return reverse_entry(of, out);"),
    ("a forgotten decision that is asked for again", "ending.cpp",
     "if (!over) return;\n  if (of.part) {",
     "if (!over && !of.part) {\n"
     "    end(of, out);\n"
     "    of.ended->how.what = outcome_kind::aborted;\n"
     "    return;\n"
     "  }\n"
     "  if (!over) return;\n  if (of.part) {"),
    ("a deadline that moves into the future on its way through nodes", "participant.cpp",
     "part.deadline = now_ + std::min(left * base::nanos_per_ms, options_.lifespan);",
     "part.deadline = now_ + std::max(left * base::nanos_per_ms, options_.lifespan);"),
    ("a loop undetected", "participant.cpp",
     'if (loops) return no(answer_kind::error, "loop");',
     "if (loops && path.size() > options_.hops) return std::nullopt;"),
    ("a further step lost at a restart", "coordinator.cpp",
     "put(of, record_kind::plan, by, what, out);",
     "plan_record kept = what;\n"
     "  if (by > 0 && what.succeeded) kept.steps.clear();\n"
     "  put(of, record_kind::plan, by, kept, out);"),
    ("an interim told after the end", "coordinator.cpp",
     "if (!found->lead->undecided() || from.what != step::state::asked) return count(drop::stale);",
     ""),
    ("a step forgotten before that is on the disk", "participant.cpp",
     "say_after(last_write_, message{options_.self, of.from, reply{in.what",
     "say_after(0, message{options_.self, of.from, reply{in.what"),
    ("a step that was asked for before a restart is not undone", "recovery.cpp",
     "const bool may_be_asked = !in.final || group <= in.final_group;",
     "const bool may_be_asked = false;"),
    ("an undo beside the worker that does the step", "participant.cpp",
     "if (calling == 0) return call_reverse(of, out);",
     "return call_reverse(of, out);"),
    ("a worker that does a step again and is told of no earlier try", "participant.cpp",
     "++part.attempt;",
     ""),
]


if __name__ == "__main__":
    sys.exit(planted.main("saga", FAULTS, sys.argv[1:]))
