// SPDX-License-Identifier: MIT
// The subscriptions of a stage under test, and which of its consumers gets which event: GenStage's
// dispatchers, as in a node. Header-only. In the test's thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coppice/testing/order.hpp>
#include <coppice/testing/value.hpp>

namespace coppice::testing::detail {

/// The value of a keyword list's key. Empty: it is missing.
inline std::optional<value> option_of(const value& list, std::string_view key) {
  etf::cursor at(list.bytes());
  std::uint32_t length = 0;
  if (!at.read_list(length)) return std::nullopt;
  for (; length != 0; --length) {
    etf::bytes each;
    etf::bytes found;
    if (!at.read_term(each)) return std::nullopt;
    etf::cursor inside(each);
    if (inside.read_tuple_of(2) && inside.read_atom_is(key) && inside.read_term(found))
      return value::of(found);
  }
  return std::nullopt;
}
inline bool is_keyword_list(const value& list) {
  etf::cursor at(list.bytes());
  std::uint32_t length = 0;
  if (!at.read_list(length)) return false;
  for (std::uint32_t left = length; left != 0; --left) {
    std::string_view key;
    if (!at.read_tuple_of(2) || !at.read_atom(key) || !at.skip()) return false;
  }
  return length == 0 || at.read_nil();
}

/// One subscription; the test is its other side.
struct staged_link {
  bool of_consumer = true; ///< the other side is a consumer
  value to;                ///< destination that the actor has subscribed to
  value tag, party;        ///< {Pid, Tag} as in callbacks
  value options;
  bool open = true;
  value cancelled; ///< why the actor ended it, or confirmed its end; none: it has not

  // Of a consumer:
  std::deque<value> events;      ///< arrived and not taken
  std::uint64_t asked = 0;       ///< in all
  std::uint64_t received = 0;    ///< in all
  std::uint64_t demand = 0;      ///< as its dispatcher counts
  std::uint64_t partition = 0;   ///< number of its partition
  std::deque<value> backed_up{}; ///< events of its partition that it has not asked for

  // Of a producer:
  std::vector<std::uint64_t> asks; ///< in order
  std::string cancel = "permanent";
  std::uint64_t max = 1000, min = 500;
  std::uint64_t pending = 0; ///< asked for by the host, not arrived
  std::uint64_t due = 0;     ///< asked for in any way, not arrived
  std::uint64_t excess = 0;  ///< arrived beyond the demand, minus what has arrived within it since
  bool manual = false;
};
using shared_link = std::shared_ptr<staged_link>;

/// Chooses the consumers. Returned counts are the demand to ask of the producers.
class staged_dispatcher {
 public:
  staged_dispatcher() = default;
  staged_dispatcher(const staged_dispatcher&) = delete;
  staged_dispatcher& operator=(const staged_dispatcher&) = delete;
  virtual ~staged_dispatcher() = default;

  /// Why the subscription is refused. Empty: accepted.
  virtual std::optional<std::string> subscribe(const shared_link& one) {
    links_.push_back(one);
    return std::nullopt;
  }
  virtual std::uint64_t ask(const shared_link& one, std::uint64_t count) = 0;
  virtual std::uint64_t cancel(const shared_link& one) = 0;
  /// How many events it takes now.
  virtual std::uint64_t room() const = 0;
  /// Takes at most room() events; with partitions, all of them for partition `partition`. False: there is no
  /// such partition.
  virtual bool dispatch(std::deque<value> events, std::uint64_t partition) = 0;
  /// The number of partitions. Empty: it has no partitions. 0: any number.
  virtual std::optional<std::uint64_t> partitions() const { return std::nullopt; }
  virtual std::uint64_t queued() const { return 0; }

 protected:
  static void deliver(staged_link& to, value event) {
    to.events.push_back(std::move(event));
    ++to.received;
  }
  std::vector<shared_link> links_;
};

/// To the consumer with the largest demand.
class by_demand final : public staged_dispatcher {
 public:
  std::uint64_t ask(const shared_link& one, std::uint64_t count) override {
    std::erase(links_, one);
    one->demand += count;
    put(one);
    const std::uint64_t owed = std::min(credit_, count);
    credit_ -= owed;
    return count - owed;
  }
  std::uint64_t cancel(const shared_link& one) override {
    credit_ += one->demand;
    std::erase(links_, one);
    return 0;
  }
  std::uint64_t room() const override {
    std::uint64_t all = 0;
    for (const auto& each : links_) all += each->demand;
    return all;
  }
  bool dispatch(std::deque<value> events, std::uint64_t) override {
    while (!events.empty()) {
      const shared_link first = links_.front();
      links_.erase(links_.begin());
      for (; first->demand != 0 && !events.empty(); --first->demand) {
        deliver(*first, std::move(events.front()));
        events.pop_front();
      }
      put(first);
    }
    return true;
  }

