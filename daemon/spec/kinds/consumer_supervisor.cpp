// SPDX-License-Identifier: MIT
// See consumer_supervisor.hpp.
#include "spec/kinds/consumer_supervisor.hpp"

#include "spec/kinds/kinds.hpp"
#include "spec/schema/actor_rows.hpp"
#include "spec/schema/args_term.hpp"
#include "spec/schema/child_check.hpp"
#include "spec/schema/kind.hpp"

namespace coppice::spec {
namespace {

// Prints durations with their unit.
void prune_child(const event_child_options& from, json& child) {
  print_durations(child, "args", from.durations);
}

const table<event_child_options>& event_child_table() {
  static const auto rows =
      table<event_child_options>()
          .add<&event_child_options::actor>("actor", actor_name(),
                                            "what the children are: PLUGIN or PLUGIN:ACTOR")
          .needed()
          .add<&event_child_options::args>("args", args_term(),
                                           "their arguments, checked against the plugin's schema; the event "
                                           "comes to them under the key event")
          .add<&event_child_options::restart>(
              "restart",
              choice<tree::restart_type>({{"transient", tree::restart_type::transient},
                                          {"temporary", tree::restart_type::temporary}}),
              "transient: one that ends abnormally is started again, with the same event; temporary: none is")
          .add<&event_child_options::shutdown>("shutdown", shutdown_time(), "how long one may take to stop")
          .add<&event_child_options::mailbox>("mailbox", section<mailbox_options>(&mailbox_table),
                                              "the bounds of a child's mailbox")
          .add<&event_child_options::unhandled>("unhandled", optional_unhandled(), "as an actor's")
          .prune(&prune_child);
  return rows;
}

const table<consumer_supervisor_options>& consumer_supervisor_table() {
  using subscriptions = list<stage_subscription, section<stage_subscription>>;
  using options = consumer_supervisor_options;
  static const auto rows =
      table<options>()
          .add<&options::child>("template", section<event_child_options>(&event_child_table),
                                "what is started for each event")
          .needed()
          .add<&options::subscribe_to>(
              "subscribe_to", subscriptions(section<stage_subscription>(&subscription_table)),
              "the producers; max_demand of each is how many children run for its events at most")
          .add<&options::intensity>("intensity", whole<std::uint32_t>(0, 1'000'000),
                                    "restarts of children within `period` that are borne; beyond, it ends")
          .add<&options::period>("period", duration(milliseconds(1)), "see intensity");
  return rows;
}

class consumer_supervisor_of_children final : public kind_of<consumer_supervisor_options> {
 public:
  consumer_supervisor_of_children()
      : kind_of("consumer_supervisor", form{"a consumer supervisor", "its template"},
                &consumer_supervisor_table,
                "a supervisor that starts an actor for each event of the producers it is subscribed to",
                compared::whole) {}

 private:
  void args_of(const consumer_supervisor_options& of, const use_args& use) const override {
    use(of.child.args);
  }
  void check_options(child_check& with, child_spec& child, consumer_supervisor_options& of, const node& at,
                     const node& written) const override {
    note_subscriptions(with, child, of.subscribe_to, written);
    const node* const each = written.find("template");
    if (each == nullptr || !each->is_map()) return;
    check_stage_mailbox(with.to, child, at);
    with.check_leaf(child, {of.child.actor, of.child.args, of.child.durations}, *each,
                    args_schema::part::of_template);
  }
};

} // namespace

const kind& consumer_supervisor_kind() {
  static const consumer_supervisor_of_children made;
  return made;
}

} // namespace coppice::spec
