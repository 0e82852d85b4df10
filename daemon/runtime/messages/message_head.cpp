// SPDX-License-Identifier: MIT
// See message_head.hpp.
#include "runtime/messages/message_head.hpp"

#include <cstdint>
#include <string_view>

namespace coppice::runtime {

std::string message_head(etf::bytes term) {
  etf::cursor in(term);
  std::uint32_t arity = 0;
  std::string_view word;
  if (in.peek() == etf::kind::atom && in.read_atom(word)) return std::string(word);
  if (in.peek() != etf::kind::tuple || !in.read_tuple(arity)) return "a term";
  if (arity == 0 || in.peek() != etf::kind::atom || !in.read_atom(word)) return "a tuple";
  return "{" + std::string(word) + (arity == 1 ? "}" : ", ...}");
}

std::string carried_head(etf::bytes message) {
  etf::bytes carried;
  etf::cursor call(message);
  if (call.read_tuple_of(3) && call.read_atom_is("$gen_call") && call.skip() && call.read_term(carried))
    return "call " + message_head(carried);
  etf::cursor cast(message);
  if (cast.read_tuple_of(2) && cast.read_atom_is("$gen_cast") && cast.read_term(carried))
    return "cast " + message_head(carried);
  return message_head(message);
}

} // namespace coppice::runtime
