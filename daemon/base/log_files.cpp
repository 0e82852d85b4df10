// SPDX-License-Identifier: MIT
// Each opening makes a new sink: spdlog's sink throws if it cannot continue, and its state is unknown then.
// Written lines are in a stdio buffer until a flush, so only a flush tells whether a line is in the file. See
// log_files.hpp.
#include "base/log_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <utility>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/rotating_file_sink.h>

#include "base/error.hpp"

namespace coppice::base::log {
namespace {

using spdlog_sink = spdlog::sinks::rotating_file_sink_st;

struct identity {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const identity&) const = default;
};

// False: the last byte is no line feed: half a line was written, perhaps by this node on a full disk.
bool ends_in_a_line(int file, const struct stat& info) {
  char last = '\n';
  if (info.st_size > 0 && pread(file, &last, 1, info.st_size - 1) != 1) return true;
  return last == '\n';
}

// Makes the file if there is none. Throws for a pipe, which could block the writer, and for a folder. True:
// the file ends with half a line.
bool prepare(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
  if (file < 0) {
    if (errno != ENOENT) throw spdlog::spdlog_ex(path, errno);
    return false; // its folder does not exist; the sink makes it
  }
  struct stat info {};
  const bool known = fstat(file, &info) == 0;
  const bool whole = !known || ends_in_a_line(file, info);
  close(file);
  if (known && !S_ISREG(info.st_mode)) throw spdlog::spdlog_ex("it is no regular file");
  return !whole;
}

} // namespace

class log_file {
 public:
  explicit log_file(file_target what) : what_(std::move(what)) {}

  const file_target& target() const { return what_; }
  // Why it takes no lines. Empty: it does.
  const std::string& failing() const { return failing_; }

  void open(std::vector<record>& news) {
    sink_.reset();
    spdlog::file_event_handlers handlers;
    handlers.before_open = [this](const std::string& path) { half_a_line_ = prepare(path); };
    handlers.after_open = [this](const std::string&, std::FILE* file) {
      struct stat info {};
      if (fstat(fileno(file), &info) == 0) is_ = {info.st_dev, info.st_ino};
      if (std::exchange(half_a_line_, false)) std::fputc('\n', file);
    };
    try {
      sink_ = std::make_unique<spdlog_sink>(what_.path, what_.rotate_bytes, what_.keep, false, handlers);
      sink_->set_formatter(
          std::make_unique<spdlog::pattern_formatter>("%v", spdlog::pattern_time_type::utc, "\n"));
    } catch (const std::exception& why) {
      failed(why, news);
    }
  }

  void put(std::string_view line, std::vector<record>& news) {
    ++unsure_;
    if (sink_ == nullptr) return;
    try {
      sink_->log({spdlog::source_loc{}, "", spdlog::level::info, {line.data(), line.size()}});
    } catch (const std::exception& why) {
      failed(why, news);
    }
  }

  void flush(std::vector<record>& news) {
    if (unsure_ == 0) return;
    if (sink_ == nullptr) {
      missing_ += std::exchange(unsure_, 0);
      return;
    }
    try {
      sink_->flush();
    } catch (const std::exception& why) {
      return failed(why, news);
    }
    unsure_ = 0;
    if (std::exchange(failing_, {}).empty()) return;
    say(news, level::notice,
        fmt::format("{} is written again; {} lines are missing in it", what_.path,
                    std::exchange(missing_, 0)));
  }

  void look(std::vector<record>& news) {
    struct stat info {};
    const bool same = stat(what_.path.c_str(), &info) == 0 && identity{info.st_dev, info.st_ino} == is_;
    if (sink_ == nullptr || !same) open(news);
  }

 private:
  void failed(const std::exception& why, std::vector<record>& news) {
    sink_.reset();
    is_ = {};
    missing_ += std::exchange(unsure_, 0);
    if (!std::exchange(failing_, why.what()).empty()) return;
    say(news, level::error,
        fmt::format("{} cannot be written: {}; it is tried again every second, and lines are missing in it",
                    what_.path, why.what()));
  }
  static void say(std::vector<record>& news, level at, std::string text) {
    news.push_back({wall_now(), at, "log", std::move(text), {}});
  }

  const file_target what_;
  std::unique_ptr<spdlog_sink> sink_; // null: it has to be opened again
  identity is_;
  bool half_a_line_ = false;
  std::string failing_; // why it takes no lines, which a log line has said. Empty: it does
  std::uint64_t unsure_ = 0;
  std::uint64_t missing_ = 0;
};

log_files::log_files() = default;
log_files::~log_files() = default;

void log_files::use(const std::vector<file_target>& wanted) {
  std::vector<std::unique_ptr<log_file>> next;
  for (const file_target& one : wanted) {
    const auto there = std::ranges::find_if(
        files_, [&one](const auto& file) { return file != nullptr && file->target() == one; });
    next.push_back(there != files_.end() ? std::move(*there) : nullptr);
  }
  files_.clear(); // before another file opens the same path
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (next[i] != nullptr) continue;
    next[i] = std::make_unique<log_file>(wanted[i]);
    next[i]->open(news_);
  }
  files_ = std::move(next);
  next_look_ = mono_now() + look_period;
  tell_unwritable();
}

void log_files::put(const record& line, format to) {
  std::string text;
  for (const auto& file : files_) {
    if (line.level < file->target().level) continue;
    if (text.empty()) text = to == format::json ? render_json(line) : render_text(line);
    file->put(text, news_);
  }
}

void log_files::flush() {
  for (const auto& file : files_) file->flush(news_);
  tell_unwritable();
}

void log_files::look(nanos now, bool anyway) {
  if (!anyway && now < next_look_) return;
  next_look_ = now + look_period;
  for (const auto& file : files_) file->look(news_);
  tell_unwritable();
}

void log_files::tell_unwritable() {
  const std::scoped_lock held(told_lock_);
  told_.clear();
  for (const auto& file : files_)
    if (!file->failing().empty()) told_.push_back({file->target().path, file->failing()});
}

std::vector<unwritable_file> log_files::unwritable() const {
  const std::scoped_lock held(told_lock_);
  return told_;
}

std::optional<nanos> log_files::next_look() const {
  return files_.empty() ? std::nullopt : std::optional(next_look_);
}

std::vector<record> log_files::take_news() {
  return std::exchange(news_, {});
}

} // namespace coppice::base::log
