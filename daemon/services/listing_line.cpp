// SPDX-License-Identifier: MIT
// A place that becomes free is handed to the process that has waited longest, by a message to the alias that
// it waits for. Whoever gives up waiting takes itself out of the line, or hands on the place that it was
// given meanwhile.
#include "services/listing_line.hpp"

#include <algorithm>
#include <deque>
#include <mutex>

#include "runtime/system.hpp"

namespace coppice::services {
namespace {

struct waiting {
  runtime::system* host;
  runtime::reference turn;
};

class listing_line {
 public:
  // False: it is in the line, and its turn will be told.
  bool enter(const waiting& who) {
    const std::lock_guard guard(lock_);
    if (taken_ < listing::most_at_once) {
      ++taken_;
      return true;
    }
    waiting_.push_back(who);
    return false;
  }
  void leave() {
    waiting next;
    {
      const std::lock_guard guard(lock_);
      if (waiting_.empty()) {
        --taken_;
        return;
      }
      next = waiting_.front();
      waiting_.pop_front();
    }
    next.host->send(runtime::destination::alias(next.turn), runtime::message::atom("ok"));
  }
  // Of one that waits no longer. False: it is not in the line any more, so that the place is its own.
  bool withdraw(const runtime::reference& turn) {
    const std::lock_guard guard(lock_);
    return std::erase_if(waiting_, [&turn](const waiting& one) { return one.turn == turn; }) != 0;
  }

 private:
  std::mutex lock_;
  std::size_t taken_ = 0;
  std::deque<waiting> waiting_;
};

listing_line& line() {
  static listing_line all;
  return all;
}

} // namespace

listing::listing(runtime::process& self) {
  const runtime::reference turn = self.make_ack();
  if (line().enter({&self.host(), turn})) {
    has_place_ = true;
    self.demonitor(turn, true);
    return;
  }
  const runtime::process::awaited told = self.await(turn);
  has_place_ = told.has_value();
  if (!has_place_ && !line().withdraw(turn)) line().leave();
}

listing::~listing() {
  if (has_place_) line().leave();
}

} // namespace coppice::services
