// SPDX-License-Identifier: MIT
// Reads the name of a process and a term as people write them: NAME, NAME@ALIVE@HOST (split at the first @),
// {NAME, 'NODE'}, global:NAME, a pid. <0.N.S> is a pid of the answering node. Any thread but the workers'.
#pragma once

#include <string_view>

#include "base/error.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/system.hpp"

namespace coppice::node {

// errc::invalid says where it went wrong.
base::result<runtime::message> parse_term(std::string_view text, const runtime::system& host);

// errc::invalid. errc::not_found: no process has the global name. errc::limit: the table of nodes has no
// room for a further name. A local name need not be registered. A global name is looked up, which may take
// up to a second (errc::timeout).
base::result<runtime::destination> parse_target(std::string_view text, runtime::system& host);

} // namespace coppice::node
