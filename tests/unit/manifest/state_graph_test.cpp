// SPDX-License-Identifier: MIT
// Tests of the drawing of a manifest's states, of states that are never reached, and of a note's list of
// states.
#include "manifest/state_graph.hpp"

#include <doctest/doctest.h>

using namespace coppice;
using manifest::declared_state;

namespace {

std::string with_states(const std::string& states) {
  return R"({"coppice": 1, "id": "d", "version": "1", "abi": [1, 0], "actors": [{"name": "d", "behaviour": "statem",
      "tables": [], "states": )" +
         states + "}]}";
}

} // namespace

TEST_CASE("states are read with what leads on, and every one that is led to is there") {
  const auto read = manifest::parse(with_states(
      R"([{"name": "locked", "on": [{"event": "code", "to": "open"}]}, {"name": "open", "on": []}])"));
  REQUIRE(read);
  const auto& states = read->actors[0].states;
  REQUIRE(states.size() == 2);
  CHECK(states[0].name == "locked");
  REQUIRE(states[0].on.size() == 1);
  CHECK(states[0].on[0].event == "code");
  CHECK(states[0].on[0].to == "open");
  CHECK(states[1].on.empty());
}

TEST_CASE("states of another shape are refused with what is wrong") {
  const std::pair<const char*, const char*> rows[] = {
      {"{}", "states is no list"},
      {R"([1])", "states[0] is no object"},
      {R"([{"on": []}])", "states[0]: name is missing or no string"},
      {R"([{"name": "a"}])", "states[0]: on is missing or no list"},
      {R"([{"name": "a", "on": [1]}])", "states[0]: on[0] is no object"},
      {R"([{"name": "a", "on": [{"to": "a"}]}])", "states[0]: on[0]: event is missing or no string"},
      {R"([{"name": "a", "on": [{"event": "x", "to": "b"}]}])", "states[0]: on[0]: there is no state b"},
      {R"([{"name": "a", "on": []}, {"name": "a", "on": []}])", "states[1]: a stands there twice"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.first);
    const auto read = manifest::parse(with_states(row.first));
    REQUIRE_FALSE(read);
    CHECK(read.error().text == std::string("actors[0]: ") + row.second);
  }
}

TEST_CASE("a state that nothing leads to from the first one is named, and dashed") {
  const std::vector<declared_state> states{{"a", {{"go", "b"}}},
                                           {"b", {{"back", "a"}, {"stay", "b"}}},
                                           {"c \"x\"", {{"go", "d"}}},
                                           {"d", {{"go", "a"}}}};
  CHECK(manifest::unreachable(states) == std::vector<std::string>{"c \"x\"", "d"});
  CHECK(manifest::unreachable({}).empty());
  CHECK(manifest::dot("door", states) ==
        "digraph \"door\" {\n"
        "  node [shape=box, style=rounded];\n"
        "  \"a\" [penwidth=2];\n"
        "  \"b\";\n"
        "  \"c \\\"x\\\"\" [style=\"rounded,dashed\"];\n"
        "  \"d\" [style=\"rounded,dashed\"];\n"
        "  \"a\" -> \"b\" [label=\"go\"];\n"
        "  \"b\" -> \"a\" [label=\"back\"];\n"
        "  \"b\" -> \"b\" [label=\"stay\"];\n"
        "  \"c \\\"x\\\"\" -> \"d\" [label=\"go\"];\n"
        "  \"d\" -> \"a\" [label=\"go\"];\n"
        "}\n");
}
