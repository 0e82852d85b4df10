// SPDX-License-Identifier: MIT
// Accepts, bounds and forgets clients; server_session.cpp answers them. The loop's thread.
#include "epmd/server.hpp"

#include <algorithm>

#include "base/descriptors.hpp"
#include "base/log.hpp"
#include "base/log_counted.hpp"
#include "epmd/server_session.hpp"
#include "net/admission/admission_limit.hpp"

namespace coppice::epmd {
namespace {

server_options bounded(server_options options) {
  const std::size_t descriptors = base::descriptor_limit();
  options.max_waiting = std::max<std::size_t>(std::min(options.max_waiting, descriptors / 8), 1);
  options.max_nodes = std::max<std::size_t>(std::min(options.max_nodes, descriptors / 2), 1);
  return options;
}

} // namespace

std::vector<base::socket_address> listen_addresses(bool loopback_only, std::uint16_t port) {
  std::vector<base::socket_address> addresses;
  for (const char* host : {loopback_only ? "127.0.0.1" : "0.0.0.0", loopback_only ? "::1" : "::"}) {
    if (auto address = base::socket_address::parse(host, port)) addresses.push_back(*address);
  }
  return addresses;
}

server::server(uv_loop_t* on, server_options options, std::function<void()> on_kill)
    : loop_(on),
      options_(std::move(options)),
      on_kill_(std::move(on_kill)),
      registry_(options_.max_nodes),
      sessions_(std::make_unique<sessions>()) {}

server::~server() = default;

base::result<std::unique_ptr<server>> server::start(uv_loop_t* on, server_options options,
                                                    std::function<void()> on_kill) {
  std::unique_ptr<server> made(new server(on, bounded(std::move(options)), std::move(on_kill)));
  if (auto listening = made->listen(); !listening) return unexpected(std::move(listening.error()));
  return made;
}

base::status server::listen() {
  net::listen_options bounds;
  bounds.max_connections = options_.max_nodes + 2 * options_.max_waiting;
  bounds.admission = admission_ = std::make_shared<net::admission_limit>(net::admission_options{
      .name = "EPMD", .places = options_.max_waiting, .patience = options_.packet_timeout});
  const auto accept = [this](net::accepted_socket socket) { accepted(std::move(socket)); };
  for (base::unique_fd& fd : options_.inherited) {
    auto made = net::listener::adopt(loop_, std::move(fd), bounds, accept);
    if (!made) return unexpected(std::move(made.error()));
    listeners_.push_back(std::move(*made));
  }
  bounds.kept = options_.kept;
  base::error first_failure;
  for (const base::socket_address& address : options_.addresses) {
    const std::uint16_t port = listeners_.empty() ? address.port() : listeners_.front().address().port();
    auto made = net::listener::tcp(loop_, address, {port, port}, bounds, accept);
    if (made) {
      listeners_.push_back(std::move(*made));
    } else if (!address.is_ipv6()) {
      return unexpected(std::move(made.error()));
    } else {
      // A process that holds only the IPv6 port, which any user can take, does not serve clients that use
      // IPv4.
      const bool taken = made.error().code == base::errc::exists;
      if (taken)
        base::log::warning("epmd", "{}", made.error().text);
      else
        base::log::debug("epmd", "{}", made.error().text);
      first_failure = std::move(made.error());
    }
  }
  if (listeners_.empty()) return unexpected(std::move(first_failure));
  port_ = listeners_.front().address().port();
  return {};
}

std::size_t server::clients() const {
  return sessions_->by_id.size();
}

base::result<std::uint32_t> server::add_own(node_info node) {
  return registry_.add(std::move(node), own_registration);
}

void server::remove_own(std::string_view name) {
  if (registry_.owner_of(name) == own_registration) registry_.remove(name);
}

void server::accepted(net::accepted_socket socket) {
  auto made = net::stream::adopt(loop_, std::move(socket));
  if (!made) {
    base::log::counted(base::log::level::warning, "epmd", "accept", "{}", made.error().text);
    return;
  }
  const std::uint64_t id = ++sessions_->last_id;
  auto fresh = std::make_unique<session>(*this, id, std::move(*made));
  session& client = *fresh;
  sessions_->by_id.emplace(id, std::move(fresh));
  client.begin();
}

void server::forget(std::uint64_t id) {
  sessions_->by_id.erase(id);
}

} // namespace coppice::epmd
