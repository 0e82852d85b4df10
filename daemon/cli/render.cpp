// SPDX-License-Identifier: MIT
// Text for people from reply documents. Every field is read with a default: a document of another
// version must never throw here.
#include "cli/render.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <coppice/etf/text.hpp>
#include <functional>
#include <utility>
#include <vector>

#include "base/json_text.hpp"
#include "cli/engines.hpp"

namespace coppice::cli {

namespace {

using nlohmann::json;
using rows = std::vector<std::vector<std::string>>;

void draw_branch(const json& node, const std::string& stem, bool last, rows& out) {
  std::string label = stem + (last ? "└─ " : "├─ ") + cell(node, "id");
  out.push_back({label, cell(node, "pid"), cell(node, "name"), cell(node, "behaviour"), cell(node, "plugin"),
                 cell(node, "state"), cell(node, "restarts")});
  const json& children = at(node, "children");
  if (!children.is_array()) return;
  for (std::size_t i = 0; i < children.size(); ++i) {
    draw_branch(children[i], stem + (last ? "   " : "│  "), i + 1 == children.size(), out);
  }
}

// The wait of a parked process: for which thing and of which process, since when and for how long at most.
std::string wait_text(const json& wait) {
  if (!wait.is_object()) return "-";
  std::string text = cell(wait, "for");
  if (at(wait, "whom").is_string()) text += fmt::format(" of {}", cell(wait, "whom"));
  text += fmt::format(", since {}", duration_text(number(wait, "since_ms")));
  if (at(wait, "left_ms").is_number())
    text += fmt::format(", {} left", duration_text(number(wait, "left_ms")));
  return text;
}

// The message that a busy process handles, the process that sent it, and since when.
std::string handles_text(const json& handles) {
  if (!handles.is_object()) return "-";
  std::string text = at(handles, "callback").is_string() ? cell(handles, "callback") : "a call";
  if (at(handles, "message").is_string()) text += fmt::format(" of {}", cell(handles, "message"));
  if (at(handles, "whom").is_string()) text += fmt::format(" for {}", cell(handles, "whom"));
  return text + fmt::format(", since {}", duration_text(number(handles, "since_ms")));
}

// "call {get, ...} from <0.60.0> 2s, {tick, ...} 1s, and 27 more"; `length`: of the mailbox.
std::string waiting_text(const json& waiting, long long length) {
  std::string text;
  long long told = 0;
  for (const auto& one : waiting) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", cell(one, "what"));
    if (at(one, "from").is_string()) text += fmt::format(" from {}", cell(one, "from"));
    if (at(one, "age_ms").is_number()) text += fmt::format(" {}", duration_text(number(one, "age_ms")));
    ++told;
  }
  if (told != 0 && length > told) text += fmt::format(", and {} more", length - told);
  return text.empty() ? "-" : text;
}

// The plugins with memory, the largest first. null: the node's program does not count it.
std::string plugin_memory_text(const json& from) {
  if (!from.is_object()) return "not counted by this build";
  std::vector<std::pair<long long, std::string>> all;
  for (const auto& [plugin, bytes] : from.items())
    if (bytes.is_number() && bytes.get<long long>() > 0) all.emplace_back(bytes.get<long long>(), plugin);
  std::ranges::sort(all, std::greater<>());
  std::string text;
  for (const auto& [bytes, plugin] : all)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", plugin, size_text(bytes));
  return text.empty() ? "-" : text;
}

} // namespace

