// SPDX-License-Identifier: MIT
// Remembers, for some seconds, requests of one connection that ended before their process could ask to be
// told ({http_watch, …}), so that a late request for it is answered. If there are many, the oldest is
// forgotten. Used in the turns of one process.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

class ended_requests {
 public:
  struct notice {
    runtime::pid to;
    runtime::message what;
  };

  bool empty() const { return all_.empty(); }
  // `reason` has static storage.
  void add(std::uint64_t number, std::string_view reason, base::nanos now);
  // The notice to send, and its receiver, if `asked` is a watch for one of these requests, which is then
  // forgotten. Nothing: it is not. `client`: the connection's process.
  std::optional<notice> answer(const runtime::message& asked, const runtime::pid& client,
                               runtime::node_names& names);
  // Forgets the requests whose time has passed. Returns until when the last of the others is remembered.
  // Nothing: none is left.
  std::optional<base::nanos> remembered_until(base::nanos now);

 private:
  struct ended {
    std::uint64_t number;
    std::string_view reason;
    base::nanos until;
  };
  std::vector<ended> all_; // the oldest first
};

} // namespace coppice::behaviours
