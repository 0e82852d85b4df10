// SPDX-License-Identifier: MIT
// See saga.hpp.
#include "spec/kinds/saga.hpp"

#include <algorithm>

#include "spec/kinds/kinds.hpp"
#include "spec/kinds/of_class.hpp"
#include "spec/kinds/saga_values.hpp"
#include "spec/schema/actor_rows.hpp"
#include "spec/schema/args_term.hpp"
#include "spec/schema/child_check.hpp"
#include "spec/schema/kind.hpp"
#include "spec/schema/names.hpp"
#include "spec/schema/scalar.hpp"
#include "spec/schema/simple_types.hpp"

namespace coppice::spec {
namespace {

constexpr std::uint64_t most_value = std::uint64_t{1} << 20; // a record fits into one write of the log

// Without its * and ? a pattern is a part of a node's name.
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
          .add<&saga_answers::count>(
              "count", whole<std::uint64_t>(1, 10'000'000),
              "how many of each at most; also the steps it takes part in at once, and three "
              "quarters of them for one other node");
  return rows;
}

const table<saga_limits>& limits_table() {
  static const auto rows =
      table<saga_limits>()
          .add<&saga_limits::value>("value", size(), "bytes of a value, a result and a reason, at most 1MiB")
          .add<&saga_limits::in_doubt>("in_doubt", whole<std::uint64_t>(1, 10'000'000),
                                       "steps of two phases that it takes part in at once, and three "
                                       "quarters of them for one other node")
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

// Leaves out a worker's keys if there is no worker; prints durations with their unit.
void prune_saga(const saga_options& of, json& saga) {
  if (of.worker.empty()) {
    for (const char* key : {"worker", "workers", "worker_args"}) saga.erase(key);
    return;
  }
  print_durations(saga, "worker_args", of.worker_durations);
}

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
                                                "transactions started here that are open at once, and "
                                                "three quarters of them by one other node; a start "
                                                "beyond gets {error, overloaded}")
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
              "which other nodes may start transactions and have steps done, with * and ?; this node always "
              "may; empty: all that have the cookie")
          .add<&saga_options::worker>(
              "worker", actor_name(),
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

class saga_of_children final : public kind_of<saga_options> {
 public:
  saga_of_children()
      : kind_of("saga", {}, &saga_table, "of an actor whose behaviour is saga; absent: the defaults",
                compared::whole) {}

 private:
  void args_of(const saga_options& of, const use_args& use) const override { use(of.worker_args); }
  void check_options(child_check& with, child_spec& child, saga_options& of, const node& at,
                     const node& written) const override {
    if (of.worker.empty()) return;
    if (child.name.size() > tree::longest_name_with_workers)
      with.to.error(at.find("name")->at, "name: a saga with workers has one of at most " +
                                             std::to_string(tree::longest_name_with_workers) + " bytes");
    child_spec as_child;
    with.check_leaf(as_child, {of.worker, of.worker_args, of.worker_durations, this, "worker", "worker_args"},
                    written, args_schema::part::whole);
  }
  // Notes the longest value, for the comparison with the node's limits.
  void note_value(child_check& with, const named_actor& actor) const {
    const saga_options* const written = actor.child.find<saga_options>();
    const node* const options = actor.at.find(key);
    const node* const value = value_of(value_of(options, "limits"), "value");
    const node& at = value != nullptr ? *value : options != nullptr ? *options : actor.name;
    with.notes.get<saga_values>().values.push_back(
        {at.at, (written != nullptr ? *written : saga_options()).limits.value});
  }
  // A saga is a child of its own with a name, by which coordinators and participants find it again.
  void check_class(child_check& with, const named_actor& actor) const override {
    const manifest::actor_type& type = actor.type;
    if (actor.by == this) {
      if (type.behaviour != "saga")
        with.to.error(actor.name.at,
                      "saga.worker: the actor " + type.name + " is a " + type.behaviour + " and no saga",
                      "a worker has a saga's callbacks for steps: handle_do, handle_undo and their like");
      return;
    }
    if (type.behaviour != "saga") return refuse_beside_others(with.to, actor, *this, "saga");
    note_value(with, actor);
    if (actor.child.actor.empty())
      with.to.error(actor.name.at,
                    "the actor '" + type.name + "' is a saga, which only a child of its own can be",
                    "name it as the 'actor' of a child");
    else if (actor.child.name.empty())
      with.to.error(actor.name.at, "the saga '" + type.name + "' has no name",
                    "others call it by one: add 'name'");
  }
};

} // namespace

const kind& saga_kind() {
  static const saga_of_children made;
  return made;
}

} // namespace coppice::spec
