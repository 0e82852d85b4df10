// SPDX-License-Identifier: MIT
// The keys of an event manager and of its handlers.
#include "spec/kinds/event_manager.hpp"

#include <unordered_map>

#include "spec/kinds/kinds.hpp"
#include "spec/schema/actor_rows.hpp"
#include "spec/schema/args_term.hpp"
#include "spec/schema/child_check.hpp"
#include "spec/schema/kind.hpp"
#include "spec/schema/names.hpp"
#include "spec/schema/simple_types.hpp"

namespace coppice::spec {
namespace {

// Prints durations with their unit.
void prune_handler(const event_handler_options& from, json& handler) {
  print_durations(handler, "args", from.durations);
}

const table<event_handler_options>& event_handler_table() {
  static const auto rows =
      table<event_handler_options>()
          .add<&event_handler_options::id>("id", text("an id", &check_id, id_pattern),
                                           "its name among its siblings: gen_event's functions know it as "
                                           "{'PLUGIN:ACTOR', ID}, with `actor` as it is written")
          .needed()
          .add<&event_handler_options::actor>("actor", actor_name(),
                                              "what it is: an actor whose behaviour is event_handler")
          .needed()
          .add<&event_handler_options::restart>(
              "restart",
              choice<handler_restart>(
                  {{"permanent", handler_restart::permanent}, {"temporary", handler_restart::temporary}}),
              "what becomes of one that fails. temporary: it is removed, as in OTP; permanent: it is begun "
              "again in its place")
          .add<&event_handler_options::unhandled>("unhandled", optional_unhandled(), "as a child's, of calls")
          .add<&event_handler_options::args>("args", args_term(),
                                             "its arguments, checked against the plugin's schema")
          .prune(&prune_handler);
  return rows;
}

const table<backlog_options>& backlog_table() {
  static const auto rows =
      table<backlog_options>()
          .add<&backlog_options::limit>("limit", whole<std::uint64_t>(1, 10'000'000), "events it may have")
          .add<&backlog_options::bytes>("bytes", size(), "bytes they may have")
          .add<&backlog_options::on_full>(
              "on_full", choice<tree::event_overload>(),
              "what becomes of events beyond that. drop_new: the handler does not get them, and they are "
              "counted; exit: the handler ends with mailbox_full");
  return rows;
}

const table<event_manager_options>& event_manager_table() {
  using handlers = list<event_handler_options, section<event_handler_options>>;
  using time = or_word<milliseconds, duration>;
  static const auto rows =
      table<event_manager_options>()
          .add<&event_manager_options::handlers>(
              "handlers", handlers(section<event_handler_options>(&event_handler_table)),
              "those that are there from the beginning, in the order in which they are added")
          .add<&event_manager_options::intensity>(
              "intensity", whole<std::uint32_t>(0, 1'000'000),
              "how often a permanent one is begun again within `period`; beyond, it is removed")
          .add<&event_manager_options::period>("period", duration(milliseconds(1)), "see intensity")
          .add<&event_manager_options::slow_after>("slow_after", time("infinity", duration(milliseconds(1))),
                                                   "how long handlers are waited for where gen_event waits; "
                                                   "one that takes longer counts as having "
                                                   "handled")
          .add<&event_manager_options::backlog>(
              "backlog", section<backlog_options>(&backlog_table),
              "what each handler that is slower than `slow_after` may have before it; of others there is no "
              "more than they are waited for")
          .add<&event_manager_options::limit>("limit", whole<std::uint32_t>(1, 100'000),
                                              "how many handlers it may have");
  return rows;
}

class event_manager_of_children final : public kind_of<event_manager_options> {
 public:
  event_manager_of_children()
      : kind_of("event_manager", form{"an event manager", "a handler's map"}, &event_manager_table,
                "an event manager, as OTP's gen_event, and its handlers", compared::whole) {}

 private:
  void args_of(const event_manager_options& of, const use_args& use) const override {
    for (const event_handler_options& one : of.handlers) use(one.args);
  }
  // Each handler is checked as an actor of its own.
  void check_options(child_check& with, child_spec&, event_manager_options& of, const node&,
                     const node& written) const override {
    std::unordered_map<std::string_view, place> ids;
    for (std::size_t i = 0; i < of.handlers.size(); ++i) {
      const node* const one = element(written.find("handlers"), i);
      if (one == nullptr || !one->is_map()) continue;
      event_handler_options& handler = of.handlers[i];
      const node& id = value_or_map(*one, "id");
      if (!handler.id.empty()) {
        const auto [first, added] = ids.emplace(handler.id, id.at);
        if (!added) with.duplicate(id, "the id '" + handler.id + "'", first->second);
      }
      child_spec as_child;
      with.check_leaf(as_child, {handler.actor, handler.args, handler.durations, this}, *one,
                      args_schema::part::whole);
      handler.plugin = as_child.plugin;
      handler.actor_type = as_child.actor_type;
    }
  }
  // An event manager has no other actors than handlers, and handlers stand nowhere else.
  void check_class(child_check& with, const named_actor& actor) const override {
    const bool handles = actor.type.behaviour == "event_handler";
    if (actor.by == this && !handles)
      with.to.error(
          actor.name.at,
          "the actor '" + actor.type.name + "' is a " + actor.type.behaviour + " and no event handler",
          "a handler's behaviour is event_handler");
    if (actor.by != this && handles)
      with.to.error(actor.name.at, "the actor '" + actor.type.name + "' is an event handler",
                    "it belongs among the handlers of an 'event_manager' map");
  }
};

} // namespace

const kind& event_manager_kind() {
  static const event_manager_of_children made;
  return made;
}

} // namespace coppice::spec
