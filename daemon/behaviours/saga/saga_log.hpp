// SPDX-License-Identifier: MIT
// The records of a saga on the disk: reads them from the node's durable log, and submits the core's writes.
// Writes are gathered in order. The log gets the first ones in one request, and no other request before it
// has told the end of that one. So no write can be on the disk without the writes before it, even if the log
// refuses some. The writes of a volatile saga go nowhere. Times are of the core's clock. In the process's own
// turn.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "behaviours/journal/journal.hpp"
#include "behaviours/journal/journal_writer.hpp"
#include "runtime/process.hpp"
#include "saga/core.hpp"

namespace coppice::behaviours {

class saga_log {
 public:
  // For a volatile saga until open() is called. `log` null: the node has none. Both outlive the object.
  saga_log(runtime::process& self, journal* log) : self_(self), log_(log) {}

  struct contents {
    std::vector<saga::kept_record> records;
    std::optional<std::string> ended; // why the log takes nothing until the node starts again; else none
  };
  // Reads the records that an earlier process of this name has left. Parks, since writes of that process may
  // still wait for the disk. `shown`: the saga's name for lines of the node's log. errc::unsupported: the
  // node has no log; errc::invalid: the records are damaged; else the log's errors.
  base::result<contents> open(const std::string& name, std::string shown);

  void add(saga::write&& one) { writes_.push_back(std::move(one)); }
  // Submits the first writes, unless some are under way, the log has refused them a moment ago, or there are
  // few and all of them can wait (saga::write::can_wait). An error: the log has ended.
  base::status submit(base::nanos now);
  // Submits a write of a process that ends, whatever is under way, and also if the log refuses that: the
  // write makes sense without it (saga::core::actor_ended). The errors are the log's.
  base::status submit_last(const saga::write& one);
  // For a volatile saga: the number of the last write that was submitted and not yet taken. 0: none.
  std::uint64_t take_submitted() { return std::exchange(submitted_, 0); }
  // The number of the last write on the disk. 0: nothing new; an error: the log has ended. nullopt: the
  // message is no news of the log.
  std::optional<base::result<std::uint64_t>> take_news(const runtime::message& m, base::nanos now);
  // The writes that are not submitted are not needed any more.
  void forget() { writes_.clear(); }

  // The log has refused the last request, and takes it later.
  bool is_refused() const { return refusals_ > 0; }
  // When the refused request is to be submitted again. nullopt: none waits.
  std::optional<base::nanos> submits_again() const {
    return refusals_ > 0 && !under_way_ ? std::optional(submit_at_) : std::nullopt;
  }

 private:
  base::status refused(const base::error& why, base::nanos now);
  std::unique_ptr<journal_writer> make_writer(durable::group_id group) const;

  runtime::process& self_;
  journal* const log_;
  std::string shown_;
  std::unique_ptr<journal_writer> writer_; // null: volatile
  std::uint64_t submitted_ = 0;            // see take_submitted()
  std::deque<saga::write> writes_;         // writes that are not on the disk
  bool under_way_ = false;
  std::uint32_t refusals_ = 0; // in a row, of the first request
  base::nanos submit_at_ = 0;  // not before this
};

} // namespace coppice::behaviours
