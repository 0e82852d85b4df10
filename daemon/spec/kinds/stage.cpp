// SPDX-License-Identifier: MIT
// See stage.hpp.
#include "spec/kinds/stage.hpp"

#include <algorithm>

#include "spec/kinds/kinds.hpp"
#include "spec/kinds/of_class.hpp"
#include "spec/schema/actor_rows.hpp"
#include "spec/schema/args_term.hpp"
#include "spec/schema/child_check.hpp"
#include "spec/schema/kind.hpp"
#include "spec/schema/names.hpp"
#include "spec/schema/scalar.hpp"
#include "spec/schema/simple_types.hpp"

namespace coppice::spec {
namespace {

constexpr std::uint64_t most_demand = std::uint64_t{1} << 53;
constexpr std::uint32_t most_partitions = 10'000;

bool is_number(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

json partition_json(const std::string& name) {
  if (is_number(name) && name.size() < 19) return std::stoull(name);
  return name;
}

const json& partition_schema() {
  static const json any = {{"anyOf", json::array({{{"type", "integer"}, {"minimum", 0}},
                                                  {{"type", "string"}, {"minLength", 1}}})}};
  return any;
}

// A number, or a name.
class partition_name final : public value_type<std::string> {
 public:
  bool read(reader& from, const node& value, std::string& into) const override {
    if (value.what == node::kind::scalar && !value.text.empty() && value.text.size() <= 255) {
      into = value.text;
      return true;
    }
    from.wrong_type(value, "a partition's number or name");
    return false;
  }
  json print(const std::string& value) const override { return partition_json(value); }
  json describe(json&) const override { return partition_schema(); }
};

// `demand`, `broadcast`, `callback`, or { partition: { count: N } } or { partition: { names: […] } }.
class dispatcher_type final : public value_type<stage_dispatcher> {
 public:
  bool read(reader& from, const node& value, stage_dispatcher& into) const override {
    if (value.what == node::kind::scalar) {
      const auto kind = tree::value_of<tree::stage_dispatching>(value.text);
      if (kind && *kind != tree::stage_dispatching::partition) {
        into = {*kind, {}};
        return true;
      }
    } else if (const node* const partition = value.is_map() ? value.find("partition") : nullptr;
               partition != nullptr && partition->is_map() && value.items.size() == 2 &&
               partition->items.size() == 2) {
      into = {tree::stage_dispatching::partition, {}};
      std::uint32_t count = 0;
      if (const node* const number = partition->find("count")) {
        if (!whole<std::uint32_t>(1, most_partitions).read(from, *number, count)) return false;
        for (std::uint32_t i = 0; i < count; ++i) into.partitions.push_back(std::to_string(i));
        return true;
      }
      if (const node* const names = partition->find("names"); names != nullptr && names->is_sequence()) {
        const partition_name one;
        for (const auto& item : names->items) {
          std::string name;
          if (!one.read(from, *item, name)) return false;
          if (std::ranges::find(into.partitions, name) != into.partitions.end()) {
            from.error(*item, from.path + ": the partition " + name + " stands there twice");
            return false;
          }
          into.partitions.push_back(std::move(name));
        }
        if (!into.partitions.empty() && into.partitions.size() <= most_partitions) return true;
      }
    }
    from.wrong_type(
        value, "demand, broadcast, callback, { partition: { count: N } } or { partition: { names: […] } }");
    return false;
  }
  json print(const stage_dispatcher& value) const override {
    if (value.kind != tree::stage_dispatching::partition) return tree::text(value.kind);
    json names = json::array();
    bool counted = true;
    for (std::size_t i = 0; i < value.partitions.size(); ++i) {
      names.push_back(partition_json(value.partitions[i]));
      counted = counted && value.partitions[i] == std::to_string(i);
    }
    if (counted) return {{"partition", {{"count", names.size()}}}};
    return {{"partition", {{"names", std::move(names)}}}};
  }
  json describe(json&) const override {
    const json count = {{"type", "object"},
                        {"additionalProperties", false},
                        {"required", {"count"}},
                        {"properties",
                         {{"count",
                           {{"type", "integer"},
                            {"minimum", 1},
                            {"maximum", most_partitions},
                            {"description", "so many partitions, numbered from 0"}}}}}};
    const json names = {{"type", "object"},
                        {"additionalProperties", false},
                        {"required", {"names"}},
                        {"properties",
                         {{"names",
                           {{"type", "array"},
                            {"minItems", 1},
                            {"uniqueItems", true},
                            {"items", partition_schema()},
                            {"description", "a partition for each of these names"}}}}}};
    return {{"anyOf",
             json::array({{{"enum", {"demand", "broadcast", "callback"}}},
                          {{"type", "object"},
                           {"additionalProperties", false},
                           {"required", {"partition"}},
                           {"properties", {{"partition", {{"anyOf", json::array({count, names})}}}}}}})}};
  }
};

const table<stage_resubscribe>& resubscribe_table() {
  static const auto rows =
      table<stage_resubscribe>()
          .add<&stage_resubscribe::first>("first", duration(milliseconds(1)),
                                          "until it subscribes again; each further time is twice as long")
          .add<&stage_resubscribe::max>("max", duration(milliseconds(1)),
                                        "the longest, until events come again");
  return rows;
}

void check_subscription(reader& from, const node& at, stage_subscription& one) {
  if (one.min_demand && *one.min_demand >= one.max_demand)
    from.error(*at.find("min_demand"),
               from.path + ".min_demand: must be less than max_demand, " + std::to_string(one.max_demand));
}

} // namespace

const table<stage_subscription>& subscription_table() {
  using optional_number = maybe<std::optional<std::uint64_t>, whole<std::uint64_t>>;
  using optional_name = maybe<std::optional<std::string>, partition_name>;
  using optional_resubscribe = maybe<std::optional<stage_resubscribe>, section<stage_resubscribe>>;
  static const auto rows =
      table<stage_subscription>()
          .add<&stage_subscription::to>("to",
                                        text("NAME or NAME@ALIVE@HOST", &check_process, process_pattern),
                                        "the producer: a registered name here, or NAME@ALIVE@HOST")
          .needed()
          .add<&stage_subscription::max_demand>("max_demand", whole<std::uint64_t>(1, most_demand),
                                                "events that are asked for at most and have not come")
          .add<&stage_subscription::min_demand>(
              "min_demand", optional_number(whole<std::uint64_t>(0, most_demand)),
              "more are asked for when no more than that are to come; absent: half of max_demand")
          .add<&stage_subscription::cancel>(
              "cancel", choice<tree::cancel_mode>(),
              "whether the stage ends with the subscription. permanent: yes; transient: "
              "unless its reason is normal or shutdown; temporary: no")
          .add<&stage_subscription::partition>("partition", optional_name(partition_name()),
                                               "which of the producer's partitions; absent: it has none")
          .add<&stage_subscription::resubscribe>(
              "resubscribe", optional_resubscribe(section<stage_resubscribe>(&resubscribe_table)),
              "subscribes again when the subscription has ended, whatever `cancel` says; absent: it does not")
          .check(&check_subscription);
  return rows;
}

void note_subscriptions(child_check& with, const child_spec& child,
                        const std::vector<stage_subscription>& all, const node& written) {
  const node* const list = written.find("subscribe_to");
  for (std::size_t i = 0; i < all.size(); ++i) {
    const node* const one = element(list, i);
    // The name is written alone, or as `to` of a map.
    const node* const name = one != nullptr && one->is_map() ? one->find("to") : one;
    with.references.add("a stage", all[i].to, name, {}, child.name);
  }
}

void check_stage_mailbox(report& to, const child_spec& child, const node& at) {
  if (child.mailbox.on_full != on_full::drop_new && child.mailbox.on_full != on_full::drop_old) return;
  const node* const mailbox = at.find("mailbox");
  const node* const written = mailbox == nullptr ? nullptr : mailbox->find("on_full");
  to.error(written == nullptr ? at.at : written->at,
           "mailbox.on_full: a stage whose mailbox drops messages may wait for events for ever",
           "park_sender and exit lose none");
}

namespace {

const table<stage_buffer>& buffer_table() {
  using optional_number = maybe<std::optional<std::uint64_t>, whole<std::uint64_t>>;
  static const auto rows =
      table<stage_buffer>()
          .add<&stage_buffer::size>("size", optional_number(whole<std::uint64_t>(0, most_demand)),
                                    "events; absent: 10000, of a producer_consumer 100000")
          .add<&stage_buffer::keep>("keep", choice<tree::buffer_keep>(),
                                    "which ones stay when there are more")
          .add<&stage_buffer::bytes>("bytes", size(), "bytes of them");
  return rows;
}

// Leaves out defaults, since the stage's role may not have the key: then it could not be read back.
void prune_stage(const stage_options& from, json& stage) {
  const stage_options standard;
  if (from.subscribe_to == standard.subscribe_to) stage.erase("subscribe_to");
  if (from.dispatcher == standard.dispatcher) stage.erase("dispatcher");
  if (from.demand == standard.demand) stage.erase("demand");
  if (from.buffer == standard.buffer) stage.erase("buffer");
  if (from.demand_step == standard.demand_step) stage.erase("demand_step");
}

const table<stage_options>& stage_table() {
  using subscriptions = list<stage_subscription, section<stage_subscription>>;
  static const auto rows =
      table<stage_options>()
          .add<&stage_options::subscribe_to>("subscribe_to",
                                             subscriptions(section<stage_subscription>(&subscription_table)),
                                             "the producers of a consumer or a producer_consumer")
          .add<&stage_options::dispatcher>(
              "dispatcher", dispatcher_type(),
              "who gets which events. demand: who has asked for most; broadcast: all get "
              "all; partition: each its own; callback: as its choose says")
          .add<&stage_options::demand>(
              "demand", choice<tree::demand_mode>(),
              "of a producer. accumulate: demand waits until it is told to forward it")
          .add<&stage_options::buffer>("buffer", section<stage_buffer>(&buffer_table),
                                       "events that nobody has asked for")
          .add<&stage_options::demand_step>("demand_step", whole<std::uint64_t>(1, most_demand),
                                            "a producer is asked for so many events at once at most")
          .prune(&prune_stage);
  return rows;
}

class stage_of_children final : public kind_of<stage_options> {
 public:
  stage_of_children()
      : kind_of("stage", {}, &stage_table,
                "of an actor whose behaviour is producer, producer_consumer or consumer; absent: "
                "the defaults",
                compared::whole) {}

