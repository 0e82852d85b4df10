// SPDX-License-Identifier: MIT
// The client with the most connections is searched for only when all places are taken, which is rare, while
// connections come and go all the time. A search that finds nothing is not repeated for a while, so that a
// flood of new connections does not search once for each.
#include "net/admission/connection_limit.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "base/socket_address.hpp"

namespace coppice::net {
namespace {

constexpr std::uint64_t look_again = 100; // ms

} // namespace

struct connection_limit::state {
  state(std::size_t bound, std::chrono::milliseconds quiet)
      : quiet_for(static_cast<std::uint64_t>(quiet.count())), most(bound) {}

  struct client {
    std::vector<connection*> connections;
    std::size_t leaving = 0; // how many of them were dismissed
  };

  void add(connection& one);
  void remove(connection& one);
  connection* quietest(std::uint64_t now);

  const std::uint64_t quiet_for; // ms
  mutable std::mutex lock;       // guards clients to looked, and connections except last_
  std::map<std::string, client> clients;
  std::size_t taken = 0;
  std::size_t most;
  std::uint64_t looked = 0; // when a search last found nothing; 0: never
};

void connection_limit::state::add(connection& one) {
  client& of = clients[one.share_];
  one.at_ = of.connections.size();
  of.connections.push_back(&one);
  if (one.leaves_) ++of.leaving;
}

void connection_limit::state::remove(connection& one) {
  const auto found = clients.find(one.share_);
  client& of = found->second;
  connection* const last = of.connections.back();
  of.connections[one.at_] = last;
  last->at_ = one.at_;
  of.connections.pop_back();
  if (one.leaves_) --of.leaving;
  if (of.connections.empty()) clients.erase(found);
}

// The quietest connection of the clients that have the most. Null: none is quiet enough, or none can be
// ended.
connection_limit::connection* connection_limit::state::quietest(std::uint64_t now) {
  std::size_t fullest = 0;
  for (const auto& [share, of] : clients) fullest = std::max(fullest, of.connections.size() - of.leaving);
  connection* first = nullptr;
  std::uint64_t since = now < quiet_for ? 0 : now - quiet_for + 1;
  for (const auto& [share, of] : clients) {
    if (of.connections.size() - of.leaving != fullest) continue;
    for (connection* const one : of.connections) {
      const std::uint64_t last = one->last_.load(std::memory_order_relaxed);
      if (one->leaves_ || !one->dismissed_ || last >= since) continue;
      first = one;
      since = last;
    }
  }
  return first;
}

connection_limit::connection_limit(std::size_t most, std::chrono::milliseconds quiet)
    : state_(std::make_shared<state>(most, quiet)) {}

std::shared_ptr<connection_limit::connection> connection_limit::enter(std::string share, std::uint64_t now) {
  return std::make_shared<connection>(state_, std::move(share), now);
}

bool connection_limit::full() const {
  const std::lock_guard guard(state_->lock);
  return state_->taken >= state_->most;
}

std::size_t connection_limit::taken() const {
  const std::lock_guard guard(state_->lock);
  return state_->taken;
}

std::size_t connection_limit::most() const {
  const std::lock_guard guard(state_->lock);
  return state_->most;
}

void connection_limit::set_most(std::size_t most) {
  const std::lock_guard guard(state_->lock);
  state_->most = most;
}

bool connection_limit::make_room(std::uint64_t now) {
  std::function<void()> dismissed;
  {
    const std::lock_guard guard(state_->lock);
    if (state_->looked != 0 && now < state_->looked + look_again) return false;
    connection* const leaving = state_->quietest(now);
    state_->looked = leaving == nullptr ? now : 0;
    if (leaving == nullptr) return false;
    leaving->leaves_ = true;
    ++state_->clients.find(leaving->share_)->second.leaving;
    dismissed = std::exchange(leaving->dismissed_, nullptr);
  }
  dismissed();
  return true;
}

// A connection ----------------------------------------------------------------------------------------------

connection_limit::connection::connection(std::shared_ptr<state> of, std::string share, std::uint64_t now)
    : of_(std::move(of)), share_(std::move(share)), last_(now) {
  const std::lock_guard guard(of_->lock);
  of_->add(*this);
  ++of_->taken;
}

connection_limit::connection::~connection() {
  const std::lock_guard guard(of_->lock);
  of_->remove(*this);
  --of_->taken;
}

void connection_limit::connection::count_with(std::string share) {
  const std::lock_guard guard(of_->lock);
  if (share == share_) return;
  of_->remove(*this);
  share_ = std::move(share);
  of_->add(*this);
}

bool connection_limit::connection::on_dismissal(std::function<void()> does) {
  const std::lock_guard guard(of_->lock);
  std::swap(dismissed_, does); // the former function is destroyed without the lock
  return !leaves_;
}

bool connection_limit::connection::is_quiet(std::uint64_t now) const {
  return last_.load(std::memory_order_relaxed) + of_->quiet_for <= now;
}

void connection_limit::connection::stay(std::uint64_t now) {
  note_traffic(now);
  const std::lock_guard guard(of_->lock);
  if (std::exchange(leaves_, false)) --of_->clients.find(share_)->second.leaving;
}

// Shares ----------------------------------------------------------------------------------------------------

std::string share_of(const base::socket_address& client) {
  const auto bytes = [](const void* of, std::size_t count) {
    return std::string(static_cast<const char*>(of), count);
  };
  const sockaddr* const raw = client.raw();
  if (raw->sa_family == AF_INET)
    return bytes(&reinterpret_cast<const sockaddr_in*>(raw)->sin_addr, sizeof(in_addr));
  const in6_addr& address = reinterpret_cast<const sockaddr_in6*>(raw)->sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&address)) return bytes(&address.s6_addr[12], sizeof(in_addr));
  return bytes(&address, 8);
}

} // namespace coppice::net
