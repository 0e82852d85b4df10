// SPDX-License-Identifier: MIT
// Parses the JSON text of a plugin's note. The text is untrusted: its nesting is bounded before the parser
// sees it (the library's printer recurses), and every value is checked for type and range.
#include <coppice/detail/tables.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <set>

#include "base/json_depth.hpp"
#include "manifest/manifest.hpp"
#include "manifest/note.hpp"

namespace coppice::manifest {
namespace {

using nlohmann::json;

constexpr std::size_t depth_limit = 64;
constexpr std::size_t text_limit = 64;

constexpr std::string_view in_names = "abcdefghijklmnopqrstuvwxyz0123456789_.";
constexpr std::string_view in_revisions = "abcdefghijklmnopqrstuvwxyz0123456789_.-";

bool is_identifier(const std::string& text) {
  if (text.empty() || text.size() > text_limit || text[0] < 'a' || text[0] > 'z') return false;
  for (char c : text)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
  return true;
}

// Whether `text` is NAME/REVISION, such as "coppice.server/1" and "coppice.pond/draft-2".
bool is_table_name(std::string_view text) {
  const auto slash = text.find('/');
  return text.size() <= text_limit && slash != text.npos && slash != 0 && slash + 1 != text.size() &&
         text.find_first_not_of(in_names) == slash &&
         text.find_first_not_of(in_revisions, slash + 1) == text.npos;
}

unexpected<base::error> invalid(std::string text) {
  return base::fail(base::errc::invalid, std::move(text));
}

base::result<std::string> identifier(const json& object, const char* key) {
  auto found = object.find(key);
  if (found == object.end() || !found->is_string())
    return invalid(std::string(key) + " is missing or no string");
  auto text = found->get<std::string>();
  if (!is_identifier(text))
    return invalid(std::string(key) + " must be lower-case letters, digits and _, starting with a letter");
  return text;
}

base::result<std::string> short_text(const json& object, const char* key, bool needed) {
  auto found = object.find(key);
  if (found == object.end() && !needed) return std::string();
  if (found == object.end() || !found->is_string())
    return invalid(std::string(key) + " is missing or no string");
  auto text = found->get<std::string>();
  if (text.size() > text_limit) return invalid(std::string(key) + " is longer than 64 bytes");
  for (char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return invalid(std::string(key) + " contains control characters");
  return text;
}

base::result<std::uint32_t> number(const json& value, const char* what) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > UINT32_MAX)
    return invalid(std::string(what) + " must be a whole number from 0");
  return static_cast<std::uint32_t>(value.get<std::uint64_t>());
}

base::result<std::vector<std::string>> table_names(const json& object) {
  auto found = object.find("tables");
  if (found == object.end() || !found->is_array()) return invalid("tables is missing or no list");
  if (found->size() > tables::most)
    return invalid("tables has more than " + std::to_string(tables::most) + " names");
  std::vector<std::string> names;
  for (const auto& one : *found) {
    if (!one.is_string() || !is_table_name(one.get_ref<const std::string&>()))
      return invalid("tables[" + std::to_string(names.size()) +
                     "] must be NAME/REVISION in lower-case letters, digits, _ and ., at most 64 bytes");
    names.push_back(one.get<std::string>());
  }
  return names;
}

base::result<declared_state> parse_state(const json& object) {
  if (!object.is_object()) return invalid(" is no object");
  declared_state state;
  auto name = short_text(object, "name", true);
  if (!name) return invalid(": " + name.error().text);
  state.name = std::move(*name);
  const auto on = object.find("on");
  if (on == object.end() || !on->is_array()) return invalid(": on is missing or no list");
  for (const auto& one : *on) {
    const std::string where = ": on[" + std::to_string(state.on.size()) + "]";
    if (!one.is_object()) return invalid(where + " is no object");
    auto event = short_text(one, "event", true);
    if (!event) return invalid(where + ": " + event.error().text);
    auto to = short_text(one, "to", true);
    if (!to) return invalid(where + ": " + to.error().text);
    state.on.push_back({std::move(*event), std::move(*to)});
  }
  return state;
}

base::result<std::vector<declared_state>> parse_states(const json& list) {
  if (!list.is_array()) return invalid("states is no list");
  std::vector<declared_state> states;
  std::set<std::string> names;
  const auto at = [](std::size_t i) { return "states[" + std::to_string(i) + "]"; };
  for (const auto& one : list) {
    auto state = parse_state(one);
    if (!state) return invalid(at(states.size()) + state.error().text);
    if (!names.insert(state->name).second)
      return invalid(at(states.size()) + ": " + state->name + " stands there twice");
    states.push_back(std::move(*state));
  }
  for (std::size_t i = 0; i < states.size(); ++i)
    for (std::size_t j = 0; j < states[i].on.size(); ++j)
      if (!names.contains(states[i].on[j].to))
        return invalid(at(i) + ": on[" + std::to_string(j) + "]: there is no state " + states[i].on[j].to);
  return states;
}

base::result<actor_type> parse_actor(const json& object) {
  if (!object.is_object()) return invalid("not an object");
  actor_type actor;
  auto name = identifier(object, "name");
  if (!name) return unexpected(name.error());
  actor.name = std::move(*name);
  auto behaviour = identifier(object, "behaviour");
  if (!behaviour) return unexpected(behaviour.error());
  actor.behaviour = std::move(*behaviour);
  auto tables = table_names(object);
  if (!tables) return unexpected(tables.error());
  actor.tables = std::move(*tables);
  if (auto found = object.find("state_version"); found != object.end()) {
    auto version = number(*found, "state_version");
    if (!version) return unexpected(version.error());
    actor.state_version = *version;
  }
  if (auto found = object.find("args_schema"); found != object.end()) {
    if (!found->is_object()) return invalid("args_schema must be an object");
    actor.args_schema = found->dump();
  }
  if (auto found = object.find("unhandled"); found != object.end()) {
    constexpr std::array<std::string_view, 4> words{"exit", "reply_error", "log", "ignore"};
    if (!found->is_string() || std::ranges::find(words, found->get_ref<const std::string&>()) == words.end())
      return invalid("unhandled must be exit, reply_error, log or ignore");
    actor.unhandled = found->get<std::string>();
  }
  if (auto found = object.find("takes"); found != object.end()) {
    if (!found->is_array()) return invalid("takes is no list");
    std::vector<std::string>& takes = actor.takes.emplace();
    for (const json& word : *found) {
      if (!word.is_string()) return invalid("takes must be a list of words");
      takes.push_back(word.get<std::string>());
    }
  }
  if (auto found = object.find("answers"); found != object.end()) {
    if (!found->is_array()) return invalid("answers is no list");
    std::vector<std::string>& answers = actor.answers.emplace();
    for (const json& word : *found) {
      if (!word.is_string()) return invalid("answers must be a list of words");
      answers.push_back(word.get<std::string>());
    }
  }
  if (auto found = object.find("states"); found != object.end()) {
    auto states = parse_states(*found);
    if (!states) return unexpected(states.error());
    actor.states = std::move(*states);
  }
  return actor;
}

base::result<manifest> parse_object(const json& object) {
  if (!object.is_object()) return invalid("not an object");
  auto format = object.find("coppice");
  if (format == object.end() || !format->is_number_integer())
    return invalid("coppice is missing or no number");
  if (format->get<std::int64_t>() != note_format)
    return base::fail(base::errc::unsupported, "the note has format " + format->dump() +
                                                   ", this host reads " + std::to_string(note_format));
  manifest result;
  auto id = identifier(object, "id");
  if (!id) return unexpected(id.error());
  result.id = std::move(*id);
  auto version = short_text(object, "version", true);
  if (!version) return unexpected(version.error());
  result.version = std::move(*version);
  auto build = short_text(object, "build_id", false);
  if (!build) return unexpected(build.error());
  result.build_id = std::move(*build);
  auto abi = object.find("abi");
  if (abi == object.end() || !abi->is_array() || abi->size() != 2)
    return invalid("abi must be a list of two numbers, major and minor");
  auto major = number((*abi)[0], "abi's major");
  auto minor = number((*abi)[1], "abi's minor");
  if (!major || !minor) return unexpected(!major ? major.error() : minor.error());
  result.abi_major = *major;
  result.abi_minor_needs = *minor;
  auto actors = object.find("actors");
  if (actors == object.end() || !actors->is_array() || actors->empty())
    return invalid("actors must be a list of at least one");
  for (std::size_t at = 0; at < actors->size(); ++at) {
    auto actor = parse_actor((*actors)[at]);
    if (!actor) return unexpected(std::move(actor.error()).context("actors[" + std::to_string(at) + "]"));
    if (result.find(actor->name)) return invalid("actor " + actor->name + " stands there twice");
    result.actors.push_back(std::move(*actor));
  }
  return result;
}

} // namespace

base::result<manifest> parse(std::string_view text) {
  while (!text.empty() && text.back() == '\0') text.remove_suffix(1);
  if (text.size() > note_limit) return invalid("longer than 64 KiB");
  if (base::nests_deeper(text, depth_limit)) return invalid("nested too deeply");
  try {
    return parse_object(json::parse(text));
  } catch (const json::parse_error& error) {
    // what() is "[json.exception…] parse error at line L, column C: WHY". The exception's name is cut off.
    std::string_view what = error.what();
    if (auto at = what.find("parse error"); at != what.npos) what.remove_prefix(at);
    return invalid("not JSON: " + std::string(what));
  } catch (const std::exception& error) {
    return invalid(error.what());
  }
}

bool actor_type::may_take_web() const {
  return !takes || std::ranges::find(*takes, "web") != takes->end();
}

bool actor_type::may_answer(std::string_view what) const {
  return may_take_web() && (!answers || std::ranges::find(*answers, what) != answers->end());
}

const actor_type* manifest::find(std::string_view actor) const {
  for (const auto& one : actors)
    if (one.name == actor) return &one;
  return nullptr;
}

} // namespace coppice::manifest
