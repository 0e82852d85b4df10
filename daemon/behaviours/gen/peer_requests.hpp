// SPDX-License-Identifier: MIT
// What a server of the daemon takes from other nodes: a table of requests, each with what it may cause here.
// A request of another node that is not in the table is not taken. Any thread.
#pragma once

#include <coppice/etf/cursor.hpp>
#include <cstdint>
#include <span>
#include <string_view>

#include "behaviours/gen/gen.hpp"

namespace coppice::behaviours {

struct peer_request {
  // What it may cause; joined by `|`.
  enum cause : std::uint16_t {
    nothing = 0,
    answers = 1,      // an answer, to a process of the node that asks
    logs = 2,         // lines of the log, of bounded length
    runs = 4,         // a function of the table for rpc, with what that may cause
    forwards = 8,     // a message or an exit in the asker's name, see runtime/on_behalf.hpp
    keeps = 16,       // something kept and counted for the node that asks
    tells_nodes = 32, // what this service tells those of the same name on other nodes
    tells_here = 64,  // what this service tells processes here that watch it
    connects = 128,   // a connection to a node that it names
    disconnects = 256,
  };
  gen::request::kind form = gen::request::kind::info;
  std::string_view what;   // the atom it is or begins with; of {Pid, Request…} that of Request
  std::uint32_t least = 0; // how many elements Request's tuple has, at least and at most; 0: it is the atom
  std::uint32_t most = 0;
  std::uint16_t causes = nothing;
};

// `what` of {[alias|Ref], Answer}: the answer to a request that the server sent with an alias.
inline constexpr std::string_view answer_to_alias = "[alias|Reference]";

using peer_requests = std::span<const peer_request>;

// The row that lets another node make this request; null: none does.
inline const peer_request* find_request(peer_requests table, gen::request::kind form, etf::bytes request) {
  etf::cursor at(request);
  std::uint32_t arity = 0;
  std::string_view what;
  etf::pid asker;
  at.read_tuple(arity);
  // {Pid, Request}, or {Pid, What, …}.
  if (arity >= 2 && at.read_pid(asker)) {
    if (!at.read_tuple(arity)) arity = arity == 2 ? 0 : arity;
  }
  std::uint32_t length = 0;
  if (arity == 2 && at.read_list(length) && length == 1 && at.read_atom_is("alias"))
    what = answer_to_alias;
  else if (!at.read_atom(what))
    return nullptr;
  for (const peer_request& row : table) {
    if (row.form == form && row.what == what && arity >= row.least && arity <= row.most) return &row;
  }
  return nullptr;
}

} // namespace coppice::behaviours
