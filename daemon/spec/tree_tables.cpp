// SPDX-License-Identifier: MIT
// The supervision tree's rows. A supervisor contains children that contain supervisors: that table is
// named, so that its description can refer to itself.
#include "spec/tree_tables.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "spec/kinds/kinds.hpp"
#include "spec/schema/actor_rows.hpp"
#include "spec/schema/args_term.hpp"
#include "spec/schema/kind.hpp"
#include "spec/schema/names.hpp"

namespace coppice::spec {
namespace {

constexpr auto later = available::later;

// A child with `compression` has to give the level: the node's level is not taken over.
const table<compression_options>& compression_table() {
  static const auto rows =
      table<compression_options>()
          .add<&compression_options::level>("level", whole<std::uint32_t>(0, 12),
                                            "of LZ4: 0 is off, 1 the fastest, 12 the smallest")
          .needed()
          .add<&compression_options::threshold>("threshold", size(), "smaller messages go as they are");
  return rows;
}

// `all`, then the keys of the kinds that stand beside an actor, then `last`.
std::vector<std::string_view> with_kinds(std::vector<std::string_view> all, std::string_view last) {
  for (const kind* const one : kinds())
    if (!one->in_place_of_actor) all.push_back(one->key);
  all.push_back(last);
  return all;
}

// Keys of a child that a nested supervisor has in its own map or not at all.
const std::vector<std::string_view>& of_actors() {
  static const auto all = with_kinds({"args", "mailbox", "priority", "compression", "unhandled"}, "name");
  return all;
}
// Keys of a child that a kind in place of an actor has in its own map or not at all.
const std::vector<std::string_view>& of_workers() {
  static const auto all = with_kinds({"args", "compression", "unhandled"}, "isolation");
  return all;
}

void refuse_beside(reader& from, const node& at, std::string_view whom, std::string_view key,
                   std::string hint) {
  for (std::size_t i = 0; i + 1 < at.items.size(); i += 2)
    if (at.items[i]->text == key)
      from.error(*at.items[i], std::string(whom) + " takes no '" + std::string(key) + "'", std::move(hint));
}

// The rows of the kinds that stand in place of an actor; false: of the kinds that stand beside an actor.
std::vector<std::unique_ptr<row>> rows_of_kinds(bool in_place_of_actor) {
  std::vector<std::unique_ptr<row>> all;
  for (const kind* const one : kinds())
    if (one->in_place_of_actor.has_value() == in_place_of_actor) all.push_back(one->make_row());
  return all;
}

// The keys that say what a child is. A child has exactly one of them.
const std::vector<std::string_view>& forms() {
  static const auto all = [] {
    std::vector<std::string_view> names{"actor", "supervisor"};
    for (const kind* const one : kinds())
      if (one->in_place_of_actor) names.push_back(one->key);
    return names;
  }();
  return all;
}

// The text "'actor', 'supervisor' LAST 'pool'" with the keys of forms().
std::string form_names(std::string_view last) {
  const std::vector<std::string_view>& names = forms();
  std::string all;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i != 0) all += i + 1 == names.size() ? " " + std::string(last) + " " : ", ";
    all += "'" + std::string(names[i]) + "'";
  }
  return all;
}

void check_child(reader& from, const node& at, child_spec& child) {
  const auto given = std::ranges::count_if(forms(), [&at](std::string_view key) { return at.find(key); });
  if (given != 1) {
    from.error(at,
               given == 0 ? "a child needs " + form_names("or") : "a child has one of " + form_names("and"));
    return;
  }
  if (child.significant && child.restart == tree::restart_type::permanent)
    from.error(*at.find("significant"), "significant: a permanent child cannot be significant",
               "its restart must be transient or temporary");
  for (const kind* const one : kinds()) one->check_keys(from, at, child);
  if (at.find("actor")) return;
  const bool is_one_actor =
      std::ranges::any_of(kinds(), [&](const kind* one) { return one->is_one_actor(child); });
  if (!at.find("shutdown") && !is_one_actor) child.shutdown = tree::shutdown_limit::infinity();
  for (const kind* const one : kinds()) {
    if (!one->in_place_of_actor || !at.find(one->key)) continue;
    const auto [whom, where] = *one->in_place_of_actor;
    for (const std::string_view key : of_workers()) {
      const bool theirs = key == "args" || key == "unhandled";
      refuse_beside(from, at, whom, key,
                    theirs && !where.empty() ? "it belongs into " + std::string(where) : "");
    }
  }
  if (!at.find("supervisor")) return;
  for (const std::string_view key : of_actors())
    refuse_beside(from, at, "a supervisor", key, key == "name" ? "it belongs into the 'supervisor' map" : "");
}

