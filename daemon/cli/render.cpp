// SPDX-License-Identifier: MIT
// Text for people from reply documents. Every field is read with a default: a document of another
// version must never throw here.
#include "cli/render.hpp"
#include "base/json_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <coppice/etf/text.hpp>

namespace coppice::cli {

namespace {

using nlohmann::json;

const json& at(const json& object, const char* key) {
  static const json none;
  auto found = object.is_object() ? object.find(key) : object.end();
  return found == object.end() ? none : *found;
}

// A cell: strings as they are, numbers and booleans printed, lists joined, everything else "-".
std::string cell(const json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().empty() ? "-" : value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return base::json_text(value);
  if (!value.is_array() || value.empty()) return "-";
  std::string joined;
  for (const auto& item : value) joined += (joined.empty() ? "" : ", ") + cell(item);
  return joined;
}

std::string cell(const json& object, const char* key) {
  return cell(at(object, key));
}

long long number(const json& object, const char* key) {
  const json& value = at(object, key);
  return value.is_number() ? value.get<long long>() : 0;
}

using rows = std::vector<std::vector<std::string>>;

std::size_t columns_of(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// The bytes of the first `columns` characters.
std::size_t bytes_of(std::string_view utf8, std::size_t columns) {
  std::size_t at = 0;
  for (std::size_t seen = 0; at < utf8.size(); ++at) {
    if ((utf8[at] & 0xC0) != 0x80 && ++seen > columns) break;
  }
  return at;
}

std::string shortened(const std::string& text, std::size_t columns) {
  if (columns_of(text) <= columns) return text;
  return text.substr(0, bytes_of(text, columns - 1)) + "…";
}

// Two columns, "name  demo@127.0.0.1", for a document about one thing. Values go on below where they are
// long.
std::string fields(const rows& pairs, std::size_t columns) {
  std::size_t names = 0;
  for (const auto& pair : pairs) names = std::max(names, columns_of(pair[0]));
  const std::size_t room =
      columns == any_width ? any_width : std::max<std::size_t>(columns, names + 22) - names - 2;
  rows lines;
  for (const auto& pair : pairs) {
    std::string_view rest = pair[1];
    const std::string* name = &pair[0];
    static const std::string no_name;
    do {
      std::size_t end = bytes_of(rest, room);
      const std::size_t blank = end == rest.size() ? std::string_view::npos : rest.substr(0, end).rfind(' ');
      if (blank != std::string_view::npos && blank != 0) end = blank + 1;
      lines.push_back({*name, std::string(rest.substr(0, end))});
      rest.remove_prefix(end);
      name = &no_name;
    } while (!rest.empty());
  }
  return table(lines);
}

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

// What a process is parked for, whom with, since when and for how long at most.
std::string wait_text(const json& wait) {
  if (!wait.is_object()) return "-";
  std::string text = cell(wait, "for");
  if (at(wait, "whom").is_string()) text += fmt::format(" of {}", cell(wait, "whom"));
  text += fmt::format(", since {}", duration_text(number(wait, "since_ms")));
  if (at(wait, "left_ms").is_number())
    text += fmt::format(", {} left", duration_text(number(wait, "left_ms")));
  return text;
}

// Microseconds.
std::string short_time_text(long long us) {
  return us < 1000      ? fmt::format("{}us", us)
         : us < 1000000 ? fmt::format("{:.1f}ms", static_cast<double>(us) / 1e3)
                        : fmt::format("{:.1f}s", static_cast<double>(us) / 1e6);
}

// What an event manager says of itself; of others nothing.
std::string handlers_text(const json& engine, std::size_t columns) {
  if (!at(engine, "handlers").is_array()) return {};
  rows out{
      {"HANDLER", "PID", "PERMANENT", "ADDED BY", "RESTARTS", "SEEN", "MEAN", "WORST", "WAITING", "DROPPED"}};
  std::string failed;
  for (const auto& one : at(engine, "handlers")) {
    const bool slow = cell(one, "slow") == "true";
    out.push_back({cell(one, "handler"), cell(one, "pid"), cell(one, "permanent"), cell(one, "added_by"),
                   cell(one, "restarts"), cell(one, "seen"), short_time_text(number(one, "mean_us")),
                   short_time_text(number(one, "worst_us")), cell(one, "waiting") + (slow ? " (slow)" : ""),
                   cell(one, "dropped")});
    if (number(one, "restarts") != 0)
      failed += fmt::format("{} was begun again after {}\n", cell(one, "handler"), cell(one, "failure"));
  }
  return fmt::format("\nevents {}, failed handlers {}, dropped {}\n", cell(engine, "events"),
                     cell(engine, "failures"), cell(engine, "dropped")) +
         table(out, columns) + failed;
}

// What a state machine says of itself; of others nothing.
std::string statem_text(const json& engine, std::size_t columns) {
  if (!at(engine, "transitions").is_array()) return {};
  const json& postponed = at(engine, "postponed");
  rows about{{"state", fmt::format("{}, since {}, after {}", cell(engine, "state"),
                                   duration_text(number(engine, "since_ms")), cell(engine, "previous"))},
             {"changes", cell(engine, "changes")},
             {"postponed",
              fmt::format("{} of {}, oldest {}, dropped {}", cell(postponed, "length"),
                          cell(postponed, "limit"), cell(postponed, "oldest"), cell(postponed, "dropped"))},
             {"queued", cell(engine, "queued")}};
  for (const auto& one : at(engine, "timeouts"))
    about.push_back(
        {"time-out", fmt::format("{}, {} left", cell(one, "type"), duration_text(number(one, "left_ms")))});
  std::string text = "\n" + fields(about, columns);
  rows passed{{"TO", "BY", "AGO"}};
  for (const auto& one : at(engine, "transitions"))
    passed.push_back({cell(one, "to"), cell(one, "event"), duration_text(number(one, "ago_ms"))});
  if (passed.size() > 1) text += "\n" + table(passed, columns);
  return text;
}

// What an actor says of its streams; others have none.
std::string streams_text(const json& engine, std::size_t columns) {
  if (!at(engine, "connections").is_array()) return {};
  std::string text = "\n";
  if (const json& to = at(engine, "connect"); to.is_object())
    text += fmt::format("connected to {}: {}, {} tries, {} failed\n", cell(to, "to"),
                        cell(to, "up") == "true" ? "yes" : "no", cell(to, "tries"), cell(to, "failed"));
  rows out{{"STREAM", "PEER", "OPEN", "TLS", "READ", "WRITTEN", "QUEUED"}};
  for (const auto& one : at(engine, "connections"))
    out.push_back({cell(one, "id"), cell(one, "peer"), cell(one, "open"), cell(one, "tls"),
                   size_text(number(one, "read")), size_text(number(one, "written")),
                   size_text(number(one, "queued"))});
  if (out.size() > 1) text += table(out, columns);
  const long long more = number(engine, "streams") - static_cast<long long>(out.size() - 1);
  if (more > 0) text += fmt::format("and {} more\n", more);
  return text;
}

// What a web server says of its routes; a router's are destinations, with names; others have none.
std::string routes_text(const json& engine, std::size_t columns) {
  if (!at(engine, "routes").is_array()) return {};
  if (at(engine, "elsewhere").is_number()) {
    rows out{{"ROUTE", "TO", "PASSED", "FAILED"}};
    for (const auto& one : at(engine, "routes"))
      out.push_back({cell(one, "name"), cell(one, "to"), cell(one, "passed"), cell(one, "failed")});
    return "\n" + table(out, columns);
  }
  rows out{{"ROUTE", "TO", "REQUESTS", "ERRORS", "P50", "P99"}};
  for (const auto& one : at(engine, "routes"))
    out.push_back({cell(one, "path"), cell(one, "to"), cell(one, "requests"), cell(one, "errors"),
                   cell(one, "p50_us") + "us", cell(one, "p99_us") + "us"});
  return "\n" + table(out, columns);
}

} // namespace

std::string table(const std::vector<std::vector<std::string>>& all, std::size_t columns) {
  constexpr std::size_t between = 2;
  constexpr std::size_t narrowest = 8;
  std::vector<std::size_t> widths;
  for (const auto& row : all) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns_of(row[i]));
  }
  std::size_t whole = 0;
  for (const std::size_t one : widths) whole += one + between;
  for (; whole > between && whole - between > columns; --whole) {
    const auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= narrowest) break;
    --*widest;
  }
  std::string text;
  for (const auto& row : all) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string shown = shortened(row[i], widths[i]);
      text += shown;
      if (i + 1 < row.size()) text.append(widths[i] - columns_of(shown) + between, ' ');
    }
    text += '\n';
  }
  return text;
}

