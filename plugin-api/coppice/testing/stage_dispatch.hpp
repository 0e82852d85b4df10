// SPDX-License-Identifier: MIT
// The subscriptions of a stage under test, and which of its consumers gets which event: GenStage's
// dispatchers, as in a node. In the test's thread.
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
std::optional<value> option_of(const value& list, std::string_view key);
bool is_keyword_list(const value& list);

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
  virtual std::optional<std::string> subscribe(const shared_link& one);
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
  static void deliver(staged_link& to, value event);
  std::vector<shared_link> links_;
};

/// To the consumer with the largest demand.
class by_demand final : public staged_dispatcher {
 public:
  std::uint64_t ask(const shared_link& one, std::uint64_t count) override;
  std::uint64_t cancel(const shared_link& one) override;
  std::uint64_t room() const override;
  bool dispatch(std::deque<value> events, std::uint64_t) override;

 private:
  // Inserts it before the first consumer that has a smaller demand.
  void put(const shared_link& one);
  std::uint64_t credit_ = 0; // demand of consumers that have left, already asked of the producers
};

/// To all consumers, as fast as the slowest.
class to_all final : public staged_dispatcher {
 public:
  std::optional<std::string> subscribe(const shared_link& one) override;
  std::uint64_t ask(const shared_link& one, std::uint64_t count) override;
  std::uint64_t cancel(const shared_link& one) override;
  std::uint64_t room() const override { return common_; }
  bool dispatch(std::deque<value> events, std::uint64_t) override;

 private:
  std::uint64_t synchronise();
  std::uint64_t common_ = 0;    // asked for by all
  std::uint64_t requested_ = 0; // part of it that was asked of the producers
};

/// To the consumer of the event's partition.
class by_partition final : public staged_dispatcher {
 public:
  /// Without names partitions are numbers, which consumers give when they subscribe.
  explicit by_partition(std::vector<value> names) : names_(std::move(names)) {}

  std::optional<std::string> subscribe(const shared_link& one) override;
  std::uint64_t ask(const shared_link& one, std::uint64_t count) override;
  std::uint64_t cancel(const shared_link& one) override;
  std::uint64_t room() const override { return open_; }
  bool dispatch(std::deque<value> events, std::uint64_t partition) override;
  std::optional<std::uint64_t> partitions() const override { return names_.size(); }
  std::uint64_t queued() const override;

 private:
  shared_link of(std::uint64_t partition) const;
  std::vector<value> names_;
  std::uint64_t open_ = 0;   // asked of the producers, not arrived
  std::uint64_t credit_ = 0; // demand of consumers that have left, already asked of the producers
};

} // namespace coppice::testing::detail