// Prints durations with their unit, and leaves out the keys that check_child() refuses.
void prune_child(const child_spec& from, json& child) {
  print_durations(child, "args", from.durations);
  if (child.contains("supervisor"))
    for (const std::string_view key : of_actors()) child.erase(std::string(key));
  for (const kind* const one : kinds()) {
    one->prune(from, child);
    if (one->in_place_of_actor && one->is_in(from))
      for (const std::string_view key : of_workers()) child.erase(std::string(key));
  }
}

json child_rule() {
  const auto without = [](std::string_view key, const auto& refused) {
    json none = json::object();
    for (const std::string_view one : refused) none[std::string(one)] = false;
    return json{{"required", json::array({key})}, {"properties", std::move(none)}};
  };
  json significant = {{"required", {"significant"}}, {"properties", {{"significant", {{"const", true}}}}}};
  json not_permanent = {{"required", {"restart"}},
                        {"properties", {{"restart", {{"enum", {"transient", "temporary"}}}}}}};
  json alternatives = json::array({{{"required", {"actor"}}}, without("supervisor", of_actors())});
  for (const kind* const one : kinds())
    if (one->in_place_of_actor) alternatives.push_back(without(one->key, of_workers()));
  return {
      {"oneOf", std::move(alternatives)}, {"if", std::move(significant)}, {"then", std::move(not_permanent)}};
}

void check_supervisor(reader& from, const node& at, supervisor_spec& supervisor) {
  const node* children = at.find("children");
  const std::size_t count = supervisor.children.size();
  const bool countable = !children || children->is_sequence();
  if (supervisor.strategy == tree::strategy::simple_one_for_one && countable && count != 1)
    from.error(children ? *children : *at.find("strategy"),
               from.path + (children ? ".children" : ".strategy") +
                   ": simple_one_for_one has exactly one child, a template, found " + std::to_string(count));
  if (supervisor.auto_shutdown != tree::auto_shutdown::never || !children || !children->is_sequence()) return;
  for (std::size_t i = 0; i < count; ++i)
    if (supervisor.children[i].significant)
      from.error(*children->items[i]->find("significant"),
                 "significant: without effect under auto_shutdown: never",
                 "the supervisor's auto_shutdown must be any_significant or all_significant");
}

json supervisor_rule() {
  json simple = {{"required", {"strategy"}},
                 {"properties", {{"strategy", {{"const", "simple_one_for_one"}}}}}};
  json one_child = {{"required", {"children"}},
                    {"properties", {{"children", {{"minItems", 1}, {"maxItems", 1}}}}}};
  json ends = {{"required", {"auto_shutdown"}},
               {"properties", {{"auto_shutdown", {{"enum", {"any_significant", "all_significant"}}}}}}};
  json insignificant = {{"properties", {{"significant", {{"const", false}}}}}};
  json without = {{"properties", {{"children", {{"items", std::move(insignificant)}}}}}};
  return {{"allOf", json::array({{{"if", std::move(simple)}, {"then", std::move(one_child)}},
                                 {{"if", std::move(ends)}, {"else", std::move(without)}}})}};
}

} // namespace

