// SPDX-License-Identifier: MIT
// The thread that reloads plugins: one reload at a time, asked for or because a file in a watched folder was
// replaced, each when its turn in the node's change_line has come; between reloads it gives back code of
// former generations as soon as nothing needs it.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/folder_watch.hpp"
#include "base/uv.hpp"
#include "node/reload/reload.hpp"
#include "node/shown/change_line.hpp"

namespace coppice::node {

class reloader {
 public:
  using told = std::function<void(base::result<reload_report>)>;

  // Runs a reload whose turn has come, on this thread, and returns what came of it.
  using outcome = base::result<reload_report>;
  using bracket = std::function<outcome(const std::function<outcome()>& run)>;

  // A file that appears in a folder of `watched` and then stays as it is for a moment is reloaded. `line`
  // outlives it.
  static base::result<std::unique_ptr<reloader>> start(reload_ground ground,
                                                       const std::vector<std::string>& watched,
                                                       change_line& line, bracket within);
  ~reloader() { stop(); }
  reloader(const reloader&) = delete;
  reloader& operator=(const reloader&) = delete;

  // `done`, which may be empty, is called once: on this thread when it is over; at once with errc::limit when
  // too many changes wait, and with errc::exists when one of its kind does. A dry run has no place in the
  // line: it waits for the reload that runs, if one does. Any thread.
  void ask(reload_request what, told done);
  // Ends a reload under way, after which the old generation goes on, and the thread; asked again it says
  // errc::closed. One thread.
  void stop();

 private:
  struct job {
    reload_request what;
    told done;
    change_line::place place; // of a dry run none
  };
  reloader(reload_ground ground, change_line& line, bracket within);
  base::status open(const std::vector<std::string>& watched);
  void work();
  std::optional<job> next();
  void run(job one);
  void file_changed(std::string_view name);
  void reload_watched();
  void collect();
  void collect_later(bool soon);

  const reload_ground ground_;
  change_line& line_;
  const bracket within_;
  std::stop_source quit_;
  std::mutex lock_; // of the next two
  std::deque<job> jobs_;
  bool over_ = false;                  // stop() was called
  std::optional<base::uv::loop> loop_; // set by open()
  base::uv::async wake_;
  base::uv::timer settled_;
  base::uv::timer collect_;
  std::chrono::milliseconds patience_{0}; // until the next look at former generations
  std::vector<base::uv::folder_watch> watches_;
  std::thread thread_;
};

// What a reload came to, as a line of the log.
std::string summary(const reload_report& of);
// In a few words: "reload: kv, probe"; "reload: no plugin's file has changed"; "reload refused: …".
std::string brief(const base::result<reload_report>& of);

} // namespace coppice::node
