// SPDX-License-Identifier: MIT
// Checks a transition table against its expected form: a row of words for each state, one word for each
// event. A word is the name of the next state. "." says that the state stays, "!" that the event cannot
// happen.
#pragma once

#include <doctest/doctest.h>

#include <cstddef>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::test {

inline std::vector<std::string> words_of(std::string_view line) {
  std::istringstream in{std::string(line)};
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

// Checks every event in every state. `rows`: the name of the state, then one word for each event.
template <class Machine>
void walk(const std::vector<std::string_view>& rows) {
  using table = typename Machine::table;
  std::vector<std::vector<std::string>> cells;
  for (const std::string_view row : rows) cells.push_back(words_of(row));
  REQUIRE(cells.size() == table::states);
  for (std::size_t from = 0; from < table::states; ++from) {
    REQUIRE(cells[from].size() == table::events + 1);
    for (std::size_t on = 0; on < table::events; ++on) {
      const std::string& expected = cells[from][on + 1];
      CAPTURE(cells[from][0]);
      CAPTURE(on);
      CAPTURE(expected);
      Machine it(static_cast<typename Machine::state>(from));
      const auto event = static_cast<typename Machine::event>(on);
      const bool is_never = Machine::after(it.now(), event).is_never();
      CHECK(is_never == (expected == "!"));
      if (is_never) continue; // an assertion
      CHECK(it.take(event) == (expected != "."));
      CHECK(cells[static_cast<std::size_t>(it.now())][0] == (expected == "." ? cells[from][0] : expected));
    }
  }
}

// Whether every state can be reached from the first one.
template <class Machine>
bool reaches_all() {
  using table = typename Machine::table;
  std::set<std::size_t> seen{0};
  std::vector<std::size_t> next{0};
  while (!next.empty()) {
    const std::size_t from = next.back();
    next.pop_back();
    for (std::size_t on = 0; on < table::events; ++on) {
      const auto cell = Machine::after(static_cast<typename Machine::state>(from),
                                       static_cast<typename Machine::event>(on));
      if (!cell.moves()) continue;
      const auto to = static_cast<std::size_t>(cell.to());
      if (seen.insert(to).second) next.push_back(to);
    }
  }
  return seen.size() == table::states;
}

// The states for which `asked` returns true: "y" or "-" for each state, in the order of the states.
template <class Machine>
std::string where(bool (Machine::*asked)() const) {
  std::string out;
  for (std::size_t i = 0; i < Machine::table::states; ++i)
    out += (Machine(static_cast<typename Machine::state>(i)).*asked)() ? 'y' : '-';
  return out;
}

} // namespace coppice::test
