// SPDX-License-Identifier: MIT
// How an actor's stream is opened: accepted by a listener, perhaps behind a proxy's header; by a connection
// of its own; or taken over from another actor. And how TLS begins, at once or later.
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "behaviours/streams/actor_stream.hpp"

namespace coppice::behaviours {

using runtime::message;

namespace {

bool comes_by_proxy(const net::accepted_socket& socket, const stream_options& options) {
  if (!options.proxy || !socket.is_tcp) return false;
  sockaddr_storage raw{};
  socklen_t length = sizeof raw;
  if (getpeername(socket.fd.get(), reinterpret_cast<sockaddr*>(&raw), &length) != 0) return false;
  const auto peer = base::socket_address::from_raw(reinterpret_cast<sockaddr*>(&raw), length);
  return peer && options.proxies.permits(*peer);
}

std::string text_of(const base::result<base::socket_address>& address) {
  return address ? address->to_string() : std::string();
}

} // namespace

base::status actor_stream::adopt(net::accepted_socket socket, const net::tls_options& tls, bool ends_actor) {
  ends_actor_ = ends_actor;
  const bool is_tcp = socket.is_tcp;
  const bool by_proxy = comes_by_proxy(socket, *options_);
  if (by_proxy) life_.take(actor_stream_life_event::expects_header);
  if (by_proxy && tls.context != nullptr) tls_later_ = std::make_unique<net::tls_options>(tls);
  auto made = net::stream::adopt(loop_, std::move(socket), by_proxy ? net::tls_options() : tls);
  if (!made) return unexpected(std::move(made.error()));
  stream_ = std::move(*made);
  if (is_tcp) {
    peer_ = text_of(stream_.peer_address());
    local_ = text_of(stream_.local_address());
    stream_.set_keepalive(std::chrono::seconds(options_->keepalive));
    if (!options_->nodelay) stream_.set_nodelay(false);
  }
  stream_.set_low_mark(options_->low);
  opened_at_ = active_at_ = now();
  stream_.start(*this);
  if (tls.context == nullptr && !by_proxy) opened();
  watch();
  return {};
}

base::status actor_stream::connect(const outgoing_stream& to, net::tls_options tls) {
  net::dial_target target;
  if (to.port == 0)
    target.path = to.host;
  else
    target = {to.host, to.port, {}};
  if (to.port != 0) target_ = to.host;
  peer_ = to.port == 0 ? to.host : to.host + ":" + std::to_string(to.port);
  net::dial_options how;
  how.timeout = std::max(base::to_milliseconds(to.time), std::chrono::milliseconds(1));
  how.tls = std::move(tls);
  how.cause = to.cause;
  auto begun = net::dialer::start(loop_, target, how, [this](base::result<net::stream> made) {
    if (!made) return on_closed(std::move(made.error()));
    stream_ = std::move(*made);
    stream_.set_handler(*this);
    connected();
    dialer_ = {};
  });
  if (!begun) return unexpected(std::move(begun.error()));
  dialer_ = std::move(*begun);
  return {};
}

base::status actor_stream::attach(handed_stream from) {
  peer_ = std::move(from.peer);
  local_ = std::move(from.local);
  target_ = std::move(from.target);
  certificate_ = std::move(from.certificate);
  framer_ = net::framer(from.framing);
  auto made = net::stream::attach(loop_, std::move(from.socket), *this);
  if (!made) return unexpected(std::move(made.error()));
  stream_ = std::move(*made);
  stream_.set_low_mark(options_->low);
  active_at_ = now();
  has_spoken_ = from.has_spoken;
  if (from.input.size() != 0) {
    input_.append(from.input.bytes(), from.input.size());
    frame_began_ = active_at_;
  }
  if (stream_.bytes_queued() != 0) note_written();
  opened();
  return {};
}

base::result<handed_stream> actor_stream::hand_over() {
  if (!is_open() || news_.has_secured())
    return base::fail(base::errc::invalid, "hand over a stream: it is not open, or about to end");
  const auto seen = traffic();
  auto socket = stream_.detach();
  if (!socket) return unexpected(std::move(socket.error()));
  handed_stream out{.socket = std::move(*socket),
                    .options = options_,
                    .framing = framer_.how(),
                    .input = input_.empty() ? message() : input_.part(0, input_.size()),
                    .peer = peer_,
                    .local = local_,
                    .target = target_,
                    .certificate = std::move(certificate_),
                    .has_spoken = has_spoken_};
  totals_ = seen;
  input_.clear();
  timer_.close();
  timer_at_ = 0;
  life_.take(actor_stream_life_event::handed_over);
  tell();
  return out;
}

void actor_stream::connected() {
  stream_.set_low_mark(options_->low);
  if (options_->keepalive != 0) stream_.set_keepalive(std::chrono::seconds(options_->keepalive));
  if (!options_->nodelay) stream_.set_nodelay(false);
  if (const auto address = stream_.peer_address()) peer_ = address->to_string();
  local_ = text_of(stream_.local_address());
  note_certificate();
  opened();
}

base::nanos actor_stream::open_for() const {
  return opened_at_ == 0 ? 0 : static_cast<base::nanos>(now() - opened_at_) * base::nanos_per_ms;
}

void actor_stream::on_secured() {
  note_certificate();
  if (life_.is_opening()) return opened();
  news_.take(actor_stream_news_event::secures);
  tell();
}

// The bytes behind the header belong to the client, or to TLS.
void actor_stream::take_proxy_header() {
  auto read = net::read_proxy_header(input_.bytes(), *options_->proxy);
  if (!read) return close(stream_end::proxy, std::move(read.error().text));
  if (!*read) return;
  life_.take(actor_stream_life_event::has_header);
  if ((*read)->source) {
    peer_ = (*read)->source->to_string();
    stream_.count_with(*(*read)->source);
  }
  if ((*read)->destination) local_ = (*read)->destination->to_string();
  input_.consume((*read)->consumed);
  frame_began_ = input_.empty() ? 0 : active_at_;
  if (tls_later_ == nullptr) {
    has_spoken_ = !input_.empty();
    return opened();
  }
  secure(*std::exchange(tls_later_, nullptr));
}

void actor_stream::note_certificate() {
  if (auto shown = stream_.peer_certificate())
    certificate_ = std::make_unique<net::peer_certificate>(std::move(*shown));
}

base::status actor_stream::start_tls(const net::tls_options& how) {
  if (!is_open()) return base::fail(base::errc::invalid, "start TLS: the stream is not open");
  if (loan_.now() == actor_stream_loan_state::none) {
    secure(how);
  } else if (loan_.take(actor_stream_loan_event::secures)) {
    stream_.start_tls(how, std::nullopt); // gives TLS the rest of the data when on_data has returned
  } else {
    stream_.start_tls(how); // a second call: on_closed() reports it
  }
  return {};
}

void actor_stream::secure(const net::tls_options& how) {
  stream_.start_tls(how, input_.bytes());
  input_taken();
}

// The actor's limits count from here on: the handshake of TLS and the PROXY header have limits of their own.
void actor_stream::opened() {
  if (!life_.take(actor_stream_life_event::opens)) return;
  opened_at_ = active_at_ = now();
  watch();
  news_.take(actor_stream_news_event::connects);
  tell();
}

} // namespace coppice::behaviours
