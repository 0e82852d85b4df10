// SPDX-License-Identifier: MIT
// The keys of a child's map that go beyond OTP, named as in the configuration:
//   mailbox => #{limit => Messages, bytes => Bytes, on_full => park_sender | drop_new | drop_old | exit}
//   backoff => #{first => Milliseconds, max => Milliseconds, jitter => Number}
//   unhandled => exit | reply_error | log | ignore
// Any part of a map may be left out. Pure.
#pragma once

#include <coppice/etf/writer.hpp>
#include <optional>

#include "behaviours/supervision/child_spec.hpp"

namespace coppice::behaviours {

// The values as they came. Empty: not given.
struct given_extensions {
  etf::bytes mailbox, backoff, unhandled;
};

// Returns the error {invalid_mailbox, Text}, {invalid_backoff, Text} or {invalid_unhandled, Text}; none: all
// is well. For a supervisor only a backoff is allowed.
std::optional<runtime::message> read_extensions(const given_extensions& given, bool of_supervisor,
                                                child_spec& out);

// How many pairs write_extensions() writes. It writes the values that differ from the defaults.
std::uint32_t count_extensions(const child_spec& spec);
void write_extensions(etf::writer& out, const child_spec& spec);

} // namespace coppice::behaviours
