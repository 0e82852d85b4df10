// SPDX-License-Identifier: MIT
// See descriptor.hpp. What lies beyond a struct's own size is never read. Any thread.
#include "loader/descriptor.hpp"

#include <coppice/server.h>
#include <fmt/format.h>

#include <cstddef>
#include <cstring>
#include <string_view>

namespace coppice::loader {
namespace {

constexpr std::uint64_t most_actors = 1000;
constexpr std::size_t longest_text = 256;

// The sizes these structs had in ABI 1.0: none may be smaller.
constexpr std::size_t least_descriptor =
    offsetof(coppice_descriptor, deinit) + sizeof(coppice_descriptor::deinit);
constexpr std::size_t least_actor_type =
    offsetof(coppice_actor_type, args_schema) + sizeof(coppice_actor_type::args_schema);
constexpr std::size_t least_server = offsetof(coppice_server, destroy) + sizeof(coppice_server::destroy);

tl::unexpected<base::error> refuse(std::string text) {
  return base::fail(base::errc::refused, std::move(text));
}

// A text of the plugin's, cut where no text should be longer.
std::string_view text_of(const char* text) {
  return text == nullptr ? std::string_view() : std::string_view(text, strnlen(text, longest_text));
}

base::status same(std::string_view what, std::string_view in_code, std::string_view in_note) {
  if (in_code == in_note) return {};
  return refuse(
      fmt::format("the descriptor says {} \"{}\" and the note says \"{}\": build both from one source", what,
                  in_code, in_note));
}

base::status check_actor(const coppice_actor_type& found, const manifest::actor_type& promised) {
  if (found.size < least_actor_type)
    return refuse(fmt::format("actor \"{}\": size {} is below {}: set it to sizeof(coppice_actor_type)",
                              promised.name, found.size, least_actor_type));
  if (auto ok = same("actor", text_of(found.name), promised.name); !ok) return ok;
  if (auto ok = same(fmt::format("for actor {} the behaviour", promised.name), text_of(found.behaviour),
                     promised.behaviour);
      !ok)
    return ok;
  if (found.state_version != promised.state_version)
    return refuse(fmt::format("actor {}: the descriptor says state version {} and the note says {}",
                              promised.name, found.state_version, promised.state_version));
  const std::string_view table = text_of(found.table);
  if (promised.behaviour != "server")
    return refuse(fmt::format("actor {}: this host has no behaviour \"{}\"; it has: server", promised.name,
                              promised.behaviour));
  if (table != COPPICE_SERVER_1)
    return refuse(fmt::format("actor {}: its callback table is \"{}\" and a server's is \"{}\"",
                              promised.name, table, COPPICE_SERVER_1));
  if (found.callbacks == nullptr)
    return refuse(fmt::format("actor {}: its callback table is a null pointer", promised.name));
  const auto size = static_cast<const coppice_server*>(found.callbacks)->size;
  if (size < least_server)
    return refuse(fmt::format("actor {}: its callback table has size {}, below {}: set it to sizeof",
                              promised.name, size, least_server));
  return {};
}

} // namespace

base::status check_descriptor(const coppice_descriptor& found, const manifest::manifest& promised) {
  if (found.magic != COPPICE_MAGIC)
    return refuse(
        fmt::format("wrong magic {:#018x} in its descriptor, a plugin's is {:#018x}: coppice_plugin is "
                    "to be a coppice_descriptor that begins with COPPICE_DESCRIPTOR_HEAD",
                    found.magic, std::uint64_t{COPPICE_MAGIC}));
  if (found.abi_major != COPPICE_ABI_MAJOR)
    return refuse(
        fmt::format("it was built for plugin ABI {} and this host speaks {}: build it with this "
                    "host's headers",
                    found.abi_major, COPPICE_ABI_MAJOR));
  if (found.abi_minor_needed > COPPICE_ABI_MINOR)
    return refuse(
        fmt::format("it needs plugin ABI {}.{} and this host speaks {}.{}: use a newer host, or build "
                    "it with older headers",
                    found.abi_major, found.abi_minor_needed, COPPICE_ABI_MAJOR, COPPICE_ABI_MINOR));
  if (found.size < least_descriptor)
    return refuse(fmt::format("its descriptor has size {}, below {}: set it to sizeof(coppice_descriptor)",
                              found.size, least_descriptor));
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
    if (auto ok = check_actor(*found.actors[i], promised.actors[i]); !ok) return ok;
  }
  return {};
}

const coppice_actor_type* find_actor(const coppice_descriptor& plugin, std::string_view name) {
  for (std::uint64_t i = 0; i < plugin.actor_count; ++i) {
    if (text_of(plugin.actors[i]->name) == name) return plugin.actors[i];
  }
  return nullptr;
}

} // namespace coppice::loader
