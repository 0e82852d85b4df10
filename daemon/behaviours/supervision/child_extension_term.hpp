// SPDX-License-Identifier: MIT
// What a child's map may say beyond OTP of how it is kept, as the configuration's keys of the same names:
//   mailbox => #{limit => Messages, bytes => Bytes, on_full => park_sender | drop_new | drop_old | exit}
//   backoff => #{first => Milliseconds, max => Milliseconds, jitter => Number}
//   unhandled => exit | reply_error | log | ignore
// Any part of a map may be left out. Pure.
#pragma once

#include <coppice/etf/writer.hpp>
#include <optional>

#include "behaviours/supervision/child_spec.hpp"

namespace coppice::behaviours {

// As they came; an empty one was not given.
struct given_extensions {
  etf::bytes mailbox, backoff, unhandled;
};

// What is wrong with them, {invalid_mailbox, Text}, {invalid_backoff, Text} or {invalid_unhandled, Text};
// none: nothing. A supervisor's child has a backoff only.
std::optional<runtime::message> read_extensions(const given_extensions& given, bool of_supervisor,
                                                child_spec& out);

// How many pairs write_extensions() writes: of what differs from what a child has that says nothing.
std::uint32_t count_extensions(const child_spec& spec);
void write_extensions(etf::writer& out, const child_spec& spec);

} // namespace coppice::behaviours
