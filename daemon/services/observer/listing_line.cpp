// SPDX-License-Identifier: MIT
// A free place goes to the process that has waited longest, by a message to the alias that it waits for. A
// process that gives up waiting leaves the line, or passes on the place that it was given meanwhile.
#include "services/observer/listing_line.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <utility>

#include "runtime/system.hpp"

namespace coppice::services {
namespace {

using asker = std::pair<runtime::system*, std::uint32_t>; // with the index of the node's name

class listing_lines {
 public:
  // False: it is in the line and will get a message when it is its turn.
  bool enter(const asker& of, const runtime::reference& turn) {
    const std::lock_guard guard(lock_);
    const auto [line, is_free] = lines_.try_emplace(of);
    if (!is_free) line->second.push_back(turn);
    return is_free;
  }
  void leave(const asker& of) {
    runtime::reference next;
    {
      const std::lock_guard guard(lock_);
      const auto line = lines_.find(of);
      if (line->second.empty()) {
        lines_.erase(line);
        return;
      }
      next = line->second.front();
      line->second.pop_front();
    }
    of.first->send(runtime::destination::alias(next), runtime::message::atom("ok"));
  }
  // Removes a process that no longer waits. False: it is not in the line any more, since it was given the
  // place.
  bool withdraw(const asker& of, const runtime::reference& turn) {
    const std::lock_guard guard(lock_);
    const auto line = lines_.find(of);
    return line != lines_.end() && std::erase(line->second, turn) != 0;
  }

 private:
  std::mutex lock_;
  std::map<asker, std::deque<runtime::reference>> lines_; // waiting processes, by asker
};

listing_lines& lines() {
  static listing_lines all;
  return all;
}

} // namespace

listing::listing(runtime::process& self, std::uint32_t asked_by) : host_(self.host()), asked_by_(asked_by) {
  const runtime::reference turn = self.make_ack();
  if (lines().enter({&host_, asked_by_}, turn)) {
    has_place_ = true;
    self.demonitor(turn, true);
    return;
  }
  const runtime::process::awaited told = self.await(turn);
  has_place_ = told.has_value();
  if (!has_place_ && !lines().withdraw({&host_, asked_by_}, turn)) lines().leave({&host_, asked_by_});
}

listing::~listing() {
  if (has_place_) lines().leave({&host_, asked_by_});
}

} // namespace coppice::services
