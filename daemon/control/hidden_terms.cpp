// SPDX-License-Identifier: MIT
// See hidden_terms.hpp.
#include "control/hidden_terms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "base/ascii.hpp"
#include "base/socket_address.hpp"
#include "spec/schema/secrecy.hpp"

namespace coppice::control {
namespace {

constexpr std::size_t longest_atom = 200; // bytes of an atom that are shown

std::size_t after_digits(std::string_view text, std::size_t at) {
  return std::min(text.find_first_not_of("0123456789", at), text.size());
}

// The end of the number or quoted atom that `text` begins with. 0: it begins with neither.
std::size_t end_of_plain_term(std::string_view text) {
  if (text.starts_with('\'')) {
    std::size_t at = 1;
    while (at < text.size() && text[at] != '\'') at += text[at] == '\\' ? 2 : 1;
    return std::min(at + 1, text.size()); // a term that was cut has no second quote
  }
  const std::size_t begin = text.starts_with('-') ? 1 : 0;
  std::size_t end = after_digits(text, begin);
  if (end == begin) return 0;
  if (text.substr(end).starts_with('.')) end = after_digits(text, end + 1);
  if (text.substr(end).starts_with('e'))
    end = after_digits(text, end + (text.substr(end + 1).find_first_of("+-") == 0 ? 2 : 1));
  return end;
}

// Whether a part of a sentence begins with a list, a number or a quoted atom. Prose begins with addresses,
// numbers and names in quotes, too, so after a number or a quoted atom the part has to be over.
bool begins_with_term(std::string_view part) {
  if (part.starts_with('[')) return !base::socket_address::parse(part.substr(1, part.find(']') - 1), 0);
  const std::size_t end = end_of_plain_term(part);
  return end != 0 && (end == part.size() || part[end] == ';');
}

} // namespace

std::string shape_of(std::string_view term) {
  const auto skip = [&] { term.remove_prefix(std::min(term.find_first_not_of(" \t\n"), term.size())); };
  const auto take_atom = [&] {
    const auto is_of_atom = [](char c) {
      const char lower = base::ascii_lower(c);
      return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '@';
    };
    std::size_t end = 0;
    if (!term.empty() && term[0] >= 'a' && term[0] <= 'z')
      while (end < term.size() && is_of_atom(term[end])) ++end;
    std::string out(term.substr(0, std::min(end, longest_atom)));
    term.remove_prefix(end);
    return out;
  };
  skip();
  const bool is_tuple = term.starts_with('{');
  if (is_tuple) term.remove_prefix(1), skip();
  const std::string atom = take_atom();
  skip();
  if (is_tuple)
    return atom.empty() || !term.starts_with(',') ? fmt::format("{{{}}}", spec::hidden_mark)
                                                  : fmt::format("{{{}, {}}}", atom, spec::hidden_mark);
  return atom.empty() || !term.empty() ? std::string(spec::hidden_mark) : atom;
}

std::string without_term(const std::string& sentence) {
  std::size_t begin = sentence.npos;
  for (const char* mark : {"{", "<<", "\""}) begin = std::min(begin, sentence.find(mark));
  for (std::size_t part = 0; part < std::min(begin, sentence.size());) {
    if (begins_with_term(std::string_view(sentence).substr(part))) begin = part;
    const std::size_t colon = sentence.find(": ", part);
    part = colon == sentence.npos ? colon : colon + 2;
  }
  if (begin == sentence.npos) return sentence;
  return sentence.substr(0, begin) + shape_of(std::string_view(sentence).substr(begin));
}

std::string without_mistake(std::string_view sentence) {
  for (std::size_t at = sentence.find(':'); at != sentence.npos; at = sentence.find(':', at + 1)) {
    const std::size_t line = after_digits(sentence, at + 1);
    if (line == at + 1 || !sentence.substr(line).starts_with(':')) continue;
    const std::size_t column = after_digits(sentence, line + 1);
    if (column > line + 1 && sentence.substr(column).starts_with(": "))
      return std::string(sentence.substr(0, column));
  }
  return std::string(sentence);
}

} // namespace coppice::control
