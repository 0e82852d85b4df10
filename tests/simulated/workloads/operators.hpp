// SPDX-License-Identifier: MIT
// Clients of a node's control socket, which speak its protocol as the tool `coppice` does. Each client is a
// process on the node's own host that connects, sends its requests in parts, takes the replies and ends.
// Invariants: every request gets one reply, in the order of the requests, and nothing else comes. The
// workload's thread.
// rooms: control
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "../cluster.hpp"
#include "api/protocol.hpp"

namespace coppice::simulated {

struct question {
  api::request asked;
  // Whether a result fits the request. Called with a result, and not with an error.
  std::function<bool(const nlohmann::json&)> fits = {};
  // Called once with the reply, in the client's turn. Empty: the reply is ignored.
  std::function<void(const api::reply&)> told = {};
  bool may_fail = false; // an error is a reply too
};

// A request that changes nothing: status, ps, top, info, or a call to the host's `load`.
question any_question(const cluster& all, unsigned host);
// Adds a client with these questions. `leaves`: it breaks off at a time that the seed chooses, so that the
// node may answer or not. A client that stays and has questions without `told` gets all replies within a
// minute.
void add_operator(cluster& all, unsigned host, std::vector<question> questions, bool leaves = false);

} // namespace coppice::simulated
