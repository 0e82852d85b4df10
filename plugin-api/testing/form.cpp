// SPDX-License-Identifier: MIT
// Reads the form of a saved state, and says how two forms differ. Any thread.
#include <coppice/testing/form.hpp>

namespace coppice::testing::detail {

namespace {

form form_of(const value& term) {
  etf::cursor in(term.bytes());
  std::uint32_t count = 0;
  std::string_view name;
  if (in.read_tuple(count)) {
    const std::string size = "a tuple of " + std::to_string(count);
    return {count != 0 && in.read_atom(name) ? size + " that begins with " + std::string(name) : size, {}};
  }
  if (in.read_map(count)) {
    form made{"a map", {}};
    for (std::uint32_t i = 0; i < count; ++i) {
      if (!in.read_atom(name) || !in.skip()) return {"a map", {}};
      made.keys.emplace(name);
    }
    return made;
  }
  switch (in.peek()) {
    case etf::kind::integer:
    case etf::kind::floating:
      return {"a number", {}};
    case etf::kind::nil:
    case etf::kind::list:
      return {"a list", {}};
    case etf::kind::binary:
    case etf::kind::bitstring:
      return {"a binary", {}};
    case etf::kind::atom:
      return {"an atom", {}};
    default:
      return {"another term", {}};
  }
}

} // namespace

std::string change_of_form(const value& before, const value& now) {
  if (!now) return {};
  const form was = form_of(before);
  const form is = form_of(now);
  if (was == is) return {};
  if (was.kind != is.kind) return "its save_state writes " + is.kind + " and not " + was.kind + ", which is";
  std::string names;
  for (const std::string& each : is.keys)
    if (!was.keys.contains(each)) names += (names.empty() ? "adds " : ", ") + each;
  for (const std::string& each : was.keys)
    if (!is.keys.contains(each)) names += (names.empty() ? "leaves out " : ", without ") + each;
  return "its save_state " + names + " to";
}

} // namespace coppice::testing::detail
