// SPDX-License-Identifier: MIT
// Sending to another node, whose connection is bounded. While much waits for it, senders wait before they
// send. The sender of a large message waits until the network has it. As in OTP, this can last as long as the
// connection does. Only senders of replies and system traffic go on after `park`, since they serve others. If
// a node reads nothing, its servers should wait for it once and not at every answer; later answers are then
// routed without a wait (processes/slow_nodes.hpp), and the connection bounds what waits there.
#include "base/log_counted.hpp"
#include "runtime/messages/delivery.hpp"

namespace coppice::runtime::delivery {

namespace {

constexpr std::size_t large = std::size_t{1} << 20;

// Monotonic time at which `sender`, which serves others, gives up waiting. 0: it does not wait at all.
base::nanos gives_up_at(const process_record& sender, std::uint32_t node) {
  const base::nanos most = sender.host().options().park;
  const relations* mine = sender.related();
  const base::nanos now = base::mono_now();
  if (mine == nullptr || mine->slow == nullptr) return now + most;
  const base::nanos patience = mine->slow->patience(node, now, most);
  return patience == 0 ? 0 : now + patience;
}

void give_up(process_record& sender, std::uint32_t node, std::uint64_t number, base::nanos began) {
  auto& slow = sender.needs_relations().slow;
  if (slow == nullptr) slow = std::make_unique<slow_nodes>();
  const base::nanos now = base::mono_now();
  slow->give_up(node, number, now, now - began);
  const node_names& names = sender.host().nodes();
  base::log::counted(base::log::level::warning, "runtime", "slow node",
                     "{}: takes slowly what is sent to it: {} does not wait for it any more, and what it is "
                     "sent meanwhile waits in memory",
                     names.name(node), to_text(sender.id(), names));
}

} // namespace

send_status send_away(system& host, const destination& to, signal_ptr what, process_record& sender) {
  remote_router& router = *host.router();
  const std::uint32_t node = to.node();
  if ((what->flags & signal::no_wait) != 0) {
    if (router.busy(node)) return send_status::full;
    router.route(to, std::move(what));
    return send_status::ok;
  }
  const bool is_large = what->payload().size() >= large;
  if (!is_large && !router.busy(node)) {
    router.route(to, std::move(what));
    return send_status::ok;
  }
  const bool serves = (what->flags & signal::unbounded) != 0;
  const base::nanos began = base::mono_now();
  // A part of the node (of_node) serves every node, so it does not wait for any of them.
  const base::nanos deadline = !serves ? no_deadline : sender.of_node() ? 0 : gives_up_at(sender, node);
  bool waits = deadline > began;
  while (waits && router.busy(node) && !sender.dead && sender.home().can_park()) {
    wait parked;
    parked.number = sender.new_wait();
    parked.at_node = node;
    if (!router.rest(node, sender.id(), parked.number)) break;
    sender.wait_for(parked, deadline);
    waits = parked.done;
    if (!waits && serves && !sender.dead) give_up(sender, node, parked.number, began);
  }
  if (sender.dead) return send_status::ok;
  if (!is_large || !waits || !sender.home().can_park()) {
    router.route(to, std::move(what));
    return send_status::ok;
  }
  wait parked;
  parked.number = sender.new_wait();
  parked.at_node = node;
  what->flags |= signal::awaited;
  what->number = parked.number;
  router.route(to, std::move(what));
  sender.wait_for(parked, deadline);
  if (!parked.done && serves && !sender.dead) give_up(sender, node, parked.number, began);
  return send_status::ok;
}

} // namespace coppice::runtime::delivery
