// SPDX-License-Identifier: MIT
// See tool_run.hpp. When the tool has ended, what is left in its pipes is read without waiting: a process
// that it left behind may hold them open.
#include "cli/tool_run.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <utility>

namespace coppice::cli {

void bounded_text::add(std::string_view more) {
  const std::size_t room = most_head - std::min(head_.size(), most_head);
  head_ += more.substr(0, room);
  if (more.size() <= room) return;
  tail_ += more.substr(room);
  if (tail_.size() <= 2 * most_tail) return;
  const std::size_t cut = tail_.size() - most_tail;
  tail_.erase(0, cut);
  left_out_ += cut;
}

std::string bounded_text::whole() const {
  if (left_out_ == 0) return head_ + tail_;
  return fmt::format("{}\n… {} bytes are left out …\n{}", head_, left_out_, tail_);
}

std::string end_text(base::program_end how) {
  if (how.signal == 0) return fmt::format("status {}", how.status);
  return fmt::format("signal {} ({})", how.signal, strsignal(how.signal));
}

std::string find_in_path(const std::string& name) {
  const char* const path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::error_code unknown;
    const auto file = std::filesystem::absolute(folder + "/" + name, unknown);
    if (!unknown && std::filesystem::is_regular_file(file, unknown) && access(file.c_str(), X_OK) == 0)
      return file.string();
  }
  return {};
}

base::result<std::unique_ptr<tool_run>> tool_run::start(const base::uv::loop& on,
                                                        const base::program_options& what,
                                                        std::optional<std::chrono::milliseconds> timeout,
                                                        std::function<void(tool_result)> done) {
  std::unique_ptr<tool_run> made(new tool_run);
  tool_run* const self = made.get();
  made->done_ = std::move(done);
  auto started = base::program::start(on.raw(), what, [self](base::program_end how) { self->ended(how); });
  if (!started) return unexpected(started.error());
  made->program_ = std::move(*started);
  shutdown(made->program_.stream().get(), SHUT_WR); // it has no input
  if (auto reads = made->read_from(on, made->program_.stream(), made->outputs_[0]); !reads)
    return unexpected(reads.error());
  if (auto reads = made->read_from(on, made->program_.errors(), made->outputs_[1]); !reads)
    return unexpected(reads.error());
  if (timeout) {
    made->deadline_ = base::uv::timer(on, [self] {
      self->timed_out_ = true;
      self->program_.kill();
    });
    made->deadline_.start(*timeout);
  }
  return made;
}

base::status tool_run::read_from(const base::uv::loop& on, base::unique_fd& from, base::uv::poll& by) {
  auto poll =
      base::uv::poll::make(on.raw(), from.get(), [this, &from, &by](int, int) { read_some(from, by); });
  if (!poll) return unexpected(poll.error());
  by = std::move(*poll);
  return by.start(UV_READABLE);
}

void tool_run::read_some(base::unique_fd& from, base::uv::poll& by) {
  if (!by) return;
  std::array<char, 65536> space;
  for (;;) {
    const ssize_t got = read(from.get(), space.data(), space.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return by.close();
    said_.add({space.data(), static_cast<std::size_t>(got)});
  }
}

void tool_run::ended(base::program_end how) {
  read_some(program_.stream(), outputs_[0]);
  read_some(program_.errors(), outputs_[1]);
  for (base::uv::poll& one : outputs_) one.close();
  deadline_.close();
  const auto tell = std::move(done_); // it may destroy this object
  tell({how, timed_out_, said_.whole()});
}

} // namespace coppice::cli
