// SPDX-License-Identifier: MIT
// Reads the name of a process and a term as people write them: NAME, NAME@ALIVE@HOST (split at the first @),
// {NAME, 'NODE'}, global:NAME, a pid. <0.N.S> is a pid of the answering node. Nothing here waits. Any thread.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "base/error.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/system.hpp"

namespace coppice::node {

// errc::invalid says where it went wrong.
base::result<runtime::message> parse_term(std::string_view text, const runtime::system& host);

// Takes all forms but global:NAME, whose process find_global() finds. A local name need not be registered.
// The name of another node is interned. errc::invalid. errc::limit: the table of nodes has no room for a
// further name.
base::result<runtime::destination> parse_target(std::string_view text, runtime::system& host);

// parse_target() for a process of this node that a client only looks at. It interns nothing: otherwise a
// client that may only look could fill the table of node names. errc::invalid, with the text lives_elsewhere
// for a process of another node.
base::result<runtime::destination> parse_target_here(std::string_view text, const runtime::system& host);

inline constexpr std::string_view lives_elsewhere = "it lives on another node: ask that one";

// The NAME of global:NAME. nullopt: the target has another form.
std::optional<std::string_view> global_name_in(std::string_view target);

// Asks `global` for the process of a name, which is an Erlang term. `done` is called once and must not wait:
// at once if the text is no term (errc::invalid), otherwise on a worker's thread, after a second at most if
// the workers make progress. errc::not_found: no process has the name. errc::timeout, errc::closed.
void find_global(std::string_view name, runtime::system& host,
                 std::function<void(base::result<runtime::pid>)> done);

} // namespace coppice::node
