// SPDX-License-Identifier: MIT
// The node's durable log. Many groups write to it and share its fsyncs. Its thread takes all requests
// submitted so far, writes them together, syncs once, and tells the outcome of each. The consequences of a
// failed write or fsync, the files in the folder and the handling of damage are described in
// daemon/README.md. Any thread may call everything but the destructor.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "durable/engine.hpp"
#include "durable/gathering.hpp"

namespace coppice::durable {

struct log_options {
  options segments;
  // Most bytes of requests that wait for the writer, counted by request_size(). submit() refuses further
  // requests.
  std::size_t longest_queue = std::size_t{64} << 20;
};

class shared_log {
 public:
  // Called on the log's thread, once for each request, in the order of submission. The log waits for it, so
  // it should pass the outcome on and call nothing that blocks. It may call submit(). It must not throw.
  using outcome = std::function<void(base::status)>;

  // As engine::open(). Reads the whole log before it returns.
  static base::result<std::unique_ptr<shared_log>> open(disk& on, const std::string& folder,
                                                        const log_options& with);
  // Writes everything that was submitted, then returns.
  ~shared_log();

  // As engine::group(). Requests of one group are carried out in the order of submit().
  base::result<group_id> group(const std::string& name) { return engine_->group(name); }

  // errc::limit: too many bytes wait, or the request is longer than a quarter of a segment; `done` is not
  // called. After success `done` is called with the request's result of engine::write().
  base::status submit(request what, outcome done);

  // Returns once every request that was submitted before has its outcome. It is never refused. Blocking; not
  // on the log's thread.
  void settle();

  // These return what is on the disk; a request's changes are visible before its outcome is told. For a
  // stopped group value(), values() and term_at() may be stale.
  std::vector<group_report> groups() const { return engine_->groups(); }
  std::optional<group_report> report(group_id group) const { return engine_->report(group); }
  std::optional<std::string> value(group_id group, const std::string& key) const {
    return engine_->value(group, key);
  }
  // All keys of the group with their values, in the order of the keys.
  std::vector<std::pair<std::string, std::string>> values(group_id group) const {
    return engine_->values(group);
  }
  std::optional<std::uint64_t> term_at(group_id group, std::uint64_t index) const {
    return engine_->term_at(group, index);
  }
  // The entries from `from` on that fit in max_bytes, but at least one if there is one. Blocking: reads
  // files.
  base::result<std::vector<entry>> read(group_id group, std::uint64_t from, std::size_t max_bytes) const {
    return engine_->read(group, from, max_bytes);
  }
  log_report report() const { return engine_->report(); }
  std::vector<damage> damages() const { return engine_->damages(); }

 private:
  struct waiting {
    request what;
    outcome done;
    std::size_t size = 0;
  };

  shared_log(std::unique_ptr<engine> over, const log_options& with)
      : engine_(std::move(over)), options_(with) {}
  void write_all();
  // Empty: the log is ending, and no request waits.
  std::vector<waiting> take();
  std::size_t waiting_now(); // requests

  std::unique_ptr<engine> engine_;
  const log_options options_;
  std::mutex mutex_; // guards the members below
  std::condition_variable more_;
  std::vector<waiting> queue_;
  std::size_t queued_ = 0;
  bool ends_ = false;
  gathering gathering_; // used by the log's thread only
  std::thread writer_;
};

} // namespace coppice::durable
