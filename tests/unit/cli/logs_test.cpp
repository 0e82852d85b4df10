// SPDX-License-Identifier: MIT
// Tests of log lines in readable form, and of the hints where to find them without a node.
#include "cli/logs.hpp"

#include <doctest/doctest.h>

#include "cli/exchange.hpp"

using namespace coppice;
using nlohmann::json;

TEST_CASE("a line reads as the node itself writes it") {
  const json line{{"time", "2026-01-02T03:04:05.000006Z"},
                  {"level", "warning"},
                  {"module", "dist"},
                  {"message", "two\nlines \x1b[31m"},
                  {"fields", {{"peer", "a@b"}, {"why", "not now"}}}};
  CHECK(cli::render_line(line, false) ==
        "2026-01-02T03:04:05.000006Z warning dist: two\n  lines \\x1b[31m peer=a@b why=\"not now\"");
  CHECK(cli::render_line(line, true).starts_with("\x1b[33m2026"));
  CHECK(cli::render_line(line, true).ends_with("\x1b[0m"));
}

TEST_CASE("an event is shown by its text, which says what its fields say") {
  const json line{{"time", "T"},
                  {"module", "m"},
                  {"message", "x ended"},
                  {"fields", {{"child", "x"}, {"message_id", "1"}}}};
  CHECK(cli::render_line(line, false) == "T info    m: x ended");
}

TEST_CASE("a line of another version is shown as far as it is understood") {
  for (const char* text : {"{}", R"({"fields": []})", R"({"level": 7, "fields": {"n": 1}})"}) {
    CAPTURE(text);
    CHECK_NOTHROW(cli::render_line(json::parse(text), true));
  }
  CHECK(cli::render_line({{"level", "loud"}, {"fields", {{"n", 1}}}}, true) == " info    :  n=1");
}

TEST_CASE("where no node answers the hint fits the machine") {
  CHECK(cli::no_node_hint("/run/coppice/node.sock", true, false) ==
        "systemctl status coppice; journalctl -u coppice -e");
  CHECK(cli::no_node_hint("/run/coppice/two.sock", false, true) ==
        "systemctl status coppice@two; journalctl -u coppice@two -e");
  CHECK(cli::no_node_hint("", true, false).starts_with("systemctl status coppice;"));
  CHECK(cli::no_node_hint("", false, false).find("coppiced --config") != std::string::npos);
  CHECK(cli::no_node_hint("/tmp/x.sock", true, true).find("coppiced --config") == std::string::npos);
}

TEST_CASE("without a node it is said which journal or stream has the log") {
  CHECK(cli::where_log_is("/run/coppice/node.sock", false).ends_with("journalctl -u coppice"));
  CHECK(cli::where_log_is("/run/coppice/two.sock", false).ends_with("journalctl -u coppice@two"));
  CHECK(cli::where_log_is("", true).ends_with("journalctl -u coppice -u 'coppice@*'"));
  CHECK(cli::where_log_is("/run/coppice/demo@127.0.0.1.sock", true).find("standard error") !=
        std::string::npos);
  CHECK(cli::where_log_is("/tmp/coppice-1000/x.sock", true).find("standard error") != std::string::npos);
}
