// SPDX-License-Identifier: MIT
// Tests of the pictures of `top`, and of tables that keep within a width.
#include "cli/top.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

#include "cli/render.hpp"

using namespace coppice;
using nlohmann::json;

namespace {

json busy_node(int processes) {
  json rows = json::array();
  for (int i = 0; i < processes; ++i) {
    rows.push_back({{"pid", "<0." + std::to_string(i) + ".0>"},
                    {"name", "ü" + std::string(60, 'n')},
                    {"behaviour", "server"},
                    {"status", "waiting"},
                    {"mailbox", 1234567},
                    {"mailbox_bytes", 123456789},
                    {"oldest_ms", 93784005},
                    {"memory", 5368709120},
                    {"reductions", 18446744073709551615ull}});
  }
  return {{"name", "demo@127.0.0.1"}, {"state", "running"}, {"workers", 2}, {"processes", rows}};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream from(text);
  for (std::string one; std::getline(from, one);) lines.push_back(one);
  return lines;
}

std::size_t widest(const std::string& text) {
  std::size_t most = 0;
  for (const std::string& line : lines_of(text)) {
    const auto columns = std::ranges::count_if(line, [](char c) { return (c & 0xC0) != 0x80; });
    most = std::max(most, static_cast<std::size_t>(columns));
  }
  return most;
}

} // namespace

TEST_CASE("a picture is no wider and no higher than the terminal") {
  for (const cli::screen size :
       {cli::screen{100, 24}, cli::screen{200, 50}, cli::screen{90, 6}, cli::screen{80, 24}}) {
    const std::string picture = cli::render_top(busy_node(100), "memory", size, false);
    CHECK(widest(picture) <= size.columns);
    CHECK(lines_of(picture).size() == size.rows);
  }
}

TEST_CASE("where there is no terminal all of it is shown") {
  const std::string picture = cli::render_top(busy_node(20), "memory", {cli::any_width, 24}, false);
  CHECK(picture.find(std::string(60, 'n')) != std::string::npos);
  CHECK(picture.find("BEHAVIOUR") != std::string::npos);
  CHECK(lines_of(picture).size() == 24);
}

TEST_CASE("rates stand beside the reductions where there is room, and else in their place") {
  json twice = busy_node(2);
  twice["over_ms"] = 2000;
  twice["reductions_per_second"] = 1500;
  for (auto& process : twice["processes"]) process["reductions_per_second"] = 750;
  const auto head = [&twice](const char* sort, std::size_t columns) {
    const std::string picture = cli::render_top(twice, sort, {columns, 24}, false);
    CHECK(widest(picture) <= columns);
    CHECK((picture.find("750/s") != std::string::npos) == (picture.find("RATE") != std::string::npos));
    return lines_of(picture).at(3);
  };
  CHECK(head("memory", 200).find("REDUCTIONS") < head("memory", 200).find("RATE"));
  CHECK(head("memory", 80).ends_with("RATE"));
  CHECK(head("memory", 80).find("REDUCTIONS") == std::string::npos);
  CHECK(head("reductions", 80).ends_with("REDUCTIONS"));
  CHECK(cli::render_top(twice, "rate", {80, 24}, false).find("  reductions 1500/s\n") != std::string::npos);
  CHECK(head("mailbox", 80).find("MAILBOX") != std::string::npos);
  CHECK(head("memory", 80).find("MAILBOX") == std::string::npos);
  CHECK(cli::render_top(busy_node(2), "memory", {200, 24}, false).find("RATE") == std::string::npos);
}