 private:
  // Inserts it before the first consumer that has a smaller demand.
  void put(const shared_link& one) {
    const auto less = [&one](const shared_link& other) { return one->demand > other->demand; };
    links_.insert(std::ranges::find_if(links_, less), one);
  }
  std::uint64_t credit_ = 0; // demand of consumers that have left, already asked of the producers
};

/// To all consumers, as fast as the slowest.
class to_all final : public staged_dispatcher {
 public:
  std::optional<std::string> subscribe(const shared_link& one) override {
    for (const auto& each : links_) each->demand += common_;
    common_ = 0;
    return staged_dispatcher::subscribe(one);
  }
  std::uint64_t ask(const shared_link& one, std::uint64_t count) override {
    one->demand += count;
    return synchronise();
  }
  std::uint64_t cancel(const shared_link& one) override {
    std::erase(links_, one);
    if (links_.empty()) common_ = 0;
    return synchronise();
  }
  std::uint64_t room() const override { return common_; }
  bool dispatch(std::deque<value> events, std::uint64_t) override {
    common_ -= events.size();
    requested_ -= std::min<std::uint64_t>(requested_, events.size());
    for (const value& event : events)
      for (const auto& each : links_) deliver(*each, event);
    return true;
  }

 private:
  std::uint64_t synchronise() {
    if (links_.empty()) return 0;
    std::uint64_t least = UINT64_MAX;
    for (const auto& each : links_) least = std::min(least, each->demand);
    for (const auto& each : links_) each->demand -= least;
    common_ += least;
    const std::uint64_t request = common_ - std::min(common_, requested_);
    requested_ += request;
    return request;
  }
  std::uint64_t common_ = 0;    // asked for by all
  std::uint64_t requested_ = 0; // part of it that was asked of the producers
};

/// To the consumer of the event's partition.
class by_partition final : public staged_dispatcher {
 public:
  /// Without names partitions are numbers, which consumers give when they subscribe.
  explicit by_partition(std::vector<value> names) : names_(std::move(names)) {}

  std::optional<std::string> subscribe(const shared_link& one) override {
    const auto wanted = option_of(one->options, "partition");
    if (!wanted) return "it has to name its partition";
    const auto name = std::ranges::find(names_, *wanted);
    if (names_.empty()) {
      if (!etf::cursor(wanted->bytes()).read_unsigned(one->partition))
        return "its partition has to be a number";
    } else if (name == names_.end()) {
      return "there is no such partition";
    } else {
      one->partition = static_cast<std::uint64_t>(name - names_.begin());
    }
    if (of(one->partition)) return "the partition has a consumer already";
    return staged_dispatcher::subscribe(one);
  }
  std::uint64_t ask(const shared_link& one, std::uint64_t count) override {
    std::uint64_t left = count;
    for (; left != 0 && !one->backed_up.empty(); --left) {
      deliver(*one, std::move(one->backed_up.front()));
      one->backed_up.pop_front();
    }
    one->demand += left;
    const std::uint64_t owed = std::min(credit_, count);
    credit_ -= owed;
    open_ += count - owed;
    return count - owed;
  }
  std::uint64_t cancel(const shared_link& one) override {
    std::erase(links_, one);
    credit_ += one->demand;
    const std::uint64_t lost = one->backed_up.size();
    one->backed_up.clear();
    open_ += lost;
    return lost;
  }
  std::uint64_t room() const override { return open_; }
  bool dispatch(std::deque<value> events, std::uint64_t partition) override {
    const shared_link to = of(partition);
    if (!to) return false; // the demand stays
    open_ -= events.size();
    for (value& event : events) {
      if (to->demand == 0) {
        to->backed_up.push_back(std::move(event));
      } else {
        --to->demand;
        deliver(*to, std::move(event));
      }
    }
    return true;
  }
  std::optional<std::uint64_t> partitions() const override { return names_.size(); }
  std::uint64_t queued() const override {
    std::uint64_t all = 0;
    for (const auto& each : links_) all += each->backed_up.size();
    return all;
  }

 private:
  shared_link of(std::uint64_t partition) const {
    const auto found = std::ranges::find(links_, partition, [](const auto& one) { return one->partition; });
    return found == links_.end() ? nullptr : *found;
  }
  std::vector<value> names_;
  std::uint64_t open_ = 0;   // asked of the producers, not arrived
  std::uint64_t credit_ = 0; // demand of consumers that have left, already asked of the producers
};

} // namespace coppice::testing::detail
