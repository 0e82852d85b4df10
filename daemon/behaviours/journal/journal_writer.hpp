// SPDX-License-Identifier: MIT
// Writes a process's group of the durable log. The log reports outcomes on its own thread. They are gathered
// here, and one notice tells the process that there are some. In the owning process's turn.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "durable/log.hpp"
#include "runtime/process.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours {

class journal_writer {
 public:
  // The process that owns the object, which has to be destroyed before `system` and `log` are.
  journal_writer(durable::shared_log& log, runtime::system& system, const runtime::pid& owner,
                 durable::group_id group);
  // Requests that were written stay submitted. Their outcomes are not reported any more.
  ~journal_writer();
  journal_writer(const journal_writer&) = delete;
  journal_writer& operator=(const journal_writer&) = delete;

  // Submits one request of the group. `number` is larger than that of every earlier one; news names it.
  // Errors are those of shared_log::submit(), and then nothing is told of this request. Once the log has
  // refused a request that was submitted, it refuses every later one of this object: its owner takes another
  // object, and writes what fits what the disk has.
  base::status write(std::vector<durable::change> changes, std::uint64_t number);

  // Whether the message that is being handled says that there is news. No other process can send such a
  // message.
  static bool is_news(const runtime::process& self, const runtime::message& m);

  struct failed_write {
    std::uint64_t number = 0;
    base::error why; // see engine::write()
  };
  struct news {
    // Every request up to this number is on the disk, except the one that `failure` names and later ones. 0:
    // none yet.
    std::uint64_t written = 0;
    // The first request that failed. No later one is carried out. Once it is set it stays.
    std::optional<failed_write> failure;
  };
  // All that is known by now.
  news take();

  durable::group_id group() const { return group_; }

 private:
  struct outcomes; // shared with the log's thread

  durable::shared_log& log_;
  const durable::group_id group_;
  const std::shared_ptr<durable::fence> fence_ = std::make_shared<durable::fence>();
  std::shared_ptr<outcomes> outcomes_;
};

} // namespace coppice::behaviours
