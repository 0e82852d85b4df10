// SPDX-License-Identifier: MIT
// Events of a stage, as parts of the messages they came in. A list is split by moving two ends, and its bytes
// are copied only when they leave. Invariant: each run is `count` whole terms, one after the other. One
// thread at a time.
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
  // The elements of a proper list in any of its encodings. Empty: it is not a proper list.
  static std::optional<event_list> of(const runtime::message& list);
  static event_list one(runtime::message event);

  std::uint64_t count() const { return count_; }
  bool empty() const { return count_ == 0; }
  // Encoded bytes of its terms, without other memory that they keep alive.
  std::size_t bytes() const { return bytes_; }

  // Removes and returns the first `most` events, or all if there are fewer.
  event_list take(std::uint64_t most);
  // Removes the first `most` events, or all if there are fewer.
  void drop(std::uint64_t most) { static_cast<void>(take(most)); }
  // Appends the events of `more`.
  void append(event_list more);
  // Calls `visit` with the term of each event, in order.
  template <class Visit> // void(runtime::message)
  void each(Visit&& visit) const;

  // The same events, copied if they keep messages alive that are much larger than they are.
  event_list compact() const;
  // The events as one list: the original message if they are all of it, otherwise a copy. Without events: [].
  runtime::message list() const;
  // Writes that list.
  void write(etf::writer& out) const;

 private:
  struct run {
    runtime::message terms; // exactly the terms of the run
    std::uint64_t count = 0;
    runtime::message whole; // the list whose elements the terms are. Empty: unknown
  };
  void add(run more);

  std::vector<run> runs_; // from head_ on
  std::size_t head_ = 0;
  std::uint64_t count_ = 0;
  std::size_t bytes_ = 0;
};

// Cuts the next term off `rest`, which holds whole terms and is not empty.
etf::bytes next_term(etf::bytes& rest);

template <class Visit>
void event_list::each(Visit&& visit) const {
  for (std::size_t i = head_; i < runs_.size(); ++i) {
    etf::bytes rest = runs_[i].terms.bytes();
    while (!rest.empty()) visit(runs_[i].terms.slice(next_term(rest)));
  }
}

} // namespace coppice::behaviours
