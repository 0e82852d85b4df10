// SPDX-License-Identifier: MIT
// An actor with UDP sockets: either the sockets themselves, or a supervisor with as many actors as
// `handlers` says. Any thread.
#include "behaviours/datagrams/datagram_kind.hpp"
#include "behaviours/datagrams/datagram_sockets.hpp"
#include "node/assembly/child_assembly.hpp"
#include "node/assembly/named_actor.hpp"
#include "spec/kinds/udp.hpp"

namespace coppice::node {
namespace {

using behaviours::child_spec;

std::shared_ptr<const behaviours::datagram_spec> sockets(const spec::udp_options& from) {
  auto out = std::make_shared<behaviours::datagram_spec>();
  for (const auto& one : from.listen)
    if (one.socket.empty())
      out->listen.push_back(
          {base::socket_address::parse(one.address, one.port).value_or(base::socket_address())});
    else
      out->listen.push_back({{}, one.socket});
  net::datagram_options& options = out->options;
  options.max_datagram = from.max_datagram;
  options.batch = from.batch;
  options.receive_buffer = from.receive_buffer;
  options.reuse_port = from.handlers > 1;
  options.multicast_ttl = static_cast<int>(from.multicast.ttl);
  options.multicast_loop = from.multicast.loop;
  options.multicast_interface = from.multicast.interface;
  for (const std::string& group : from.multicast.join)
    if (const auto address = base::socket_address::parse(group, 0)) options.groups.push_back(*address);
  options.by_hand = true;
  return out;
}

void give_sockets(child_spec& out, const spec::udp_options& from) {
  out.kind = behaviours::datagram_kind(sockets(from));
  if (from.handlers == 1) return;
  auto all = std::make_shared<behaviours::supervisor_spec>();
  all->intensity = from.handlers;
  child_spec one = out;
  one.name.clear();
  one.restart = tree::restart_type::permanent;
  one.significant = false;
  for (std::uint32_t number = 1; number <= from.handlers; ++number) {
    runtime::message_writer id;
    id.unsigned_integer(number);
    one.id = id.take();
    all->children.push_back(std::make_shared<const child_spec>(one));
  }
  out.supervisor = std::move(all);
  out.shutdown = tree::shutdown_limit::infinity();
  out.actor.clear();
  out.args = {};
  out.secrets = nullptr;
  out.kind = nullptr;
}

void give_udp(const spec::child_spec& from, child_spec& out) {
  const auto* const udp = from.find<spec::udp_options>();
  if (udp == nullptr) return;
  give_actor(out, *udp);
  give_sockets(out, *udp);
}

// A running child keeps its sockets.
void keep_udp(const spec::child_spec& from, const child_spec& old, child_spec& made) {
  if (from.find<spec::udp_options>() == nullptr) return;
  made.supervisor = old.supervisor;
  made.kind = old.kind;
}

} // namespace

child_assembly udp_assembly() {
  return {&give_udp, &keep_udp};
}

} // namespace coppice::node
