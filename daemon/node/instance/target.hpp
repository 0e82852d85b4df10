// SPDX-License-Identifier: MIT
// How people name a process and write a term: NAME, NAME@ALIVE@HOST (split at the first @),
// {NAME, 'NODE'}, global:NAME, a pid; <0.N.S> is one of the answering node. Any thread but the workers'.
#pragma once

#include <string_view>

#include "base/error.hpp"
#include "runtime/messages/ids.hpp"
#include "runtime/messages/message.hpp"
#include "runtime/system.hpp"

namespace coppice::node {

// errc::invalid says where it went wrong.
base::result<runtime::message> parse_term(std::string_view text, const runtime::system& host);

// errc::invalid; errc::not_found for a global name nobody has; errc::limit when no further node's name
// can be known. A name here need not be registered; a global one is asked for, which may take up to a second
// (errc::timeout).
base::result<runtime::destination> parse_target(std::string_view text, runtime::system& host);

} // namespace coppice::node
