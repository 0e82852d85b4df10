// SPDX-License-Identifier: MIT
// Reading, gathered writing and the ends of a stream; TLS is in stream_tls.cpp. The loop's thread.
#include "net/stream/stream_core.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

namespace coppice::net {
namespace {

constexpr std::size_t first_read = 320; // bytes; small, because an unauthenticated client may be one of many
constexpr std::size_t read_block = 16 * 1024;
constexpr std::size_t gather_at_once = 128;
constexpr std::size_t hand_over_at_once = 256 * 1024; // bytes given at once to a socket that is full
// When our last bytes are with the kernel, until the peer closes: how long the peer may be silent, how long
// it may go on sending in all, and how many bytes of it are dropped.
constexpr std::chrono::milliseconds linger_silence{2000};
constexpr std::chrono::milliseconds longest_linger{10'000};
constexpr std::size_t most_dropped = std::size_t{64} << 20;
constexpr std::size_t drop_block = std::size_t{64} << 10;

} // namespace

void stream::core::attach(uv_stream_t* raw) {
  raw_ = raw;
  before_wait_ = base::uv::idle(raw->loop, [this] { guarded([this] { end_of_turn(); }); });
  after_wait_ = base::uv::check(raw->loop, [this] { guarded([this] { end_of_turn(); }); });
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
  connect_.data = this;
  if (timeout.count() == 0) return;
  timeout_ = deadline(raw_->loop, [this, timeout] {
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
  leave_pacer(); // the pacer may be destroyed before the stream
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
}

void stream::core::resume() {
  reading_.take(stream_reading_event::resumes);
  if (life_.is_over()) return;
  adjust_reading();
  // The session may have bytes that the handler has not seen.
  if (tls_ && life_.is_ready()) schedule();
}

// With TLS, a pause holds back decrypted data; the socket is read as long as there is room for its bytes.
void stream::core::adjust_reading() {
  if (life_.is_alone()) return drop_what_comes();
  const bool pauses = reading_.is_held();
  const bool held = tls_ ? tls_->unused_input() > 0 || (life_.is_ready() && pauses) : pauses;
  const bool wanted = life_.reads() && !held && !reading_.has_ended();
  if (wanted == reading_.is_running()) return;
  reading_.take(wanted ? stream_reading_event::begins : stream_reading_event::stops);
  if (!wanted) {
    uv_read_stop(raw_);
    return;
  }
  const int code =
      uv_read_start(raw_, &core::ask_for_space, [](uv_stream_t* from, ssize_t count, const uv_buf_t* into) {
        core& self = *socket::payload_of(from);
        self.guarded([&] { self.took(count, into); });
      });
  if (code != 0) fail_later(base::fail_uv("read", code).error());
}

std::span<std::uint8_t> stream::core::handler_space() {
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

// If this throws, no space is given, and took() gets UV_ENOBUFS.
void stream::core::ask_for_space(uv_handle_t* handle, std::size_t, uv_buf_t* into) {
  core& self = *socket::payload_of(handle);
  *into = uv_buf_init(nullptr, 0);
  self.guarded([&] { self.give_space(into); });
}

// Allows one read in a turn of the loop. libuv would read up to 32 times, and the receivers would fall
// behind. It stops when it is given no space, and asks again in the next turn.
void stream::core::give_space(uv_buf_t* into) {
  if (reading_.take(stream_reading_event::asked)) {
    *into = uv_buf_init(nullptr, 0);
    return;
  }
  const auto space = tls_ ? sealed_space() : handler_space();
  into->base = reinterpret_cast<char*>(space.data());
  into->len = space.size();
}

void stream::core::took(ssize_t count, const uv_buf_t* into) {
  if (count == UV_ENOBUFS && into->base == nullptr) return; // it was given no space
  if (life_.is_over() || count == 0 || handler_ == nullptr) return;
  if (count < 0) return took_end(base::fail_uv("read", static_cast<int>(count)).error(), count == UV_EOF);
  bytes_read_ += static_cast<std::uint64_t>(count);
  note_traffic();
  const base::bytes_span bytes{reinterpret_cast<const std::uint8_t*>(into->base),
                               static_cast<std::size_t>(count)};
  const bool more = bytes.size() == into->len;
  if (tls_) {
    took_sealed(bytes);
  } else {
    handler_->on_data(bytes);
  }
  if (!more || life_.is_over()) return;
  expect_much();
  reading_.take(stream_reading_event::filled);
}

void stream::core::took_end(base::error why, bool at_end) {
  const bool cut = tls_ && !reading_.has_ended();
  reading_.take(stream_reading_event::ends);
  adjust_reading();
  if (why.code == base::errc::closed && !cut && tls_) return; // the end was reported with its close_notify
  if (cut && !life_.is_ready()) return fail(tls_->cut_short());
  if (const auto broken = std::move(broken_)) return fail(*broken);
  if (at_end && !cut && (handler_->on_end() || life_.is_over())) return;
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

// With TLS a write under way is of encrypted bytes, which are not in queue_.
std::span<std::uint8_t> stream::core::write_ahead(std::size_t size) {
  if (!accepts()) return {};
  const bool in_flight = writing_.now() == stream_writing_state::under_way && !tls_;
  const auto room = queue_.insert_in_place(size, in_flight ? in_flight_ : 0);
  wrote();
  return room;
}

// A failure is left to write(), which reports it.
std::size_t stream::core::send_file(int file, std::uint64_t offset, std::size_t most) {
  uv_os_fd_t to = -1;
  if (!accepts() || tls_ || !life_.is_ready() || writing_.now() != stream_writing_state::idle ||
      turn_.now() == stream_turn_state::failing || uv_fileno(reinterpret_cast<uv_handle_t*>(raw_), &to) != 0)
    return 0;
  if (!queue_.empty() && !write_first_part(to)) return 0;
  auto from = static_cast<off_t>(offset);
  const ssize_t sent = ::sendfile(to, file, &from, most);
  if (sent <= 0) return 0;
  bytes_written_ += static_cast<std::uint64_t>(sent);
  note_traffic();
  return static_cast<std::size_t>(sent);
}

// Writes all that is queued, marked as the beginning of something longer (MSG_MORE), so that a head does not
// wake its reader alone. False: not all could be written.
bool stream::core::write_first_part(int to) {
  std::array<uv_buf_t, gather_at_once> parts;
  std::array<iovec, gather_at_once> pieces;
  const std::size_t count = queue_.gather(parts);
  std::ranges::transform(parts.begin(), parts.begin() + count, pieces.begin(), [](const uv_buf_t& one) {
    return iovec{one.base, one.len};
  });
  msghdr whole{};
  whole.msg_iov = pieces.data();
  whole.msg_iovlen = count;
  const ssize_t sent = ::sendmsg(to, &whole, MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent > 0) advance(static_cast<std::size_t>(sent));
  return queue_.empty();
}

void stream::core::flush() {
  if (auto done = try_flush(); !done) fail_later(std::move(done.error()));
}

void stream::core::wrote() {
  if (bytes_queued() > low_mark_) mark_.take(stream_mark_event::rises);
  schedule();
}

// Runs before and after the loop waits: what a turn's callbacks wrote leaves at the end of the turn, and what
// was written outside the loop leaves before it waits. The idle handle also keeps the loop from waiting when
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
  if (tls_ && life_.is_ready() && !reading_.is_held() && !reading_.has_ended()) deliver_opened();
  if (auto done = try_flush(); !done) return fail(std::move(done.error()));
  if (life_.is_over()) return; // a callback ended it
  if (handler_ != nullptr) handler_->on_flushed();
  tell_drained();
}

base::status stream::core::try_flush() {
  if (!life_.sends() || writing_.now() != stream_writing_state::idle) return {};
  std::array<uv_buf_t, gather_at_once> parts;
  for (;;) {
    if (auto sealed = seal(); !sealed) return sealed;
    if (wire().empty()) break;
    const auto count = static_cast<unsigned>(wire().gather(parts));
    const int code = uv_try_write(raw_, parts.data(), count);
    if (code == UV_EAGAIN) return write_when_possible(std::span(parts.data(), count));
    if (code < 0) return write_failed(code);
    advance(static_cast<std::size_t>(code));
  }
  return all_written();
}

// Writes a part only: libuv reports a write when all of it is done, and the low mark shall be noticed on the
// way.
base::status stream::core::write_when_possible(std::span<uv_buf_t> parts) {
  in_flight_ = 0;
  unsigned count = 0;
  while (count < parts.size() && in_flight_ < hand_over_at_once) {
    uv_buf_t& part = parts[count++];
    part.len = std::min(part.len, hand_over_at_once - in_flight_);
    in_flight_ += part.len;
  }
  write_.data = this;
  const int code = uv_write(&write_, raw_, parts.data(), count, [](uv_write_t* request, int result) {
    core& self = *static_cast<core*>(request->data);
    self.guarded([&] { self.write_finished(result); });
  });
  if (code != 0) return base::fail_uv("write", code);
  writing_.take(stream_writing_event::begins);
  return {};
}

void stream::core::write_finished(int code) {
  writing_.take(stream_writing_event::finishes);
  if (life_.is_over()) return;
  if (code != 0) {
    if (auto waits = write_failed(code); !waits) fail(std::move(waits.error()));
    return;
  }
  advance(in_flight_);
  if (auto done = try_flush(); !done) return fail(std::move(done.error()));
  tell_drained();
}

// A peer that refuses says why before it closes. So the error waits until the peer's last bytes, which the
// kernel has by now, and its end are read, unless nothing reads.
base::status stream::core::write_failed(int code) {
  auto why = base::fail_uv("write", code);
  const bool reads_on = !life_.is_alone() && !reading_.is_held() && !reading_.has_ended();
  if (!reads_on || why.error().code != base::errc::closed) return why;
  writing_.take(stream_writing_event::breaks);
  broken_ = std::make_unique<base::error>(std::move(why).error());
  return {};
}

void stream::core::advance(std::size_t n) {
  bytes_written_ += n;
  note_traffic();
  wire().advance(n);
  if (bytes_queued() <= low_mark_ && mark_.take(stream_mark_event::falls)) schedule();
}

void stream::core::tell_drained() {
  if (life_.is_over() || !mark_.take(stream_mark_event::is_told)) return;
  if (handler_ != nullptr) handler_->on_drained();
}

base::status stream::core::all_written() {
  const bool ends = end_.now() == stream_end_state::asked || end_.now() == stream_end_state::said;
  if (!ends || !queue_.empty() || !life_.is_ready()) return {};
  end_.take(stream_end_event::shuts);
  shutdown_.data = this;
  const int code = uv_shutdown(
      &shutdown_, raw_, [](uv_shutdown_t* request, int) { static_cast<core*>(request->data)->shut_down(); });
  if (code != 0) return base::fail_uv("shut down", code);
  return {};
}

void stream::core::shut_down() {
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
  leave_pacer();
  timeout_.close();
  before_wait_.close();
  after_wait_.close();
}

void stream::core::outlive(socket self, std::chrono::milliseconds patience) {
  handler_ = nullptr;
  leave_pacer(); // the pacer may be destroyed before the loop ends
  self_ = std::move(self);
  const bool connects_to_tls = tls_ && life_.is(stream_life_state::opening);
  life_.take(stream_life_event::owner_left);
  if (end_.now() == stream_end_state::done) life_.take(stream_life_event::sent_all);
  if (connects_to_tls || life_.is(stream_life_state::closed)) return close_self();
  timeout_ = deadline(raw_->loop, [this] { close_self(); });
  timeout_.start(patience);
  drop_what_comes();
  if (life_.is(stream_life_state::closed)) return;
  if (life_.is(stream_life_state::lingering)) return begin_to_linger();
  end();
}

void stream::core::drop_what_comes() {
  if (!life_.drops() || reading_.has_ended()) return;
  uv_read_stop(raw_);
  const int code = uv_read_start(
      raw_,
      [](uv_handle_t*, std::size_t, uv_buf_t* into) {
        thread_local std::array<char, drop_block> space; // never read
        *into = uv_buf_init(space.data(), space.size());
      },
      [](uv_stream_t* from, ssize_t count, const uv_buf_t*) { socket::payload_of(from)->dropped(count); });
  if (code != 0) close_self();
}

void stream::core::dropped(ssize_t count) {
  if (count < 0) {
    reading_.take(stream_reading_event::ends);
    uv_read_stop(raw_);
    if (count != UV_EOF || life_.is(stream_life_state::lingering)) close_self();
    return;
  }
  dropped_ += static_cast<std::size_t>(count);
  if (dropped_ > most_dropped) uv_read_stop(raw_);
  if (life_.is(stream_life_state::lingering)) linger();
}

// Lingering does not keep the loop running.
void stream::core::begin_to_linger() {
  lingers_until_ = uv_now(raw_->loop) + static_cast<std::uint64_t>(longest_linger.count());
  uv_unref(reinterpret_cast<uv_handle_t*>(raw_));
  timeout_.unref();
  linger();
}

// Called again whenever something arrives.
void stream::core::linger() {
  const std::uint64_t now = uv_now(raw_->loop);
  if (reading_.has_ended() || dropped_ > most_dropped || now >= lingers_until_) return close_self();
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
  if (life_.is(stream_life_state::closed)) return close_self();
  turn_.take(stream_turn_event::failed);
  adjust_reading();
  leave_pacer();
  timeout_.close();
  if (handler_ != nullptr) handler_->on_closed(std::move(why));
}

// Not at once, because the caller may be in the middle of this stream's own functions.
void stream::core::dismissed() {
  if (life_.is_alone()) return close_self();
  fail_later({base::errc::limit, "it made room for others, having been silent the longest"});
}

// Checks again on the stream's own thread. That thread may have been busy, and what the peer sent meanwhile
// waits in the kernel, or was just read.
void stream::core::make_room() {
  if (slot_.counted() == nullptr) return;
  uv_os_fd_t fd = -1;
  int unread = 0;
  uv_fileno(reinterpret_cast<uv_handle_t*>(raw_), &fd);
  const bool reads = reading_.is_running() && !life_.is_alone();
  const bool speaks = reads && ::ioctl(fd, FIONREAD, &unread) == 0 && unread > 0;
  const std::uint64_t now = uv_now(raw_->loop);
  if (!speaks && slot_.counted()->is_quiet(now)) return dismissed();
  slot_.counted()->stay(now);
  static_cast<void>(may_make_room());
}

void stream::core::note_traffic() {
  if (slot_.counted() != nullptr) slot_.counted()->note_traffic(uv_now(raw_->loop));
}

void stream::core::close_self() {
  silence();
  self_.close();
}

} // namespace coppice::net
