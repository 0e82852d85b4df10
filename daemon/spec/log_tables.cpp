// SPDX-License-Identifier: MIT
// The rows, and the two types of value that only the log has. The folder of a log file has to be there when
// the configuration is read: otherwise the missing log would be noticed only when it is needed.
#include "spec/log_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>

#include "base/socket_address.hpp"
#include "spec/schema/actor_rows.hpp"
#include "spec/schema/names.hpp"
#include "spec/schema/simple_types.hpp"

namespace coppice::spec {
namespace {

constexpr std::size_t longest_module = 31;
constexpr std::size_t most_modules = 64;
constexpr std::size_t most_handlers = 16;
constexpr std::size_t longest_host = 255;
constexpr std::string_view syslog_pattern =
    R"(^([^\s:\[\]]{1,255}|\[[0-9A-Za-z:.%]{1,255}\]):(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})$)";

const choice<base::log::level>& level_choice() {
  using level = base::log::level;
  static const choice<level> words({{"trace", level::trace},
                                    {"debug", level::debug},
                                    {"info", level::info},
                                    {"notice", level::notice},
                                    {"warning", level::warning},
                                    {"error", level::error}});
  return words;
}

std::string check_syslog(std::string_view address) {
  constexpr const char* expected = "must be HOST:PORT, as 127.0.0.1:514, [::1]:514 or logs.example.org:514";
  const std::size_t colon = address.rfind(':');
  if (colon == address.npos) return expected;
  std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  std::uint32_t number = 0;
  const auto [end, wrong] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (wrong != std::errc() || end != port.data() + port.size() || port.front() == '0' || number > 65535)
    return expected;
  if (host.starts_with('[')) {
    const bool good = base::socket_address::parse(host, 1).has_value() && host.ends_with(']');
    return good ? std::string() : expected;
  }
  const bool good =
      !host.empty() && host.size() <= longest_host && host.find_first_of(" \t\r\n\v\f:[]") == host.npos;
  return good ? std::string() : expected;
}

// `{ dist: debug }`: the modules that have a level of their own.
class module_levels final : public value_type<std::vector<module_level>> {
 public:
  bool read(reader& from, const node& value, std::vector<module_level>& into) const override {
    into.clear();
    if (!value.is_map()) {
      from.wrong_type(value, "a map of modules to levels");
      return false;
    }
    bool good = true;
    for (std::size_t i = 0; i + 1 < value.items.size(); i += 2) {
      const node& module = *value.items[i];
      if (module.text.empty() || module.text.size() > longest_module) {
        from.error(module, from.path + ": a module's name has 1 to 31 characters");
        good = false;
        continue;
      }
      const std::size_t length = from.path.size();
      from.path += "." + module.text;
      good = level_choice().read(from, *value.items[i + 1], into.emplace_back(module.text).level) && good;
      from.path.resize(length);
    }
    if (into.size() <= most_modules) return good;
    from.error(value,
               fmt::format("{}: at most {} modules have a level of their own", from.path, most_modules));
    return false;
  }
  json print(const std::vector<module_level>& value) const override {
    json all = json::object();
    for (const module_level& one : value) all[one.module] = level_choice().print(one.level);
    return all;
  }
  json describe(json& definitions) const override {
    return {{"type", "object"},
            {"maxProperties", most_modules},
            {"propertyNames", {{"minLength", 1}, {"maxLength", longest_module}}},
            {"additionalProperties", level_choice().describe(definitions)}};
  }
};

// `100/s`.
class per_second final : public value_type<std::uint64_t> {
 public:
  bool read(reader& from, const node& value, std::uint64_t& into) const override {
    std::string_view text = value.what == node::kind::scalar ? std::string_view(value.text) : "";
    if (text.ends_with("/s")) {
      text.remove_suffix(2);
      const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), into);
      if (wrong == std::errc() && end == text.data() + text.size() && into >= 1 && into <= most) return true;
    }
    into = 1;
    from.wrong_type(value, "a rate from 1/s to 1000000/s, or unlimited");
    return false;
  }
  json print(const std::uint64_t& value) const override { return std::to_string(value) + "/s"; }
  json describe(json&) const override {
    return {{"type", "string"}, {"pattern", "^(1000000|[1-9][0-9]{0,5})/s$"}};
  }

