// SPDX-License-Identifier: MIT
// Compares the descriptor with the note, field by field. Bytes beyond a struct's own size are never read. Any
// thread.
#include "loader/descriptor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <coppice/detail/tables.hpp>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace coppice::loader {
namespace {

constexpr std::uint64_t most_actors = 1000;
constexpr std::size_t longest_text = 256;

unexpected<base::error> refuse(std::string text) {
  return base::fail(base::errc::refused, std::move(text));
}

// A text of the plugin, cut at longest_text.
std::string_view text_of(const char* text) {
  return text == nullptr ? std::string_view() : std::string_view(text, strnlen(text, longest_text));
}

base::status same(std::string_view what, std::string_view in_code, std::string_view in_note) {
  if (in_code == in_note) return {};
  return refuse(
      fmt::format("the descriptor says {} \"{}\" and the note says \"{}\": build both from one source", what,
                  in_code, in_note));
}

// Checks that both hold the same names, in any order.
base::status same_tables(std::span<const std::string> in_code, std::span<const std::string> in_note) {
  const auto lacks = [](std::span<const std::string> names, const std::string& one) {
    return std::ranges::find(names, one) == names.end();
  };
  for (const auto& name : in_note)
    if (lacks(in_code, name))
      return refuse(
          fmt::format("the note names the table {} and the descriptor does not: build both from "
                      "one source",
                      name));
  for (const auto& name : in_code)
    if (lacks(in_note, name))
      return refuse(
          fmt::format("the descriptor has the table {} and the note does not name it: build both "
                      "from one source",
                      name));
  return {};
}

base::status check_actor(const coppice_actor_type& found, const manifest::actor_type& promised) {
  if (const auto faults = tables::check(found); !faults.empty()) return refuse(faults.front().sentence());
  if (auto ok = same("name", text_of(found.name), promised.name); !ok) return ok;
  if (auto ok = same("behaviour", text_of(found.behaviour), promised.behaviour); !ok) return ok;
  if (found.state_version != promised.state_version)
    return refuse(fmt::format("the descriptor says state version {} and the note says {}",
                              found.state_version, promised.state_version));
  return same_tables(tables::names_of(found), promised.tables);
}

} // namespace

base::status check_descriptor(const coppice_descriptor& found, const manifest::manifest& promised) {
  if (found.magic != COPPICE_MAGIC)
    return refuse(
        fmt::format("wrong magic {:#018x} in its descriptor, a plugin's is {:#018x}: coppice_plugin is "
                    "to be a coppice_descriptor that begins with COPPICE_DESCRIPTOR_HEAD",
                    found.magic, std::uint64_t{COPPICE_MAGIC}));
  if (const auto other = manifest::judge_abi(promised, found.abi_major, found.abi_minor_needed))
    return refuse(other->sentence());
  if (found.size < COPPICE_DESCRIPTOR_LEAST)
    return refuse(fmt::format("its descriptor has size {}, below {}: set it to sizeof(coppice_descriptor)",
                              found.size, COPPICE_DESCRIPTOR_LEAST));
  if (auto ok = same("id", text_of(found.id), promised.id); !ok) return ok;
  if (auto ok = same("version", text_of(found.version), promised.version); !ok) return ok;
  if (const auto id = text_of(found.build_id); !id.empty()) {
    if (auto ok = same("build id", id, promised.build_id); !ok) return ok;
  }
  if (found.abi_minor_needed != promised.abi_minor_needs)
    return refuse(fmt::format("the descriptor needs host minor {} and the note {}", found.abi_minor_needed,
                              promised.abi_minor_needs));
  if (found.actor_count > most_actors || found.actor_count != promised.actors.size() ||
      found.actors == nullptr)
    return refuse(fmt::format("the descriptor lists {} actors and the note {}", found.actor_count,
                              promised.actors.size()));
  for (std::size_t i = 0; i < promised.actors.size(); ++i) {
    if (found.actors[i] == nullptr)
      return refuse(fmt::format("entry {} of the descriptor's actors is a null pointer", i));
    if (auto ok = check_actor(*found.actors[i], promised.actors[i]); !ok)
      return unexpected(std::move(ok.error()).context("actor " + promised.actors[i].name));
  }
  return {};
}

} // namespace coppice::loader
