// SPDX-License-Identifier: MIT
// How a stream puts TLS between itself and its carrier (tls/tls_filter.hpp), at its beginning or later, and
// what it answers when TLS asks. The loop's thread.
#include <fmt/format.h>

#include <optional>
#include <utility>

#include "net/stream/stream_core.hpp"

namespace coppice::net {

void stream::core::use_tls(const tls_options& options) {
  if (!options.context) return;
  tls_ = std::make_unique<tls_filter>(options.context, options.host, options.pacer);
  tls_->stand_between(*this, *bottom_);
  carrier_ = tls_.get();
  tls_timeout_ = options.timeout;
}

// Queued bytes leave unencrypted before the session's bytes.
void stream::core::start_tls(const tls_options& options, std::optional<base::bytes_span> first) {
  if (life_.is_over()) return;
  if (!options.context || !may_start_tls()) {
    return fail_later({base::errc::invalid, "start TLS: the stream is not open for it"});
  }
  life_.take(stream_life_event::asks_tls);
  adjust_reading();
  use_tls(options);
  tls_->send_first(queue_);
  begin_handshake();
  if (first) give_tls(*first);
  schedule();
}

void stream::core::give_tls(base::bytes_span first) {
  if (!life_.take(stream_life_event::gives_tls)) return;
  if (!first.empty()) tls_->begin_with(first);
  adjust_reading();
}

// A stream that connects has its timer already.
void stream::core::begin_handshake() {
  tls_->begin();
  if (target_.empty() || life_.is(stream_life_state::awaiting)) {
    timeout_ = deadline(loop_, [this] {
      fail({base::errc::timeout,
            fmt::format("TLS handshake: no end of it within {} ms", tls_timeout_.count())});
    });
    timeout_.start(tls_timeout_);
  }
  adjust_reading();
}

bool stream::core::takes() const {
  return !life_.is_over() && !reading_.is_held() && !reading_.has_ended() && handler_ != nullptr;
}

bool stream::core::says_end() {
  return end_.now() == stream_end_state::asked && end_.take(stream_end_event::says);
}

void stream::core::secured() {
  ready();
  // For bytes that came behind the handshake.
  if (!life_.is_over()) schedule();
}

void stream::core::fail_now(base::error why) {
  const bool told = writing_.now() != stream_writing_state::under_way && tls_->send_alert();
  fail(std::move(why), told ? stream_life_event::fails_aloud : stream_life_event::fails);
}

} // namespace coppice::net
