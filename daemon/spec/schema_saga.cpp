// SPDX-License-Identifier: MIT
// See schema_saga.hpp.
#include "spec/schema_saga.hpp"

#include <algorithm>

#include "spec/args_term.hpp"
#include "spec/names.hpp"
#include "spec/scalar.hpp"
#include "spec/schema_scalars.hpp"

namespace coppice::spec {
namespace {

constexpr std::uint64_t most_value = std::uint64_t{1} << 20; // a record fits into one write of the log

// What is left of a pattern without * and ? is a part of a node's name.
std::string check_pattern(std::string_view pattern) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-@.:*?").find(c) != std::string_view::npos;
  };
  if (!pattern.empty() && pattern.size() <= 255 && std::ranges::all_of(pattern, fits)) return {};
  return "must be a node's name with * and ? as placeholders, at most 255 bytes";
}

const table<saga_retry>& retry_table() {
  static const auto rows =
      table<saga_retry>()
          .add<&saga_retry::first>("first", duration(milliseconds(1)),
                                   "until a step that failed, or a participant that is busy, is tried again; "
                                   "each further time is twice as long")
          .add<&saga_retry::max>("max", duration(milliseconds(1)), "the longest of these times")
          .check([](reader& from, const node& at, saga_retry& retry) {
            if (retry.max < retry.first)
              from.error(at,
                         from.path + ".max: must not be shorter than first, " + print_duration(retry.first));
          });
  return rows;
}

const table<saga_answers>& answers_table() {
  static const auto rows =
      table<saga_answers>()
          .add<&saga_answers::keep>("keep", duration(milliseconds(1)),
                                    "how long outcomes, and the keys of steps that are over, are known")
          .add<&saga_answers::count>("count", whole<std::uint64_t>(1, 10'000'000),
                                     "how many of each at most; also the steps it takes part in at once");
  return rows;
}

const table<saga_limits>& limits_table() {
  static const auto rows =
      table<saga_limits>()
          .add<&saga_limits::value>("value", size(), "bytes of a value, a result and a reason, at most 1MiB")
          .add<&saga_limits::in_doubt>("in_doubt", whole<std::uint64_t>(1, 10'000'000),
                                       "steps of two phases that it takes part in at once")
          .add<&saga_limits::steps>("steps", whole<std::uint64_t>(1, 100'000), "steps of one transaction")
          .check([](reader& from, const node& at, saga_limits& limits) {
            if (limits.value == 0 || limits.value > most_value)
              from.error(*at.find("value"), from.path + ".value: must be from 1B to 1MiB");
          });
  return rows;
}

void check_saga(reader& from, const node& at, saga_options& options) {
  if (options.commit == tree::saga_commit::two_phase && options.log == tree::saga_log::in_memory)
    from.error(*at.find("log"), from.path + ".log: two phases need a log that outlives the process",
               "log: durable, or commit: compensate");
  if (!options.worker.empty()) return;
  for (const std::string_view key : {"workers", "worker_args"})
    if (const node* const alone = at.find(key); alone != nullptr)
      from.error(*alone, from.path + "." + std::string(key) + ": there is no worker",
                 "name one with 'worker', or leave it out");
}

// Without a worker nothing of one is shown; durations with their unit.
void prune_saga(const saga_options& of, json& saga) {
  if (of.worker.empty()) {
    for (const char* key : {"worker", "workers", "worker_args"}) saga.erase(key);
    return;
  }
  for (const std::string& at : of.worker_durations) {
    json& time = saga["worker_args"][json::json_pointer(at)];
    time = print_duration(milliseconds(time.get<std::int64_t>()));
  }
}

} // namespace

const table<saga_options>& saga_table() {
  static const auto rows =
      table<saga_options>()
          .add<&saga_options::commit>(
              "commit", choice<tree::saga_commit>(),
              "of the transactions started here. compensate: steps take effect at once and are undone if "
              "the transaction fails; two_phase: all are prepared first, and take effect when all are")
          .add<&saga_options::lifespan>("lifespan", duration(milliseconds(1)),
                                        "how long a transaction may take until it is decided")
          .add<&saga_options::hops>("hops", whole<std::uint32_t>(1, 255),
                                    "levels of sagas below the one that starts a transaction")
          .add<&saga_options::max_transactions>("max_transactions", whole<std::uint64_t>(1, 10'000'000),
                                                "transactions started here that are open at once; a start "
                                                "beyond them gets {error, overloaded}")
          .add<&saga_options::log>("log", choice<tree::saga_log>(),
                                   "durable: under node.data, so that transactions go on over a restart; "
                                   "volatile: the end of the process forgets them, and nothing is undone")
          .add<&saga_options::retry>("retry", section<saga_retry>(&retry_table), "times between tries")
          .add<&saga_options::step_timeout>("step_timeout", duration(milliseconds(1)),
                                            "until a participant that has not answered is asked again")
          .add<&saga_options::answers>("answers", section<saga_answers>(&answers_table),
                                       "what is kept of what is over")
          .add<&saga_options::limits>("limits", section<saga_limits>(&limits_table), "bounds")
          .add<&saga_options::from>(
              "from", list<std::string, text>(text("a pattern", &check_pattern)),
              "nodes that may start transactions and whose steps it takes, with * and ?; empty: "
              "all")
          .add<&saga_options::worker>(
              "worker", text("PLUGIN or PLUGIN:ACTOR", &check_actor, actor_pattern),
              "an actor whose behaviour is saga: each step that this saga takes part in is done, and undone, "
              "by a process of it of its own, so that one that blocks holds up no other; absent: by the saga")
          .add<&saga_options::workers>("workers", whole<std::uint32_t>(1, 10'000),
                                       "such processes at once; further steps wait for one to end")
          .add<&saga_options::worker_args>("worker_args", args_term(),
                                           "their arguments, checked against the plugin's schema")
          .check(&check_saga)
          .prune(&prune_saga);
  return rows;
}

} // namespace coppice::spec
