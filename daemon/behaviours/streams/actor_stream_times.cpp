// SPDX-License-Identifier: MIT
// The time limits of an actor's stream. One timer serves all of them. It runs only while a limit may be
// exceeded, and later activity does not move it: when it fires, it looks again. So an event that only moves
// a deadline back need not call watch(). An event that makes a new deadline must: the opening, a frame that
// waits for its rest, bytes written when none were waiting.
#include <algorithm>
#include <utility>

#include "behaviours/streams/actor_stream.hpp"

namespace coppice::behaviours {
namespace {

constexpr base::nanos proxy_time = 5 * base::nanos_per_second; // for the PROXY header
constexpr std::chrono::seconds broken_time{30}; // for a paused actor to take something of a broken stream

std::uint64_t ms(base::nanos time) {
  return static_cast<std::uint64_t>(base::to_milliseconds(time).count());
}

} // namespace

// The next deadline in loop time, ms; 0: none.
std::uint64_t actor_stream::next_deadline(stream_end& how, const char*& why) const {
  std::uint64_t first = 0;
  const auto look = [&](std::uint64_t since, base::nanos limit, stream_end end, const char* text) {
    if (limit == 0 || since == 0) return;
    const std::uint64_t at = since + ms(limit);
    if (first != 0 && at >= first) return;
    first = at;
    how = end;
    why = text;
  };
  const bool nothing_yet = !has_spoken_ && input_.empty(); // before it is open: nothing of the PROXY header
  if (life_.is(actor_stream_life_state::proxied))
    look(opened_at_, proxy_time, stream_end::proxy, "no PROXY header has come");
  look(nothing_yet ? opened_at_ : 0, options_->first_byte, stream_end::idle, "it has sent nothing");
  look(active_at_, options_->idle, stream_end::idle, "nothing was read or written");
  const bool waits =
      !input_.empty() && input_.size() < needed_ && framer_.how().by != net::framing::kind::none;
  look(waits ? frame_began_ : 0, options_->frame, stream_end::idle, "it has not ended the frame it began");
  look(stuck_since_, options_->stall, stream_end::slow, "it does not take what is written to it");
  return first;
}

void actor_stream::note_written() {
  active_at_ = now();
  if (stuck_since_ != 0) return; // the timer already runs for them
  stuck_since_ = active_at_;
  written_then_ = stream_.bytes_written();
  watch();
}

void actor_stream::watch() {
  if (!life_.is_timed()) return;
  stream_end how{};
  const char* why = "";
  const std::uint64_t due = next_deadline(how, why);
  if (due == 0 || (timer_at_ != 0 && timer_at_ <= due)) return;
  if (!timer_) timer_ = net::deadline(loop_, [this] { look_at_times(); });
  timer_at_ = due;
  const std::uint64_t here = now();
  timer_.start(std::chrono::milliseconds(due > here ? due - here : 0));
}

// A paused actor may wait for an event that does not come any more, such as an answer to what it has written.
void actor_stream::wait_for_actor() {
  left_then_ = input_.size();
  timer_ = net::deadline(loop_, [this] {
    if (!life_.is(actor_stream_life_state::broken)) return;
    const std::size_t before = std::exchange(left_then_, input_.size());
    if (!held_ || left_then_ != before) return timer_.start(broken_time);
    life_.take(actor_stream_life_event::ends);
    tell();
  });
  timer_.start(broken_time);
}

void actor_stream::look_at_times() {
  timer_at_ = 0;
  if (!life_.is_timed()) return;
  if (stream_.bytes_queued() == 0) {
    stuck_since_ = 0;
  } else if (stream_.bytes_written() != written_then_) {
    stuck_since_ = active_at_ = now();
    written_then_ = stream_.bytes_written();
  }
  stream_end how{};
  const char* why = "";
  const std::uint64_t due = next_deadline(how, why);
  if (due != 0 && due <= now()) {
    if (how == stream_end::slow) return reset(), how_ = how, why_ = why, void();
    return close(how, why);
  }
  watch();
}

} // namespace coppice::behaviours
