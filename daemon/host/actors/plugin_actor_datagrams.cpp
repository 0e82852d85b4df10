// SPDX-License-Identifier: MIT
// The UDP sockets of a plugin's actor: datagrams go to its callbacks, and the sockets are released when it
// ends. See plugin_actor.hpp. In the process's own turn.
#include <vector>

#include "behaviours/datagrams/actor_datagrams.hpp"
#include "host/actors/plugin_actor.hpp"
#include "host/boundary/callback.hpp"
#include "host/boundary/datagram_addresses.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::host {

using runtime::message;
using runtime::outcome;

class plugin_actor::datagram_port final : public behaviours::datagram_callbacks {
 public:
  explicit datagram_port(plugin_actor& of) : of_(of), on_(of.code_->datagrams) {}

  outcome on_datagrams(std::uint32_t socket, std::span<const net::datagram> all) override {
    std::vector<coppice_udp_datagram> lent;
    lent.reserve(all.size());
    for (const net::datagram& one : all)
      lent.push_back({one.bytes.data(), one.bytes.size(), plain(one.peer),
                      one.local ? plain(*one.local) : coppice_udp_address{}, one.when, socket, 0});
    return call("on_datagrams", on_.on_datagrams, lent.data(), lent.size());
  }
  outcome on_error(std::uint32_t socket, const net::datagram_error& error) override {
    const coppice_udp_address peer = error.peer ? plain(*error.peer) : coppice_udp_address{};
    return call("on_error", on_.on_error, socket, &peer, static_cast<std::int32_t>(error.number));
  }
  outcome on_writable(std::uint32_t socket) override { return call("on_writable", on_.on_writable, socket); }

 private:
  template <class Function, class... Arguments>
  outcome call(const char* name, Function function, Arguments... arguments) {
    if (function == nullptr) return runtime::carry_on();
    coppice_actor& actor = of_.actor_;
    const std::int32_t status =
        in_turn(actor, name, {}, [&] { return function(&actor, of_.state_, arguments...); });
    return of_.follow(status == COPPICE_UNHANDLED ? COPPICE_OK : status, name);
  }

  plugin_actor& of_;
  const coppice_udp& on_;
};

bool plugin_actor::begin_with(std::shared_ptr<behaviours::datagram_sockets> sockets) {
  if (code_->datagrams.size == 0) return false;
  actor_.needs_extra().has_sockets = std::move(sockets);
  return true;
}

base::status plugin_actor::open_sockets(runtime::process& self) {
  if (actor_.extra == nullptr || actor_.extra->has_sockets == nullptr) return {};
  auto opened = behaviours::actor_datagrams::open(self, std::exchange(actor_.extra->has_sockets, nullptr));
  if (!opened) return unexpected(std::move(opened.error()));
  actor_.extra->datagrams = std::move(*opened);
  return {};
}

outcome plugin_actor::take_datagrams() {
  datagram_port port(*this);
  return actor_.extra->datagrams->handle(port);
}

void plugin_actor::close_sockets() noexcept {
  if (actor_.extra != nullptr && actor_.extra->datagrams != nullptr) actor_.extra->datagrams->close();
}

message plugin_actor::shown_sockets() const {
  if (actor_.extra == nullptr || actor_.extra->datagrams == nullptr) return shown_program();
  behaviours::actor_datagrams& of = *actor_.extra->datagrams;
  const behaviours::datagram_counters& all = of.counters();
  runtime::message_writer out(512);
  const auto number = [&out](std::string_view key, const behaviours::datagram_counters::number& value) {
    out.atom(key);
    out.unsigned_integer(value.value());
  };
  out.map(8);
  out.atom("sockets");
  out.list(of.size());
  for (std::uint32_t i = 0; i < of.size(); ++i) out.binary(of.socket(i).address().to_string());
  out.nil();
  out.atom("receive_buffer");
  out.unsigned_integer(of.size() == 0 ? 0 : of.socket(0).receive_buffer());
  number("received", all.received);
  number("sent", all.sent);
  number("too_long", all.too_long);
  number("kernel_dropped", all.kernel_dropped);
  number("refused", all.refused);
  number("errors", all.errors);
  return out.take();
}

} // namespace coppice::host
