// SPDX-License-Identifier: MIT
// See actor_stream.hpp. No callback of the actor is called below libuv: events there are noted, and the
// actor is told in its own turn.
#include "behaviours/streams/actor_stream.hpp"

#include <sys/ioctl.h>

#include <algorithm>
#include <utility>

#include "base/log_counted.hpp"
#include "behaviours/streams/tcp_counters.hpp"
#include "runtime/messages/raw_message.hpp"

namespace coppice::behaviours {

using runtime::message;
using runtime::outcome;

namespace {

// Once so much of a frame has come, and as much is missing, the rest is received straight into its place.
// Before that it is copied there.
constexpr std::size_t in_place_from = std::size_t{16} << 10;

stream_end end_of(const base::error& why, bool was_open) {
  switch (why.code) {
    case base::errc::timeout:
      return stream_end::timeout;
    case base::errc::limit: // it was closed to make room for other connections
      return stream_end::idle;
    case base::errc::refused:
    case base::errc::not_found:
      return was_open ? stream_end::reset : stream_end::refused;
    case base::errc::invalid:
      return stream_end::tls;
    default:
      return was_open ? stream_end::reset : stream_end::refused;
  }
}

} // namespace

actor_stream::actor_stream(std::uint64_t id, owner& of, uv_loop_t* loop,
                           std::shared_ptr<const stream_options> options)
    : id_(id), owner_(of), loop_(loop), options_(std::move(options)), framer_(options_->framing) {}

actor_stream::~actor_stream() {
  if (counts_open_) counters_->open.subtract();
}

void actor_stream::count_in(std::shared_ptr<tcp_counters> listener, bool counts_open) {
  counters_ = std::move(listener);
  counts_open_ = counts_open && counters_ != nullptr;
  if (counts_open_) counters_->open.add();
}

void actor_stream::count_end() {
  if (counters_ != nullptr) counters_->count_end(how_, traffic().read, traffic().written);
}

// Input ---------------------------------------------------------------------------------------------------

void actor_stream::tell() {
  if (std::exchange(is_due_, true)) return;
  owner_.due(*this);
}

std::size_t actor_stream::most_kept() const {
  return std::max(options_->credit, needed_);
}

std::span<std::uint8_t> actor_stream::read_space() {
  if (input_.size() >= in_place_from && needed_ >= input_.size() + in_place_from) {
    const auto whole = input_.space(needed_);
    return whole.first(std::min(whole.size(), needed_ - input_.size()));
  }
  return stream_loop::of(loop_).space();
}

void actor_stream::on_data(base::bytes_span bytes) {
  active_at_ = now();
  if (!life_.is_timed()) return;
  stream_loop& shared = stream_loop::of(loop_);
  if (!shared.is_here(bytes.data()))
    input_.append_written(bytes.size());
  else if (input_.empty())
    shared.pass_on(bytes.size(), input_, std::min(needed_, most_kept()));
  else
    input_.append(bytes, needed_);
  if (life_.is(actor_stream_life_state::proxied)) return take_proxy_header();
  has_spoken_ = true;
  if (frame_began_ == 0) frame_began_ = active_at_;
  if (input_.size() >= most_kept()) stream_.pause();
  if (input_.size() < needed_ || held_) return watch();
  tell(); // the actor's turn then sets the timer for what it leaves
}

bool actor_stream::on_end() {
  if (life_.is_opening()) return false;
  peer_end_.take(actor_stream_input_event::ends);
  tell();
  return true;
}

// More may have been written since the queue fell.
void actor_stream::on_drained() {
  if (stream_.bytes_queued() > options_->low) return;
  if (room_.take(actor_stream_room_event::drains)) tell();
}

void actor_stream::on_closed(base::error why) {
  const bool was_open = !life_.is_opening() || ends_actor_;
  const bool was_securing = stream_ && stream_.securing();
  totals_ = traffic();
  stream_.close_when_written(); // the alert that refuses a peer's TLS
  finish(was_securing ? stream_end::tls : end_of(why, was_open), std::move(why.text));
}

// All that the program wrote before it ended is in the kernel by now.
void actor_stream::let_end(std::string why) {
  end_held_ = false;
  int unread = 0;
  if (stream_ && life_.has_socket() && ::ioctl(stream_.descriptor(), FIONREAD, &unread) == 0)
    last_byte_ = stream_.bytes_read() + static_cast<std::uint64_t>(std::max(unread, 0));
  end_text_ = std::move(why);
  if (ending()) tell();
}

// The socket is no longer used, or closes by itself. The actor is still to be told.
void actor_stream::finish(stream_end how, std::string why) {
  if (life_.is_over()) return;
  // Frames that came whole before the connection broke are still handed out.
  const bool more = is_open() && input_.size() >= needed_;
  how_ = how;
  why_ = std::move(why);
  timer_.close();
  timer_at_ = 0;
  life_.take(more ? actor_stream_life_event::breaks : actor_stream_life_event::ends);
  if (more) {
    room_.take(actor_stream_room_event::drains); // the actor may be paused until there is room
    wait_for_actor();
  }
  tell();
}

bool actor_stream::handle(stream_callbacks& to, unsigned& budget, outcome& next) {
  is_due_ = false;
  if (gone()) return true;
  if (news_.has_connected()) {
    if (budget == 0) return tell(), false;
    --budget;
    news_.take(actor_stream_news_event::tells_connected);
    next = to.on_connect(*this);
    if (next.stops()) return true;
  }
  if (life_.hands_out() && news_.take(actor_stream_news_event::tells_secured)) {
    next = to.on_secured(*this);
    if (next.stops()) return true;
  }
  if (life_.hands_out() && room_.take(actor_stream_room_event::is_told)) {
    next = to.on_drained(*this);
    if (next.stops()) return true;
    // An actor that stays paused waits for room that never comes.
    if (held_ && life_.is(actor_stream_life_state::broken)) life_.take(actor_stream_life_event::ends);
  }
  if (takes_input() && !hand_out(to, budget, next)) return tell(), false;
  if (next.stops()) return true;
  if (is_open() && peer_end_.now() != actor_stream_input_state::comes && !held_) {
    if (!options_->half_close) {
      close(stream_end::eof);
    } else if (peer_end_.now() == actor_stream_input_state::ended) {
      peer_end_.take(actor_stream_input_event::is_told);
      next = to.on_eof(*this);
      if (next.stops()) return true;
    }
  }
  if (life_.is(actor_stream_life_state::broken) && (!held_ || input_.size() < needed_))
    life_.take(actor_stream_life_event::ends);
  if (draining_ && !life_.is_over()) close(stream_end::shutdown);
  if (ending() && end_held_) return true;
  if (ending()) {
    life_.take(actor_stream_life_event::told);
    next = to.on_close(*this, how_, end_text_.empty() ? why_ : end_text_);
    return true;
  }
  flush();
  return true;
}

bool actor_stream::hand_out(stream_callbacks& to, unsigned& budget, outcome& next) {
  while (takes_input() && input_.size() >= needed_) {
    if (budget == 0) return false;
    if (framer_.how().by == net::framing::kind::none) {
      --budget;
      next = hand_out_raw(to);
      if (next.stops()) return true;
      continue;
    }
    const net::framer::answer seen = framer_.look(input_.bytes());
    if (seen.is == net::framer::outcome::too_large) {
      close(stream_end::frame_too_large, framer_.why().text);
      return true;
    }
    if (seen.is == net::framer::outcome::more) {
      needed_ = std::max(seen.needed, input_.size() + 1);
      read_on(); // a frame may be longer than the credit, so reading goes on
      break;
    }
    --budget;
    const message frame = input_.part(seen.offset, seen.length);
    used(seen.consumed);
    next = to.on_frame(*this, frame);
    if (next.stops()) return true;
  }
  if (input_.empty()) return true;
  input_.compact();
  watch();
  return true;
}

// Hands out all bytes that have come. Bytes that the actor leaves come again when there are more. They stay
// in input_ during the callback, since it may wait and more may come behind them.
outcome actor_stream::hand_out_raw(stream_callbacks& to) {
  const std::size_t size = input_.size();
  const message data = input_.part(0, size);
  std::size_t taken = size;
  loan_.take(actor_stream_loan_event::lends);
  outcome next = to.on_data(*this, data, taken);
  const actor_stream_loan_state meanwhile = loan_.now();
  loan_.take(actor_stream_loan_event::returns);
  if (next.stops() || !life_.hands_out()) return next;
  taken = std::min(taken, size);
  if (meanwhile == actor_stream_loan_state::secured) {
    stream_.give_tls(input_.bytes().subspan(taken));
    input_taken();
    return next;
  }
  const bool is_cut = meanwhile == actor_stream_loan_state::cut;
  if (taken == 0 && size >= framer_.how().max && !is_cut) {
    close(stream_end::frame_too_large, "the actor uses none of " + std::to_string(size) + " bytes");
    return next;
  }
  used(taken);
  if (!is_cut) needed_ = size - taken + 1; // the callback may have waited, and more have come
  if (!held_) read_on();                   // what was left may be more than the credit
  return next;
}

// All of the input belongs to TLS now.
void actor_stream::input_taken() {
  input_.clear();
  needed_ = 1;
  frame_began_ = 0;
  read_on();
}

// Removes used bytes, so that more may be read.
void actor_stream::used(std::size_t count) {
  input_.consume(count);
  needed_ = 1;
  frame_began_ = input_.empty() ? 0 : active_at_;
  read_on();
}

void actor_stream::read_on() {
  if (stream_ && life_.has_socket() && stream_.paused() && input_.size() < most_kept()) stream_.resume();
}

// What the actor has left comes again then, even if no more has come: the actor may have had no room for it.
void actor_stream::resume() {
  if (std::exchange(held_, false) && framer_.how().by == net::framing::kind::none) needed_ = 1;
  tell();
}

void actor_stream::drain() {
  draining_ = true;
  tell();
}

void actor_stream::set_framing(const net::framing& how) {
  framer_ = net::framer(how);
  needed_ = 1;
  loan_.take(actor_stream_loan_event::cuts);
  if (!input_.empty()) tell(); // there may be a whole frame in it
}

// Output --------------------------------------------------------------------------------------------------

actor_stream::write_result actor_stream::refused() {
  room_.take(actor_stream_room_event::refuses);
  return write_result::full;
}

actor_stream::write_result actor_stream::write(base::bytes_span bytes) {
  if (!is_open() || !stream_.accepts()) return write_result::closed;
  if (stream_.bytes_queued() > options_->high) return refused();
  stream_.write(bytes);
  note_written();
  return write_result::ok;
}

actor_stream::write_result actor_stream::write(message bytes) {
  if (!is_open() || !stream_.accepts()) return write_result::closed;
  if (stream_.bytes_queued() > options_->high) return refused();
  const base::bytes_span view = bytes.bytes();
  if (view.size() < net::write_queue::copy_below)
    stream_.write(view);
  else
    stream_.write_owned(
        view, [](void* memory) { runtime::raw_message::release(memory); },
        runtime::raw_message::disown(bytes));
  note_written();
  return write_result::ok;
}

void actor_stream::flush() {
  if (is_open() && stream_.bytes_queued() != 0) stream_.flush();
}

void actor_stream::end() {
  if (is_open()) stream_.end();
}

void actor_stream::close(stream_end how, std::string why) {
  if (life_.is_over()) return;
  if (how == stream_end::proxy) // there is no actor yet that would hear why
    base::log::counted(base::log::level::warning, "tcp", why, "a connection from {} is closed: {}", peer_,
                       why);
  totals_ = traffic();
  dialer_ = {};
  if (stream_ && life_.has_socket()) {
    if (life_.is_opening())
      stream_.close();
    else
      stream_.close_when_written();
  }
  input_.clear();
  finish(how, std::move(why));
}

void actor_stream::reset() {
  if (life_.is_over()) return;
  dialer_ = {};
  totals_ = traffic();
  if (stream_ && life_.has_socket()) stream_.reset();
  input_.clear();
  finish(stream_end::normal, {});
}

} // namespace coppice::behaviours
