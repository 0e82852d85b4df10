// SPDX-License-Identifier: MIT
// The process that connects to the nodes of kept_peers. In the process's own turn.
#include "services/peer_keeper.hpp"

#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <optional>

#include "runtime/system.hpp"
#include "services/cron/cron_service.hpp"

namespace coppice::services {

using runtime::destination;
using runtime::message;
using runtime::process;

void peer_keeper::wake(runtime::system& system) {
  system.notify(destination::named(registered_name), message::atom("wake"));
}

runtime::outcome peer_keeper::on_start(process& self) {
  peers_->abandon();
  peers_->wake_by([&host = self.host()] { wake(host); });
  self.notify(destination(self.self()), message::atom("wake"));
  return runtime::carry_on();
}

runtime::outcome peer_keeper::handle_info(process& self, const message& m) {
  if (!self.origin().notice) take_answer(self, m);
  work(self);
  return runtime::carry_on();
}

void peer_keeper::take_answer(const process& self, const message& m) {
  etf::cursor at(m.bytes());
  if (!at.read_tuple_of(2)) return;
  const auto ref = runtime::read_reference(at, self.host().nodes());
  const auto found = ref ? std::ranges::find(asked_, *ref, &asked::answer) : asked_.end();
  bool connected = false;
  if (found == asked_.end() || !at.read_bool(connected)) return;
  peers_->ended(found->name, connected, base::mono_now());
  asked_.erase(found);
}

void peer_keeper::work(process& self) {
  if (timer_ != 0) self.cancel_timer(std::exchange(timer_, 0));
  kept_peers::plan plan = peers_->look(base::mono_now());
  for (kept_peers::attempt& one : plan.due) {
    const runtime::reference answer = self.make_alias(true);
    asked_.push_back({answer, std::move(one.name)});
    router_.connect(one.node, answer);
  }
  if (plan.next_at) timer_ = self.remind(*plan.next_at, message::atom("wake"));
  if (!jobs_wait_ || !peers_->all_tried()) return;
  jobs_wait_ = false;
  cron_service::wake(self.host());
}

} // namespace coppice::services
