// SPDX-License-Identifier: MIT
// The calls with requests to this participant that wait for the core's replies. Their bytes are bounded, for
// one other node and for all other nodes. In the saga's own turn.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/messages/kept_memory.hpp"
#include "runtime/messages/message.hpp"
#include "saga/core.hpp"

namespace coppice::behaviours {

class saga_callers {
 public:
  using place = std::pair<saga::step_key, saga::request_kind>;
  struct calls { // of one request: all of them get its reply
    std::vector<runtime::message> from;
    saga::commit_kind kind = saga::commit_kind::compensate;
    std::size_t bytes = 0; // of them, counted against the bounds or not
    bool is_counted = false;
  };

  // `most`: bytes of all other nodes together; nullopt: the request is this node's own, and has no bound.
  // False: so many bytes of its node, or of all other nodes, wait that the call is not kept. Only the last
  // calls with one request are kept.
  bool keep(const place& of, const runtime::message& from, saga::commit_kind kind,
            std::optional<std::size_t> most);
  // Removes the calls with this request and returns them. nullopt: there are none.
  std::optional<calls> take(const place& of);
  std::map<place, calls> take_all();

 private:
  void count(const std::string& node, std::size_t before, std::size_t now);

  std::map<place, calls> waiting_;
  std::map<std::string, std::size_t> bytes_by_node_; // of other nodes; none is 0
  std::size_t bytes_of_others_ = 0;
};

} // namespace coppice::behaviours
