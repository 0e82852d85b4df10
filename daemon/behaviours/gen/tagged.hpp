// SPDX-License-Identifier: MIT
// {Tag, Term}: what most answers of OTP's behaviours are, {error, Reason} and {rex, Value} among them. Any
// thread.
#pragma once

#include <coppice/etf/writer.hpp>
#include <string_view>

#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

inline runtime::message tagged(std::string_view tag, etf::bytes term) {
  runtime::message_writer out(tag.size() + term.size() + 16);
  out.tuple(2);
  out.atom(tag);
  out.raw(term);
  return out.take();
}

} // namespace coppice::behaviours