std::string render_status(const json& d, std::size_t columns) {
  std::string applications;
  for (const auto& application : at(d, "applications")) {
    applications += fmt::format("{}{} ({})", applications.empty() ? "" : ", ", cell(application, "name"),
                                cell(application, "state"));
  }
  std::string certificates;
  for (const auto& one : at(d, "certificates")) {
    const json& soon = at(one, "soon");
    const bool is_used = !at(one, "unused").is_string();
    certificates +=
        fmt::format("{}{} until {}{}{}", certificates.empty() ? "" : ", ", cell(one, "file"),
                    cell(one, "ends"), soon.is_boolean() && soon.get<bool>() ? ": replace it" : "",
                    is_used ? "" : " (its files have changed and cannot be used)");
  }
  std::string off;
  for (const auto& one : at(d, "switched_off"))
    off += fmt::format("{}{} {}", off.empty() ? "" : ", ", cell(one, "what"), cell(one, "name"));
  std::string stuck;
  for (const auto& one : at(d, "stuck")) {
    stuck += fmt::format("{}{} for {} in {}", stuck.empty() ? "" : ", ", cell(one, "who"),
                         duration_text(number(one, "since_ms")), cell(one, "callback"));
    if (at(one, "message").is_string()) stuck += " of " + cell(one, "message");
  }
  if (!stuck.empty()) stuck += "; coppice health says what helps";
  std::string cannot_write;
  for (const auto& one : at(d, "cannot_write"))
    cannot_write +=
        fmt::format("{}{}: {}", cannot_write.empty() ? "" : ", ", cell(one, "path"), cell(one, "why"));
  const json& configuration = at(d, "configuration");
  std::string on_disk = cell(configuration, "on_disk");
  if (at(configuration, "why").is_string())
    on_disk += fmt::format(" since {}: {}", cell(configuration, "since"), cell(configuration, "why"));
  return fields({{"name", cell(d, "name")},
                 {"state", cell(d, "state")},
                 {"degraded", cell(d, "degraded")},
                 {"version", cell(d, "version")},
                 {"creation", cell(d, "creation")},
                 {"uptime", duration_text(number(d, "uptime_ms"))},
                 {"restarts", cell(d, "restarts")},
                 {"os pid", cell(d, "os_pid")},
                 {"listening", cell(d, "listen")},
                 {"epmd", cell(d, "epmd")},
                 {"certificates", certificates.empty() ? "-" : certificates},
                 {"workers", cell(d, "workers")},
                 {"processes", cell(d, "processes")},
                 {"dead letters", cell(d, "dead_letters")},
                 {"message memory", size_text(number(d, "message_memory"))},
                 {"resident memory", size_text(number(d, "resident_memory"))},
                 {"plugin memory", plugin_memory_text(at(d, "plugin_memory"))},
                 {"processor time", short_time_text(number(d, "cpu_us"))},
                 {"slow handlers", fmt::format("{}, {} threads stuck now", cell(d, "slow_handlers"),
                                               cell(d, "stuck_threads"))},
                 {"stuck", stuck.empty() ? "-" : stuck},
                 {"cannot write", cannot_write.empty() ? "-" : cannot_write},
                 {"applications", applications.empty() ? "-" : applications},
                 {"life before", cell(at(d, "former_life"), "how")},
                 {"switched off", off.empty() ? "-" : off},
                 {"on disk", on_disk},
                 {"connections", cell(d, "connections")},
                 {"plugins", cell(d, "plugins")}},
                columns);
}

std::string render_tree(const json& d, std::size_t columns) {
  rows out{{"TREE", "PID", "NAME", "BEHAVIOUR", "PLUGIN", "STATE", "RESTARTS"}};
  for (const auto& application : at(d, "applications")) {
    out.push_back({cell(application, "name"), "-", "-", "application", "-", cell(application, "state"), "-"});
    const json& supervisor = at(application, "supervisor");
    if (supervisor.is_object()) draw_branch(supervisor, "", true, out);
  }
  return table(out, columns);
}

std::string render_processes(const json& d, std::size_t columns) {
  rows out{{"PID", "NAME", "BEHAVIOUR", "PLUGIN", "STATUS", "MAILBOX", "REDUCTIONS", "MEMORY", "TIME"}};
  for (const auto& p : at(d, "processes")) {
    out.push_back({cell(p, "pid"), cell(p, "name"), cell(p, "behaviour"), cell(p, "plugin"),
                   cell(p, "status"), cell(p, "mailbox"), cell(p, "reductions"),
                   size_text(number(p, "memory")), short_time_text(number(p, "cpu_us"))});
  }
  return table(out, columns);
}

std::string render_process(const json& d, std::size_t columns) {
  const json& mailbox = at(d, "mailbox");
  std::string ends;
  for (const auto& end : at(d, "ends")) {
    ends += fmt::format("{}{} {}", ends.empty() ? "" : ", ", cell(end, "at"), cell(end, "reason"));
  }
  if (ends.empty()) ends = "-";
  const std::string engine = render_engine(at(d, "engine"), columns);
  return fields({{"pid", cell(d, "pid")},
                 {"name", cell(d, "name")},
                 {"label", cell(d, "label")},
                 {"behaviour", cell(d, "behaviour")},
                 {"plugin", cell(d, "plugin")},
                 {"actor", cell(d, "actor")},
                 {"generation", cell(d, "generation")},
                 {"status", cell(d, "status")},
                 {"state", cell(d, "state")},
                 {"handles", handles_text(at(d, "handles"))},
                 {"waits for", wait_text(at(d, "waits"))},
                 {"parent", cell(d, "parent")},
                 {"priority", cell(d, "priority")},
                 {"trap exit", cell(d, "trap_exit")},
                 {"mailbox", fmt::format("{} messages, {}, limit {}, oldest {}", cell(mailbox, "length"),
                                         size_text(number(mailbox, "bytes")), cell(mailbox, "limit"),
                                         duration_text(number(mailbox, "oldest_ms")))},
                 {"next", waiting_text(at(d, "waiting"), number(mailbox, "length"))},
                 {"reductions", cell(d, "reductions")},
                 {"memory", size_text(number(d, "memory"))},
                 {"processor time", short_time_text(number(d, "cpu_us"))},
                 {"ended before", ends},
                 {"links", cell(d, "links")},
                 {"monitors", cell(d, "monitors")},
                 {"monitored by", cell(d, "monitored_by")},
                 {"debugged", cell(d, "debug")}},
                columns) +
         (engine.empty() ? engine : "\n" + engine);
}

