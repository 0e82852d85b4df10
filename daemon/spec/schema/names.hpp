// SPDX-License-Identifier: MIT
// The rules for names. Each check returns an empty text for a good name, otherwise what is wrong with the
// name: a text that begins with "must" and follows the name in a sentence. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace coppice::spec {

// A plugin's id, and an actor's name in a plugin, in bytes.
inline constexpr std::size_t longest_plugin_word = 64;

// alive or alive@host, at most 255 bytes.
std::string check_node_name(std::string_view);
// alive@host.
std::string check_full_node_name(std::string_view);
// The id of a child or the name of an application: an atom without '/', since it is a step of a path.
std::string check_id(std::string_view);
// A registered name: an atom without '@', since the name of a node follows an '@'.
std::string check_registered_name(std::string_view);
// NAME, a registered name of this node, or NAME@ALIVE@HOST.
std::string check_process(std::string_view);
// PLUGIN or PLUGIN:ACTOR.
std::string check_actor(std::string_view);
// An IPv4 or IPv6 address, or "auto".
std::string check_address(std::string_view);
std::string check_address_or_host(std::string_view);
// A range of addresses, as ADDRESS/BITS, or an address. The text returned here begins with the range itself.
std::string check_address_range(std::string_view);
// An entry of allow.rpc.
std::string check_rpc(std::string_view);

// The same rules as patterns of the JSON Schema.
inline constexpr std::string_view node_name_pattern = "^(?=.{1,255}$)[A-Za-z0-9_-]+(@[A-Za-z0-9._:-]+)?$";
inline constexpr std::string_view full_node_name_pattern = "^(?=.{1,255}$)[A-Za-z0-9_-]+@[A-Za-z0-9._:-]+$";
inline constexpr std::string_view host_pattern = "^[A-Za-z0-9._:-]{1,253}$";
std::string_view address_pattern();
inline constexpr std::string_view actor_pattern = "^[a-z][a-z0-9_]*(:[a-z][a-z0-9_]*)?$";
inline constexpr std::string_view rpc_pattern =
    "^(info|observer|env|[^:/\\s]+:[^:/\\s]+|[^:/\\s]+:[^:/\\s]+/[0-9]+ => "
    "[a-z][a-z0-9_]*(:[a-z][a-z0-9_]*)?)$";
inline constexpr std::string_view id_pattern = "^[^/\\u0000-\\u001f\\u007f]{1,255}$";
inline constexpr std::string_view registered_name_pattern = "^[^@\\u0000-\\u001f\\u007f]{1,255}$";
inline constexpr std::string_view process_pattern =
    "^[^@\\u0000-\\u001f\\u007f]{1,255}(@[A-Za-z0-9_-]+@[A-Za-z0-9._:-]+)?$";

} // namespace coppice::spec
