// SPDX-License-Identifier: MIT
// The way to an established connection, step by step. One thread.
#include "dist/attempt.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/random.hpp"

namespace coppice::dist {

attempt::attempt(uv_loop_t* on, attempt_owner& owner, const options& opts, bool outgoing)
    : loop_(on), owner_(owner), options_(opts), outgoing_(outgoing), deadline_(on, [this] {
        if (connected_) return fail(handshake_->timed_out());
        fail({base::errc::timeout,
              fmt::format("connect: nothing answers within {} ms", options_.connect_timeout.count())});
      }) {
  deadline_.start(outgoing ? opts.connect_timeout : opts.handshake_timeout);
}

base::result<std::unique_ptr<attempt>> attempt::connect(uv_loop_t* on, attempt_owner& owner,
                                                        const options& opts, local_node us, std::string node,
                                                        std::uint32_t peer_index) {
  std::unique_ptr<attempt> made(new attempt(on, owner, opts, true));
  made->node_ = node;
  made->peer_index_ = peer_index;
  made->handshake_ = handshake::connecting(std::move(us), node, *made);
  made->locator_.emplace(on, opts, std::move(node),
                         [raw = made.get()](auto where) { raw->located(std::move(where)); });
  if (auto started = made->locator_->start(); !started) return tl::unexpected(std::move(started.error()));
  return made;
}

base::result<std::unique_ptr<attempt>> attempt::accept(uv_loop_t* on, attempt_owner& owner,
                                                       const options& opts, local_node us,
                                                       net::accepted_socket socket) {
  std::unique_ptr<attempt> made(new attempt(on, owner, opts, false));
  auto adopted = net::stream::adopt(on, std::move(socket));
  if (!adopted) return tl::unexpected(std::move(adopted.error()));
  made->stream_ = std::move(*adopted);
  made->connected_ = true;
  if (const auto from = made->stream_.peer_address()) made->address_ = from->to_string();
  made->handshake_ = handshake::accepting(std::move(us), *made);
  made->stream_.start(*made);
  return made;
}

std::string attempt::who() const {
  if (!node_.empty()) return node_;
  if (handshake_ && !handshake_->peer_name().empty()) return handshake_->peer_name() + " at " + address_;
  return address_;
}

void attempt::located(base::result<base::socket_address> where) {
  if (!where) return fail(std::move(where.error()));
  address_ = where->to_string();
  auto opened = net::stream::connect(loop_, *where, {options_.connect_timeout, std::nullopt}, *this);
  if (!opened) return fail(std::move(opened.error()));
  stream_ = std::move(*opened);
}

void attempt::on_connected() {
  connected_ = true;
  send_output();
}

void attempt::on_data(base::bytes_span bytes) {
  received_.insert(received_.end(), bytes.begin(), bytes.end());
  auto used = handshake_->feed(received_);
  send_output();
  if (!used) return fail(std::move(used.error()));
  received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(*used));
  if (!handshake_->done()) return;
  deadline_.stop();
  const auto peer = handshake_->peer();
  owner_.established(*this, peer, std::move(stream_), std::move(received_));
}

void attempt::on_closed(base::error why) {
  stream_.close();
  if (!connected_) return fail(std::move(why));
  if (why.code != base::errc::closed) return fail(std::move(why).context("handshake"));
  fail(handshake_->closed());
}

handshake_message::verdict attempt::admit(std::string_view peer) {
  using handshake_message::verdict;
  const auto answer = owner_.admit(peer);
  if (answer != verdict::nok && answer != verdict::not_allowed) admitted_ = peer;
  return answer;
}

void attempt::send_output() {
  auto& out = handshake_->output();
  if (!out.empty()) stream_.write(out);
  out.clear();
}

// A refusal already written still has to reach the peer.
void attempt::fail(base::error why) {
  deadline_.stop();
  if (connected_ && stream_) stream_.close_when_written(std::chrono::milliseconds(500));
  owner_.failed(*this, why);
}

// As OTP names its own: a few random characters at the peer's host.
base::result<assigned_name> attempt::name_for(std::string_view host) {
  static constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  std::string alive;
  for (int i = 0; i < 13; ++i) alive += letters[base::random_below(letters.size())];
  return assigned_name{fmt::format("{}@{}", alive, host), 4 + base::random_u32() / 2};
}

} // namespace coppice::dist
