// SPDX-License-Identifier: MIT
// {is_auth, Node} is answered yes: a connected node has shown the cookie. In the process's own turn.
#include "services/net_kernel.hpp"

#include <coppice/etf/cursor.hpp>
#include <string_view>

#include "base/log.hpp"
#include "behaviours/gen/askers.hpp"

namespace coppice::services {
namespace {

runtime::message error(std::string_view reason) {
  runtime::message_writer out;
  out.tuple(2);
  out.atom("error");
  out.atom(reason);
  return out.take();
}

} // namespace

std::optional<behaviours::peer_requests> net_kernel::from_peers() const {
  using request = behaviours::peer_request;
  constexpr auto call = behaviours::gen::request::kind::call;
  static constexpr request requests[] = {{call, "is_auth", 2, 2, request::answers},
                                         {call, "spawn", 2, 16, request::answers | request::logs},
                                         {call, "spawn_link", 2, 16, request::answers | request::logs},
                                         {call, "spawn_opt", 2, 16, request::answers | request::logs}};
  return requests;
}

net_kernel::call_answer net_kernel::handle_call(runtime::process& self, const runtime::message& from,
                                                const runtime::message& request) {
  if (!behaviours::gen::is_of_origin(self, from.bytes())) return no_reply();
  etf::cursor at(request.bytes());
  std::uint32_t arity = 0;
  std::string_view what;
  if (!at.read_tuple(arity) || arity == 0 || !at.read_atom(what))
    return native_server::handle_call(self, from, request);
  if (what == "is_auth") return reply(runtime::message::atom("yes"));
  if (what == "spawn" || what == "spawn_link" || what == "spawn_opt") {
    base::log::warning("services",
                       "net_kernel: a {} request was refused: this node runs actors of its plugins, "
                       "which distribution.allow.spawn names, and no Erlang code",
                       what);
    return reply(error("not_allowed"));
  }
  return native_server::handle_call(self, from, request);
}

// Nodes also send net_kernel messages about their own state, which are ignored.
runtime::outcome net_kernel::handle_info(runtime::process&, const runtime::message&) {
  return runtime::carry_on();
}

} // namespace coppice::services