const table<child_spec>& child_table() {
  using time = or_word<milliseconds, duration>;
  using optional_supervisor = maybe<std::unique_ptr<supervisor_spec>, named_section<supervisor_spec>>;
  using optional_backoff = maybe<std::optional<tree::backoff_options>, section<tree::backoff_options>>;
  using optional_compression = maybe<std::optional<compression_options>, section<compression_options>>;
  static const auto rows =
      table<child_spec>()
          .add<&child_spec::id>("id", text("an id", &check_id, id_pattern), "its name among its siblings")
          .needed()
          .elsewhere()
          .add<&child_spec::actor>("actor", actor_name(), "what it is: PLUGIN or PLUGIN:ACTOR")
          .elsewhere()
          .add<&child_spec::name>("name", text("a name", &check_registered_name, registered_name_pattern),
                                  "registered name; absent: none")
          .add<&child_spec::restart>("restart", choice<tree::restart_type>(),
                                     "permanent: always; transient: after an abnormal end; temporary: never")
          .live()
          .add<&child_spec::start_timeout>(
              "start_timeout", time("infinity", duration(milliseconds(1))),
              "how long its init may take, or its children's; then its start has failed. What `apply` and "
              "`reload` start has a minute at most")
          .live()
          .add<&child_spec::shutdown>("shutdown", shutdown_time(),
                                      "how long it may take to stop: a time, brutal_kill or infinity; a "
                                      "supervisor's default is infinity")
          .live()
          .add<&child_spec::significant>(
              "significant", flag(), "its end can end the supervisor: see auto_shutdown; not with permanent")
          .live()
          .add<&child_spec::backoff>("backoff",
                                     optional_backoff(section<tree::backoff_options>(&backoff_table)),
                                     "waits between restarts; absent: none")
          .live()
          .add<&child_spec::mailbox>("mailbox", section<mailbox_options>(&mailbox_table),
                                     "the mailbox's bounds")
          .add<&child_spec::priority>("priority",
                                      choice<priority>({{"low", priority::low},
                                                        {"normal", priority::normal},
                                                        {"high", priority::high},
                                                        {"max", priority::max}}),
                                      "its turn among the others")
          .add<&child_spec::compression>(
              "compression", optional_compression(section<compression_options>(&compression_table)),
              "of what it sends to other Coppice nodes; absent: as distribution.compression says")
          .live()
          .add<&child_spec::isolation>(
              "isolation", maybe<std::optional<isolation>, choice<isolation>>(isolation_words()),
              "process: in a process of its own; absent: as plugins.isolation says", later)
          .add<&child_spec::unhandled>(
              "unhandled", optional_unhandled(),
              "what a call or cast does that the actor does not take. exit: it ends, as in OTP; reply_error: "
              "the caller gets {error, {bad_request, Text}}; log: a line; ignore: nothing. Absent: as its "
              "class says, else exit")
          .add(rows_of_kinds(false))
          .add<&child_spec::args>(
              "args", args_term(),
              "the actor's arguments, checked against the plugin's schema; a value may be "
              "{ $file: PATH } or { $credential: NAME }, the text of a file or of a "
              "systemd credential, read at each start")
          .elsewhere()
          .add<&child_spec::supervisor>(
              "supervisor",
              optional_supervisor(named_section<supervisor_spec>("supervisor", &supervisor_table)),
              "a nested supervisor instead of an actor")
          .elsewhere()
          .add(rows_of_kinds(true))
          .check(&check_child, child_rule())
          .prune(&prune_child);
  return rows;
}

const table<supervisor_spec>& supervisor_table() {
  using children = list<child_spec, section<child_spec>>;
  static const auto rows =
      table<supervisor_spec>()
          .add<&supervisor_spec::name>("name",
                                       text("a name", &check_registered_name, registered_name_pattern),
                                       "registered name; absent: none")
          .live()
          .add<&supervisor_spec::strategy>(
              "strategy", choice<tree::strategy>(),
              "who is restarted with a child that ends; simple_one_for_one: its one child is a template for "
              "those that start_child adds")
          .live()
          .add<&supervisor_spec::intensity>("intensity", whole<std::uint32_t>(0, 1'000'000),
                                            "restarts within `period` that are borne")
          .live()
          .add<&supervisor_spec::period>("period", duration(milliseconds(1)), "see intensity")
          .live()
          .add<&supervisor_spec::on_exceeded>(
              "on_exceeded", choice<tree::on_exceeded>(),
              "what happens beyond intensity; park: the tree stays up, degraded, without the child that "
              "fails")
          .live()
          .add<&supervisor_spec::auto_shutdown>("auto_shutdown", choice<tree::auto_shutdown>(),
                                                "whether the end of significant children ends it")
          .live()
          .add<&supervisor_spec::children>("children", children(section<child_spec>(&child_table)),
                                           "in the order in which they start")
          .elsewhere()
          .check(&check_supervisor, supervisor_rule());
  return rows;
}

choice<isolation> isolation_words() {
  return choice<isolation>({{"none", isolation::none}, {"process", isolation::process}});
}

const table<application_spec>& application_table() {
  using time = or_word<milliseconds, duration>;
  static const auto rows =
      table<application_spec>()
          .add<&application_spec::name>("name", text("a name", &check_id, id_pattern), "its name")
          .needed()
          .elsewhere()
          .add<&application_spec::type>("type", choice<tree::application_type>(),
                                        "permanent: its end stops the node; transient: its abnormal end does")
          .live()
          .add<&application_spec::depends_on>(
              "depends_on", list<std::string, text>(text("an application's name", &check_id, id_pattern)),
              "applications that start before it")
          .live()
          .add<&application_spec::max_runtime>("max_runtime", time("infinity", duration(milliseconds(1))),
                                               "it is stopped after this time, with reason normal")
          .live()
          .add<&application_spec::env>("env", term(), "what its actors can read")
          .elsewhere()
          .add<&application_spec::supervisor>("supervisor",
                                              named_section<supervisor_spec>("supervisor", &supervisor_table),
                                              "its top supervisor")
          .needed()
          .elsewhere();
  return rows;
}

} // namespace coppice::spec