std::string duration_text(long long ms) {
  if (ms < 1000) return fmt::format("{}ms", ms);
  const long long s = ms / 1000;
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m {}s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{}h {}m", s / 3600, s / 60 % 60);
  return fmt::format("{}d {}h {}m", s / 86400, s / 3600 % 24, s / 60 % 60);
}

std::string size_text(long long bytes) {
  static constexpr std::array<const char*, 5> units{"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < units.size()) value /= 1024, ++unit;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

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
                 {"slow handlers", fmt::format("{}, {} threads stuck now", cell(d, "slow_handlers"),
                                               cell(d, "stuck_threads"))},
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
  rows out{{"PID", "NAME", "BEHAVIOUR", "PLUGIN", "STATUS", "MAILBOX", "REDUCTIONS", "MEMORY"}};
  for (const auto& p : at(d, "processes")) {
    out.push_back({cell(p, "pid"), cell(p, "name"), cell(p, "behaviour"), cell(p, "plugin"),
                   cell(p, "status"), cell(p, "mailbox"), cell(p, "reductions"),
                   size_text(number(p, "memory"))});
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
  return fields({{"pid", cell(d, "pid")},
                 {"name", cell(d, "name")},
                 {"label", cell(d, "label")},
                 {"behaviour", cell(d, "behaviour")},
                 {"plugin", cell(d, "plugin")},
                 {"actor", cell(d, "actor")},
                 {"generation", cell(d, "generation")},
                 {"status", cell(d, "status")},
                 {"state", cell(d, "state")},
                 {"waits for", wait_text(at(d, "waits"))},
                 {"parent", cell(d, "parent")},
                 {"priority", cell(d, "priority")},
                 {"trap exit", cell(d, "trap_exit")},
                 {"mailbox", fmt::format("{} messages, {}, limit {}, oldest {}", cell(mailbox, "length"),
                                         size_text(number(mailbox, "bytes")), cell(mailbox, "limit"),
                                         duration_text(number(mailbox, "oldest_ms")))},
                 {"reductions", cell(d, "reductions")},
                 {"memory", size_text(number(d, "memory"))},
                 {"ended before", ends},
                 {"links", cell(d, "links")},
                 {"monitors", cell(d, "monitors")},
                 {"monitored by", cell(d, "monitored_by")},
                 {"debugged", cell(d, "debug")}},
                columns) +
         handlers_text(at(d, "engine"), columns) + statem_text(at(d, "engine"), columns) +
         routes_text(at(d, "engine"), columns) + streams_text(at(d, "engine"), columns);
}

std::string render_pool(const json& d, std::size_t columns) {
  rows out{{"WORKER", "PID", "HOLDS", "QUEUED", "HANDLED", "LOST", "BUSY", "RESTARTS"}};
  const double uptime = std::max(1.0, static_cast<double>(number(d, "uptime_ms")));
  std::size_t index = 0;
  for (const auto& one : at(d, "workers")) {
    const double share = 100.0 * static_cast<double>(number(one, "busy_ms")) / uptime;
    out.push_back({std::to_string(++index), cell(one, "pid"), cell(one, "held"), cell(one, "queued"),
                   cell(one, "handled"), cell(one, "lost"), fmt::format("{:.0f}%", share),
                   cell(one, "restarts")});
  }
  const bool grows = number(d, "max") > number(d, "size") || number(d, "grown") != 0;
  std::string text =
      fields({{"dispatch", cell(d, "dispatch")},
              {"workers", grows ? fmt::format("{}, up to {}; {} came and {} went by need", cell(d, "size"),
                                              cell(d, "max"), cell(d, "grown"), cell(d, "shrunk"))
                                : cell(d, "size")},
              {"waiting", cell(d, "queued")},
              {"with workers", cell(d, "held")},
              {"handled", cell(d, "handled")},
              {"rejected", cell(d, "rejected")},
              {"expired", cell(d, "expired")},
              {"retried", cell(d, "retried")},
              {"lost", cell(d, "lost")},
              {"unanswered", cell(d, "unanswered")},
              {"misdirected", cell(d, "misdirected")}},
             columns);
  return text + "\n" + table(out, columns);
}

std::string render_listener(const json& d, std::size_t columns) {
  std::string ended;
  for (const auto& [how, count] : at(d, "ended").items())
    if (count != 0) ended += fmt::format("{}{} {}", ended.empty() ? "" : ", ", base::json_text(count), how);
  return fields({{"listening", cell(d, "listening")},
                 {"suspended", cell(d, "suspended")},
                 {"short of descriptors", cell(d, "short_of_descriptors")},
                 {"open", fmt::format("{} of {}", cell(d, "open"), cell(d, "max_connections"))},
                 {"waiting", cell(d, "waiting")},
                 {"accepted", cell(d, "accepted")},
                 {"denied", cell(d, "denied")},
                 {"shed", cell(d, "shed")},
                 {"failed", cell(d, "failed")},
                 {"crashed", cell(d, "crashed")},
                 {"ended", ended},
                 {"read", size_text(number(d, "bytes_read"))},
                 {"written", size_text(number(d, "bytes_written"))}},
                columns) +
         routes_text(d, columns);
}

std::string render_nodes(const json& d, std::size_t columns) {
  rows out{{"NODE", "STATE", "SINCE", "LAST CONTACT", "LOSSES", "DIRECTION", "TLS", "IN", "OUT", "QUEUED",
            "LAST ERROR"}};
  // To the second: 2026-03-29 03:00:00
  const auto time = [](const json& n, const char* key) {
    std::string text = cell(n, key);
    if (text.size() < 19) return text;
    text[10] = ' ';
    return text.substr(0, 19);
  };
  for (const auto& n : at(d, "nodes")) {
    auto traffic = [&](const char* messages, const char* bytes) {
      return fmt::format("{} / {}", cell(n, messages), size_text(number(n, bytes)));
    };
    const bool held = at(n, "held") == json(true);
    const bool hidden = at(n, "hidden") == json(true);
    out.push_back({cell(n, "name"), cell(n, "state") + (held ? ", held" : ""), time(n, "since"),
                   time(n, "last_contact"), cell(n, "losses"),
                   cell(n, "direction") + (hidden ? ", hidden" : ""), cell(n, "tls"),
                   traffic("messages_in", "bytes_in"), traffic("messages_out", "bytes_out"),
                   size_text(number(n, "queued")), cell(n, "last_error")});
  }
  return table(out, columns);
}

std::string render_plugins(const json& d, std::size_t columns) {
  rows out{{"PLUGIN", "VERSION", "GENERATION", "ACTORS", "FILE"}};
  for (const auto& p : at(d, "plugins")) {
    out.push_back(
        {cell(p, "id"), cell(p, "version"), cell(p, "generation"), cell(p, "actors"), cell(p, "file")});
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
  return table(out, columns);
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
  // <0.N.S> stays as it is: what node it names does not matter, as long as both ways take the same.
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
