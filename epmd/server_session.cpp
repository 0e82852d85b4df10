// SPDX-License-Identifier: MIT
// Answers each kind of request. Registering, dumping, killing and stopping are only for clients of this
// machine, as with OTP's epmd. The loop's thread.
#include "epmd/server_session.hpp"

#include <fmt/format.h>

#include "base/log.hpp"
#include "base/log_counted.hpp"

namespace coppice::epmd {
namespace {

using base::log::level;

constexpr std::size_t listed_at_once = 32 * 1024; // bytes of an answer

// The key under which repeated log lines are counted. A local client can cause them as often as it likes, so
// each name counts separately.
std::string kind_of(std::string_view what, const std::string& name) {
  return fmt::format("{} {}", what, name);
}

} // namespace

server::session::session(server& of, std::uint64_t id, net::stream stream)
    : server_(of), id_(id), stream_(std::move(stream)), deadline_(of.loop_, [this] {
        base::log::debug("epmd", "a client sent no whole request in time");
        forget();
      }) {}

server::session::~session() {
  if (registered_.empty()) return;
  base::log::counted(level::info, "epmd", kind_of("gone", registered_), "{} is gone", registered_);
  server_.registry_.remove(registered_);
}

void server::session::begin() {
  deadline_.start(stream_.place().patience());
  stream_.start(*this);
}

void server::session::on_data(base::bytes_span bytes) {
  if (!registered_.empty()) {
    base::log::counted(level::warning, "epmd", "more than a registration",
                       "{} sent more than its registration: unregistered", registered_);
    return forget();
  }
  if (received_.size() + bytes.size() > max_request_bytes + 2) return forget();
  received_.append(bytes);
  const auto size = request_size(received_.readable());
  if (!size || (size->has_value() && received_.size() > **size)) {
    base::log::debug("epmd", "a client sent {}", size ? "more than its request" : size.error().text);
    return forget();
  }
  if (!size->has_value() || received_.size() < **size) return;
  stream_.place().spoke();
  const auto asked = decode_request(received_.readable().subspan(2));
  if (!asked) {
    base::log::debug("epmd", "a client sent a {}", asked.error().text);
    return forget();
  }
  answer(*asked);
}

void server::session::on_closed(base::error) {
  forget();
}

void server::session::answer(const request& asked) {
  std::visit([this](const auto& each) { answer(each); }, asked);
}

void server::session::answer(const alive_request& asked) {
  if (refuse_remote("register")) return forget();
  base::buffer reply;
  const auto creation = server_.registry_.add(asked.node, id_);
  encode_alive_reply(reply, {creation.has_value(), creation.value_or(0)}, asked.node.highest);
  if (!creation) {
    base::log::counted(level::notice, "epmd", "refused registration", "refused to register {}: {}",
                       asked.node.name, creation.error().text);
    return reply_and_forget(reply);
  }
  base::log::counted(level::info, "epmd", kind_of("registered", asked.node.name),
                     "{} is registered at port {}", asked.node.name, asked.node.port);
  registered_ = asked.node.name;
  deadline_.close();
  stream_.place().settle();
  received_.shrink(0);
  stream_.write(reply.readable());
}

void server::session::answer(const port_request& asked) {
  const registry::entry* found = server_.registry_.find(asked.name);
  base::log::debug("epmd", "look-up of {}: {}", asked.name, found != nullptr ? "found" : "not registered");
  base::buffer reply;
  encode_port_reply(reply, found != nullptr ? &found->node : nullptr);
  reply_and_forget(reply);
}

void server::session::answer(names_request) {
  base::buffer reply;
  encode_epmd_port(reply, server_.port());
  list(reply);
}

void server::session::answer(dump_request) {
  if (refuse_remote("dump")) return forget();
  base::buffer reply;
  encode_epmd_port(reply, server_.port());
  dumps_ = true;
  list(reply);
}

void server::session::list(base::buffer& reply) {
  const bool all = append_nodes(reply);
  if (all) return reply_and_forget(reply);
  lists_ = true;
  stream_.write(reply.readable());
}

void server::session::go_on_listing() {
  if (!lists_ || stream_.bytes_queued() > 0) return;
  lists_ = false;
  deadline_.start(server_.options_.packet_timeout);
  base::buffer reply;
  list(reply);
}

// False: there are more.
bool server::session::append_nodes(base::buffer& reply) {
  const auto& nodes = server_.registry_.nodes();
  auto at = listed_.empty() ? nodes.begin() : nodes.upper_bound(listed_);
  for (; at != nodes.end(); ++at) {
    if (reply.size() >= listed_at_once) return false;
    listed_ = at->first;
    const auto& [name, entry] = *at;
    if (!dumps_) {
      encode_name_line(reply, {name, entry.node.port});
      continue;
    }
    // Each line ends with a zero byte too, because OTP's clients expect it.
    reply.append(
        fmt::format("active name     <{}> at port {}, fd = {}\n", name, entry.node.port, entry.owner));
    reply.append_u8(0);
  }
  if (!dumps_) return true;
  for (const registry::former& old : server_.registry_.former_nodes()) {
    reply.append(fmt::format("old/unused name <{}>, port = {}, fd = -1 \n", old.name, old.port));
    reply.append_u8(0);
  }
  return true;
}

void server::session::answer(kill_request) {
  if (refuse_remote("kill")) return forget();
  base::buffer reply;
  const bool granted = server_.options_.relaxed || server_.registry_.empty();
  reply.append(std::string_view(granted ? "OK" : "NO"));
  base::log::counted(level::notice, "epmd", "kill", "asked to end: {}",
                     granted ? "granted" : "refused, nodes are registered");
  server& of = server_;
  reply_and_forget(reply);
  if (granted && of.on_kill_) of.on_kill_();
}

void server::session::answer(const stop_request& asked) {
  if (refuse_remote("stop")) return forget();
  if (!server_.options_.relaxed) {
    base::log::counted(level::notice, "epmd", "stop", "ignored a forced stop of {}: commands are not relaxed",
                       asked.name);
    return forget();
  }
  base::buffer reply;
  const auto owner = server_.registry_.owner_of(asked.name);
  reply.append(std::string_view(owner ? "STOPPED" : "NOEXIST"));
  if (owner == own_registration) {
    server_.registry_.remove(asked.name);
  } else if (owner) {
    server_.forget(*owner);
  }
  reply_and_forget(reply);
}

void server::session::reply_and_forget(base::buffer& reply) {
  stream_.write(reply.readable());
  stream_.close_when_written();
  forget();
}

void server::session::forget() {
  server_.forget(id_);
}

bool server::session::refuse_remote(const char* what) {
  if (is_local()) return false;
  base::log::counted(level::notice, "epmd", "remote", "refused to {} for a client on another machine", what);
  return true;
}

bool server::session::is_local() const {
  auto peer = stream_.peer_address();
  auto own = stream_.local_address();
  if (!peer || !own) return false;
  // A client that connects from one of this machine's own addresses is local.
  return peer->is_loopback() || peer->host() == own->host();
}

} // namespace coppice::epmd
