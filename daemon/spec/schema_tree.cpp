// SPDX-License-Identifier: MIT
// The supervision tree's rows. A supervisor contains children that contain supervisors: that table is
// named, so that its description can refer to itself.
#include "spec/schema_tree.hpp"
#include "spec/schema_port.hpp"

#include <algorithm>
#include <array>

#include "spec/args_term.hpp"
#include "spec/names.hpp"
#include "spec/scalar.hpp"
#include "spec/schema_events.hpp"
#include "spec/schema_pool.hpp"
#include "spec/schema_raft.hpp"
#include "spec/schema_router.hpp"
#include "spec/schema_saga.hpp"
#include "spec/schema_stage.hpp"
#include "spec/schema_tcp.hpp"
#include "spec/schema_udp.hpp"
#include "spec/schema_web.hpp"
#include "tree/mailbox.hpp"

namespace coppice::spec {
namespace {

constexpr auto later = available::later;

// A child that says something of it says how much: the node's level is not taken over.
const table<compression_options>& compression_table() {
  static const auto rows =
      table<compression_options>()
          .add<&compression_options::level>("level", whole<std::uint32_t>(0, 12),
                                            "of LZ4: 0 is off, 1 the fastest, 12 the smallest")
          .needed()
          .add<&compression_options::threshold>("threshold", size(), "smaller messages go as they are");
  return rows;
}

const table<postponed_options>& postponed_table() {
  static const auto rows =
      table<postponed_options>()
          .add<&postponed_options::limit>("limit", whole<std::uint32_t>(0, 10'000'000),
                                          "events it may postpone at once")
          .add<&postponed_options::on_full>(
              "on_full",
              choice<postponed_overload>({{"exit", postponed_overload::exit},
                                          {"drop_new", postponed_overload::drop_new},
                                          {"drop_old", postponed_overload::drop_old}}),
              "what becomes of one beyond that. exit: the state machine ends with postponed_full; drop_new: "
              "it is dropped; drop_old: the oldest is");
  return rows;
}

const table<statem_options>& statem_table() {
  static const auto rows = table<statem_options>().add<&statem_options::postponed>(
      "postponed", section<postponed_options>(&postponed_table),
      "events that wait for another state; OTP has no such bound");
  return rows;
}

// Up to 1.0 a larger number is taken as the largest, as it always was, with a warning.
class mailbox_limit final : public value_type<std::uint32_t> {
 public:
  bool read(reader& from, const node& value, std::uint32_t& into) const override {
    constexpr std::uint32_t most_written = 1U << 30;
    std::uint32_t found = 0;
    if (value.what == node::kind::scalar) {
      const auto resolved = resolve(value);
      const auto* const number = std::get_if<whole_number>(&resolved);
      if (number != nullptr && !number->negative && number->magnitude <= most_written)
        found = static_cast<std::uint32_t>(number->magnitude);
    }
    if (found <= tree::most_mailbox_messages) return range.read(from, value, into);
    from.to->warning(value.at,
                     from.path + ": " + std::to_string(found) + " is taken as " +
                         std::to_string(tree::most_mailbox_messages) + ", the most that there is",
                     "from version 1.0 on this is an error");
    into = tree::most_mailbox_messages;
    return true;
  }
  json print(const std::uint32_t& value) const override { return range.print(value); }
  json describe(json& definitions) const override { return range.describe(definitions); }