 private:
  static constexpr std::uint64_t most = 1'000'000;
};

const table<log_rate>& rate_table() {
  static const auto rows =
      table<log_rate>()
          .add<&log_rate::per_source>(
              "per_source", or_word<std::uint64_t, per_second>("unlimited", per_second()),
              "lines that a module, or an actor of a plugin, may write in the long run; "
              "what is more is counted, and a line says how many they were")
          .add<&log_rate::burst>("burst", whole<std::uint64_t>(1, 1'000'000),
                                 "lines that it may write at once");
  return rows;
}

void check_rotation(reader& from, const node& at, log_rotation& rotation) {
  constexpr std::uint64_t least = std::uint64_t{64} << 10;
  constexpr std::uint64_t most = std::uint64_t{1} << 40;
  if (rotation.bytes >= least && rotation.bytes <= most) return;
  const node* bytes = at.find("bytes");
  from.error(bytes == nullptr ? at : *bytes,
             (from.path.empty() ? "" : from.path + ".") + "bytes: must be from 64KiB to 1TiB");
}

const table<log_rotation>& rotation_table() {
  static const auto rows =
      table<log_rotation>()
          .add<&log_rotation::bytes>(
              "bytes", size(),
              "the file is renamed before it becomes larger, and another begun; 64KiB to "
              "1TiB")
          .add<&log_rotation::keep>("keep", whole<std::uint32_t>(0, 1000), "renamed files that are kept")
          .check(&check_rotation);
  return rows;
}

void check_file(reader& from, const node& at, log_file_options& file) {
  const node* where = at.find("path");
  if (where == nullptr || file.path.empty()) return;
  const std::filesystem::path path(file.path);
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown))
    return from.error(*where, "path: " + file.path + " is a folder", "a file in it is wanted");
  if (std::filesystem::is_directory(path.parent_path(), unknown)) return;
  from.error(*where, "path: there is no folder " + path.parent_path().string(),
             "make it, writable for the node's user");
}

const table<log_file_options>& file_table() {
  static const auto rows =
      table<log_file_options>()
          .add<&log_file_options::path>("path", path(), "the file; its folder must be there")
          .needed()
          .add<&log_file_options::level>("level", level_choice(),
                                         "least severity that goes to it, of what is logged at all")
          .add<&log_file_options::rotate>("rotate", section<log_rotation>(&rotation_table),
                                          "when a file is full, and how many are kept")
          .check(&check_file);
  return rows;
}

// Prints durations with their unit.
void prune_destination(const log_destination& to, json& out) {
  if (!to.syslog.empty()) out.erase("args");
  print_durations(out, "args", to.durations);
}

void check_destination(reader& from, const node& at, log_destination&) {
  if (!at.is_map()) return;
  const bool actor = at.find("actor") != nullptr, syslog = at.find("syslog") != nullptr;
  if (actor == syslog) from.error(at, from.path + ": expected exactly one of actor and syslog");
  if (const node* const args = at.find("args"); args != nullptr && !actor)
    from.error(*args, from.path + ".args: a syslog server has none");
}

const table<log_destination>& destination_table() {
  static const auto rows =
      table<log_destination>()
          .add<&log_destination::actor>(
              "actor", actor_name(),
              "a server that the node starts for it, and starts anew when it ends; it gets the "
              "message {log, Lines}, each line #{time, level, module, message, fields}, and the "
              "next one when it has handled that. What it logs itself does not come to it")
          .add<&log_destination::args>("args", term(), "its arguments, checked against the plugin's schema")
          .add<&log_destination::syslog>(
              "syslog", text("HOST:PORT", &check_syslog, syslog_pattern),
              "a syslog server: each line is a datagram over UDP as RFC 5424 has it")
          .prune(&prune_destination)
          .check(&check_destination,
                 {{"oneOf", json::array({{{"required", {"actor"}}},
                                         {{"required", {"syslog"}}, {"not", {{"required", {"args"}}}}}})}});
  return rows;
}

