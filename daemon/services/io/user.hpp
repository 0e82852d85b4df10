// SPDX-License-Identifier: MIT
// `user`: the group leader of those that have no other. What is printed to it goes into the log, bounded;
// there is nothing to read from. A message may have requests without end in it: a turn carries out a few of
// them, and the next ones go on where it stopped, in the order of the messages. In the process's own turn.
#pragma once

#include <list>

#include "behaviours/gen/native_server.hpp"

namespace coppice::services {

class user : public behaviours::native_server {
 public:
  static constexpr const char* registered_name = "user";
  // Requests that one turn carries out.
  static constexpr std::size_t requests_a_turn = 16;
  // Messages that wait behind a long one: they are in no mailbox any more, whose bound counts them.
  static constexpr std::size_t most_waiting = 1'000;
  static constexpr std::ptrdiff_t most_of_a_node = 100; // of each other node

  user();
  ~user() override;
  std::optional<behaviours::peer_requests> from_peers() const override;

  enum class answer; // to a request

 protected:
  // It is the group leader of all that are spawned without another one from then on.
  runtime::outcome on_start(runtime::process& self) override;
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override;

 private:
  struct job;
  bool has_room_for(const runtime::process& self, const job& fresh) const;
  static void reply(runtime::process& self, const job& to, answer said);
  void work(runtime::process& self);

  std::list<job> jobs_; // the first one is under way
};

} // namespace coppice::services
