// SPDX-License-Identifier: MIT
// Tests of keys in the live picture of `top`: what is selected, what the node is asked for, what is drawn.
#include "cli/top_view.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

namespace coppice::cli {
namespace {

using nlohmann::json;
using then = top_view::then;

constexpr screen small{80, 10}; // five processes, four lines above them, one below

json list_of(int count, int all) {
  json processes = json::array();
  for (int i = 0; i < count; ++i)
    processes.push_back({{"pid", "<0." + std::to_string(i) + ".0>"}, {"name", "p" + std::to_string(i)}});
  return {{"name", "n@h"}, {"process_count", all}, {"processes", processes}};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream from(text);
  for (std::string one; std::getline(from, one);) lines.push_back(one);
  return lines;
}

std::string marked_line(const std::string& picture) {
  for (const std::string& line : lines_of(picture))
    if (line.starts_with("\x1b[7m")) return line;
  return {};
}

} // namespace

TEST_CASE("keys sort by the column before and the next one, and begin at the top") {
  top_view view("messages");
  const json shown = list_of(5, 5);
  CHECK(view.press(key::right, shown, small) == then::ask);
  CHECK(view.sort() == "mailbox");
  CHECK(view.press(key::left, shown, small) == then::ask);
  CHECK(view.press(key::left, shown, small) == then::ask);
  CHECK(view.sort() != "messages");
  CHECK(view.press(key::right, shown, small) == then::ask);
  CHECK(view.sort() == "messages");
}

TEST_CASE("the selected process is marked, and the list scrolls to keep it in sight") {
  top_view view("memory");
  CHECK(view.wanted(small) == 5);
  json shown = list_of(5, 12);
  const auto picture = [&] { return view.picture(shown, small, false); };
  CHECK(lines_of(picture()).size() == 10);
  CHECK(marked_line(picture()).find(" p0 ") != std::string::npos);
  CHECK(lines_of(picture()).back().find("q quit") == 0);
  for (int i = 0; i < 4; ++i) CHECK(view.press(key::down, shown, small) == then::draw);
  CHECK(marked_line(picture()).find(" p4 ") != std::string::npos);
  CHECK(view.press(key::down, shown, small) == then::ask);
  CHECK(view.wanted(small) == 6);
  shown = list_of(6, 12);
  CHECK(marked_line(picture()).find(" p5 ") != std::string::npos);
  CHECK(picture().find(" p0 ") == std::string::npos);
  CHECK(view.press(key::page_down, shown, small) == then::ask);
  CHECK(view.press(key::page_down, shown, small) == then::ask);
  CHECK(view.wanted(small) == 12); // the last process is at the bottom
  shown = list_of(3, 3);           // others have ended
  CHECK(marked_line(picture()).find(" p2 ") != std::string::npos);
  CHECK(view.press(key::page_up, shown, small) != then::nothing);
  CHECK(view.press(key::up, shown, small) == then::draw);
  CHECK(marked_line(picture()).find(" p0 ") != std::string::npos);
}

TEST_CASE("one process is shown alone until a key leads back to the list") {
  top_view view("memory");
  const json shown = list_of(5, 5);
  CHECK(view.press(key::down, shown, small) == then::draw);
  CHECK(view.press(key::enter, shown, small) == then::ask);
  CHECK(view.alone() == "<0.1.0>");
  const std::string picture = view.picture({{"pid", "<0.1.0>"}, {"name", "p1"}}, small, false);
  CHECK(lines_of(picture).size() == 10);
  CHECK(picture.find("<0.1.0>") != std::string::npos);
  CHECK(lines_of(picture).back().find("esc") != std::string::npos);
  CHECK(view.press(key::down, shown, small) == then::nothing);
  CHECK(view.press(key::back, shown, small) == then::ask);
  CHECK(view.alone().empty());
  CHECK(view.press(key::back, shown, small) == then::nothing);
  CHECK(view.press(key::quit, shown, small) == then::quit);
}

TEST_CASE("a list without processes, and a document of another version, are no reason to fail") {
  top_view view("memory");
  for (const char* text : {"{}", R"({"processes": 7})", R"({"processes": [{}], "process_count": "many"})"}) {
    const json document = json::parse(text);
    for (const key one : {key::up, key::down, key::page_down, key::page_up, key::other})
      CHECK_NOTHROW(view.press(one, document, small));
    CHECK_NOTHROW(view.picture(document, small, true));
    CHECK_NOTHROW(view.picture(document, {1, 1}, true));
  }
  CHECK(view.press(key::enter, json::object(), small) == then::nothing);
}

} // namespace coppice::cli
