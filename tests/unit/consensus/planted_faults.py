#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that the simulation of tests/unit/consensus/simulation finds faults: each of twenty planted faults has to
break a promise within 60 seconds.

planted_faults.py [--seed N] [WORD…]: all faults, or those whose name contains one of the words. N is the first seed.
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import planted  # noqa: E402

# Name, file of daemon/consensus, text, replacement.
FAULTS = [
    ("two votes in a term", "election.cpp",
     "const bool free = !hard_.voted_for || hard_.voted_for == from;",
     "const bool free = true;"),
    ("an old term's entry counted for commit", "leading.cpp",
     "if (index > commit_ && log_.term_at(index) == hard_.term) {",
     "if (index > commit_) {"),
    ("acknowledged before fsync", "core.cpp",
     "if (index <= on_disk_) return 0;",
     "if (index <= log_.last()) return 0;"),
    ("an old append request truncates a longer log", "following.cpp",
     "if (skip < in.entries.size()) {",
     "if (skip == in.entries.size() && at > commit_ && at <= log_.last()) {\n"
     "    log_.truncate_from(at);\n"
     "    cut_pending_writes(at - 1);\n"
     "    next_write(out).truncate_from = at;\n"
     "  }\n"
     "  if (skip < in.entries.size()) {"),
    ("a vote for an older log", "election.cpp",
     "return in.last_index >= log_.last();",
     "return true;"),
    ("a read without read-index", "reads.cpp",
     "confirmed_ = std::max(confirmed_, agreed(round_, &progress::round));",
     "confirmed_ = round_;"),
    ("members changed before the term's no-op is committed", "membership.cpp",
     "if (!established()) return refuse(outcome::busy);",
     ""),
    ("a snapshot off by one", "following.cpp",
     "log_ = raft_log(of.index, of.term, of.members, of.version);",
     "log_ = raft_log(of.index + 1, of.term, of.members, of.version);"),
    ("a vote forgotten at restart", "core.cpp",
     "hard_ = found.hard;",
     "hard_.term = found.hard.term;"),
    ("a client's repeat applied twice", "applied_commands.cpp",
     "if (one.sequence == of.sequence && of.serial > 0) return {verdict::repeat, of.serial, of.reply};\n"
     "  if (one.sequence <= of.sequence) return {verdict::old, 0, {}};",
     "if (one.sequence < of.sequence) return {verdict::old, 0, {}};"),
    ("reads numbered from 1 again at restart", "core.cpp",
     "made->last_forwarded_ = random.next();",
     ""),
    ("a leader that removed itself stands no more", "election.cpp",
     "if (disk_full_ || (!members().votes(options_.self) && !needed)) return ask_for_leader(out);",
     "if (disk_full_ || !members().votes(options_.self)) return ask_for_leader(out);"),
    ("a member that joins a quiet group without a vote", "leading.cpp",
     "if (who->role == member_role::joining) promote(*who, out);",
     ""),
    ("no commit for a follower that restarts in a quiet group", "leading.cpp",
     "if (!who->transfer && who->flight.empty() && in.received < std::min(who->match, commit_))\n"
     "    who->probe_from(who->match + 1);",
     ""),
    ("a replaced snapshot is never released", "following.cpp",
     "if (snapshot_.index > 0) superseded_.push_back(std::move(snapshot_));",
     ""),
    ("a replaced snapshot is released before the new one is on disk", "following.cpp",
     "if (snapshot_.index > 0) superseded_.push_back(std::move(snapshot_));",
     "if (snapshot_.index > 0) out.released.push_back(snapshot_);"),
    ("a follower without a time-out before its leader is quiescent", "following.cpp",
     "  restart_election_timer();\n  return true;",
     "  restart_election_timer();\n  quiescent_ = options_.quiesce_after > 0 && commit_ == log_.last();\n  return true;"),
    ("a lost node wakes nobody", "node_liveness.cpp",
     "if (!at.followed.empty() && now - at.heard >= *at.followed.begin()) rouse_followers(at, out);",
     "if (!at.followed.empty() && now - at.heard >= *at.followed.begin()) at.heard = now;"),
    ("a node that begins anew wakes nobody", "node_liveness.cpp",
     "  if (at.run != in.from) {\n    lose(at, out);",
     "  if (at.run != in.from) {"),
    ("a leader that ends takes back nothing", "node_liveness.cpp",
     "  take_back(one);\n  const auto known = followers_.find(one);",
     "  const auto known = followers_.find(one);"),
]

if __name__ == "__main__":
    sys.exit(planted.main("consensus", FAULTS, sys.argv[1:]))
