// SPDX-License-Identifier: MIT
// Makes {Tag, Term}, the form of most answers of OTP's behaviours, such as {error, Reason} and {rex, Value},
// and {Tag, Text}, with the text as a binary. Any thread.
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

inline runtime::message tagged_text(std::string_view tag, std::string_view text) {
  runtime::message_writer out(tag.size() + text.size() + 16);
  out.tuple(2);
  out.atom(tag);
  out.binary(text);
  return out.take();
}

} // namespace coppice::behaviours