std::string render_nodes(const json& d, std::size_t columns) {
  constexpr std::size_t wide = 130; // columns from which on everything is shown
  const bool all = columns >= wide;
  rows out{all ? std::vector<std::string>{"NODE", "STATE", "SINCE", "LAST CONTACT", "LOSSES", "DIRECTION",
                                          "TLS", "IN", "OUT", "QUEUED", "LAST ERROR"}
               : std::vector<std::string>{"NODE", "STATE", "SINCE", "LAST CONTACT", "LOSSES", "LAST ERROR"}};
  // To the second: 2026-03-29 03:00:00; where there is little room without the year: 03-29 03:00:00
  const auto time = [all](const json& n, const char* key) {
    std::string text = cell(n, key);
    if (text.size() < 19) return text;
    text[10] = ' ';
    return all ? text.substr(0, 19) : text.substr(5, 14);
  };
  for (const auto& n : at(d, "nodes")) {
    auto traffic = [&](const char* messages, const char* bytes) {
      return fmt::format("{} / {}", cell(n, messages), size_text(number(n, bytes)));
    };
    const bool held = at(n, "held") == json(true);
    const bool hidden = at(n, "hidden") == json(true);
    std::vector<std::string>& line = out.emplace_back(
        std::vector<std::string>{cell(n, "name"), cell(n, "state") + (held ? ", held" : ""), time(n, "since"),
                                 time(n, "last_contact"), cell(n, "losses")});
    if (all) {
      line.push_back(cell(n, "direction") + (hidden ? ", hidden" : ""));
      line.push_back(cell(n, "tls"));
      line.push_back(traffic("messages_in", "bytes_in"));
      line.push_back(traffic("messages_out", "bytes_out"));
      line.push_back(size_text(number(n, "queued")));
    }
    line.push_back(cell(n, "last_error"));
  }
  return table(out, columns);
}

std::string render_plugins(const json& d, std::size_t columns) {
  rows out{{"PLUGIN", "VERSION", "GENERATION", "MEMORY", "ACTORS", "TIME", "FILE"}};
  for (const auto& p : at(d, "plugins")) {
    const std::string memory = at(p, "memory").is_null() ? "-" : size_text(number(p, "memory"));
    out.push_back({cell(p, "id"), cell(p, "version"), cell(p, "generation"), memory, cell(p, "actors"),
                   short_time_text(number(p, "cpu_us")), cell(p, "file")});
  }
  return table(out, columns);
}

std::string render_changes(const json& d, std::size_t columns) {
  rows out;
  for (const auto& one : at(d, "changes")) {
    const json& keys = at(one, "keys");
    const std::string action = cell(one, "action");
    const bool of_key = action == "set" || action == "refuse";
    const std::string why =
        of_key         ? base::json_text(at(one, "before")) + " -> " + base::json_text(at(one, "after"))
        : keys.empty() ? ""
                       : cell(keys);
    out.push_back({action, cell(one, "path"), why});
  }
  return out.empty() ? "no changes\n" : table(out, columns);
}

std::string render_by_hand(const json& d, std::size_t columns) {
  rows out;
  for (const auto& one : at(d, "by_hand")) {
    out.push_back({cell(one, "what") + " " + cell(one, "name"), cell(one, "why")});
    out.push_back({"", "  " + cell(one, "help")});
  }
  return out.empty() ? "" : "By hand, beside the configuration:\n" + fields(out, columns);
}

std::string render_history(const json& d, std::size_t columns) {
  rows out{{"WHEN", "WHO", "CHANGES"}};
  for (const auto& one : at(d, "entries"))
    out.push_back({cell(one, "at"), cell(one, "by"), cell(one, "changes")});
  return table(out, columns);
}

