// SPDX-License-Identifier: MIT
// How other nodes connect to this one: listeners, the handshakes, which are spread over the workers, and the
// answer to a peer when both nodes connect to each other at once. Listeners live on worker 0, everything else
// on the worker that shakes hands.
#include <algorithm>
#include <future>
#include <utility>

#include "base/descriptors.hpp"
#include "base/log_counted.hpp"
#include "dist/connector.hpp"
#include "net/admission/admission_limit.hpp"

namespace coppice::dist {
namespace {

constexpr const char* module = "dist";

} // namespace

base::result<std::vector<base::socket_address>> connector::listen(const std::vector<listen_at>& places) {
  using opened = base::result<std::vector<base::socket_address>>;
  workers_.resize(std::max(system_.workers(), 1u));
  net::listen_options bounds;
  bounds.max_connections = options_.connections;
  bounds.kept = {options_.sockets, "dist"};
  const std::size_t strangers =
      std::min({options_.handshakes, options_.connections / 2, base::descriptor_limit() / 8});
  bounds.admission = std::make_shared<net::admission_limit>(
      net::admission_options{.name = "the distribution",
                             .places = std::max<std::size_t>(strangers, 1),
                             .patience = options_.handshake_timeout});
  auto promise = std::make_shared<std::promise<opened>>();
  auto future = promise->get_future();
  const bool posted = system_.post(0, [this, promise, places, bounds] {
    std::vector<base::socket_address> addresses;
    for (const auto& place : places) {
      auto made = net::listener::tcp(
          system_.loop(0), place.address, place.ports, bounds,
          [this, tls = place.tls](net::accepted_socket socket) { accepted(std::move(socket), tls); });
      if (!made) {
        workers_[0].listeners.clear();
        promise->set_value(unexpected(std::move(made.error()).context("distribution")));
        return;
      }
      addresses.push_back(made->address());
      workers_[0].listeners.push_back(std::move(*made));
    }
    promise->set_value(std::move(addresses));
  });
  if (!posted) return base::fail(base::errc::closed, "distribution: the runtime is not running");
  return future.get();
}

handshake_message::verdict connector::admit(std::string_view name) {
  using handshake_message::verdict;
  if (stopping_) return verdict::not_allowed;
  // Noted before the peer is looked at: a thread that begins to connect either sees the note, or its attempt
  // is seen here.
  {
    const std::lock_guard guard(admissions_lock_);
    ++admissions_[std::string(name)];
  }
  // A peer's name is not interned before the peer has proved the cookie.
  peer* const known = peers_.find(name);
  if (known == nullptr) return verdict::ok;
  auto answer = verdict::ok;
  {
    const std::lock_guard guard(known->lock);
    if (known->barred) {
      answer = verdict::not_allowed;
    } else if (known->established) {
      answer = verdict::alive;
    } else if (known->outgoing != nullptr) {
      answer = system_.node_name() > name ? verdict::nok : verdict::ok_simultaneous;
    }
  }
  if (answer == verdict::nok || answer == verdict::not_allowed) end_admission(std::string(name));
  return answer;
}

bool connector::is_certified(std::string_view name) const {
  const peer* const known = peers_.find(name);
  if (known == nullptr) return false;
  const std::lock_guard guard(known->lock);
  return known->established && known->certified;
}

// If this was the last handshake under that name, an attempt of ours that yielded to it begins, unless the
// node is connected.
void connector::end_admission(const std::string& name) {
  if (name.empty()) return;
  {
    const std::lock_guard guard(admissions_lock_);
    const auto at = admissions_.find(name);
    if (at == admissions_.end() || --at->second > 0) return;
    admissions_.erase(at);
  }
  if (peer* const known = peers_.find(name); known != nullptr) stop_yielding(*known);
}

std::string connector::cookie_for(std::string_view name) {
  const auto* special = find_route(options_, name);
  return special != nullptr && special->cookie ? *special->cookie : options_.cookie;
}

net::tls_pacer& connector::pacer() {
  auto& made = workers_[here()].pacer;
  if (!made) made = std::make_unique<net::tls_pacer>(system_.loop(here()));
  return *made;
}

void connector::accepted(net::accepted_socket socket, const std::shared_ptr<net::tls_source>& tls) {
  const auto turn = next_worker_.fetch_add(1) % std::max(system_.workers(), 1u);
  if (static_cast<int>(turn) == system_.current_worker()) return shake_hands(std::move(socket), tls);
  socket.run_there = [this, turn](std::function<void()> task) { system_.post(turn, std::move(task)); };
  // A task has to be copyable.
  auto carried = std::make_shared<net::accepted_socket>(std::move(socket));
  system_.post(turn, [this, carried, tls] { shake_hands(std::move(*carried), tls); });
}

void connector::shake_hands(net::accepted_socket socket, const std::shared_ptr<net::tls_source>& tls) {
  if (stopping_) return;
  auto made = attempt::accept(system_.loop(here()), *this, options_, ourselves(), std::move(socket), tls);
  if (!made) {
    // The admission limit counts the connections that it closes.
    if (made.error().code == base::errc::limit) return;
    base::log::counted(base::log::level::warning, module, "refused", "connection refused: {}",
                       made.error().text);
    return;
  }
  keep_attempt(std::move(*made));
}

} // namespace coppice::dist
