// SPDX-License-Identifier: MIT
// See cron_tables.hpp. Expressions and zones are checked as they are read. The actors that jobs start are
// checked in check.cpp, as the actors of the tree are.
#include "spec/cron_tables.hpp"

#include <fmt/format.h>

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <unordered_map>

#include "base/clock.hpp"
#include "cron/schedule.hpp"
#include "spec/schema/actor_rows.hpp"
#include "spec/schema/names.hpp"
#include "spec/schema/simple_types.hpp"

namespace coppice::spec {
namespace {

constexpr std::size_t most_jobs = 10'000;
constexpr std::size_t longest_name = 200; // bytes: a child that a job starts is named after it
constexpr std::uint32_t most_arguments = 255;
constexpr std::chrono::hours soon{24 * 365 * 5};

std::string check_job_name(std::string_view name) {
  if (auto wrong = check_id(name); !wrong.empty()) return wrong;
  return name.size() > longest_name ? fmt::format("must be at most {} bytes", longest_name) : std::string();
}

std::string check_message(std::string_view message) {
  const auto term = etf::parse(message);
  return term ? std::string() : "must be an Erlang term: " + term.error().text();
}

std::string check_function(std::string_view name) {
  const std::size_t colon = name.find(':');
  const bool good = colon != name.npos && colon > 0 && colon + 1 < name.size() &&
                    name.find_first_of(":/ \t", colon + 1) == name.npos &&
                    name.find_first_of("/ \t") == name.npos;
  return good ? std::string() : "must be MODULE:FUNCTION";
}

std::string check_arguments(std::string_view list) {
  const auto term = etf::parse(list);
  if (!term) return "must be a list of Erlang terms: " + term.error().text();
  etf::cursor at(*term);
  std::uint32_t length = 0;
  etf::bytes small;
  if (at.read_string(small))
    length = static_cast<std::uint32_t>(small.size());
  else if (!at.read_list(length))
    return "must be a list of Erlang terms";
  return length > most_arguments ? fmt::format("must have at most {} elements", most_arguments)
                                 : std::string();
}

text message_text() {
  return text("an Erlang term", &check_message);
}
constexpr std::string_view message_sentence =
    "an Erlang term; absent: {cron, Name, Seconds}, with the job's name, a binary, and the time that the run "
    "is for, in seconds since 1970 in UTC; {cron, Name, Seconds, Term} of a job that a group's leader runs";

const table<cron_send>& send_table() {
  static const auto rows =
      table<cron_send>()
          .add<&cron_send::to>("to", text("NAME or NAME@ALIVE@HOST", &check_process, process_pattern),
                               "a registered name here, or NAME@ALIVE@HOST")
          .needed()
          .add<&cron_send::message>("message", message_text(), message_sentence);
  return rows;
}

using time = or_word<milliseconds, duration>;

const table<cron_call>& call_table() {
  static const auto rows =
      table<cron_call>()
          .add<&cron_call::to>("to", text("NAME or NAME@ALIVE@HOST", &check_process, process_pattern),
                               "a registered name here, or NAME@ALIVE@HOST")
          .needed()
          .add<&cron_call::message>("message", message_text(), message_sentence)
          .add<&cron_call::timeout>("timeout", time("infinity", duration(milliseconds(1))),
                                    "how long the answer may take; no answer is a failure, and so is error "
                                    "or {error, Reason}");
  return rows;
}

// Prints durations with their unit.
void prune_start(const cron_start& from, json& start) {
  print_durations(start, "args", from.durations);
}

const table<cron_start>& start_table() {
  static const auto rows =
      table<cron_start>()
          .add<&cron_start::supervisor>("supervisor", text("a registered name", &check_registered_name),
                                        "the registered name of the supervisor here whose child it is")
          .needed()
          .add<&cron_start::actor>("actor", actor_name(),
                                   "what it is, a temporary child; absent: what the template of the "
                                   "supervisor says, which is a simple_one_for_one")
          .add<&cron_start::args>("args", term(),
                                  "its arguments, checked against the plugin's schema; of a template what is "
                                  "laid over its own")
          .add<&cron_start::timeout>("timeout", time("infinity", duration(milliseconds(1))),
                                     "how long its init may take")
          .prune(&prune_start);
  return rows;
}

void check_remote(reader& from, const node& at, cron_remote& remote) {
  if (!at.is_map()) return;
  const bool actor = at.find("actor") != nullptr, function = at.find("function") != nullptr;
  if (actor == function) from.error(at, from.path + ": expected exactly one of actor and function");
  if (const node* const args = at.find("args"); args != nullptr && function)
    from.error(*args, from.path + ".args: a function has arguments");
  if (const node* const arguments = at.find("arguments"); arguments != nullptr && actor)
    from.error(*arguments, from.path + ".arguments: an actor has args");
  if (actor && remote.actor.find(':') == std::string::npos && !remote.actor.empty())
    from.error(*at.find("actor"), from.path + ".actor: must be PLUGIN:ACTOR, as another node knows it");
}

const table<cron_remote>& remote_table() {
  static const auto rows =
      table<cron_remote>()
          .add<&cron_remote::node>("node", text("a node name", &check_full_node_name, full_node_name_pattern),
                                   "where: alive@host")
          .needed()
          .add<&cron_remote::actor>(
              "actor", text("PLUGIN:ACTOR", &check_actor, actor_pattern),
              "what is spawned on a Coppice node, whose distribution.allow.spawn names it")
          .add<&cron_remote::args>("args", term(), "its arguments")
          .add<&cron_remote::function>("function", text("MODULE:FUNCTION", &check_function),
                                       "what is spawned on an Erlang node")
          .add<&cron_remote::arguments>("arguments", text("a list of Erlang terms", &check_arguments),
                                        "its arguments; absent: []")
          .add<&cron_remote::timeout>("timeout", time("infinity", duration(milliseconds(1))),
                                      "how long it may take until it is spawned")
          .prune([](const cron_remote& remote, json& out) {
            if (!remote.function.empty()) out.erase("args");
          })
          .check(&check_remote,
                 {{"oneOf", json::array({{{"required", {"actor"}}}, {{"required", {"function"}}}})}});
  return rows;
}

void check_do(reader& from, const node& at, cron_do& does) {
  const int count = does.send.has_value() + does.cast.has_value() + does.call.has_value() +
                    does.start.has_value() + does.remote.has_value();
  if (at.is_map() && count != 1)
    from.error(at, from.path + ": expected exactly one of send, cast, call, start and remote");
}

const table<cron_do>& do_table() {
  using optional_send = maybe<std::optional<cron_send>, section<cron_send>>;
  using optional_call = maybe<std::optional<cron_call>, section<cron_call>>;
  using optional_start = maybe<std::optional<cron_start>, section<cron_start>>;
  using optional_remote = maybe<std::optional<cron_remote>, section<cron_remote>>;
  static const auto rows =
      table<cron_do>()
          .add<&cron_do::send>("send", optional_send(section<cron_send>(&send_table)),
                               "a plain message to a process")
          .add<&cron_do::cast>("cast", optional_send(section<cron_send>(&send_table)), "a gen_server:cast")
          .add<&cron_do::call>("call", optional_call(section<cron_call>(&call_table)),
                               "a gen_server:call; the run lasts until its answer")
          .add<&cron_do::start>(
              "start", optional_start(section<cron_start>(&start_table)),
              "a child of a supervisor here; the run lasts until it ends, and has failed if "
              "that is for another reason than normal or shutdown")
          .add<&cron_do::remote>("remote", optional_remote(section<cron_remote>(&remote_table)),
                                 "a process on another node; the run lasts until it ends, likewise")
          .check(&check_do, {{"minProperties", 1}, {"maxProperties", 1}});
  return rows;
}

const table<cron_missed>& missed_table() {
  using cron::missed;
  static const auto rows =
      table<cron_missed>()
          .add<&cron_missed::run>(
              "run", choice<missed>({{"none", missed::none}, {"once", missed::once}, {"all", missed::all}}),
              "what becomes of times that passed while the node was down, the machine asleep or the clock "
              "set "
              "forward. once: one run makes up for all; all: one each, at most 100")
          .add<&cron_missed::within>("within", duration(milliseconds(1000)), "older ones stay missed");
  return rows;
}

const table<cron::clock_changes>& dst_table() {
  using changes = cron::clock_changes;
  using cron::repeated_time;
  using cron::skipped_time;
  static const auto rows =
      table<changes>()
          .add<&changes::skipped>(
              "skipped",
              choice<skipped_time>({{"run_after", skipped_time::run_after}, {"skip", skipped_time::skip}}),
              "what becomes of a time that the clock skips. run_after: it runs as the clock goes on")
          .add<&changes::repeated>(
              "repeated",
              choice<repeated_time>({{"once", repeated_time::once}, {"twice", repeated_time::twice}}),
              "how often one that the clock shows twice runs");
  return rows;
}

const table<cron_backoff>& cron_backoff_table() {
  static const auto rows =
      table<cron_backoff>()
          .add<&cron_backoff::first>("first", duration(milliseconds(1000)),
                                     "the wait before the first of them, doubled before each further one")
          .add<&cron_backoff::max>("max", duration(milliseconds(1000)), "the longest wait");
  return rows;
}

const table<cron_failure>& failure_table() {
  static const auto rows =
      table<cron_failure>()
          .add<&cron_failure::retry>("retry", whole<std::uint32_t>(0, 1000), "further attempts")
          .add<&cron_failure::backoff>("backoff", section<cron_backoff>(&cron_backoff_table),
                                       "how long is waited before each");
  return rows;
}

struct cron_leader {
  std::string one;
  std::string term;
};

const table<cron_leader>& leader_table() {
  static const auto rows =
      table<cron_leader>()
          .add<&cron_leader::one>("one", text("a registered name", &check_registered_name),
                                  "the registered name of a child here that is a member of a Raft group, of "
                                  "which the node that leads the group runs the job")
          .needed()
          .add<&cron_leader::term>(
              "term", text("a key of args"),
              "of start and remote with an actor: the key of args whose number the node replaces by the term "
              "in which it leads; in a message and in arguments it replaces the atom '$term'");
  return rows;
}

// `one`, `node`, or a map with the group.
class where_word final : public value_type<cron_where> {
 public:
  bool read(reader& from, const node& value, cron_where& into) const override {
    if (!value.is_map()) return words_.read(from, value, into.one);
    cron_leader leader;
    const bool good = leader_table().read(from, value, leader);
    into = {true, std::move(leader.one), std::move(leader.term)};
    return good;
  }
  json print(const cron_where& value) const override {
    if (value.group.empty()) return words_.print(value.one);
    return leader_table().print({value.group, value.term});
  }
  json describe(json& definitions) const override {
    return {{"anyOf", json::array({words_.describe(definitions), leader_table().describe(definitions)})}};
  }

