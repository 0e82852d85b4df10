// SPDX-License-Identifier: MIT
// The commands for a running node. A term is parsed here too, so that a mistake is a usage error with a
// column and costs no round trip. The node gets the text, since only the node knows what <0.N.S> means.
#include "cli/remote.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <coppice/etf/text.hpp>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/printable_lines.hpp"
#include "cli/engines.hpp"
#include "cli/layout.hpp"
#include "cli/remote_checks.hpp"
#include "cli/render.hpp"
#include "cli/terminal.hpp"

namespace coppice::cli {

namespace {

using nlohmann::json;
using milliseconds = std::chrono::milliseconds;

struct remote_command {
  const char* name;
  const char* summary;
  void (*declare)(CLI::App&, remote_parameters&);
  json (*arguments)(const remote_parameters&);
  std::string (*show)(const json&, std::size_t columns);
  bool waits; // the node keeps `timeout`
  // Turns a reply into an exit status. Null: done.
  api::exit_code (*verdict)(const json&) = nullptr;
  // Called before the node is asked, for what the options cannot say, and to ask the user. Null: nothing. An
  // exit status: the node is not asked.
  std::optional<api::exit_code> (*before)(const remote_parameters&, const common_options&) = nullptr;
};

json no_arguments(const remote_parameters&) {
  return json::object();
}
void no_options(CLI::App&, remote_parameters&) {}
std::string say_nothing(const json&, std::size_t) {
  return {};
}

std::string is_time(const std::string& text) {
  const auto time = parse_timeout(text);
  if (!time) return time.error().text;
  return *time > 0 ? "" : "a time above 0, e.g. 5m";
}

void take_name(CLI::App& app, remote_parameters& p) {
  app.add_option("name", p.name, "NAME, NAME@NODE, {NAME, 'NODE'}, global:NAME or a pid")->required();
}

void take_message(CLI::App& app, remote_parameters& p) {
  take_name(app, p);
  app.add_option("term", p.term, "an Erlang term, e.g. '{put, <<\"a\">>, 1}'")->required();
}

void take_timeout(CLI::App& app, remote_parameters& p) {
  add_timeout(app, p.timeout);
}

// Operations take up to the shutdown times of the processes concerned, so there is no time limit by default.
void take_operation(CLI::App& app, remote_parameters& p, const char* subject, const char* what) {
  p.timeout = "infinity";
  app.add_option(subject, p.name, what)->required();
  take_timeout(app, p);
}
void take_application(CLI::App& app, remote_parameters& p) {
  take_operation(app, p, "application", "its name");
}
void take_path(CLI::App& app, remote_parameters& p) {
  take_operation(app, p, "path", "APPLICATION/CHILD, APPLICATION/SUPERVISOR/CHILD, …");
}
json application_argument(const remote_parameters& p) {
  return {{"application", p.name}};
}
json path_argument(const remote_parameters& p) {
  return {{"path", p.name}};
}

void take_changes(CLI::App& app, remote_parameters& p) {
  p.timeout = "infinity";
  app.add_option("file", p.name, "default: the node's own configuration");
  take_timeout(app, p);
}
json changes_arguments(const remote_parameters& p) {
  std::error_code ignored;
  const std::string file = p.name.empty() ? "" : std::filesystem::absolute(p.name, ignored).string();
  json arguments{{"file", file}, {"dry_run", p.dry_run}};
  if (p.back) arguments["back"] = true;
  if (p.running) arguments["running"] = true;
  for (const std::string& one : p.only)
    arguments["only"].push_back(std::filesystem::absolute(one, ignored).lexically_normal().string());
  return arguments;
}

bool shows_states(std::string_view command) {
  constexpr std::array<std::string_view, 3> they{"status", "tree", "nodes"};
  return std::ranges::find(they, command) != they.end();
}

// Shows the node's diagnostics as `check` shows them.
std::string show_changes(const json& document, std::size_t columns) {
  print_error(spec::render(diagnostics_of(document)));
  for (const auto& one : document.value("differences", json::array()))
    complain("warning", "it is applied, but " + one.get<std::string>());
  if (!document.value("valid", false)) return {};
  const json rest = document.value("rest", json::array());
  if (rest.empty()) return render_changes(document, columns);
  complain("apply",
           "nothing is changed: other files than those named differ from what runs, too; they would");
  return render_changes({{"changes", rest}}, columns);
}

std::string show_difference(const json& document, std::size_t columns) {
  const std::string changes = show_changes(document, columns);
  const std::string by_hand = render_by_hand(document, columns);
  const bool none = at(document, "changes").empty() && document.value("valid", false);
  return (none && !by_hand.empty() ? "" : changes) + by_hand;
}

// `apply FILE`: a node that starts reads other files.
std::string show_applied(const json& document, std::size_t columns) {
  const std::string text = show_changes(document, columns);
  if (const json& next = at(document, "next_start"); next.is_string())
    complain("warning", "the next start does not know this: " + next.get<std::string>());
  return text;
}

api::exit_code changes_verdict(const json& document) {
  if (!document.value("valid", false)) return api::exit_code::bad_configuration;
  return document.value("rest", json::array()).empty() ? api::exit_code::done : api::exit_code::not_only;
}

// As that of diff(1): 1 says that there are differences.
api::exit_code diff_verdict(const json& document) {
  const api::exit_code judged = changes_verdict(document);
  if (judged != api::exit_code::done) return judged;
  const bool same =
      document.value("changes", json::array()).empty() && document.value("by_hand", json::array()).empty();
  return same ? judged : api::exit_code::failed;
}

json message_arguments(const remote_parameters& p) {
  return {{"name", p.name}, {"term", p.term}};
}
json name_argument(const remote_parameters& p) {
  return {{"name", p.name}};
}
json node_argument(const remote_parameters& p) {
  return {{"node", p.name}};
}

void take_level(CLI::App& app, remote_parameters& p) {
  app.add_option("level", p.level, "the new one, or default: as configured; absent: says what differs")
      ->check(CLI::IsMember({"trace", "debug", "info", "notice", "warning", "error", "default"}));
  app.add_option("--of", p.of, "a module, or a process by NAME or PID; else all")->needs("level");
  app.add_option("--for", p.duration, "and then as before: 30s, 5m, 1h")->needs("level")->check(is_time);
}
json level_arguments(const remote_parameters& p) {
  json arguments{{"level", p.level}, {"of", p.of}};
  if (!p.duration.empty()) arguments["for_ms"] = parse_timeout(p.duration).value_or(0);
  return arguments;
}

// A term is never cut. Without a terminal it is wrapped at the usual width.
std::string show_reply(const json& document, std::size_t columns) {
  return render_reply(document, columns == any_width ? screen().columns : columns);
}

api::exit_code health_verdict(const json& document) {
  return document.value("status", "") == "ok" ? api::exit_code::done : api::exit_code::failed;
}

json group_arguments(const remote_parameters& p) {
  json arguments{{"name", p.name}};
  if (p.change.empty() || p.change == "status") return arguments;
  arguments["change"] = p.change;
  if (p.change == "recover")
    arguments["alone"] = p.alone;
  else if (p.change == "skip")
    arguments["serial"] = serial_of(p.member).value_or(0);
  else if (p.change == "upgrade")
    arguments["member"] = p.without;
  else
    arguments["member"] = p.member;
  return arguments;
}

const remote_command commands[] = {
    {"status", "the node: name, state, workers, applications, connections", no_options, no_arguments,
     render_status, false},
    {"tree", "the supervision tree",
     [](CLI::App& app, remote_parameters& p) {
       app.add_option("application", p.application, "only this one");
     },
     [](const remote_parameters& p) {
       return json{{"application", p.application}};
     },
     render_tree, false},
    {"ps", "processes",
     [](CLI::App& app, remote_parameters& p) {
       app.add_option("--sort", p.sort, "largest first")
           ->check(CLI::IsMember({"mailbox", "reductions", "memory", "time"}));
     },
     [](const remote_parameters& p) {
       return json{{"sort", p.sort}};
     },
     render_processes, false},
    {"info", "one process whole", take_name, name_argument, render_process, false},
    {"call", "gen_server:call; prints the reply",
     [](CLI::App& app, remote_parameters& p) { take_message(app, p), take_timeout(app, p); },
     message_arguments, show_reply, true},
    {"cast", "gen_server:cast", take_message, message_arguments, say_nothing, false},
    {"send", "a plain message", take_message, message_arguments, say_nothing, false},
    {"nodes", "the nodes this one is, was or tried to be connected to", no_options, no_arguments,
     render_nodes, false},
    {"connect", "connects to a node",
     [](CLI::App& app, remote_parameters& p) {
       app.add_option("node", p.name, "NAME@HOST")->required(), take_timeout(app, p);
     },
     node_argument, say_nothing, true},
    {"disconnect", "ends the connection to a node",
     [](CLI::App& app, remote_parameters& p) { app.add_option("node", p.name, "NAME@HOST")->required(); },
     node_argument, say_nothing, false},
    {"start", "starts an application that was stopped or failed", take_application, application_argument,
     say_nothing, true},
    {"stop", "stops an application", take_application, application_argument, say_nothing, true},
    {"restart", "stops a child, or an application, and starts it again", take_path, path_argument,
     say_nothing, true},
    {"terminate", "stops a child until it is restarted", take_path, path_argument, say_nothing, true},
    {"diff", "what applying a configuration would change; exits with 1 if anything would",
     [](CLI::App& app, remote_parameters& p) {
       take_changes(app, p);
       app.add_flag("--running", p.running, "what runs: also what was changed by hand")->excludes("file");
     },
     changes_arguments, show_difference, true, diff_verdict},
    {"apply", "makes the tree what the configuration says, whole or not at all",
     [](CLI::App& app, remote_parameters& p) {
       take_changes(app, p);
       app.add_option("--only", p.only, "only what this file of the configuration changes; may be repeated")
           ->type_name("FILE")
           ->expected(1)
           ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
           ->excludes("file");
       app.add_flag("--back", p.back, "what ran before the last change, see coppice history")
           ->excludes("file")
           ->excludes("--only");
       app.add_flag("--dry-run", p.dry_run, "say what would be done, and do nothing");
     },
     changes_arguments, show_applied, true, changes_verdict},
    {"history", "what was applied: when, by whom, what changed", no_options, no_arguments, render_history,
     false},
    {"exit", "ends a process, as exit(Pid, Reason) does",
     [](CLI::App& app, remote_parameters& p) {
       take_name(app, p);
       app.add_option("reason", p.reason, "an Erlang term; kill ends it whatever it does")->required();
     },
     [](const remote_parameters& p) {
       return json{{"name", p.name}, {"reason", p.reason}};
     },
     say_nothing, false},
    {"trace", "off: ends what sys of an Erlang node has switched on at a process (log, statistics, trace)",
     [](CLI::App& app, remote_parameters& p) {
       take_name(app, p);
       app.add_option("change", p.change, "off")->required()->check(CLI::IsMember({"off"}));
       take_timeout(app, p);
     },
     [](const remote_parameters& p) {
       return json{{"name", p.name}, {"change", p.change}};
     },
     say_nothing, true},
    {"pool", "a pool's workers; resize: makes them so many until the pool starts again or is configured anew",
     [](CLI::App& app, remote_parameters& p) {
       app.add_option("name", p.name, "of the pool: NAME, APPLICATION/CHILD or a pid")->required();
       auto* const change = app.add_option("change", p.change, "resize")->check(CLI::IsMember({"resize"}));
       auto* const size = app.add_option("size", p.size, "so many workers are wanted");
       change->needs(size), size->needs(change);
       take_timeout(app, p);
     },
     [](const remote_parameters& p) {
       json arguments{{"name", p.name}};
       if (p.size) arguments["size"] = *p.size;
       return arguments;
     },
     render_engine, true},
    {"raft",
     "a member of a Raft group; asked of the leader: add, remove, or transfer the leadership to, a member, "
     "or skip a command that crashes; upgrade: the group goes over to its next version without a member that "
     "is gone; recover: it goes on alone when most members are lost for good",
     [](CLI::App& app, remote_parameters& p) {
       app.add_option("name", p.name, "of the member: NAME, APPLICATION/CHILD or a pid")->required();
       auto* const change =
           app.add_option("change", p.change, "status, add, remove, transfer, skip, upgrade or recover")
               ->check(CLI::IsMember({"status", "add", "remove", "transfer", "skip", "upgrade", "recover"}));
       app.add_option("member", p.member, "NAME@ALIVE@HOST; with skip: the serial of a command")
           ->needs(change);
       app.add_option("--without", p.without, "upgrade: NAME@ALIVE@HOST of the voter that is gone")
           ->needs(change);
       app.add_flag("--alone", p.alone, "recover: without the others, whose majority was lost for good")
           ->needs(change);
       app.add_flag("--yes", p.yes, "recover: without asking")->needs(change);
       take_timeout(app, p);
     },
     group_arguments, render_engine, true, nullptr, before_group},
    {"saga",
     "a saga and what is open there; show: one transaction with its steps; resolve: decides for what is in "
     "doubt or parked",
     [](CLI::App& app, remote_parameters& p) {
       app.add_option("name", p.name, "of the saga: NAME, APPLICATION/CHILD or a pid")->required();
       auto* const show =
           app.add_option("what", p.change, "show or resolve")->check(CLI::IsMember({"show", "resolve"}));
       auto* const tx = app.add_option("transaction", p.member, "its id");
       app.add_option("decision", p.decision, "of resolve: commit or abort")
           ->check(CLI::IsMember({"commit", "abort"}));
       app.add_flag("--yes", p.yes, "of resolve: decide without the two questions");
       show->needs(tx), tx->needs(show);
       auto* const in_doubt = app.add_flag("--in-doubt", p.in_doubt, "only steps without a decision");
       auto* const parked = app.add_flag("--parked", p.parked, "only what cannot be undone");
       auto* const overdue = app.add_flag("--overdue", p.overdue, "only what ends and is not carried out");
       in_doubt->excludes(show)->excludes(parked)->excludes(overdue);
       parked->excludes(show)->excludes(overdue);
       overdue->excludes(show);
       take_timeout(app, p);
     },
     [](const remote_parameters& p) {
       json arguments{{"name", p.name}};
       if (!p.member.empty()) arguments["tx"] = p.member;
       if (!p.decision.empty()) arguments["change"] = p.change, arguments["decision"] = p.decision;
       if (p.in_doubt || p.parked || p.overdue)
         arguments["which"] = p.parked ? "parked" : p.overdue ? "overdue" : "in_doubt";
       return arguments;
     },
     render_engine, true, nullptr, before_saga},
    {"listener", "a listener's connections; suspend: it accepts no more until resume",
     [](CLI::App& app, remote_parameters& p) {
       app.add_option("listener", p.name, "NAME, APPLICATION/CHILD or a pid")->required();
       app.add_option("change", p.change, "suspend or resume")->check(CLI::IsMember({"suspend", "resume"}));
       take_timeout(app, p);
     },
     [](const remote_parameters& p) {
       json arguments{{"name", p.name}};
       if (!p.change.empty()) arguments["change"] = p.change;
       return arguments;
     },
     render_engine, true},
    {"health", "what keeps the node from being ready, and what helps", no_options, no_arguments,
     render_health, false, health_verdict},
    {"log-level", "what is logged at which level, and another level for all, a module or a process",
     take_level, level_arguments, render_levels, false},
    {"plugins", "loaded plugins", no_options, no_arguments, render_plugins, false},
    {"reload", "replaces plugins whose file has changed, or one, under their running actors",
     [](CLI::App& app, remote_parameters& p) {
       app.add_option("plugin", p.plugin, "only this one, whether its file has changed or not");
       app.add_flag("--dry-run", p.dry_run, "only say what would happen");
       app.add_flag("--carry-only", p.carry_only, "change nothing if an actor would be restarted");
       p.timeout = "infinity";
       take_timeout(app, p);
     },
     [](const remote_parameters& p) {
       json arguments{{"plugin", p.plugin}, {"dry_run", p.dry_run}};
       if (p.carry_only) arguments["carry_only"] = true;
       return arguments;
     },
     render_reload, true},
};

// For a change that waits for others: prints to standard error which one runs, and how many come before it.
void tell_what_runs(const std::string& command, const common_options& common) {
  auto connection = reach(common);
  if (!connection) return;
  const auto status = connection->ask({"status", json::object()}, node_patience);
  if (!status || !*status) return;
  const json changes = (*status)->value("changes", json::array());
  const auto own =
      std::ranges::find_if(changes, [](const json& one) { return one.value("os_pid", 0) == getpid(); });
  if (own == changes.end() || own == changes.begin()) return;
  const json& first = changes.front();
  const auto between = own - changes.begin() - 1;
  const std::string more = between == 0 ? "" : fmt::format(", and for {} more", between);
  complain(command, fmt::format("waits for the {} of {}, which began {} s ago{}", first.value("what", ""),
                                first.value("by", ""), first.value("since_ms", 0LL) / 1000, more));
}

api::exit_code run_remote(const remote_command& command, const remote_parameters& p,
                          const common_options& common) {
  api::request request{command.name, command.arguments(p)};
  std::optional<milliseconds> patience = node_patience;
  if (command.waits) {
    auto timeout = parse_timeout(p.timeout);
    if (!timeout) {
      complain("--timeout", timeout.error().text);
      return api::exit_code::usage;
    }
    request.arguments["timeout_ms"] = *timeout;
    patience = *timeout < 0
                   ? std::nullopt
                   : std::optional(milliseconds(std::min(*timeout, api::longest_timeout_ms)) + grace);
  }
  for (const auto& [what, text] : {std::pair("term", &p.term), std::pair("reason", &p.reason)}) {
    if (text->empty()) continue;
    if (auto term = etf::parse(*text); !term) {
      complain(what, term.error().text());
      return api::exit_code::usage;
    }
  }

  if (command.before != nullptr)
    if (const auto instead = command.before(p, common)) return *instead;

  auto connection = reach(common, patience);
  if (!connection) return fail(command.name, connection.error(), common);
  std::function<void()> slow;
  if ((request.command == "apply" || request.command == "reload") && !p.dry_run)
    slow = [&] { tell_what_runs(command.name, common); };
  auto reply = connection->ask(request, patience, slow);
  if (!reply) return fail(command.name, reply.error(), common);
  if (!*reply) return fail(reply->error());
  if (common.json) {
    print_json(**reply);
  } else {
    const std::string text = command.show(**reply, on_terminal() ? screen_size().columns : any_width);
    print_exactly(painted_states(base::printable_lines(text), with_colours() && shows_states(command.name)));
  }
  return command.verdict == nullptr ? api::exit_code::done : command.verdict(**reply);
}

} // namespace

std::vector<spec::diagnostic> diagnostics_of(const json& reply) {
  std::vector<spec::diagnostic> found;
  for (const auto& one : reply.value("diagnostics", json::array())) {
    const bool warning = one.value("severity", "") == "warning";
    found.push_back({warning ? spec::severity::warning : spec::severity::error, one.value("file", ""),
                     one.value("line", 0U), one.value("column", 0U), one.value("message", ""),
                     one.value("hint", ""), one.value("excerpt", ""), one.value("caret", 0U)});
  }
  return found;
}

void declare_remote_commands(CLI::App& app, const common_options& common,
                             std::function<api::exit_code()>& run) {
  for (const remote_command& command : commands) {
    CLI::App* sub = app.add_subcommand(command.name, command.summary);
    auto given = std::make_shared<remote_parameters>(); // owned by the closures, which CLI11 keeps
    command.declare(*sub, *given);
    sub->callback([&common, &run, &command, given] {
      run = [&common, &command, given] { return run_remote(command, *given, common); };
    });
  }
}

} // namespace coppice::cli
