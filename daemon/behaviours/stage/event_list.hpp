// SPDX-License-Identifier: MIT
// Events of a stage, as parts of the messages they came in: a list of events is cut by moving two ends, and
// its bytes are copied when they leave. Invariant: each run is `count` whole terms one behind the other.
// One thread at a time.
#pragma once

#include <coppice/etf/types.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

class event_list {
 public:
  event_list() = default;
  // The elements of a proper list, however it is written. Nothing: it is none.
  static std::optional<event_list> of(const runtime::message& list);
  static event_list one(runtime::message event);

  std::uint64_t count() const { return count_; }
  bool empty() const { return count_ == 0; }
  // What its terms take as they are written, without what keeps them in memory.
  std::size_t bytes() const { return bytes_; }

  // The first `most`, or as many as there are; they are in this one no more.
  event_list take(std::uint64_t most);
  // The same, of which nobody wants to know.
  void drop(std::uint64_t most) { static_cast<void>(take(most)); }
  // Puts those of `more` behind these.
  void append(event_list more);
  // The term of each, in order.
  template <class Visit> // void(runtime::message)
  void each(Visit&& visit) const;

  // The same events in memory of their own, where these hold on to messages much larger than they are.
  event_list compact() const;
  // As one list: the message it came in where it is all of that, else a copy. [] for none.
  runtime::message list() const;
  // That, where the writer is.
  void write(etf::writer& out) const;

 private:
  struct run {
    runtime::message terms; // exactly these
    std::uint64_t count = 0;
    runtime::message whole; // the list they are the elements of, all of them; none: no such is known
  };
  void add(run more);

  std::vector<run> runs_; // from head_ on
  std::size_t head_ = 0;
  std::uint64_t count_ = 0;
  std::size_t bytes_ = 0;
};

// The next term of `rest`, which is cut off from it. `rest` holds whole terms and is not empty.
etf::bytes next_term(etf::bytes& rest);

template <class Visit>
void event_list::each(Visit&& visit) const {
  for (std::size_t i = head_; i < runs_.size(); ++i) {
    etf::bytes rest = runs_[i].terms.bytes();
    while (!rest.empty()) visit(runs_[i].terms.slice(next_term(rest)));
  }
}

} // namespace coppice::behaviours
