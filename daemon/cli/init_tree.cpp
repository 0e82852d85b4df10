// SPDX-License-Identifier: MIT
// See init_tree.hpp. Values of options are written as JSON, which YAML takes.
#include "cli/init_tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/suggest.hpp"

namespace coppice::cli {

namespace {

using json = nlohmann::ordered_json;

bool is_text(const json& value) {
  return value.is_string() && !value.get_ref<const std::string&>().empty();
}
bool is_count(const json& value) {
  return value.is_number_integer() && value.get<std::int64_t>() >= 1;
}
bool is_port(const json& value) {
  return is_count(value) && value.get<std::int64_t>() <= 65'535;
}
bool is_intensity(const json& value) {
  return value.is_number_integer() && value.get<std::int64_t>() >= 0;
}
bool is_map(const json& value) {
  return value.is_object();
}
bool is_command(const json& value) {
  return value.is_array() && !value.empty() && std::ranges::all_of(value, is_text);
}
bool is_one_of(const json& value, std::initializer_list<std::string_view> words) {
  return value.is_string() &&
         std::ranges::find(words, std::string_view(value.get_ref<const std::string&>())) != words.end();
}
bool is_type(const json& value) {
  return is_one_of(value, {"permanent", "transient", "temporary"});
}
bool is_strategy(const json& value) {
  return is_one_of(value, {"one_for_one", "one_for_all", "rest_for_one"});
}

struct known_option {
  std::string_view kinds; // with a blank on either side of each; empty: every plugin's
  std::string_view key;
  bool (*takes)(const json&);
  const char* wants;
};
constexpr known_option known[] = {
    {"", "lang", is_text, "c, cpp or rust"},
    {" actor statem stage event-manager pool router tcp udp web port ", "args", is_map, "a map in braces"},
    {" app ", "type", is_type, "permanent, transient or temporary"},
    {" sup ", "strategy", is_strategy, "one_for_one, one_for_all or rest_for_one"},
    {" sup ", "intensity", is_intensity, "a number from 0 on"},
    {" sup ", "period", is_text, "a time, 5s say"},
    {" pool ", "size", is_count, "a number from 1 on"},
    {" tcp udp web ", "address", is_text, "an address"},
    {" tcp udp web ", "port", is_port, "a number from 1 to 65535"},
    {" port ", "command", is_command, "a list in brackets: a program and its arguments"},
    {" router ", "to", is_text, "the name of a process"},
    {" cron ", "at", is_text, "a time, \"30 2 * * *\" say"},
    {" cron ", "to", is_text, "the name of a process"},
    {" cron ", "message", is_text, "a term"},
    {" events ", "buffer", is_count, "a number from 1 on"},
};

bool has(const known_option& option, const std::string& kind) {
  if (option.kinds.empty()) return kind != "app" && kind != "sup" && kind != "cron" && kind != "events";
  return option.kinds.find(" " + kind + " ") != std::string_view::npos;
}

std::string args_of(const json& options) {
  return options.contains("args") ? ", args: " + options["args"].dump() : "";
}
std::string listen_of(const json& options, int port) {
  return fmt::format("listen: [ {{ address: {}, port: {} }} ]",
                     json(options.value("address", "127.0.0.1")).dump(), options.value("port", port));
}

// The lines of a plugin's children, without indentation.
std::string children_of(const tree_entry& one) {
  const std::string& n = one.name;
  const json& o = one.options;
  const std::string args = args_of(o);
  const std::string head = fmt::format("- {{ id: {0}, name: {0}, ", n);
  if (one.kind == "stage")
    return fmt::format(
        "- {{ id: {0}, actor: {0}, name: {0}{1} }}\n"
        "- {{ id: {0}_doubler, actor: \"{0}:doubler\", name: {0}_doubler, stage: {{ subscribe_to: [ {{ to: "
        "{0}, max_demand: 100 }} ] }} }}\n"
        "- {{ id: {0}_sink, actor: \"{0}:sink\", name: {0}_sink, stage: {{ subscribe_to: [ {{ to: "
        "{0}_doubler }} ] }} }}\n",
        n, o.contains("args") ? args : ", args: { last: 9 }");
  if (one.kind == "event-manager")
    return head +
           fmt::format(
               "event_manager: {{ handlers: [ {{ id: last, actor: {}, restart: permanent{} }} ] }} }}\n", n,
               args);
  if (one.kind == "pool")
    return head + fmt::format("pool: {{ actor: {}, size: {}{} }} }}\n", n, o.value("size", 3), args);
  if (one.kind == "tcp")
    return head + fmt::format("tcp: {{ {}, actor: {}, frame: {{ kind: line, max: 4KiB }}{} }} }}\n",
                              listen_of(o, 7000), n, args);
  if (one.kind == "udp")
    return head + fmt::format("udp: {{ {}, actor: {}{} }} }}\n", listen_of(o, 7001), n, args);
  if (one.kind == "web")
    return fmt::format(
        "- {{ id: {0}, actor: {0}, name: {0}{1} }}\n"
        "- {{ id: {0}_site, name: {0}_site, web: {{ {2}, routes: [ {{ path: \"/hello/{{name}}\", to: {0} }} "
        "] }} "
        "}}\n",
        n, args, listen_of(o, 8080));
  if (one.kind == "port") {
    const json command = o.value("command", json({"/bin/sed", "--unbuffered", "s/.*/\\U&/"}));
    return head + fmt::format("port: {{ command: {}, actor: {}, frame: {{ kind: line }}{} }} }}\n",
                              command.dump(), n, args);
  }
  if (one.kind == "router" && o.contains("to")) {
    json with = o.value("args", json::object());
    with["to"] = "store"; // the route's name
    return head +
           fmt::format(
               "actor: {}, args: {}, router: {{ routes: [ {{ name: store, to: {} }} ], on_failed: reply "
               "}} }}\n",
               n, with.dump(), o["to"].dump());
  }
  return head + fmt::format("actor: {}{} }}\n", n, args);
}

std::string indented(const std::string& lines, std::size_t by) {
  std::string out;
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = lines.find('\n', at);
    out += std::string(by, ' ') + lines.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return out;
}

// The keys of a supervisor and its children, `by` columns to the right.
std::string supervisor_yaml(const std::vector<tree_entry>& all, const std::string& name, const json& options,
                            std::size_t by) {
  std::string out = indented(
      fmt::format("strategy: {}\nintensity: {}\nperiod: {}\n", options.value("strategy", "one_for_one"),
                  options.value("intensity", 3), options.value("period", "5s")),
      by);
  std::string children;
  for (const tree_entry& one : all) {
    if (one.parent != name) continue;
    if (one.kind == "sup")
      children += indented(fmt::format("- id: {0}\n  supervisor:\n    name: {0}\n", one.name), by + 2) +
                  supervisor_yaml(all, one.name, one.options, by + 6);
    else
      children += indented(children_of(one), by + 2);
  }
  return out + std::string(by, ' ') + (children.empty() ? "children: []\n" : "children:\n" + children);
}

} // namespace

std::vector<std::string> process_names(const tree_entry& one) {
  if (one.kind == "stage") return {one.name, one.name + "_doubler", one.name + "_sink"};
  if (one.kind == "web") return {one.name, one.name + "_site"};
  return {one.name};
}

std::vector<std::string_view> option_keys(const std::string& kind) {
  std::vector<std::string_view> keys;
  for (const known_option& one : known)
    if (has(one, kind)) keys.push_back(one.key);
  return keys;
}

std::vector<std::string> check_options(const std::string& kind, const json& options) {
  std::vector<std::string> wrong;
  const std::vector<std::string_view> keys = option_keys(kind);
  for (const auto& [key, value] : options.items()) {
    const auto found = std::ranges::find_if(
        known, [&kind, &name = key](const known_option& one) { return one.key == name && has(one, kind); });
    if (found == std::end(known)) {
      const std::string meant = base::did_you_mean(key, keys);
      wrong.push_back(
          fmt::format("there is no option '{}': {}", key,
                      meant.empty() ? fmt::format("there are {}", fmt::join(keys, ", ")) : meant));
    } else if (!found->takes(value)) {
      wrong.push_back(fmt::format("{} wants {}, not {}", key, found->wants, value.dump()));
    }
  }
  return wrong;
}

std::string applications_yaml(const std::vector<tree_entry>& all) {
  std::string out = "applications:\n";
  for (const tree_entry& one : all)
    if (one.kind == "app")
      out += fmt::format("  - name: {}\n    type: {}\n    supervisor:\n", one.name,
                         one.options.value("type", "permanent")) +
             supervisor_yaml(all, one.name, json::object(), 6);
  return out;
}

} // namespace coppice::cli
