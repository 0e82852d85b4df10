// SPDX-License-Identifier: MIT
// The keys of an event manager and of its handlers.
#include "spec/schema_events.hpp"

#include "spec/args_term.hpp"
#include "spec/names.hpp"
#include "spec/schema_scalars.hpp"
#include "spec/schema_tree.hpp"

namespace coppice::spec {
namespace {

// Durations with their unit.
void prune_handler(const event_handler_options& from, json& handler) {
  for (const std::string& at : from.durations) {
    json& time = handler["args"][json::json_pointer(at)];
    time = print_duration(milliseconds(time.get<std::int64_t>()));
  }
}

const table<event_handler_options>& event_handler_table() {
  static const auto rows =
      table<event_handler_options>()
          .add<&event_handler_options::id>("id", text("an id", &check_id, id_pattern),
                                           "its name among its siblings: gen_event's functions know it as "
                                           "{'PLUGIN:ACTOR', ID}, with `actor` as it is written")
          .needed()
          .add<&event_handler_options::actor>("actor",
                                              text("PLUGIN or PLUGIN:ACTOR", &check_actor, actor_pattern),
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

} // namespace

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

} // namespace coppice::spec
