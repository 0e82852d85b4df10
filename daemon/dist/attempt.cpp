// SPDX-License-Identifier: MIT
// The steps to an established connection. One thread.
#include "dist/attempt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/printable.hpp"
#include "base/random.hpp"
#include "dist/node_name.hpp"
#include "net/tls/certificate_match.hpp"

namespace coppice::dist {
namespace {

constexpr std::chrono::milliseconds last_words{500};

std::atomic<std::uint64_t> next_number{1};

const std::shared_ptr<net::tls_source>& tls_towards(const options& opts, std::string_view node) {
  const auto* known = find_route(opts, node);
  return known != nullptr ? known->tls : opts.tls;
}

} // namespace

std::string uncertified_claim(std::string_view peer) {
  return fmt::format(
      "{} is connected and has shown a certificate for its name, and a second connection that "
      "claims that name shows none: let it come in where `verify: peer` is asked of it",
      base::in_quotes(peer, longest_shown_name));
}

attempt::attempt(uv_loop_t* on, attempt_owner& owner, const options& opts, bool outgoing,
                 std::chrono::milliseconds within)
    : number_(next_number.fetch_add(1, std::memory_order_relaxed)),
      loop_(on),
      owner_(owner),
      options_(opts),
      outgoing_(outgoing),
      within_(within),
      began_(base::mono_now()),
      deadline_(on, [this] { fail(out_of_time()); }) {
  deadline_.start(within);
}

base::result<std::unique_ptr<attempt>> attempt::connect(uv_loop_t* on, attempt_owner& owner,
                                                        const options& opts, local_node us, std::string node,
                                                        std::uint32_t peer_index, net::lookup_cause cause,
                                                        std::uint32_t by, std::chrono::milliseconds within) {
  std::unique_ptr<attempt> made(new attempt(on, owner, opts, true, within));
  made->node_ = node;
  made->peer_index_ = peer_index;
  made->with_tls_ = tls_towards(opts, node) != nullptr;
  made->handshake_ = handshake::connecting(std::move(us), node, *made, made->prefix());
  made->locator_.emplace(on, opts, std::move(node), cause, by,
                         [raw = made.get()](auto where) { raw->located(std::move(where)); });
  if (auto started = made->locator_->start(); !started) return unexpected(std::move(started.error()));
  return made;
}

base::result<std::unique_ptr<attempt>> attempt::accept(uv_loop_t* on, attempt_owner& owner,
                                                       const options& opts, local_node us,
                                                       net::accepted_socket socket,
                                                       const std::shared_ptr<net::tls_source>& tls) {
  std::unique_ptr<attempt> made(new attempt(on, owner, opts, false, opts.handshake_timeout));
  net::tls_options secure;
  if (tls) secure = {tls->server(), &owner.pacer(), "", opts.handshake_timeout};
  made->with_tls_ = tls != nullptr;
  made->verifies_ = secure.context != nullptr && secure.context->verifies_peer();
  auto adopted = net::stream::adopt(on, std::move(socket), secure);
  if (!adopted) return unexpected(std::move(adopted.error()));
  made->stream_ = std::move(*adopted);
  made->connected_ = true;
  if (const auto from = made->stream_.peer_address()) made->address_ = from->to_string();
  made->deadline_.start(std::min(opts.handshake_timeout, made->stream_.place().patience()));
  made->handshake_ = handshake::accepting(std::move(us), *made, made->prefix());
  made->stream_.start(*made);
  return made;
}

std::string attempt::who() const {
  if (!node_.empty()) return node_;
  if (!handshake_ || handshake_->peer_name().empty()) return address_;
  return base::in_quotes(handshake_->peer_name(), longest_shown_name) + " at " + address_;
}

void attempt::located(base::result<base::socket_address> where) {
  if (!where) return fail(std::move(where.error()));
  address_ = where->to_string();
  // Later than the attempt's own deadline, which says more of what was missing.
  net::connect_options how{within_ + std::chrono::seconds(1), std::nullopt, {}};
  if (const auto& tls = tls_towards(options_, node_)) {
    // The certificate has to be for the host of the node's name, as in OTP.
    const auto name = parse_node_name(node_);
    how.tls = {tls->client(), &owner_.pacer(), name ? std::string(name->host) : "", {}};
    verifies_ = how.tls.context != nullptr && how.tls.context->verifies_peer();
  }
  auto opened = net::stream::connect(loop_, *where, how, *this);
  if (!opened) return not_reached(std::move(opened.error()));
  stream_ = std::move(*opened);
}

// Nothing listens at that address. The host may have another one, where the node does.
void attempt::not_reached(base::error why) {
  stream_ = {};
  locator_->go_on(std::move(why));
}

void attempt::on_connected() {
  connected_ = true;
  send_output();
}

void attempt::on_data(base::bytes_span bytes) {
  received_.insert(received_.end(), bytes.begin(), bytes.end());
  if (auto mistaken = mistaken_for_plain()) return fail(std::move(*mistaken));
  auto used = handshake_->feed(received_);
  send_output();
  if (!used) return fail(std::move(used.error()));
  received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(*used));
  if (*used > 0) heard();
  if (!handshake_->done()) return;
  deadline_.stop();
  const auto peer = handshake_->peer();
  certified_ = verifies_ && stream_.peer_certificate().has_value();
  owner_.established(*this, peer, std::move(stream_), std::move(received_));
}