 private:
  choice<bool> words_{{"node", false}, {"one", true}};
};

void check_zone(reader& from, const node& at, const std::string& key, const std::string& name) {
  if (name.empty()) return;
  if (const auto zone = cron::zone::find(name); !zone) from.error(at, key + ": " + zone.error().text);
}

void check_at(reader& from, const node& at, const cron_job_options& job) {
  const node* const written = at.find("at");
  if (written == nullptr || job.due.empty()) return;
  const auto expression = cron::expression::parse(job.due, job.name);
  if (!expression) {
    const cron::fault& bad = expression.error();
    return from.error(*written, fmt::format("at: {} (at column {} of it)", bad.text, bad.column), bad.hint);
  }
  using kind = cron::expression::kind;
  if (job.where.one && expression->is() == kind::reboot)
    from.error(*written, "at: each node starts by itself: @reboot is for jobs whose where is node");
  if (!expression->timezone().empty() && !job.timezone.empty() && expression->timezone() != job.timezone)
    from.error(*written, "at: the job has another timezone than its expression");
  check_zone(from, *written, "at", expression->timezone());
  if (expression->is() != kind::calendar) return;
  const cron::instant now{std::chrono::seconds(base::wall_now() / base::nanos_per_second)};
  const auto next = cron::next(*expression, {}, job.dst, now);
  if (!next || next->at > now + soon) from.to->warning(written->at, "at: it is not due within five years");
}

bool has_number(etf::bytes args, std::string_view key) {
  etf::cursor at(args);
  std::uint32_t pairs = 0;
  if (!at.read_map(pairs)) return false;
  for (; pairs > 0; --pairs) {
    std::string_view name;
    const bool is_it = at.read_atom(name) && name == key;
    if (is_it) return at.peek() == etf::kind::integer;
    if ((name.empty() && !at.skip()) || !at.skip()) return false;
  }
  return false;
}

void check_term(reader& from, const node& at, const cron_job_options& job) {
  const node* const where = at.find("where");
  if (where == nullptr || job.where.term.empty()) return;
  const bool spawns = job.does.remote && !job.does.remote->actor.empty();
  if (!job.does.start && !spawns)
    return from.error(*where, "where.term: it is for start, and for remote with an actor",
                      "write '$term' in the message or the arguments");
  if (!has_number(job.does.start ? job.does.start->args : job.does.remote->args, job.where.term))
    from.error(*where, "where.term: the args have no number '" + job.where.term + "', which it would replace",
               "write " + job.where.term + ": 0 in args");
}

void check_job(reader& from, const node& at, cron_job_options& job) {
  check_term(from, at, job);
  check_at(from, at, job);
  if (const node* const zone = at.find("timezone")) check_zone(from, *zone, "timezone", job.timezone);
}

const table<cron_job_options>& job_table() {
  using job = cron_job_options;
  using cron::overlap;
  static const auto rows =
      table<job>()
          .add<&job::name>("name", text("a name", &check_job_name, id_pattern), "what operators call it")
          .needed()
          .add<&job::due>(
              "at", text("a cron expression"),
              "when it is due: five fields, or six with seconds in front, or a macro as @daily or "
              "@every 5m; `coppice cron explain` says what it means")
          .needed()
          .add<&job::timezone>("timezone", text("a time zone"),
                               "an IANA name, UTC, or local; absent: that of all jobs")
          .add<&job::does>("do", section<cron_do>(&do_table), "what it does")
          .needed()
          .add<&job::overlap>(
              "overlap",
              choice<overlap>(
                  {{"skip", overlap::skip}, {"queue", overlap::queue}, {"allow", overlap::allow}}),
              "what becomes of a run that is due while the one before is under way. skip: nothing; queue: it "
              "waits, with at most 99 others; allow: they run side by side, at most 100")
          .add<&job::missed>("missed", section<cron_missed>(&missed_table), "times that passed unseen")
          .add<&job::dst>("dst", section<cron::clock_changes>(&dst_table),
                          "times that the clock skips or shows twice as it changes to summer time and back")
          .add<&job::jitter>("jitter", duration(),
                             "each run is later by less than this, always as much for a time")
          .add<&job::where>(
              "where", where_word(),
              "node: each node that has the job runs it; one: of those that are connected the one with the "
              "lowest name does, nobody for two seconds after a change of them, and in a partition each "
              "side; "
              "{ one: NAME }: the node that leads the Raft group of its member NAME does, and hands the job "
              "its term")
          .add<&job::on_failure>("on_failure", section<cron_failure>(&failure_table),
                                 "what becomes of a run that failed")
          .add<&job::enabled>("enabled", flag(),
                              "false: it runs only when asked for, by `coppice cron run`; `coppice cron "
                              "enable` and `disable` have the last word")
          .check(&check_job);
  return rows;
}

void check_cron(reader& from, const node& at, cron_options& cron) {
  if (const node* const zone = at.find("timezone")) check_zone(from, *zone, "cron.timezone", cron.timezone);
  const node* const jobs = at.find("jobs");
  if (jobs == nullptr || !jobs->is_sequence()) return;
  if (cron.jobs.size() > most_jobs) from.error(*jobs, fmt::format("cron.jobs: at most {} jobs", most_jobs));
  std::unordered_map<std::string_view, std::uint32_t> lines;
  for (std::size_t i = 0; i < cron.jobs.size() && i < jobs->items.size(); ++i) {
    const std::string& name = cron.jobs[i].name;
    if (name.empty()) continue;
    const node& one = *jobs->items[i];
    const auto [first, added] = lines.emplace(name, one.at.line);
    if (!added)
      from.error(value_or_map(one, "name"), "the job '" + name + "' stands here a second time",
                 "first on line " + std::to_string(first->second));
  }
  if (!cron.jobs.empty() && !cron::zone::has_data())
    from.to->warning(at.at, "cron: this machine has no data of time zones: there is UTC alone",
                     "install the package tzdata");
}

} // namespace

const table<cron_options>& cron_table() {
  using jobs = list<cron_job_options, section<cron_job_options>>;
  static const auto rows = table<cron_options>()
                               .add<&cron_options::timezone>(
                                   "timezone", text("a time zone"),
                                   "of jobs that have none of their own: an IANA name, UTC, or local, the "
                                   "machine's")
                               .add<&cron_options::jobs>("jobs", jobs(section<cron_job_options>(&job_table)),
                                                         "what is done, and when")
                               .check(&check_cron);
  return rows;
}

} // namespace coppice::spec