std::string render_health(const json& d, std::size_t columns) {
  rows out;
  const auto list = [&out](const json& of, const std::string& mark) {
    for (const auto& one : of) {
      out.push_back({mark + cell(one, "what") + " " + cell(one, "name"), cell(one, "why")});
      if (const std::string help = cell(one, "help"); help != "-") out.push_back({"", "  " + help});
    }
  };
  const json& complaints = at(d, "complaints");
  list(complaints, "");
  list(at(d, "warnings"), "warning: ");
  return (complaints.empty() ? "ok\n" : "") + (out.empty() ? std::string() : fields(out, columns));
}

std::string render_levels(const json& d, std::size_t columns) {
  const json& configured = at(d, "configured");
  rows out{{"OF", "LEVEL", "CONFIGURED", "FOR"}};
  const auto own = [&configured](const std::string& module) {
    return cell(at(configured, "modules"), module.c_str());
  };
  std::vector<std::string> different;
  out.push_back({"all", cell(d, "level"), cell(configured, "level"), "-"});
  for (const auto& one : at(d, "differs")) {
    const std::string scope = cell(one, "scope");
    const json& left = at(one, "left_ms");
    const std::string time = left.is_number() ? duration_text(number(one, "left_ms")) : "until taken back";
    if (scope == "all") {
      out[1][3] = time;
      continue;
    }
    const std::string of = cell(one, "of");
    out.push_back({scope + " " + of, cell(one, "level"), scope == "module" ? own(of) : "-", time});
    if (scope == "module") different.push_back(of);
  }
  if (const json& modules = at(configured, "modules"); modules.is_object()) {
    for (const auto& [name, level] : modules.items()) {
      if (std::find(different.begin(), different.end(), name) == different.end())
        out.push_back({"module " + name, cell(level), cell(level), "-"});
    }
  }
  rows handlers{{"HANDLER", "TO", "LEVEL", "WAITING", "DROPPED", "STATE"}};
  for (const auto& one : at(d, "handlers")) {
    const std::string failing = cell(one, "failing");
    handlers.push_back({cell(one, "name"), at(one, "syslog").is_null() ? "an actor" : cell(one, "syslog"),
                        cell(one, "level"), cell(one, "waiting"), cell(one, "dropped"),
                        failing == "-" ? "takes lines" : failing});
  }
  return table(out, columns) + (handlers.size() > 1 ? "\n" + table(handlers, columns) : std::string());
}

std::string render_reload(const json& d, std::size_t columns) {
  if (at(d, "plugins").empty()) return "no plugin's file has changed\n";
  const bool dry = d.value("dry_run", false);
  std::string out;
  for (const auto& p : at(d, "plugins")) {
    const auto generation = [&p](const char* which) {
      const json& v = at(p, which);
      return fmt::format("{} generation {}", cell(v, "version"), cell(v, "generation"));
    };
    out += fmt::format("{}{}: {} -> {}\n", dry ? "would reload " : "", cell(p, "id"), generation("from"),
                       generation("to"));
    rows lines{{"PID", "PATH", "TYPE", "OUTCOME", "REASON"}};
    for (const auto& a : at(p, "actors"))
      lines.push_back(
          {cell(a, "pid"), cell(a, "path"), cell(a, "type"), cell(a, "outcome"), cell(a, "reason")});
    if (lines.size() > 1) out += table(lines, columns);
  }
  for (const auto& k : at(d, "kept"))
    out += fmt::format("still mapped: {} generation {}: {}\n", cell(k, "plugin"), cell(k, "generation"),
                       cell(k, "reason"));
  if (dry) return out;
  return out + fmt::format("stood still {} ms (handlers {} ms, save {} ms, restore {} ms)\n",
                           cell(d, "pause_ms"), cell(d, "drain_ms"), cell(d, "save_ms"),
                           cell(d, "restore_ms"));
}

std::string render_reply(const json& d, std::size_t width) {
  const std::string text = cell(d, "reply");
  // <0.N.S> stays as it is: the node that it names does not matter, as long as both ways take the same.
  constexpr std::string_view local = "nonode@nohost";
  etf::text_options reading;
  reading.node = local;
  auto term = etf::parse(text, reading);
  if (!term) return text + "\n";
  etf::print_options options;
  options.pretty = true;
  options.width = width;
  options.node = local;
  return etf::print(*term, options) + "\n";
}

} // namespace coppice::cli
