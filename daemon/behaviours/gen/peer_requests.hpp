// SPDX-License-Identifier: MIT
// The requests that a server of the daemon takes from other nodes, as a table. Each row says what the request
// may cause here. A request of another node that is not in the table is refused. Any thread.
#pragma once

#include <coppice/etf/cursor.hpp>
#include <cstdint>
#include <span>
#include <string_view>

#include "behaviours/gen/gen.hpp"

namespace coppice::behaviours {

struct peer_request {
  // Effects that the request may have, joined by `|`.
  enum cause : std::uint16_t {
    nothing = 0,
    answers = 1,      // an answer to a process of the asking node
    logs = 2,         // log lines of bounded length
    runs = 4,         // a function of the table for rpc, with that function's effects
    forwards = 8,     // a message or an exit in the asker's name, see runtime/on_behalf.hpp
    keeps = 16,       // data that is kept and counted for the asking node
    tells_nodes = 32, // messages to the services of the same name on other nodes
    tells_here = 64,  // messages to processes here that watch this service
    connects = 128,   // a connection to a node that the request names
    disconnects = 256,
  };
  gen::request::kind form = gen::request::kind::info;
  std::string_view what; // the atom that the request is or begins with; for {Pid, Request…} that of Request
  std::uint32_t least = 0; // fewest and most elements of Request's tuple. 0: it is the atom alone
  std::uint32_t most = 0;
  std::uint16_t causes = nothing;
};

// `what` for {[alias|Ref], Answer}: the answer to a request that the server sent with an alias.
inline constexpr std::string_view answer_to_alias = "[alias|Reference]";

using peer_requests = std::span<const peer_request>;

// The row that admits this request of another node. Null: none.
inline const peer_request* find_request(peer_requests table, gen::request::kind form, etf::bytes request) {
  etf::cursor at(request);
  std::uint32_t arity = 0;
  std::string_view what;
  etf::pid asker;
  at.read_tuple(arity);
  // The request is {Pid, Request}, or {Pid, What, …}.
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