const table<log_queue_options>& queue_table() {
  using base::log::queue_full;
  static const auto rows =
      table<log_queue_options>()
          .add<&log_queue_options::limit>("limit", whole<std::uint32_t>(1, 1'000'000),
                                          "lines that wait; no more than 16MiB of them")
          .add<&log_queue_options::on_full>(
              "on_full",
              choice<queue_full>({{"drop_old", queue_full::drop_old}, {"drop_new", queue_full::drop_new}}),
              "which lines are dropped where there is no room; a line says how many");
  return rows;
}

const table<log_handler_options>& handler_table() {
  static const auto rows =
      table<log_handler_options>()
          .add<&log_handler_options::name>("name", text("a name", &check_id), "what it is called, once")
          .needed()
          .add<&log_handler_options::to>("to", section<log_destination>(&destination_table),
                                         "where its lines go")
          .needed()
          .add<&log_handler_options::level>("level", level_choice(),
                                            "least severity that goes to it, of what is logged at all")
          .add<&log_handler_options::modules>("modules", module_levels(),
                                              "least severity of a module in place of `level`")
          .add<&log_handler_options::queue>("queue", section<log_queue_options>(&queue_table),
                                            "lines that wait for it, so that it delays nobody");
  return rows;
}

void check_handlers(reader& from, const node& at, const log_options& log) {
  const node* const handlers = at.find("handlers");
  if (handlers == nullptr || !handlers->is_sequence()) return;
  if (log.handlers.size() > most_handlers)
    from.error(*handlers, fmt::format("handlers: at most {}", most_handlers));
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < log.handlers.size(); ++i) {
    const std::string& name = log.handlers[i].name;
    if (name.empty() || names.insert(name).second) continue;
    from.error(*handlers->items.at(i), "the handler " + name + " stands here a second time");
  }
}

void check_log(reader& from, const node& at, log_options& log) {
  check_handlers(from, at, log);
  const node* files = at.find("files");
  std::set<std::string_view> paths;
  for (std::size_t i = 0; i < log.files.size(); ++i) {
    if (log.files[i].path.empty() || paths.insert(log.files[i].path).second) continue;
    from.error(*files->items.at(i), "the file " + log.files[i].path + " stands here a second time");
  }
}

} // namespace

const table<log_options>& log_table() {
  using format = base::log::format;
  static const auto rows =
      table<log_options>()
          .add<&log_options::level>("level", level_choice(), "least severity that is logged")
          .live()
          .add<&log_options::format>("format",
                                     choice<format>({{"auto", format::automatic},
                                                     {"text", format::text},
                                                     {"json", format::json},
                                                     {"journald", format::journald}}),
                                     "auto: journald under systemd, else text")
          .add<&log_options::modules>("modules", module_levels(),
                                      "least severity of a module: of the node's own, as `coppice log-level` "
                                      "lists them, or a plugin's id")
          .live()
          .add<&log_options::rate>("rate", section<log_rate>(&rate_table),
                                   "how much one source may write, so that it does not drown the others")
          .live()
          .add<&log_options::messages>("messages", flag(),
                                       "whether lines show what an actor was handling when it failed; false "
                                       "where messages are nobody's to read")
          .live()
          .add<&log_options::files>(
              "files",
              list<log_file_options, section<log_file_options>>(section<log_file_options>(&file_table)),
              "files that lines go to beside standard error or the journal, as text, or "
              "as JSON where that is the format; opened anew when moved away")
          .live()
          .add<&log_options::handlers>("handlers",
                                       list<log_handler_options, section<log_handler_options>>(
                                           section<log_handler_options>(&handler_table)),
                                       "actors and syslog servers that lines go to as well; at most 16")
          .live()
          .check(&check_log);
  return rows;
}

} // namespace coppice::spec
