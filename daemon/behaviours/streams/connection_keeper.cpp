// SPDX-License-Identifier: MIT
// See connection_keeper.hpp.
#include "behaviours/streams/connection_keeper.hpp"

#include <fmt/format.h>

#include "base/log.hpp"
#include "base/random.hpp"
#include "behaviours/restart.hpp"
#include "behaviours/streams/actor_streams.hpp"

namespace coppice::behaviours {

namespace {

std::string shown(const outgoing_stream& to) {
  return to.port == 0 ? to.host : fmt::format("{} port {}", to.host, to.port);
}

} // namespace

connection_keeper::connection_keeper(actor_streams& of, uv_loop_t* loop,
                                     std::shared_ptr<const kept_connection> what)
    : streams_(of), loop_(loop), what_(std::move(what)) {
  connect();
}

void connection_keeper::connect() {
  const auto begun = streams_.connect(what_->to);
  if (begun) {
    stream_ = *begun;
    return;
  }
  base::log::error("tcp", "cannot connect to {}: {}", shown(what_->to), begun.error().text);
  wait();
}

void connection_keeper::ended(const actor_stream& stream) {
  stream_ = 0;
  if (stream.open_for() >= what_->backoff.max) in_a_row_ = 0;
  wait();
}

void connection_keeper::wait() {
  if (!timer_) timer_ = base::uv::timer(loop_, [this] { connect(); });
  const base::nanos time = backoff_wait(what_->backoff, in_a_row_++, base::random_share());
  timer_.start(base::to_milliseconds(time));
}

} // namespace coppice::behaviours