 private:
  void check_options(child_check& with, child_spec& child, stage_options& of, const node&,
                     const node& written) const override {
    note_subscriptions(with, child, of.subscribe_to, written);
  }
  // Checks that the stage's role has the keys that are written, and that its mailbox loses nothing.
  void check_class(child_check& with, const named_actor& actor) const override {
    const std::string& role = actor.type.behaviour;
    const bool consumes = role == "consumer" || role == "producer_consumer";
    const bool produces = role == "producer" || role == "producer_consumer";
    if (!consumes && !produces) return refuse_beside_others(with.to, actor, *this, "stage");
    const node* const options = actor.at.find(key);
    const auto refuse = [&](bool has, std::string_view one) {
      const node* const written = options == nullptr || has ? nullptr : options->find(one);
      if (written != nullptr)
        with.to.error(written->at,
                      "stage." + std::string(one) + ": the actor " + actor.type.name + " is a " + role +
                          ", which has none",
                      "leave it out");
    };
    refuse(consumes, "subscribe_to");
    refuse(produces, "dispatcher");
    refuse(produces, "buffer");
    refuse(role == "producer", "demand");
    refuse(role == "producer", "demand_step");
    check_stage_mailbox(with.to, actor.child, actor.at);
  }
};

} // namespace

const kind& stage_kind() {
  static const stage_of_children made;
  return made;
}

} // namespace coppice::spec
