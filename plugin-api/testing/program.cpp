// SPDX-License-Identifier: MIT
// The program of an actor under test. In the test's thread.
#include <coppice/testing/program.hpp>

#include <coppice/testing/calls.hpp>

namespace coppice::testing {

program::program(actor& of, stream_options how) : end_(of, as_program(std::move(how))) {
  end_.at_->end_held = true;
}

program& program::send(std::string_view bytes) {
  need_running();
  end_.send(bytes);
  return *this;
}

program& program::send_in_pieces(std::string_view bytes, std::size_t size) {
  need_running();
  end_.send_in_pieces(bytes, size);
  return *this;
}

program& program::complain(std::string_view text) {
  need_running();
  for (std::string& line = end_.at_->complaint; !text.empty();) {
    const std::size_t end = text.find('\n');
    line += text.substr(0, end);
    if (end == text.npos) break;
    text.remove_prefix(end + 1);
    note_complaint();
  }
  return *this;
}

void program::close_output() {
  need_running();
  end_.end();
}

void program::exit(int status) {
  const value reason = status == 0 ? atom("normal") : value(std::tuple(etf::atom{"exit_status"}, status));
  end("it exited with " + std::to_string(status), reason);
}

void program::die(int signal) {
  end("signal " + std::to_string(signal) + " ended it (" + ::strsignal(signal) + ")",
      std::tuple(etf::atom{"exit_signal"}, signal));
}

program::told program::was_told() const {
  using stage = detail::stream::stage;
  const detail::stream& at = *end_.at_;
  if (has_ended_of(at)) return told::nothing;
  if (at.is == stage::gone) return at.broken ? told::killed : told::to_end;
  const bool waits = at.is == stage::ending && end_.now() - at.ending_since >= std::chrono::seconds(1);
  return waits ? told::to_end : told::nothing;
}

stream_options program::as_program(stream_options how) {
  if (how.peer == stream_options().peer) how.peer = "/usr/bin/program";
  how.local.clear();
  how.first_byte = how.idle = how.stall = nanoseconds{0}; // a program has no such limits
  how.ends_actor = true;
  return how;
}

void program::need_running() const {
  if (has_ended_of(*end_.at_)) throw failure("this program has ended already");
}

void program::note_complaint() {
  if (detail::world* const of = end_.streams_->owner())
    of->did.logs.push_back({COPPICE_LOG_INFO, end_.at_->complaint, {}});
  end_.at_->complaint.clear();
}

void program::end(std::string how, value reason) {
  need_running();
  detail::stream& at = *end_.at_;
  if (!at.complaint.empty()) note_complaint();
  at.end_reason = std::move(reason);
  at.end_why_held = std::move(how);
  at.end_held = false;
  if (at.arrived.empty() && at.bytes_queued() == 0)
    at.peer_ended = true;
  else
    at.lose_peer();
  end_.settle();
}

} // namespace coppice::testing
