// SPDX-License-Identifier: MIT
// Reads, sends and reports errors for each of the actor's sockets in turn.
#include "behaviours/datagrams/actor_datagrams.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace coppice::behaviours {

using runtime::outcome;

namespace {

// Most errors that wait for the actor. Further errors for the same peers tell it nothing new.
constexpr std::size_t most_errors = 256;

} // namespace

base::result<std::unique_ptr<actor_datagrams>> actor_datagrams::open(
    runtime::process& of, std::shared_ptr<datagram_sockets> sockets) {
  auto descriptors = sockets->share();
  if (!descriptors) return unexpected(std::move(descriptors.error()));
  std::unique_ptr<actor_datagrams> made(new actor_datagrams(of, std::move(sockets)));
  uv_loop_t* const loop = of.stay();
  for (base::unique_fd& one : *descriptors) {
    auto fresh = std::make_unique<place>(*made);
    auto socket = net::datagram_socket::open(loop, std::move(one), made->sockets_->spec().options, *fresh);
    if (!socket) return unexpected(std::move(socket.error()));
    fresh->socket = std::move(*socket);
    made->places_.push_back(std::move(fresh));
  }
  if (metrics::board* const board = made->sockets_->board(); board != nullptr)
    made->on_board_ = board->enter({{"actor", made->sockets_->label()}}, made->counters_);
  return made;
}

void actor_datagrams::place::on_readable() {
  // The actor has not read the last datagrams yet. Without a pause the loop would call this again and again.
  if (std::exchange(readable, true)) {
    paused = true;
    socket.pause();
  }
  owner.ask_for_turn();
}

void actor_datagrams::place::on_error(const net::datagram_error& error) {
  if (errors.size() < most_errors) errors.push_back(error);
  owner.ask_for_turn();
}

void actor_datagrams::place::on_writable() {
  writable = true;
  owner.ask_for_turn();
}

void actor_datagrams::ask_for_turn() {
  if (!closed_ && !std::exchange(asked_, true)) process_.request_io();
}

outcome actor_datagrams::handle(datagram_callbacks& to) {
  asked_ = false;
  for (std::uint32_t number = 0; number < size() && !closed_; ++number)
    if (outcome next = handle(number, to); next.stops()) return next;
  return runtime::carry_on();
}

outcome actor_datagrams::handle(std::uint32_t number, datagram_callbacks& to) {
  place& at = *places_[number];
  for (const net::datagram_error& each : std::exchange(at.errors, {})) {
    if (outcome next = to.on_error(number, each); next.stops() || closed_) return next;
  }
  if (std::exchange(at.writable, false))
    if (outcome next = to.on_writable(number); next.stops() || closed_) return next;
  outcome next = at.readable ? read(number, to) : runtime::carry_on();
  if (!closed_) count(at);
  return next;
}

outcome actor_datagrams::read(std::uint32_t number, datagram_callbacks& to) {
  place& at = *places_[number];
  std::span<const net::datagram> got = at.socket.receive();
  // After a full batch there may be more, which get another turn so that other actors need not wait.
  at.readable = got.size() == sockets_->spec().options.batch;
  if (at.readable) {
    ask_for_turn();
  } else if (std::exchange(at.paused, false)) {
    at.socket.resume();
  }
  process_.reductions(static_cast<unsigned>(got.size()));
  const auto is_cut = [](const net::datagram& one) { return one.truncated(); };
  if (std::ranges::any_of(got, is_cut)) {
    whole_.clear();
    std::ranges::remove_copy_if(got, std::back_inserter(whole_), is_cut);
    got = whole_;
  }
  return got.empty() ? runtime::carry_on() : to.on_datagrams(number, got);
}

net::send_outcome actor_datagrams::send(std::uint32_t number, std::span<const net::outgoing_datagram> all) {
  place& at = *places_[number];
  net::send_outcome out = at.socket.send(all);
  if (out.full) counters_->refused.add(all.size() - out.count);
  if (!asked_) count(at);
  return out;
}

void actor_datagrams::count(place& of) {
  const net::datagram_counts now = of.socket.counts();
  datagram_counters& all = *counters_;
  const auto add = [&](datagram_counters::number& to, std::uint64_t net::datagram_counts::*which) {
    const std::uint64_t more = now.*which - of.counted.*which;
    if (more != 0) to.add(more);
  };
  add(all.received, &net::datagram_counts::received);
  add(all.sent, &net::datagram_counts::sent);
  add(all.too_long, &net::datagram_counts::truncated);
  add(all.kernel_dropped, &net::datagram_counts::kernel_dropped);
  add(all.errors, &net::datagram_counts::errors);
  of.counted = now;
}

// The memory of the sockets stays: a callback may still look at a batch although its actor died in it.
void actor_datagrams::close() noexcept {
  if (std::exchange(closed_, true)) return;
  on_board_ = {};
  for (const auto& one : places_) {
    count(*one);
    one->socket.stop();
  }
  sockets_ = nullptr;
}

} // namespace coppice::behaviours
