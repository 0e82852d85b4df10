// SPDX-License-Identifier: MIT
// Values of options are written as JSON, which YAML accepts.
#include "cli/init_tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/suggest.hpp"
#include "cli/templates.hpp"
#include "spec/schema/scalar.hpp"

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
bool is_flag(const json& value) {
  return value.is_boolean();
}
bool is_time(const json& value) {
  return value.is_string() && spec::parse_duration(value.get_ref<const std::string&>()).has_value();
}
bool is_size(const json& value) {
  return value.is_string() && spec::parse_size(value.get_ref<const std::string&>()).has_value();
}
bool is_intensity(const json& value) {
  return value.is_number_integer() && value.get<std::int64_t>() >= 0;
}
bool is_map(const json& value) {
  return value.is_object();
}
bool is_texts(const json& value) {
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
bool is_level(const json& value) {
  return is_one_of(value, {"trace", "debug", "info", "notice", "warning", "error"});
}

struct known_option {
  std::string_view kinds; // with a blank on both sides of each. Empty: all kinds of plugins
  std::string_view key;
  bool (*takes)(const json&);
  const char* wants;
};
constexpr known_option known[] = {
    {"", "lang", is_text, "c, cpp or rust"},
    {" actor statem stage event-manager pool raft router saga tcp udp web port ", "args", is_map,
     "a map in braces"},
    {" app ", "type", is_type, "permanent, transient or temporary"},
    {" sup ", "strategy", is_strategy, "one_for_one, one_for_all or rest_for_one"},
    {" sup ", "intensity", is_intensity, "a number from 0 on"},
    {" sup ", "period", is_time, "a time, 5s say"},
    {" pool ", "size", is_count, "a number from 1 on"},
    {" tcp udp web ", "address", is_text, "an address"},
    {" tcp udp web ", "port", is_port, "a number from 1 to 65535"},
    {" tcp web ", "tls", is_flag, "true or false"},
    {" port ", "command", is_texts, "a list in brackets: a program and its arguments"},
    {" raft ", "members", is_texts, "a list in brackets: NAME@ALIVE@HOST of each first member"},
    {" router ", "to", is_text, "the name of a process"},
    {" cron ", "at", is_text, "a time, \"30 2 * * *\" say"},
    {" cron ", "to", is_text, "the name of a process"},
    {" cron ", "message", is_text, "a term"},
    {" events ", "buffer", is_count, "a number from 1 on"},
    {" logger ", "path", is_text, "a file's path, from the configuration on"},
    {" logger ", "level", is_level, "trace, debug, info, notice, warning or error"},
    {" logger ", "bytes", is_size, "a size, 64MiB say"},
    {" logger ", "keep", is_intensity, "a number from 0 on"},
};

bool has(const known_option& option, const std::string& kind) {
  if (option.kinds.empty()) return is_plugin(kind);
  return option.kinds.find(" " + kind + " ") != std::string_view::npos;
}

std::string args_of(const json& options) {
  return options.contains("args") ? ", args: " + options["args"].dump() : "";
}
std::string listen_of(const json& options, int port) {
  return fmt::format("listen: [ {{ address: {}, port: {}{} }} ]",
                     json(options.value("address", "127.0.0.1")).dump(), options.value("port", port),
                     options.value("tls", false) ? ", tls: on" : "");
}

// The lines of a plugin's children, without indentation.
std::string children_of(const tree_entry& one, const std::string& node) {
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
    return head +
           fmt::format("pool: {{ actor: {}, size: {}{} }} }}\n", n, o.value("size", std::int64_t{3}), args);
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
  if (one.kind == "raft") {
    const json members = o.value("members", json::array({n + "@" + whole_node_name(node)}));
    return head + fmt::format("actor: {}{}, raft: {{ members: {} }} }}\n", n, args, members.dump());
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

// The keys and values of a supervisor, without its children.
std::vector<std::string> supervisor_keys(const json& options) {
  return {fmt::format("strategy: {}", options.value("strategy", "one_for_one")),
          fmt::format("intensity: {}", options.value("intensity", std::int64_t{3})),
          fmt::format("period: {}", options.value("period", "5s"))};
}

// An application or a supervisor. `head`: the keys before those of its supervisor, among them `name`.
list_item holder_item(const std::vector<tree_entry>& all, const tree_entry& one, const std::string& node,
                      const std::vector<std::string>& head, std::vector<std::string> keys) {
  const auto rest = supervisor_keys(one.options);
  keys.insert(keys.end(), rest.begin(), rest.end());
  std::string blocks;
  std::vector<std::string> flows;
  for (const tree_entry& each : all) {
    if (each.kind == "app" || each.parent != one.name) continue;
    for (const list_item& child : tree_items(each, all, node)) {
      blocks += child.block;
      flows.push_back(child.flow);
    }
  }
  list_item made;
  made.block =
      fmt::format("- {}\n  supervisor:\n    {}\n", fmt::join(head, "\n  "), fmt::join(keys, "\n    "));
  made.block += blocks.empty() ? "    children: []\n" : "    children:\n" + indented(blocks, 6);
  made.flow =
      fmt::format("{{ {}, supervisor: {{ {}, children: [{}] }} }}", fmt::join(head, ", "),
                  fmt::join(keys, ", "), flows.empty() ? "" : fmt::format(" {} ", fmt::join(flows, ", ")));
  return made;
}

std::string log_path(const tree_entry& one) {
  return one.text_of("path", "../build/" + one.name + ".log");
}

list_item one_line(std::string flow) {
  return {"- " + flow + "\n", flow};
}

} // namespace

std::vector<std::string> process_names(const tree_entry& one) {
  if (one.kind == "cron") return {"the job " + one.name};
  if (one.kind == "logger") return {"the file " + log_path(one)};
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

std::vector<std::string> entry_kinds() {
  std::vector<std::string> all(std::begin(other_kinds), std::end(other_kinds));
  for (template_kind& one : template_kinds()) all.push_back(std::move(one.name));
  return all;
}

bool is_plugin(std::string_view kind) {
  return std::ranges::find(other_kinds, kind) == std::end(other_kinds);
}

std::string whole_node_name(const std::string& written) {
  return written.find('@') == std::string::npos ? written + "@127.0.0.1" : written;
}

std::vector<list_item> tree_items(const tree_entry& one, const std::vector<tree_entry>& all,
                                  const std::string& node) {
  const json& o = one.options;
  if (one.kind == "app")
    return {holder_item(all, one, node, {"name: " + one.name, "type: " + o.value("type", "permanent")}, {})};
  if (one.kind == "sup") return {holder_item(all, one, node, {"id: " + one.name}, {"name: " + one.name})};
  if (one.kind == "events")
    return {one_line(fmt::format("{{ name: {}, buffer: {}, open: true }}", one.name,
                                 o.value("buffer", std::int64_t{100})))};
  if (one.kind == "cron")
    return {one_line(fmt::format("{{ name: {}, at: {}, do: {{ cast: {{ to: {}, message: {} }} }} }}",
                                 one.name, o.at("at").dump(), o.at("to").dump(), o.at("message").dump()))};
  if (one.kind == "logger")
    return {one_line(fmt::format("{{ path: {}, level: {}, rotate: {{ bytes: {}, keep: {} }} }}",
                                 json(log_path(one)).dump(), o.value("level", "trace"),
                                 o.value("bytes", "64MiB"), o.value("keep", std::int64_t{10})))};
  std::vector<list_item> items;
  const std::string lines = children_of(one, node); // one item in each line
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = lines.find('\n', at);
    items.push_back(one_line(lines.substr(at + 2, end - at - 2)));
    at = end + 1;
  }
  return items;
}

std::string list_yaml(const std::vector<tree_entry>& these, const std::vector<tree_entry>& all,
                      const std::string& node, std::size_t by) {
  std::string out;
  for (const tree_entry& one : these)
    for (const list_item& item : tree_items(one, all, node)) out += indented(item.block, by);
  return out;
}

} // namespace coppice::cli