TEST_CASE("processor time is shown in total, and as a share where the node has measured it over a time") {
  json busy = busy_node(2);
  for (auto& process : busy["processes"]) process["cpu_us"] = 2'500'000;
  const auto picture = [&busy](const char* sort, std::size_t columns) {
    std::string text = cli::render_top(busy, sort, {columns, 24}, false);
    CHECK(widest(text) <= columns);
    return text;
  };
  CHECK(picture("time", 80).find(" 2.5s ") != std::string::npos);
  CHECK(picture("time", 80).find("CPU") == std::string::npos);
  busy["over_ms"] = 2000;
  busy["cpu_permille"] = 1004;
  for (auto& process : busy["processes"]) process["cpu_permille"] = 378;
  CHECK(lines_of(picture("cpu", 80)).at(0).ends_with("  cpu 100.4%"));
  CHECK(picture("cpu", 80).find("37.8%") != std::string::npos);
  CHECK(picture("cpu", 80).find("TIME") == std::string::npos);
  CHECK(picture("time", 80).find("TIME") != std::string::npos);
  CHECK(picture("cpu", 200).find("TIME") != std::string::npos);
}

TEST_CASE("a handler that holds a thread stands above the list") {
  json busy = busy_node(2);
  const json held{{"who", "<0.43.0> hurt"}, {"since_ms", 4000}, {"callback", "handle_call"}};
  busy["stuck"].push_back(held);
  const auto lines = lines_of(cli::render_top(busy, "messages", {80, 24}, false));
  CHECK(lines.at(2) == "stuck: <0.43.0> hurt for 4s in handle_call; see coppice health");
  CHECK(lines.at(3).starts_with("PID"));
  CHECK(lines_of(cli::render_top(busy_node(2), "messages", {80, 24}, false)).at(2).empty());
}

TEST_CASE("the column it is sorted by is bold where there are colours") {
  CHECK(cli::render_top(busy_node(1), "age", {}, true).find("\x1b[1mAGE\x1b[0m") != std::string::npos);
  CHECK(cli::render_top(busy_node(1), "age", {}, false).find('\x1b') == std::string::npos);
}

TEST_CASE("a document of another version is no reason to fail") {
  for (const char* text : {"{}", R"({"processes": [{}], "name": 7, "uptime_ms": "long"})"}) {
    CAPTURE(text);
    CHECK_NOTHROW(cli::render_top(json::parse(text), "messages", {}, true));
  }
}

TEST_CASE("a table is cut where it is widest, and says so") {
  const std::vector<std::vector<std::string>> rows{{"A", "B"}, {std::string(50, 'a'), std::string(20, 'b')}};
  const std::string cut = std::string(18, 'a') + "…  " + std::string(18, 'b') + "…\n";
  CHECK(cli::table(rows, 40) == "A" + std::string(20, ' ') + "B\n" + cut);
  CHECK(widest(cli::table(rows)) == 72);
  CHECK(widest(cli::table(rows, 1)) == 14); // six characters a column are shown in any case
  const std::vector<std::vector<std::string>> many{std::vector<std::string>(12, std::string(20, 'x'))};
  CHECK(widest(cli::table(many, 120)) == 120);
  const std::vector<std::vector<std::string>> nine{std::vector<std::string>(9, std::string(20, 'x'))};
  CHECK(widest(cli::table(nine, 80)) == 80);
}

TEST_CASE("long values of a document about one thing go on below") {
  const json health{{"complaints",
                     {{{"what", "application"},
                       {"name", "a"},
                       {"why", "failed: " + std::string(30, 'x') + " " + std::string(40, 'y')},
                       {"help", "coppice start a"}}}}};
  const std::string text = cli::render_health(health, 60);
  CHECK(widest(text) <= 60);
  CHECK(text.find("\n               " + std::string(40, 'y') + "\n") != std::string::npos);
  CHECK(text.find("coppice start a") != std::string::npos);
  CHECK(cli::render_health({{"complaints", json::array()}}) == "ok\n");
}

TEST_CASE("text is fitted character by character, line by line") {
  CHECK(cli::fitted("äöüß\nab\n", 3) == "äö…\nab\n");
  CHECK(cli::fitted("abc", 3) == "abc");
  CHECK(cli::fitted("", 3).empty());
}
