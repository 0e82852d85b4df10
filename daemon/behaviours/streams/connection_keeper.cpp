// SPDX-License-Identifier: MIT
// See connection_keeper.hpp.
#include "behaviours/streams/connection_keeper.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/log.hpp"
#include "base/random.hpp"
#include "behaviours/streams/actor_streams.hpp"
#include "behaviours/supervision/restart.hpp"

namespace coppice::behaviours {

connection_keeper::connection_keeper(actor_streams& of, uv_loop_t* loop,
                                     std::shared_ptr<const kept_connection> what, std::string label,
                                     connect_totals& totals)
    : streams_(of), loop_(loop), what_(std::move(what)), label_(std::move(label)), totals_(totals) {
  connect();
}

connection_keeper::~connection_keeper() {
  if (up_) totals_.up.subtract();
}

std::string connection_keeper::target() const {
  const outgoing_stream& to = what_->to;
  return to.port == 0 ? to.host : fmt::format("{} port {}", to.host, to.port);
}

void connection_keeper::connect() {
  ++tries_;
  totals_.tries.add();
  const auto begun = streams_.connect(what_->to);
  if (begun) {
    stream_ = *begun;
    return;
  }
  fail(begun.error().text);
  wait();
}

void connection_keeper::fail(const std::string& why) {
  ++failed_;
  totals_.failed.add();
  if (std::exchange(told_, true)) return;
  base::log::warning("tcp", "{} cannot connect to {}, and tries again: {}", label_, target(), why);
}

void connection_keeper::look(const actor_stream& stream) {
  if (up_ || !stream.was_open()) return;
  up_ = true;
  totals_.up.add();
  if (std::exchange(told_, false)) base::log::info("tcp", "{} is connected to {}", label_, target());
}

void connection_keeper::ended(const actor_stream& stream) {
  stream_ = 0;
  look(stream);
  if (std::exchange(up_, false))
    totals_.up.subtract();
  else
    fail(stream.why());
  if (stream.open_for() >= what_->backoff.max) in_a_row_ = 0;
  wait();
}

void connection_keeper::wait() {
  if (!timer_) timer_ = base::uv::timer(loop_, [this] { connect(); });
  const base::nanos time = backoff_wait(what_->backoff, in_a_row_++, base::random_share());
  timer_.start(base::to_milliseconds(time));
}

} // namespace coppice::behaviours
