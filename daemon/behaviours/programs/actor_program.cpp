// SPDX-License-Identifier: MIT
// The program's end is waited for on a thread of the pool, and its standard error is read on the loop.
#include "behaviours/programs/actor_program.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/log.hpp"
#include "runtime/messages/exit_reason.hpp"

namespace coppice::behaviours {
namespace {

constexpr std::size_t longest_line = 4096; // bytes; a longer line is split
constexpr int last_reads = 8; // most reads of standard error after the program's end; a pipe holds no more
constexpr std::chrono::milliseconds looks_every{1000};
constexpr std::chrono::milliseconds exits_within{1000};  // after the program has closed its standard output
constexpr std::chrono::milliseconds killed_within{5000}; // after SIGKILL

} // namespace

actor_program::actor_program(uv_loop_t* loop, std::shared_ptr<const program_spec> spec, std::string label,
                             std::function<void()> on_end)
    : spec_(std::move(spec)), label_(std::move(label)), loop_(loop), on_end_(std::move(on_end)) {}

base::result<std::unique_ptr<actor_program>> actor_program::start(uv_loop_t* loop,
                                                                  std::shared_ptr<const program_spec> spec,
                                                                  std::string label, program_totals& totals,
                                                                  std::function<void()> on_end) {
  std::unique_ptr<actor_program> made(
      new actor_program(loop, std::move(spec), std::move(label), std::move(on_end)));
  actor_program& one = *made;
  auto running =
      base::program::start(loop, one.spec_->run, [&one](base::program_end how) { one.note_end(how); });
  if (!running) return unexpected(std::move(running.error()));
  one.running_ = std::move(*running);
  one.pid_ = one.running_.pid();
  one.errors_ = std::move(one.running_.errors());
  auto readable = base::uv::poll::make(loop, one.errors_.get(), [&one](int, int) { one.read_errors(); });
  if (!readable) return unexpected(std::move(readable.error()));
  one.errors_readable_ = std::move(*readable);
  if (auto begun = one.errors_readable_.start(UV_READABLE); !begun)
    return unexpected(std::move(begun.error()));
  one.totals_ = &totals;
  totals.count_start();
  return made;
}

actor_program::~actor_program() {
  if (totals_ != nullptr && !ended_) totals_->count_left();
}

net::accepted_socket actor_program::take_stream() {
  net::accepted_socket out;
  out.fd = std::move(running_.stream());
  out.is_tcp = false;
  return out;
}

void actor_program::note_end(base::program_end how) {
  ended_ = how;
  totals_->count_end(how);
  for (int i = 0; errors_ && i < last_reads; ++i) read_errors();
  if (!line_.empty()) tell_line(std::exchange(line_, {}));
  {
    const std::lock_guard hold(latch_->lock);
    latch_->open = true;
  }
  latch_->changed.notify_all();
  on_end_();
}

std::string actor_program::how_it_ended() const {
  if (!ended_) return "it runs";
  if (ended_->signal == 0) return fmt::format("it exited with {}", ended_->status);
  return fmt::format("signal {} ended it ({})", ended_->signal, ::strsignal(ended_->signal));
}

runtime::message actor_program::reason() const {
  if (!ended_ || (ended_->signal == 0 && ended_->status == 0)) return runtime::reasons::normal();
  runtime::message_writer out;
  out.tuple(2);
  out.atom(ended_->signal == 0 ? "exit_status" : "exit_signal");
  out.unsigned_integer(static_cast<std::uint64_t>(ended_->signal == 0 ? ended_->status : ended_->signal));
  return out.take();
}

// Waits on a thread of the pool, so that the worker is free.
bool actor_program::wait(runtime::process& self) {
  if (ended_) return true;
  const auto patience = spec_->run.kill_after + killed_within;
  const auto waited = self.blocking_run([all = latch_, patience] {
    std::unique_lock hold(all->lock);
    all->changed.wait_for(hold, patience, [&all] { return all->open; });
  });
  const std::lock_guard hold(latch_->lock);
  return waited && latch_->open;
}

void actor_program::expect_end() {
  if (ended_ || look_) return;
  look_ = base::uv::timer(loop_, [this] { running_.end(); });
  look_.start(exits_within);
}

void actor_program::watch(std::function<void()> look) {
  look_ = base::uv::timer(loop_, std::move(look));
  look_.start(looks_every, looks_every);
}

// Standard error -------------------------------------------------------------------------------------------

void actor_program::tell_line(std::string_view line) const {
  if (spec_->logs_errors && !line.empty()) base::log::info("port", "{} [{}]: {}", label_, pid_, line);
}

// Reads one buffer only, so that other callbacks of the loop get the thread as well.
void actor_program::read_errors() {
  if (!errors_) return;
  std::array<char, std::size_t{16} << 10> space{};
  const ssize_t got = ::read(errors_.get(), space.data(), space.size());
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    errors_readable_.close();
    errors_.reset();
    return;
  }
  std::string_view rest(space.data(), static_cast<std::size_t>(got));
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, longest_line - line_.size());
    const std::size_t end = part.find('\n');
    line_ += part.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? part.size() : end + 1);
    if (end != std::string_view::npos || line_.size() == longest_line) tell_line(std::exchange(line_, {}));
  }
}

} // namespace coppice::behaviours
