// SPDX-License-Identifier: MIT
// See watched_files.hpp. A written file counts when it is closed, not with each write, and a file that was
// renamed into its place counts as well: many editors save in that way. A new folder is watched before it is
// read, so a file that is made in between is told by one of the two.
#include "cli/watched_files.hpp"

#include <fmt/format.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace coppice::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::milliseconds quiet_time{100};
constexpr std::size_t most_folders = 4096;
constexpr unsigned interest =
    IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR;

// A link that appears is never written to. Other new files are told when they are closed.
bool is_new_link(const std::string& file) {
  struct stat found {};
  return lstat(file.c_str(), &found) == 0 && (S_ISLNK(found.st_mode) || found.st_nlink > 1);
}

} // namespace

bool is_of_editor(std::string_view name) {
  const auto ends = [name](std::string_view with) { return name.ends_with(with); };
  return name.starts_with('.') || ends("~") || ends(".swp") || ends(".tmp") || ends("___") ||
         name == "4913" || (name.starts_with('#') && ends("#"));
}

watched_files::watched_files(const base::uv::loop& on, std::string root,
                             std::function<bool(const std::string&)> wanted,
                             std::function<void(const changed_paths&)> changed)
    : root_(std::move(root)),
      wanted_(std::move(wanted)),
      changed_(std::move(changed)),
      inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
      settled_(on, [this] { changed_(std::exchange(noted_, {})); }) {}

base::result<std::unique_ptr<watched_files>> watched_files::make(
    const base::uv::loop& on, std::string root, std::function<bool(const std::string&)> wanted,
    std::function<void(const changed_paths&)> changed) {
  std::unique_ptr<watched_files> made(
      new watched_files(on, std::move(root), std::move(wanted), std::move(changed)));
  if (!made->inotify_) return base::fail_errno("watch files", errno);
  if (auto added = made->add_folder("", false); !added) return unexpected(added.error());
  auto poll = base::uv::poll::make(on.raw(), made->inotify_.get(),
                                   [self = made.get()](int, int) { self->read_events(); });
  if (!poll) return unexpected(poll.error());
  made->events_ = std::move(*poll);
  if (auto started = made->events_.start(UV_READABLE); !started) return unexpected(started.error());
  return made;
}

std::string watched_files::on_disk(const std::string& path) const {
  return path.empty() ? root_ : root_ + "/" + path;
}

base::status watched_files::add_folder(const std::string& path, bool tell) {
  if (folders_.size() >= most_folders)
    return base::fail(base::errc::limit, fmt::format("more than {} folders below {}", most_folders, root_));
  const int watch = inotify_add_watch(inotify_.get(), on_disk(path).c_str(), interest);
  if (watch < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return {}; // it has gone
    if (errno == ENOSPC)
      return base::fail(base::errc::limit,
                        "the system allows no more watches: sysctl fs.inotify.max_user_watches raises that");
    return base::fail_errno("watch " + on_disk(path), errno);
  }
  if (!folders_.emplace(watch, path).second) return {}; // the same folder by another way
  std::error_code problem;
  for (fs::directory_iterator at(on_disk(path), problem), end; !problem && at != end; at.increment(problem)) {
    const std::string name = at->path().filename().string();
    if (is_of_editor(name)) continue;
    const std::string inner = path.empty() ? name : path + "/" + name;
    std::error_code unknown;
    if (!fs::is_directory(at->path(), unknown)) {
      if (tell) note(inner);
    } else if (wanted_(inner)) {
      if (auto added = add_folder(inner, tell); !added) return added;
    }
  }
  return {};
}

void watched_files::forget_folder(const std::string& path) {
  std::erase_if(folders_, [&](const auto& one) {
    if (one.second != path && !one.second.starts_with(path + "/")) return false;
    inotify_rm_watch(inotify_.get(), one.first);
    return true;
  });
}

void watched_files::read_events() {
  alignas(inotify_event) std::array<char, 16384> space;
  for (;;) {
    const ssize_t got = read(inotify_.get(), space.data(), space.size());
    if (got <= 0) return;
    for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
      inotify_event event{};
      std::memcpy(&event, space.data() + at, sizeof event);
      const std::string name = event.len == 0 ? "" : std::string(space.data() + at + sizeof event);
      at += sizeof event + event.len;
      handle(event.wd, event.mask, name);
    }
  }
}

void watched_files::handle(int watch, unsigned mask, const std::string& name) {
  if ((mask & IN_Q_OVERFLOW) != 0) { // some changes are not known: everything may have changed
    folders_.clear();
    (void)add_folder("", true);
    return;
  }
  const auto found = folders_.find(watch);
  if (found == folders_.end()) return;
  if ((mask & IN_IGNORED) != 0) {
    folders_.erase(found);
    return;
  }
  if (name.empty() || is_of_editor(name)) return;
  const std::string path = found->second.empty() ? name : found->second + "/" + name;
  const bool appears = (mask & (IN_CREATE | IN_MOVED_TO)) != 0;
  std::error_code unknown;
  const bool folder = (mask & IN_ISDIR) != 0 || (appears && fs::is_directory(on_disk(path), unknown));
  if (!folder) {
    if ((mask & IN_CREATE) == 0 || is_new_link(on_disk(path))) note(path);
    return;
  }
  if (!wanted_(path)) return;
  forget_folder(path);
  // If it cannot be watched, its changes are found when another file changes: no caller waits for the error.
  if (appears) (void)add_folder(path, true);
  if (!appears) note(path);
}

void watched_files::note(const std::string& path) {
  noted_.insert(path);
  settled_.start(quiet_time);
}

} // namespace coppice::cli
