// SPDX-License-Identifier: MIT
// Reads keyword lists, with an error that names the key and its value.
#include "behaviours/stage/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <memory>

#include "behaviours/stage/broadcast_dispatcher.hpp"
#include "behaviours/stage/demand_dispatcher.hpp"
#include "behaviours/stage/dispatcher.hpp"
#include "behaviours/stage/partition_dispatcher.hpp"

namespace coppice::behaviours {
namespace {

using runtime::message;

constexpr std::uint64_t producer_consumer_buffer = 100'000;
constexpr std::uint64_t most_partitions = 10'000;
constexpr std::size_t most_shown = 100; // characters of a value in an error

base::error wrong(std::string_view key, std::string_view is_to_be, etf::bytes value) {
  return {base::errc::invalid,
          fmt::format("{} is to be {}, not {}", key, is_to_be, etf::print(value, {.most = most_shown}))};
}

// Reads an integer in the range. `unless_said`: the value if the key is missing.
base::result<std::uint64_t> read_number(etf::bytes options, std::string_view key, std::uint64_t least,
                                        std::uint64_t most, std::uint64_t unless_said) {
  const auto found = option_of(options, key);
  if (!found) return unless_said;
  std::uint64_t value = 0;
  if (!etf::cursor(*found).read_unsigned(value) || value < least || value > most)
    return unexpected(wrong(key,
                            most == UINT64_MAX || most == most_demand
                                ? fmt::format("an integer of {} or more", least)
                                : fmt::format("an integer from {} to {}", least, most),
                            *found));
  return value;
}

// Reads one of the enumeration's words.
template <tree::has_words Value>
base::result<Value> read_choice(etf::bytes options, std::string_view key, Value unless_said) {
  const auto found = option_of(options, key);
  if (!found) return unless_said;
  std::string_view name;
  etf::cursor(*found).read_atom(name);
  if (const auto value = tree::value_of<Value>(name)) return *value;
  return unexpected(wrong(key, fmt::format("{}", fmt::join(tree::words<Value>, " or ")), *found));
}

base::result<dispatcher_options> read_partitions(etf::bytes options) {
  dispatcher_options out{.what = dispatcher_options::kind::partition};
  const auto found = option_of(options, "partitions");
  if (!found)
    return base::fail(base::errc::invalid, "a partition dispatcher has to be told of its partitions");
  std::uint64_t count = 0;
  if (etf::cursor(*found).read_unsigned(count)) {
    if (count == 0 || count > most_partitions)
      return unexpected(wrong("partitions", fmt::format("from 1 to {}", most_partitions), *found));
    for (std::uint64_t i = 0; i < count; ++i) {
      runtime::message_writer name;
      name.unsigned_integer(i);
      out.partitions.push_back(name.take());
    }
    return out;
  }
  const auto names = event_list::of(message::copy_of(*found));
  if (!names || names->empty() || names->count() > most_partitions)
    return unexpected(wrong("partitions", "a number, or a list of names", *found));
  names->each([&out](const message& name) { out.partitions.push_back(name.compact(0)); });
  return out;
}

base::result<dispatcher_options> read_dispatcher(etf::bytes value) {
  etf::cursor at(value);
  etf::bytes options{};
  std::string_view name;
  if (at.read_tuple_of(2)) {
    if (!at.read_atom(name) || !is_keyword_list(at.rest())) name = {};
    options = at.rest();
  } else {
    at.read_atom(name);
  }
  if (name.starts_with("Elixir.GenStage.")) name.remove_prefix(16);
  if (name == "DemandDispatcher" || name == "demand") {
    const auto max = read_number(options, "max_demand", 1, most_demand, 0);
    if (!max) return unexpected(max.error());
    return dispatcher_options{.max_demand = *max};
  }
  if (name == "BroadcastDispatcher" || name == "broadcast")
    return dispatcher_options{.what = dispatcher_options::kind::broadcast};
  if (name == "PartitionDispatcher" || name == "partition") return read_partitions(options);
  if (name == "callback") return dispatcher_options{.what = dispatcher_options::kind::callback};
  return unexpected(wrong("dispatcher", "demand, broadcast, {partition, Options} or callback", value));
}

// The options without this key, which is not sent to the producer.
message without_option(etf::bytes options, std::string_view key) {
  std::uint32_t kept = 0;
  runtime::message_writer out(options.size());
  etf::cursor at(options);
  std::uint32_t length = 0;
  at.read_list(length);
  out.list(1); // patched
  for (; length != 0; --length) {
    etf::bytes each;
    at.read_term(each);
    etf::cursor inside(each);
    inside.read_tuple_of(2);
    if (inside.read_atom_is(key)) continue;
    out.raw(each);
    ++kept;
  }
  out.nil();
  if (kept == 0) return message::copy_of(std::array<std::uint8_t, 1>{106});
  out.patch32(1, kept);
  return out.take();
}

// Reads {First, Max}, both in nanoseconds.
bool read_resubscribe(etf::bytes value, wanted_subscription& out) {
  etf::cursor at(value);
  return at.read_tuple_of(2) && at.read_integer(out.first) && at.read_integer(out.max) && out.first > 0 &&
         out.max > 0;
}

base::status read_subscriptions(etf::bytes value, std::vector<wanted_subscription>& out) {
  const auto all = event_list::of(message::copy_of(value));
  if (!all) return unexpected(wrong("subscribe_to", "a list", value));
  base::status trouble;
  all->each([&](const message& one) {
    wanted_subscription wanted;
    etf::cursor at(one.bytes());
    etf::bytes to, options;
    // {To, Options}; anything else names the producer itself.
    if (at.read_tuple_of(2) && at.read_term(to) && at.read_term(options) && is_keyword_list(options)) {
      wanted.to = message::copy_of(to);
      const auto again = option_of(options, "resubscribe");
      if (again && !read_resubscribe(*again, wanted) && trouble)
        trouble = unexpected(wrong("resubscribe", "{First, Max} in nanoseconds", *again));
      wanted.options = again ? without_option(options, "resubscribe") : message::copy_of(options);
      if (const auto right = read_subscription(options); !right && trouble)
        trouble = unexpected(right.error());
    } else {
      static constexpr std::uint8_t nil = 106;
      wanted.to = one.compact(0);
      wanted.options = message::immortal({&nil, 1});
    }
    out.push_back(std::move(wanted));
  });
  return trouble;
}

} // namespace

stage_role role_of(std::string_view behaviour) {
  return behaviour == "producer"            ? stage_role::producer
         : behaviour == "producer_consumer" ? stage_role::producer_consumer
                                            : stage_role::consumer;
}

stage_options default_options(stage_role role) {
  stage_options out;
  if (role == stage_role::producer_consumer) out.buffer.size = producer_consumer_buffer;
  return out;
}

std::optional<etf::bytes> option_of(etf::bytes list, std::string_view key) {
  etf::cursor at(list);
  std::uint32_t length = 0;
  if (!at.read_list(length)) return std::nullopt;
  for (; length != 0; --length) {
    etf::bytes each, value;
    if (!at.read_term(each)) return std::nullopt;
    etf::cursor inside(each);
    if (inside.read_tuple_of(2) && inside.read_atom_is(key) && inside.read_term(value)) return value;
  }
  return std::nullopt;
}

bool is_keyword_list(etf::bytes term) {
  etf::cursor at(term);
  std::uint32_t length = 0;
  if (!at.read_list(length)) return false;
  if (length == 0) return at.at_end();
  for (; length != 0; --length) {
    std::string_view key;
    if (!at.read_tuple_of(2) || !at.read_atom(key) || !at.skip()) return false;
  }
  return at.read_nil();
}

base::result<subscription_options> read_subscription(etf::bytes options) {
  if (!is_keyword_list(options)) return unexpected(wrong("the options", "a keyword list", options));
  subscription_options out;
  const auto max = read_number(options, "max_demand", 1, most_demand, out.max_demand);
  if (!max) return unexpected(max.error());
  const auto min = read_number(options, "min_demand", 0, *max - 1, *max / 2);
  if (!min) return unexpected(min.error());
  const auto cancel = read_choice(options, "cancel", out.cancel);
  if (!cancel) return unexpected(cancel.error());
  return subscription_options{*max, *min, *cancel};
}

base::result<stage_options> read_stage_options(stage_role role, etf::bytes options,
                                               stage_options unless_said) {
  stage_options out = std::move(unless_said);
  if (!is_keyword_list(options)) return unexpected(wrong("the options", "a keyword list", options));
  etf::cursor at(options);
  std::uint32_t length = 0;
  at.read_list(length);
  for (; length != 0; --length) {
    std::string_view key;
    etf::bytes value;
    at.read_tuple_of(2);
    at.read_atom(key);
    at.read_term(value);
    const bool produces = role != stage_role::consumer;
    const bool known = key == "demand"         ? role == stage_role::producer
                       : key == "subscribe_to" ? role != stage_role::producer
                       : key == "demand_step"  ? role == stage_role::producer
                                               : produces && (key == "buffer_size" || key == "buffer_keep" ||
                                                             key == "buffer_bytes" ||
                                                             key == "backlog_bytes" || key == "dispatcher");
    if (!known)
      return base::fail(base::errc::invalid,
                        fmt::format("a stage of this kind has no option {}", etf::print_atom(key)));
    if (key == "dispatcher") {
      auto made = read_dispatcher(value);
      if (!made) return unexpected(made.error());
      out.dispatcher = std::move(*made);
    } else if (key == "subscribe_to") {
      out.subscribe_to.clear();
      if (const auto done = read_subscriptions(value, out.subscribe_to); !done)
        return unexpected(done.error());
    } else if (key == "buffer_size" && etf::cursor(value).read_atom_is("infinity")) {
      out.buffer.size = UINT64_MAX; // bounded by bytes only
    }
  }
  if (out.buffer.size != UINT64_MAX) {
    const auto size = read_number(options, "buffer_size", 0, UINT64_MAX, out.buffer.size);
    if (!size) return unexpected(size.error());
    out.buffer.size = *size;
  }
  const auto bytes = read_number(options, "buffer_bytes", 1, UINT64_MAX, out.buffer.bytes);
  if (!bytes) return unexpected(bytes.error());
  out.buffer.bytes = *bytes;
  const auto backlog = read_number(options, "backlog_bytes", 1, UINT64_MAX, out.backlog_bytes);
  if (!backlog) return unexpected(backlog.error());
  out.backlog_bytes = *backlog;
  const auto step = read_number(options, "demand_step", 1, most_demand, out.demand_step);
  if (!step) return unexpected(step.error());
  out.demand_step = *step;
  const auto keep = read_choice(options, "buffer_keep", out.buffer.keep);
  if (!keep) return unexpected(keep.error());
  out.buffer.keep = *keep;
  const auto demand = read_choice(options, "demand", out.demand);
  if (!demand) return unexpected(demand.error());
  out.demand = *demand;
  return out;
}

std::unique_ptr<dispatcher> make_dispatcher(const dispatcher_options& options, std::uint64_t most_ahead) {
  switch (options.what) {
    case dispatcher_options::kind::broadcast:
      return std::make_unique<broadcast_dispatcher>();
    case dispatcher_options::kind::partition:
    case dispatcher_options::kind::callback:
      return std::make_unique<partition_dispatcher>(options.partitions, most_ahead);
    case dispatcher_options::kind::demand:
      break;
  }
  return std::make_unique<demand_dispatcher>(options.max_demand);
}

} // namespace coppice::behaviours
