// SPDX-License-Identifier: MIT
// Reading, writing and the ends of a stream; TLS is in stream_tls.cpp. The loop's thread.
#include "net/stream/stream_core.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "base/bound.hpp"

namespace coppice::net {
namespace {

constexpr std::size_t first_read = 320; // bytes; small, because an unauthenticated client may be one of many
const base::bound<std::size_t> read_block("net: bytes of a block that is read into", 16 * 1024, 320);
// When our last bytes are with the kernel, until the peer closes: how long the peer may be silent, how long
// it may go on sending in all, and how many bytes of it are dropped.
constexpr std::chrono::milliseconds linger_silence{2000};
constexpr std::chrono::milliseconds longest_linger{10'000};
constexpr std::size_t most_dropped = std::size_t{64} << 20;

} // namespace

stream::core::core(uv_loop_t* on, carrier_ptr by)
    : loop_(on),
      bottom_(std::move(by)),
      carrier_(bottom_.get()),
      before_wait_(on, [this] { guarded([this] { end_of_turn(); }); }),
      after_wait_(on, [this] { guarded([this] { end_of_turn(); }); }) {
  bottom_->set_user(*this);
}

// The dismissal may come from another thread, and this object may be gone before the task runs.
bool stream::core::keep(accepted_socket from) {
  slot_ = std::move(from.slot);
  place_ = std::move(from.place);
  run_here_ = std::move(from.run_there);
  itself_ = std::make_shared<core*>(this);
  if (slot_.counted() != nullptr && !may_make_room()) return false;
  return place_.on_dismissal(on_this_thread(&core::dismissed));
}

std::function<void()> stream::core::on_this_thread(void (core::*does)()) const {
  auto task = [alive = std::weak_ptr<core*>(itself_), does] {
    if (const auto still = alive.lock()) ((*still)->*does)();
  };
  if (!run_here_) return task;
  return [run = run_here_, task] { run(task); };
}

bool stream::core::may_make_room() {
  return slot_.counted()->on_dismissal(on_this_thread(&core::make_room));
}

void stream::core::count_with(const base::socket_address& whose) {
  if (slot_.counted() != nullptr) slot_.counted()->count_with(share_of(whose));
}

// Opening -------------------------------------------------------------------------------------------------

void stream::core::begin_connect(std::string target, std::chrono::milliseconds timeout) {
  target_ = std::move(target);
  if (timeout.count() == 0) return;
  timeout_ = deadline(loop_, [this, timeout] {
    fail({base::errc::timeout,
          fmt::format("connect to {}: no {} within {} ms", target_,
                      life_.is(stream_life_state::securing) ? "end of the TLS handshake" : "answer",
                      timeout.count())});
  });
  timeout_.start(timeout);
}

void stream::core::connected(int code) {
  if (life_.is_over()) return;
  if (code != 0) {
    timeout_.close();
    fail(base::fail_uv("connect to " + target_, code).error());
    return;
  }
  open();
}

void stream::core::open() {
  if (!tls_) return ready();
  life_.take(stream_life_event::secures);
  begin_handshake();
}

void stream::core::ready() {
  if (tls_) place_.spoke();
  timeout_.close();
  const bool was_open = life_.is(stream_life_state::upgrading);
  life_.take(stream_life_event::opens);
  // A stream that was ended while it connected has no handler any more.
  if (handler_ != nullptr) {
    if (was_open || (tls_ && target_.empty())) {
      handler_->on_secured();
    } else if (!target_.empty()) {
      handler_->on_connected();
    }
  }
  if (life_.is_over()) return;
  adjust_reading();
  if (bytes_queued() > 0 || end_.now() != stream_end_state::open) schedule();
}

// Reading -------------------------------------------------------------------------------------------------

void stream::core::pause() {
  reading_.take(stream_reading_event::pauses);
  adjust_reading();
  // The end is not read any more, for which the error of a write has waited.
  if (broken_ && life_.is_ready()) fail_later(std::move(*std::exchange(broken_, nullptr)));
}

void stream::core::resume() {
  reading_.take(stream_reading_event::resumes);
  if (life_.is_over()) return;
  adjust_reading();
  // The TLS session may have bytes that the handler has not seen.
  if (tls_ && life_.is_ready()) schedule();
}

// A pause holds back the peer's data, not its bytes in a handshake.
void stream::core::adjust_reading() {
  if (life_.is_alone()) return drop_what_comes();
  const bool held = life_.is_ready() && reading_.is_held();
  const bool wanted = life_.reads() && !held && !reading_.has_ended();
  if (wanted == reading_.is_running()) return;
  reading_.take(wanted ? stream_reading_event::begins : stream_reading_event::stops);
  if (!wanted) return carrier_->stop_reading();
  if (auto begun = carrier_->start_reading(); !begun) fail_later(std::move(begun.error()));
}

std::span<std::uint8_t> stream::core::space() {
  std::span<std::uint8_t> space;
  if (handler_ != nullptr) space = handler_->read_space();
  if (!space.empty()) return space;
  if (!own_space_) {
    if (own_size_ == 0) own_size_ = first_read;
    own_space_ = std::make_unique_for_overwrite<std::uint8_t[]>(own_size_);
  }
  return {own_space_.get(), own_size_};
}

// The buffer was filled: the next one is larger.
void stream::core::expect_much() {
  if (own_size_ == read_block || !own_space_) return;
  own_size_ = read_block;
  own_space_.reset();
}

void stream::core::heard(std::size_t bytes) {
  if (life_.is_over() || handler_ == nullptr) return;
  bytes_read_ += bytes;
  note_traffic();
}

void stream::core::came(base::bytes_span bytes, bool all) {
  if (life_.is_over() || handler_ == nullptr) return;
  handler_->on_data(bytes);
  if (all && !life_.is_over()) expect_much();
}

// Allows one read in a turn of the loop: the receivers would fall behind.
void stream::core::filled() {
  if (!life_.is_over()) reading_.take(stream_reading_event::filled);
}

void stream::core::came_to_end(base::error why, bool whole) {
  if (life_.drops()) return dropped_all(whole);
  if (life_.is_over() || handler_ == nullptr) return;
  reading_.take(stream_reading_event::ends);
  adjust_reading();
  if (const auto broken = life_.is_ready() ? std::move(broken_) : nullptr) return fail(*broken);
  if (whole && (handler_->on_end() || life_.is_over())) return;
  fail(std::move(why));
}

// Writing -------------------------------------------------------------------------------------------------

void stream::core::write(base::bytes_span bytes) {
  if (!accepts()) return;
  queue_.append(bytes);
  wrote();
}

std::span<std::uint8_t> stream::core::write_in_place(std::size_t size) {
  if (!accepts()) return {};
  const auto room = queue_.append_in_place(size);
  wrote();
  return room;
}

void stream::core::write_owned(base::bytes_span bytes, release_fn release, void* context) {
  if (!accepts()) {
    release(context);
    return;
  }
  queue_.append_borrowed(bytes, release, context);
  wrote();
}

std::span<std::uint8_t> stream::core::write_ahead(std::size_t size) {
  if (!accepts()) return {};
  const bool in_flight = writing_.now() == stream_writing_state::under_way;
  const auto room = queue_.insert_in_place(size, in_flight ? carrier_->borrowed() : 0);
  wrote();
  return room;
}

std::size_t stream::core::send_file(int file, std::uint64_t offset, std::size_t most) {
  if (!accepts() || !life_.is_ready() || writing_.now() != stream_writing_state::idle ||
      turn_.now() == stream_turn_state::failing)
    return 0;
  if (!queue_.empty()) {
    if (const std::size_t first = carrier_->write_before_file(queue_); first > 0) left(first);
    if (!queue_.empty()) return 0;
  }
  const std::size_t sent = carrier_->send_file(file, offset, most);
  if (sent == 0) return 0;
  bytes_written_ += sent;
  note_traffic();
  return sent;
}

void stream::core::flush() {
  if (auto done = try_flush(); !done) fail_later(std::move(done.error()));
}

void stream::core::wrote() {
  note_more();
  schedule();
}

// Runs before and after the loop waits: bytes that a turn's callbacks wrote leave at the end of the turn, and
// bytes written outside the loop leave before it waits. The idle handle also keeps the loop from waiting when
// something is written while these handles run, as by on_drained().
void stream::core::schedule() {
  if (life_.is(stream_life_state::closed) || turn_.now() != stream_turn_state::idle) return;
  turn_.take(stream_turn_event::schedules);
  before_wait_.start();
  after_wait_.start();
}

void stream::core::end_of_turn() {
  const bool fails = turn_.now() == stream_turn_state::failing;
  turn_.take(stream_turn_event::comes);
  before_wait_.stop();
  after_wait_.stop();
  if (fails) {
    const base::error why = std::move(*std::exchange(pending_failure_, nullptr));
    fail(why);
    return;
  }
  if (tls_ && life_.is_ready() && !reading_.is_held() && !reading_.has_ended()) tls_->deliver();
  if (auto done = try_flush(); !done) return fail(std::move(done.error()));
  if (life_.is_over()) return; // a callback ended it
  if (handler_ != nullptr) handler_->on_flushed();
  tell_drained();
}

base::status stream::core::try_flush() {
  if (!life_.sends() || writing_.now() != stream_writing_state::idle) return {};
  for (;;) {
    auto written = carrier_->write(queue_);
    if (!written) return write_failed(std::move(written.error()));
    if (written->bytes > 0) left(written->bytes);
    if (written->is_full) break;
    if (written->bytes == 0 || bytes_queued() == 0) return all_written();
  }
  note_more();
  if (auto begun = carrier_->write_later(queue_); !begun) return begun;
  writing_.take(stream_writing_event::begins);
  return {};
}

void stream::core::sent(std::size_t bytes, int code) {
  writing_.take(stream_writing_event::finishes);
  if (life_.is_over()) return;
  if (code != 0) {
    if (auto waits = write_failed(base::fail_uv("write", code).error()); !waits)
      fail(std::move(waits.error()));
    return;
  }
  left(bytes);
  if (auto done = try_flush(); !done) return fail(std::move(done.error()));
  tell_drained();
}

// A peer that refuses says why before it closes. So the error waits until the peer's last bytes, which the
// kernel has by now, and its end are read, unless nothing reads. Meanwhile nothing counts as queued, since a
// handler may wait for room before it reads on.
base::status stream::core::write_failed(base::error why) {
  const bool reads_on = !life_.is_alone() && !reading_.is_held() && !reading_.has_ended();
  if (!reads_on || why.code != base::errc::closed) return unexpected(std::move(why));
  writing_.take(stream_writing_event::breaks);
  broken_ = std::make_unique<base::error>(std::move(why));
  if (mark_.take(stream_mark_event::falls)) schedule();
  return {};
}

void stream::core::left(std::size_t bytes) {
  bytes_written_ += bytes;
  note_traffic();
  if (bytes_queued() <= low_mark_ && mark_.take(stream_mark_event::falls)) schedule();
}

void stream::core::tell_drained() {
  if (life_.is_over() || !mark_.take(stream_mark_event::is_told)) return;
  note_more(); // since the queue fell
  if (handler_ != nullptr) handler_->on_drained();
}

base::status stream::core::all_written() {
  const bool ends = end_.now() == stream_end_state::asked || end_.now() == stream_end_state::said;
  if (!ends || !queue_.empty() || !life_.is_ready()) return {};
  end_.take(stream_end_event::shuts);
  return carrier_->shut_down();
}

void stream::core::was_shut_down() {
  end_.take(stream_end_event::is_done);
  if (life_.take(stream_life_event::sent_all)) return begin_to_linger();
  if (life_.is(stream_life_state::lingering)) linger();
}

// Ends ----------------------------------------------------------------------------------------------------

void stream::core::end() {
  if (!accepts()) return;
  end_.take(stream_end_event::asks);
  schedule();
}

void stream::core::silence() {
  life_.take(stream_life_event::closes);
  handler_ = nullptr;
  place_.settle();
  if (slot_.counted() != nullptr) slot_.counted()->on_dismissal({}); // copies may outlive this
  slot_ = {};
  if (tls_) tls_->leave_pacer();
  timeout_.close();
  before_wait_.close();
  after_wait_.close();
}

void stream::core::close() {
  if (!bottom_) return;
  silence();
  bottom_.release()->close(std::unique_ptr<carrier::user>(this));
}

void stream::core::outlive(std::chrono::milliseconds patience) {
  handler_ = nullptr;
  if (tls_) tls_->leave_pacer(); // the pacer may be destroyed before the loop ends
  const bool connects_to_tls = tls_ && life_.is(stream_life_state::opening);
  life_.take(stream_life_event::owner_left);
  if (end_.now() == stream_end_state::done) life_.take(stream_life_event::sent_all);
  if (connects_to_tls || cannot_write() || life_.is(stream_life_state::closed)) return close();
  timeout_ = deadline(loop_, [this] { give_up(); });
  timeout_.start(patience);
  drop_what_comes();
  if (life_.is(stream_life_state::closed)) return;
  if (life_.is(stream_life_state::lingering)) return begin_to_linger();
  end();
}

void stream::core::reset() {
  const struct linger at_once { .l_onoff = 1, .l_linger = 0 };
  setsockopt(descriptor(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

// A peer that has read its part of the bytes must not take the part for all.
void stream::core::give_up() {
  bytes_queued() > 0 ? reset() : close();
}

// Dropped bytes are not decrypted.
void stream::core::drop_what_comes() {
  if (!life_.drops() || reading_.has_ended()) return;
  bottom_->set_user(*this);
  if (!bottom_->drop()) close();
}

void stream::core::dropped(std::size_t bytes) {
  dropped_ += bytes;
  if (dropped_ > most_dropped) bottom_->stop_reading();
  if (life_.is(stream_life_state::lingering)) linger();
}

void stream::core::dropped_all(bool whole) {
  reading_.take(stream_reading_event::ends);
  bottom_->stop_reading();
  if (!whole || life_.is(stream_life_state::lingering)) close();
}

// Lingering does not keep the loop running.
void stream::core::begin_to_linger() {
  lingers_until_ = uv_now(loop_) + static_cast<std::uint64_t>(longest_linger.count());
  bottom_->unref();
  timeout_.unref();
  linger();
}

// Called again whenever something arrives.
void stream::core::linger() {
  const std::uint64_t now = uv_now(loop_);
  if (reading_.has_ended() || dropped_ > most_dropped || now >= lingers_until_) return close();
  const auto left = std::chrono::milliseconds(lingers_until_ - now);
  timeout_.start(std::min(linger_silence, left));
}

void stream::core::fail_later(base::error why) {
  if (life_.is_over()) return;
  pending_failure_ = std::make_unique<base::error>(std::move(why));
  schedule();
  turn_.take(stream_turn_event::fails);
}

void stream::core::fail(base::error why, stream_life_event how) {
  if (!life_.take(how)) return;
  if (life_.is(stream_life_state::closed)) return close();
  turn_.take(stream_turn_event::failed);
  adjust_reading();
  if (tls_) tls_->leave_pacer();
  timeout_.close();
  if (handler_ != nullptr) handler_->on_closed(std::move(why));
}

// Not at once, because the caller may be in the middle of this stream's own functions.
void stream::core::dismissed() {
  if (life_.is_alone()) return close();
  fail_later({base::errc::limit, "it made room for others, having been silent the longest"});
}

// Checks again on the stream's own thread. That thread may have been busy, and what the peer sent meanwhile
// waits in the kernel, or was just read.
void stream::core::make_room() {
  if (slot_.counted() == nullptr) return;
  const std::uint64_t now = uv_now(loop_);
  const bool speaks = !life_.is_alone() && bottom_->has_unread();
  if (!speaks && slot_.counted()->is_quiet(now)) return dismissed();
  slot_.counted()->stay(now);
  static_cast<void>(may_make_room());
}

void stream::core::note_traffic() {
  if (slot_.counted() != nullptr) slot_.counted()->note_traffic(uv_now(loop_));
}

} // namespace coppice::net
