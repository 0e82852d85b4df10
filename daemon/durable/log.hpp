// SPDX-License-Identifier: MIT
// The node's durable log: many groups write to it, and share its fsyncs. A thread of its own takes whatever
// has been submitted meanwhile, writes it at once and syncs once, and tells each request's outcome. What a
// failed write or fsync means, how the folder looks and what damage does is said in daemon/README.md. Any
// thread may call anything but the destructor.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "durable/engine.hpp"

namespace coppice::durable {

struct log_options {
  options segments;
  // Requests that wait for the writer; submit() refuses what would go beyond. Bytes, as request_size()
  // counts.
  std::size_t longest_queue = std::size_t{64} << 20;
};

class shared_log {
 public:
  // Called on the log's thread, once for each request, in the order in which they were submitted. The log
  // waits meanwhile: hand the outcome on, and call nothing that blocks. submit() may be called. It must
  // not throw.
  using outcome = std::function<void(base::status)>;

  // As engine::open(). Reads all that is there before it returns.
  static base::result<std::unique_ptr<shared_log>> open(disk& on, const std::string& folder,
                                                        const log_options& with);
  // Everything submitted is written first.
  ~shared_log();

  // The group of this name, which is made with its first request where it is not there. Requests of one group
  // are carried out in the order of submit().
  base::result<group_id> group(const std::string& name) { return engine_->group(name); }

  // errc::limit: too much waits, or the request is longer than a quarter of a segment; `done` is not called.
  // Otherwise it is, with what engine::write() says.
  base::status submit(request what, outcome done);

  // What is on the disk: a request's changes show before its outcome is told. Of a stopped group value() and
  // term_at() may answer with what is stale.
  std::vector<group_report> groups() const { return engine_->groups(); }
  std::optional<group_report> report(group_id group) const { return engine_->report(group); }
  std::optional<std::string> value(group_id group, const std::string& key) const {
    return engine_->value(group, key);
  }
  std::optional<std::uint64_t> term_at(group_id group, std::uint64_t index) const {
    return engine_->term_at(group, index);
  }
  // Blocking: reads files. At least one entry, if there is one, and as many as fit in max_bytes.
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
  // Empty: the log is to end, and nothing waits.
  std::vector<waiting> take();

  std::unique_ptr<engine> engine_;
  const log_options options_;
  std::mutex mutex_; // over what follows
  std::condition_variable more_;
  std::vector<waiting> queue_;
  std::size_t queued_ = 0;
  bool ends_ = false;
  std::thread writer_;
};

} // namespace coppice::durable
