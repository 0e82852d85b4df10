// SPDX-License-Identifier: MIT
// Reads the options of a stage and of its subscriptions. In the test's thread.
#include <coppice/testing/stage_options.hpp>

#include <deque>
#include <memory>

namespace coppice::testing::detail {

bool read_events(const value& list, std::deque<value>& out) {
  etf::cursor at(list.bytes());
  etf::bytes numbers; // of a list of small integers, which Erlang encodes as a string
  std::uint32_t length = 0;
  out.clear();
  if (at.read_string(numbers)) {
    for (const std::uint8_t each : numbers) out.emplace_back(each);
    return true;
  }
  if (!at.read_list(length)) return false;
  for (std::uint32_t left = length; left != 0; --left) {
    etf::bytes each;
    if (!at.read_term(each)) return false;
    out.push_back(value::of(each));
  }
  return length == 0 || at.read_nil();
}

bool read_subscription(staged_link& one) {
  if (!is_keyword_list(one.options)) return false;
  if (const auto max = option_of(one.options, "max_demand")) {
    if (!etf::cursor(max->bytes()).read_unsigned(one.max) || one.max == 0) return false;
  }
  one.min = one.max / 2;
  if (const auto min = option_of(one.options, "min_demand")) {
    if (!etf::cursor(min->bytes()).read_unsigned(one.min) || one.min >= one.max) return false;
  }
  const auto cancel = option_of(one.options, "cancel");
  std::string_view mode;
  if (!cancel) return true;
  if (!etf::cursor(cancel->bytes()).read_atom(mode)) return false;
  one.cancel = mode;
  return mode == "permanent" || mode == "transient" || mode == "temporary";
}

staged_options::staged_options(std::string_view role) : dispatcher(std::make_unique<by_demand>()) {
  if (role == "producer_consumer") buffer_size = 100'000;
}

bool staged_options::read(std::string_view role, const value& options, bool in_init) {
  etf::cursor at(options.bytes());
  std::uint32_t length = 0;
  if (!is_keyword_list(options) || !at.read_list(length)) return false;
  for (; length != 0; --length) {
    std::string_view key;
    etf::bytes term;
    if (!at.read_tuple_of(2) || !at.read_atom(key) || !at.read_term(term)) return false;
    if (in_init)
      said_.emplace(key);
    else if (said_.contains(key))
      continue;
    if (!read_one(role, key, value::of(term))) return false;
  }
  return true;
}

bool staged_options::read_one(std::string_view role, std::string_view key, const value& how) {
  etf::cursor at(how.bytes());
  std::string_view word;
  std::uint64_t bytes = 0; // tests have enough memory
  if (key == "subscribe_to") return role != "producer" && read_subscriptions(how);
  if (role == "consumer") return false;
  if (key == "dispatcher") return read_dispatcher(how);
  if (key == "buffer_bytes" || key == "backlog_bytes") return at.read_unsigned(bytes) && bytes != 0;
  if (key == "buffer_size") {
    if (!at.read_atom(word)) return at.read_unsigned(buffer_size);
    buffer_size = UINT64_MAX;
    return word == "infinity";
  }
  if (key == "buffer_keep") {
    if (!at.read_atom(word)) return false;
    keeps_first = word == "first";
    return keeps_first || word == "last";
  }
  if (role != "producer") return false;
  if (key == "demand_step") return at.read_unsigned(demand_step) && demand_step != 0;
  if (key != "demand" || !at.read_atom(word)) return false;
  accumulates = word == "accumulate";
  return accumulates || word == "forward";
}

bool staged_options::read_subscriptions(const value& list) {
  std::deque<value> all;
  if (!read_events(list, all)) return false;
  for (const value& each : all) {
    etf::cursor at(each.bytes());
    etf::bytes to;
    etf::bytes options;
    const bool has_options = at.read_tuple_of(2) && at.read_term(to) && at.read_term(options) &&
                             is_keyword_list(value::of(options));
    if (has_options)
      subscribe_to.emplace_back(value::of(to), value::of(options));
    else
      subscribe_to.emplace_back(each, std::vector<value>{});
  }
  return true;
}

bool staged_options::read_dispatcher(const value& how) {
  etf::cursor at(how.bytes());
  std::string_view name;
  value options = std::vector<value>{};
  if (at.read_tuple_of(2)) {
    if (!at.read_atom(name)) return false;
    options = value::of(at.rest());
  } else if (!at.read_atom(name)) {
    return false;
  }
  if (name.starts_with("Elixir.GenStage.")) name.remove_prefix(16);
  if (name == "demand" || name == "DemandDispatcher") {
    dispatcher = std::make_unique<by_demand>();
  } else if (name == "broadcast" || name == "BroadcastDispatcher") {
    dispatcher = std::make_unique<to_all>();
  } else if (name == "callback") {
    dispatcher = std::make_unique<by_partition>(std::vector<value>{});
  } else if (name == "partition" || name == "PartitionDispatcher") {
    return read_partitions(option_of(options, "partitions"));
  } else {
    return false;
  }
  return true;
}

bool staged_options::read_partitions(const std::optional<value>& how) {
  std::deque<value> names;
  std::uint64_t count = 0;
  if (!how) return false;
  if (etf::cursor(how->bytes()).read_unsigned(count)) {
    for (std::uint64_t i = 0; i < count; ++i) names.emplace_back(i);
  } else if (!read_events(*how, names)) {
    return false;
  }
  if (names.empty()) return false;
  dispatcher = std::make_unique<by_partition>(std::vector<value>(names.begin(), names.end()));
  return true;
}

} // namespace coppice::testing::detail
