// SPDX-License-Identifier: MIT
// The thread that reloads plugins: one reload at a time, asked for or because a file in a watched folder was
// replaced; between reloads it gives back code of former generations as soon as nothing needs it.
#pragma once

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
#include "node/reload.hpp"

namespace coppice::node {

class reloader {
 public:
  using told = std::function<void(base::result<reload_report>)>;

  // Runs a reload under the node's change_lock, on this thread, and returns what came of it; errc::exists:
  // another change is under way.
  using outcome = base::result<reload_report>;
  using bracket = std::function<outcome(const std::function<outcome()>& run)>;

  // A file that appears in a folder of `watched` and then stays as it is for a moment is reloaded.
  static base::result<std::unique_ptr<reloader>> start(reload_ground ground,
                                                       const std::vector<std::string>& watched,
                                                       bracket within);
  ~reloader() { stop(); }
  reloader(const reloader&) = delete;
  reloader& operator=(const reloader&) = delete;

  // `done` is called once: on this thread when it is over, at once with errc::exists while another one is
  // under way. Any thread.
  void ask(reload_request what, told done);
  // Ends a reload under way, after which the old generation goes on, and the thread; asked again it says
  // errc::closed. One thread.
  void stop();

 private:
  struct job {
    reload_request what;
    told done;
  };
  reloader(reload_ground ground, bracket within);
  base::status open(const std::vector<std::string>& watched);
  void work();
  void file_changed(std::string_view name);
  void collect();
  void collect_later(bool soon);

  const reload_ground ground_;
  const bracket within_;
  std::stop_source quit_;
  std::mutex lock_; // of the next two
  std::optional<job> job_;
  bool taken_ = false;                 // a job waits or runs
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
