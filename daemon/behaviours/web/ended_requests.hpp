// SPDX-License-Identifier: MIT
// The requests of one connection that nobody waits for any more, while whoever was asked may not have come
// to them yet: for some seconds each is remembered, so that a {http_watch, …} that comes late is answered.
// The oldest is forgotten for a new one when there are many. Of one worker.
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
  // `reason`: of static storage.
  void add(std::uint64_t number, std::string_view reason, base::nanos now);
  // What is to be said to whom, if the message asks for news of one of them, which is forgotten; nothing: it
  // does not. `client`: the connection's process.
  std::optional<notice> answer(const runtime::message& asked, const runtime::pid& client,
                               runtime::node_names& names);
  // Forgets those whose time is over. Until when the last of the others is remembered; nothing: there is
  // none.
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
