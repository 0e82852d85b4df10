// SPDX-License-Identifier: MIT
// Credit for the request's body comes from its reader, credit for the answer from the client. The thread of
// the connection's process.
#include "behaviours/web/streamed_bodies.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace coppice::behaviours {

// The request's body ---------------------------------------------------------------------------------------

void streamed_bodies::read_on(stream_wish wish) {
  if (!coming_) return;
  reader_ = std::move(wish.reader);
  wanted_ += std::min(wish.bytes, std::numeric_limits<std::uint64_t>::max() - wanted_);
  give();
}

// Grants a window at a time, so that little is kept for a reader whose mailbox is full.
void streamed_bodies::give() {
  if (!coming_ || wanted_ == 0 || granted_ != 0 || to_.is_behind()) return;
  granted_ = static_cast<std::size_t>(std::min<std::uint64_t>(wanted_, window));
  wanted_ -= granted_;
  to_.grant_body(granted_);
}

void streamed_bodies::take_body(std::string_view part, bool last) {
  granted_ = last ? 0 : granted_ - std::min(granted_, part.size());
  coming_ = !last;
  if (reader_) to_.tell(reader_->by, stream_data(*reader_, part, last));
  give();
}

// The answer's body ----------------------------------------------------------------------------------------

streamed_bodies::state streamed_bodies::begin(stream_place writer) {
  writer_ = std::move(writer);
  if (overrun_) return state::overrun;
  for (const stream_part& one : std::exchange(early_, {}))
    if (const state now = pass_on(one); now != state::open) return now;
  return state::open;
}

void streamed_bodies::begin_without_body(const stream_place& writer) {
  to_.tell(writer.by, stream_aborted(writer, "bodyless"));
  if (reader_ == writer) coming_ = false; // it has its last message
}

void streamed_bodies::answered() {
  if (coming_ && reader_) to_.tell(reader_->by, stream_aborted(*reader_, "answered"));
  coming_ = false;
}

streamed_bodies::state streamed_bodies::write(stream_part part) {
  if (ends_ || (part.data.empty() && !part.last)) return state::open; // parts behind the last are dropped
  ends_ = part.last;
  overrun_ = overrun_ || (leave_ == 0 && !part.last);
  if (overrun_) return writer_ ? state::overrun : state::open;
  leave_ -= std::min(leave_, part.data.size());
  if (!writer_) {
    early_.push_back(std::move(part));
    return state::open;
  }
  return pass_on(part);
}

streamed_bodies::state streamed_bodies::pass_on(const stream_part& part) {
  written_ += part.data.size();
  if (!part.data.empty()) {
    const net::http_written taken = to_.write_answer(part.data);
    if (taken == net::http_written::gone) return state::broken;
    full_ = full_ || taken == net::http_written::full;
  }
  if (!part.last) return state::open;
  return to_.end_answer() ? state::ended : state::broken;
}

void streamed_bodies::ask_on() {
  if (!writer_ || full_ || leave_ == window) return;
  to_.tell(writer_->by, stream_more(*writer_, window - leave_));
  leave_ = window;
}

void streamed_bodies::abort(std::string_view reason) {
  if (reader_) to_.tell(reader_->by, stream_aborted(*reader_, reason));
  if (writer_ && writer_ != reader_) to_.tell(writer_->by, stream_aborted(*writer_, reason));
  coming_ = false;
}

} // namespace coppice::behaviours
