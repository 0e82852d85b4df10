// SPDX-License-Identifier: MIT
// The answers of a supervisor to an order (order.hpp). Any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours::order_answer {

// {ok, What}
runtime::message done(std::string_view what);
// The Reason of {error, Reason}; empty: the answer is no error.
runtime::message reason_of(const runtime::message& answer);
// {error, {timeout, Text}}
runtime::message late(const std::string& who, base::nanos after);
// {error, terminating}
runtime::message terminating();

} // namespace coppice::behaviours::order_answer
