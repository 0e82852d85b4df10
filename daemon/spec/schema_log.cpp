// SPDX-License-Identifier: MIT
// The rows, and the two types of value that only the log has. That a file's folder is there is asked when the
// configuration is read: a log that goes nowhere is noticed when it is needed.
#include "spec/schema_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>

#include "spec/schema_scalars.hpp"

namespace coppice::spec {
namespace {

constexpr std::size_t longest_module = 31;
constexpr std::size_t most_modules = 64;

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

// `{ dist: debug }`: those that have a level of their own.
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

void check_log(reader& from, const node& at, log_options& log) {
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
          .check(&check_log);
  return rows;
}

} // namespace coppice::spec