 private:
  const whole<std::uint32_t> range{tree::fewest_mailbox_messages, tree::most_mailbox_messages};
};

// Keys of a child that a nested supervisor, or a pool or listener, has in its own map or not at all.
constexpr std::array of_actors{"args",  "mailbox", "priority", "compression", "unhandled", "statem",
                               "stage", "router",  "raft",     "saga",        "name"};
constexpr std::array of_workers{"args",   "compression", "unhandled", "statem",   "stage",
                                "router", "raft",        "saga",      "isolation"};

void refuse_beside(reader& from, const node& at, std::string_view whom, std::string_view key,
                   std::string hint) {
  for (std::size_t i = 0; i + 1 < at.items.size(); i += 2)
    if (at.items[i]->text == key)
      from.error(*at.items[i], std::string(whom) + " takes no '" + std::string(key) + "'", std::move(hint));
}

// What a child is: one of these keys.
struct form {
  const char* key;
  const char* whom;  // in a sentence about a key that it does not take; none: an actor, or a supervisor
  const char* where; // is its own place for args and unhandled; none: it has none
};
constexpr std::array forms{
    form{"actor", nullptr, nullptr},
    form{"supervisor", nullptr, nullptr},
    form{"pool", "a pool", "the 'pool' map"},
    form{"tcp", "a listener", "the 'tcp' map"},
    form{"udp", "an actor with UDP sockets", "the 'udp' map"},
    form{"port", "an actor with a program", "the 'port' map"},
    form{"event_manager", "an event manager", "a handler's map"},
    form{"web", "a web server", nullptr},
    form{"consumer_supervisor", "a consumer supervisor", "its template"},
};

// 'actor', 'supervisor' or 'pool', with that word.
std::string form_names(std::string_view last) {
  std::string all;
  for (std::size_t i = 0; i < forms.size(); ++i) {
    if (i != 0) all += i + 1 == forms.size() ? " " + std::string(last) + " " : ", ";
    all += "'" + std::string(forms[i].key) + "'";
  }
  return all;
}

void check_child(reader& from, const node& at, child_spec& child) {
  const auto given = std::ranges::count_if(forms, [&at](const form& one) { return at.find(one.key); });
  if (given != 1) {
    from.error(at,
               given == 0 ? "a child needs " + form_names("or") : "a child has one of " + form_names("and"));
    return;
  }
  if (child.significant && child.restart == tree::restart_type::permanent)
    from.error(*at.find("significant"), "significant: a permanent child cannot be significant",
               "its restart must be transient or temporary");
  if (const node* const bound = at.find("mailbox");
      bound != nullptr && child.pool && child.pool->queue.on_full == tree::pool_overload::park_sender)
    from.error(*bound,
               "mailbox: the bound of this pool's mailbox is queue.limit, since its senders wait there");
  if (at.find("actor")) return;
  const bool one_actor = at.find("udp") || at.find("port") || (child.tcp && child.tcp->connect);
  if (!at.find("shutdown") && !one_actor) child.shutdown = tree::shutdown_limit::infinity();
  for (const form& one : forms) {
    if (one.whom == nullptr || !at.find(one.key)) continue;
    for (const std::string_view key : of_workers) {
      const bool theirs = key == "args" || key == "unhandled";
      refuse_beside(from, at, one.whom, key,
                    theirs && one.where != nullptr ? "it belongs into " + std::string(one.where) : "");
    }
  }
  if (!at.find("supervisor")) return;
  for (const std::string_view key : of_actors)
    refuse_beside(from, at, "a supervisor", key, key == "name" ? "it belongs into the 'supervisor' map" : "");
}

// Durations with their unit; without what check_child() refuses beside a supervisor.
void prune_child(const child_spec& from, json& child) {
  for (const std::string& at : from.durations) {
    json& time = child["args"][json::json_pointer(at)];
    time = print_duration(milliseconds(time.get<std::int64_t>()));
  }
  if (child.contains("supervisor"))
    for (const char* key : of_actors) child.erase(key);
  if (from.pool && from.pool->queue.on_full == tree::pool_overload::park_sender) child.erase("mailbox");
  for (const form& one : forms)
    if (one.whom != nullptr && child.contains(one.key))
      for (const char* key : of_workers) child.erase(key);
}

json child_rule() {
  const auto without = [](std::string_view key, const auto& refused) {
    json none = json::object();
    for (const char* one : refused) none[one] = false;
    return json{{"required", json::array({key})}, {"properties", std::move(none)}};
  };
  json significant = {{"required", {"significant"}}, {"properties", {{"significant", {{"const", true}}}}}};
  json not_permanent = {{"required", {"restart"}},
                        {"properties", {{"restart", {{"enum", {"transient", "temporary"}}}}}}};
  json alternatives = json::array({{{"required", {"actor"}}}, without("supervisor", of_actors)});
  for (const form& one : forms)
    if (one.whom != nullptr) alternatives.push_back(without(one.key, of_workers));
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
  using optional_pool = maybe<std::optional<pool_options>, section<pool_options>>;
  using optional_udp = maybe<std::optional<udp_options>, section<udp_options>>;
  using optional_tcp = maybe<std::optional<tcp_options>, section<tcp_options>>;
  using optional_consumers =
      maybe<std::optional<consumer_supervisor_options>, section<consumer_supervisor_options>>;
  using optional_events = maybe<std::optional<event_manager_options>, section<event_manager_options>>;
  using optional_port = maybe<std::shared_ptr<port_options>, section<port_options>>;
  using optional_web = maybe<std::shared_ptr<web_options>, section<web_options>>;
  using optional_compression = maybe<std::optional<compression_options>, section<compression_options>>;
  using optional_statem = maybe<std::optional<statem_options>, section<statem_options>>;
  using optional_router = maybe<std::optional<router_options>, section<router_options>>;
  using optional_raft = maybe<std::optional<raft_options>, section<raft_options>>;
  using optional_saga = maybe<std::optional<saga_options>, section<saga_options>>;
  using optional_stage = maybe<std::optional<stage_options>, section<stage_options>>;
  static const auto rows =
      table<child_spec>()
          .add<&child_spec::id>("id", text("an id", &check_id, id_pattern), "its name among its siblings")
          .needed()
          .elsewhere()
          .add<&child_spec::actor>("actor", text("PLUGIN or PLUGIN:ACTOR", &check_actor, actor_pattern),
                                   "what it is: PLUGIN or PLUGIN:ACTOR")
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
          .add<&child_spec::statem>("statem", optional_statem(section<statem_options>(&statem_table)),
                                    "of an actor whose behaviour is statem; absent: the defaults")
          .add<&child_spec::stage>(
              "stage", optional_stage(section<stage_options>(&stage_table)),
              "of an actor whose behaviour is producer, producer_consumer or consumer; absent: "
              "the defaults")
          .add<&child_spec::router>("router", optional_router(section<router_options>(&router_table)),
                                    "of an actor whose behaviour is router; absent: the defaults")
          .live()
          .add<&child_spec::raft>("raft", optional_raft(section<raft_options>(&raft_table, compared::by_key)),
                                  "of an actor whose behaviour is raft: its group")
          .add<&child_spec::saga>("saga", optional_saga(section<saga_options>(&saga_table)),
                                  "of an actor whose behaviour is saga; absent: the defaults")
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
          .add<&child_spec::pool>("pool", optional_pool(section<pool_options>(&pool_table, compared::by_key)),
                                  "a pool of actors instead of one")
          .add<&child_spec::tcp>("tcp", optional_tcp(section<tcp_options>(&tcp_table, compared::by_key)),
                                 "a listener that makes an actor for each connection")
          .add<&child_spec::consumer_supervisor>(
              "consumer_supervisor",
              optional_consumers(section<consumer_supervisor_options>(&consumer_supervisor_table)),
              "a supervisor that starts an actor for each event of the producers it is subscribed to")
          .add<&child_spec::event_manager>(
              "event_manager", optional_events(section<event_manager_options>(&event_manager_table)),
              "an event manager, as OTP's gen_event, and its handlers")
          .add<&child_spec::udp>("udp", optional_udp(section<udp_options>(&udp_table, compared::by_key)),
                                 "an actor with UDP sockets")
          .add<&child_spec::port>("port", optional_port(section<port_options>(&port_table, compared::by_key)),
                                  "an actor with a program, by whose input and output they talk")
          .add<&child_spec::web>("web", optional_web(section<web_options>(&web_table, compared::by_key)),
                                 "a web server whose routes lead to actors")
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

const table<mailbox_options>& mailbox_table() {
  static const auto rows =
      table<mailbox_options>()
          .add<&mailbox_options::limit>("limit", mailbox_limit(), "messages it holds")
          .add<&mailbox_options::bytes>("bytes", size(), "bytes it holds; 0B: no bound of its own")
          .add<&mailbox_options::on_full>("on_full",
                                          choice<on_full>({{"park_sender", on_full::park_sender},
                                                           {"drop_new", on_full::drop_new},
                                                           {"drop_old", on_full::drop_old},
                                                           {"exit", on_full::exit}}),
                                          "what becomes of a message that finds it full");
  return rows;
}

const table<tree::backoff_options>& backoff_table() {
  using tree::backoff_options;
  static const auto rows =
      table<backoff_options>()
          .add<&backoff_options::first>(
              "first", duration_in_nanos(),
              "wait before the first restart; each further one is twice as long, from "
              "100ms if this is 0s")
          .add<&backoff_options::max>(
              "max", duration_in_nanos(),
              "longest wait; a child that ran that long waits as for its first restart again")
          .add<&backoff_options::jitter>("jitter", real(0, 1), "share of the wait that is random");
  return rows;
}

maybe<std::optional<unhandled>, choice<unhandled>> optional_unhandled() {
  return maybe<std::optional<unhandled>, choice<unhandled>>(
      choice<unhandled>({{"exit", unhandled::exit},
                         {"reply_error", unhandled::reply_error},
                         {"log", unhandled::log},
                         {"ignore", unhandled::ignore}}));
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