// A whole message of the handshake has come.
void attempt::heard() {
  stream_.place().spoke();
  if (outgoing_ || std::exchange(spoke_, true)) return;
  const std::chrono::nanoseconds left = within_ - std::chrono::nanoseconds(base::mono_now() - began_);
  deadline_.start(std::max(std::chrono::duration_cast<std::chrono::milliseconds>(left), {}));
}

// An error if a TLS record came where a plain handshake is expected. Its first two bytes give a length that
// no handshake message has.
std::optional<base::error> attempt::mistaken_for_plain() const {
  constexpr std::uint8_t alert = 21;
  constexpr std::uint8_t tls_handshake = 22;
  if (with_tls_ || received_.size() < 2 || received_[1] != 3) return std::nullopt;
  if (received_[0] != alert && received_[0] != tls_handshake) return std::nullopt;
  if (!handshake_->peer_name().empty() && !outgoing_) return std::nullopt;
  return base::error{base::errc::refused,
                     outgoing_ ? "the peer's port speaks TLS: a route with tls: on, or TLS on the first "
                                 "listener here, connects to it"
                               : "the peer speaks TLS, and this listener is set to tls: off"};
}

base::error attempt::out_of_time() const {
  const auto within = within_.count();
  if (stream_ && with_tls_ && stream_.securing() && (!outgoing_ || stream_.bytes_written() > 0)) {
    const bool silent = outgoing_ && stream_.bytes_read() == 0;
    return {base::errc::timeout,
            fmt::format("TLS handshake: {} within {} ms{}", silent ? "the peer says nothing" : "not finished",
                        within, silent ? ": is its listener set to tls: off?" : "")};
  }
  if (connected_) return handshake_->timed_out();
  return {base::errc::timeout, fmt::format("connect: nothing answers within {} ms", within)};
}

void attempt::on_closed(base::error why) {
  // The first bytes, with TLS those of its handshake, leave once the connection is there.
  if (outgoing_ && !connected_ && stream_.bytes_written() == 0) return not_reached(std::move(why));
  // TLS may still send an alert to the peer.
  made_room_ = !outgoing_ && why.code == base::errc::limit;
  const bool secured = !stream_.securing();
  stream_.close_when_written(last_words);
  if (!connected_ || !secured) return fail(std::move(why));
  if (why.code != base::errc::closed) return fail(std::move(why).context("handshake"));
  fail(handshake_->closed());
}

handshake_message::verdict attempt::admit(std::string_view peer) {
  using handshake_message::verdict;
  const auto answer = owner_.admit(peer);
  if (answer != verdict::nok && answer != verdict::not_allowed) admitted_ = peer;
  return answer;
}

// The certificate of a node that connects has to meet the same demands as an acceptor's: a certificate for
// one host does not speak for another. Nodes of one host may show each other's certificate.
base::status attempt::check_claim(std::string_view peer) {
  const auto certificate = stream_.peer_certificate();
  if (!certificate || !verifies_) {
    if (!owner_.is_certified(peer)) return {};
    return base::fail(base::errc::refused, uncertified_claim(peer));
  }
  const auto name = parse_node_name(peer);
  if (!name) return unexpected(name.error());
  const std::string wrong = net::mismatch(*certificate, std::string(name->host));
  if (wrong.empty()) return {};
  return base::fail(
      base::errc::refused,
      fmt::format("the certificate that {} shows ({}) is not for the host of its name: {}; give "
                  "it one for that host, as `coppice certificate issue {}` makes it",
                  base::in_quotes(peer, longest_shown_name), certificate->subject, wrong,
                  base::printable(peer)));
}

void attempt::send_output() {
  auto& out = handshake_->output();
  if (!out.empty()) stream_.write(out);
  out.clear();
}

// A refusal that was written still has to reach the peer.
void attempt::fail(base::error why) {
  deadline_.stop();
  if (connected_ && stream_) stream_.close_when_written(last_words);
  owner_.failed(*this, why);
}

// Makes a name as OTP does: a few random characters at the peer's host.
base::result<assigned_name> attempt::name_for(std::string_view host) {
  static constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  std::string alive;
  for (int i = 0; i < 13; ++i) alive += letters[base::random_below(letters.size())];
  return assigned_name{fmt::format("{}@{}", alive, host), 4 + base::random_u32() / 2};
}

} // namespace coppice::dist
