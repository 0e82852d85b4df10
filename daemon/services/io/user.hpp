// SPDX-License-Identifier: MIT
// `user`: the group leader of processes that have no other. Its output goes to the log, with a bound; there
// is no input. A message may contain any number of requests: a turn carries out a few of them, and the next
// turns continue, in the order of the messages. In the process's own turn.
#pragma once

#include <list>

#include "behaviours/gen/native_server.hpp"

namespace coppice::services {

class user : public behaviours::native_server {
 public:
  static constexpr const char* registered_name = "user";
  // Requests carried out in one turn.
  static constexpr std::size_t requests_a_turn = 16;
  // Messages that wait behind a long one. They have left the mailbox, so its bound does not count them.
  static constexpr std::size_t most_waiting = 1'000;
  static constexpr std::ptrdiff_t most_of_a_node = 100; // for each other node

  user();
  ~user() override;
  std::optional<behaviours::peer_requests> from_peers() const override;

  enum class answer; // of a request

 protected:
  // Makes it the group leader of all processes that are spawned without one from then on.
  runtime::outcome on_start(runtime::process& self) override;
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override;

 private:
  struct job;
  bool has_room_for(const runtime::process& self, const job& fresh) const;
  static void reply(runtime::process& self, const job& to, answer said);
  void work(runtime::process& self);

  std::list<job> jobs_; // the first is being carried out
};

} // namespace coppice::services
