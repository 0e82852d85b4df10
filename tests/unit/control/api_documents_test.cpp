// SPDX-License-Identifier: MIT
// The table of commands, their arguments over HTTP, and the documents that are made from the table.
#include "control/api_documents.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/json_text.hpp"
#include "control/api_arguments.hpp"

using namespace coppice;
using control::verb;
using nlohmann::json;

namespace {

const control::command& row(std::string_view name, verb how) {
  const auto* const found = control::find_command(name, how);
  REQUIRE(found != nullptr);
  return *found;
}

json query(std::string_view name, std::string_view text) {
  auto given = control::arguments_of_query(row(name, verb::get), text);
  REQUIRE(given);
  return *given;
}
json body(std::string_view name, std::string_view text) {
  auto given = control::arguments_of_body(row(name, verb::post), text);
  REQUIRE(given);
  return *given;
}
std::string why_not(const expected<json, api::failure>& given) {
  REQUIRE_FALSE(given);
  CHECK(given.error().code == base::errc::invalid);
  return given.error().why + "; " + given.error().hint;
}
std::string query_refused(std::string_view name, std::string_view text) {
  return why_not(control::arguments_of_query(row(name, verb::get), text));
}
std::string body_refused(std::string_view name, std::string_view text) {
  return why_not(control::arguments_of_body(row(name, verb::post), text));
}

} // namespace

TEST_CASE("each row of the table has its own name and verb, and all that acts needs the right manage") {
  std::set<std::string> seen;
  for (const control::command& one : control::commands()) {
    CAPTURE(one.name);
    CHECK(seen.insert(std::string(one.name) + (one.how == verb::get ? " get" : " post")).second);
    CHECK((one.how == verb::post) == (one.needs == control::right::manage));
    CHECK((one.run != nullptr));
    CHECK_FALSE(one.about.empty());
    for (const control::argument& each : one.arguments) {
      CHECK(each.name != "file");
      CHECK(each.name != "only");
    }
  }
  for (const char* acts : {"call",    "cast",      "send",     "connect", "disconnect", "start",     "stop",
                           "restart", "terminate", "exit",     "reload",  "apply",      "log-level", "pool",
                           "raft",    "saga",      "listener", "events",  "cron",       "trace",     "drain"})
    CHECK(control::may_act(acts));
  for (const char* looks :
       {"status", "tree", "ps", "info", "nodes", "plugins", "top", "logs", "diff", "health"})
    CHECK_FALSE(control::may_act(looks));
  CHECK(row("logs", verb::get).needs == control::right::state);
  CHECK(row("diff", verb::get).needs == control::right::state);
  CHECK(row("saga", verb::get).needs == control::right::state);
  CHECK(row("raft", verb::get).needs == control::right::state);
}

TEST_CASE("arguments of a query are decoded and typed") {
  CHECK(query("status", "") == json::object());
  CHECK(query("info", "name=%3C0.1.0%3E") == json{{"name", "<0.1.0>"}});
  CHECK(query("info", "name=a+b%26c&") == json{{"name", "a b&c"}});
  CHECK(query("ps", "sort=memory&limit=7") == json{{"sort", "memory"}, {"limit", 7}});
  CHECK(query("ps", "") == json{{"limit", 500}});
  CHECK(query("logs", "after=3&wait=true") == json{{"after", 3}, {"wait", true}});
}

TEST_CASE("arguments of a body keep their types, and a call without a timeout has one") {
  CHECK(body("restart", R"({"path":"a/b","timeout_ms":5})") == json{{"path", "a/b"}, {"timeout_ms", 5}});
  CHECK(body("call", R"({"name":"kv","term":"size"})").at("timeout_ms") == 30'000);
  CHECK(body("reload", "") == json{{"timeout_ms", 30'000}});
  CHECK(query("pool", "name=w&timeout_ms=3600000").at("timeout_ms") == 3'600'000);
  CHECK(body("apply", R"({"dry_run":true})") == json{{"dry_run", true}});
}

TEST_CASE("what a command does not take is told with what it takes") {
  const auto has = [](const std::string& text, std::string_view part) {
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
  };
  has(query_refused("info", ""), "the argument name is missing; it takes name");
  has(query_refused("info", "nome=kv"), "no argument is called 'nome'; did you mean 'name'?");
  has(query_refused("status", "x=1"), "it takes no arguments");
  has(query_refused("ps", "limit=-1"), "limit: expected a whole number from 0 on");
  has(query_refused("ps", "limit=99999999999999999999"), "limit: expected a whole number");
  has(query_refused("ps", "limit=501"), "limit: expected 500 at most");
  has(query_refused("ps", "limit=0"), "limit: expected 1 at least");
  has(query_refused("top", "over_ms=60001"), "over_ms: expected 60000 at most");
  has(query_refused("top", "count=1001"), "count: expected 1000 at most");
  has(query_refused("ps", "sort=size"), "sort: expected one of pid, mailbox, reductions, memory");
  has(query_refused("ps", "limit=1&limit=2"), "limit is given twice");
  has(query_refused("info", "name=%zz"), "cannot be decoded");
  has(query_refused("wait-ready", "timeout_ms=3600001"), "timeout_ms: expected 3600000 at most");
  has(body_refused("stop", R"({"application":"a","timeout_ms":3600001})"),
      "timeout_ms: expected 3600000 at most");
  has(body_refused("call", R"({"name":7,"term":"x"})"), "name: expected a text");
  has(body_refused("reload", R"({"dry_run":"yes"})"), "dry_run: expected true or false");
  has(body_refused("pool", R"({"name":"p","size":1.5})"), "size: expected a whole number");
  has(body_refused("apply", R"({"file":"/etc/passwd"})"), "no argument is called 'file'");
  has(body_refused("apply", R"({"only":["/etc/passwd"]})"), "no argument is called 'only'");
  for (const char* text : {"[]", "7", "{", "null", "{\"name\":\"\xff\",\"term\":\"x\"}"})
    has(body_refused("call", text), "the body is no JSON object");
  has(body_refused("call", std::string(100, '[')), "nest too deep");
  has(body_refused("call", R"({"name":"a","term":"x","name":"b"})"), "name is given twice");
}

TEST_CASE("OpenAPI tells of every row over HTTP its verb, its right and its arguments, and of no other one") {
  const json told = control::openapi_document("1.2.3");
  CHECK(told["info"]["version"] == "1.2.3");
  std::size_t over_http = 0;
  for (const control::command& one : control::commands()) {
    CAPTURE(one.name);
    const json& path = told["paths"]["/api/v1/" + std::string(one.name)];
    const std::string how = one.how == verb::get ? "get" : "post";
    CHECK(path.contains(how) == one.over_http);
    if (!one.over_http) continue;
    ++over_http;
    const json& its = path[how];
    REQUIRE(its.is_object());
    CHECK(its["x-right"] == control::text(one.needs));
    if (one.how == verb::get)
      CHECK(its["parameters"].size() == one.arguments.size());
    else
      CHECK(its["requestBody"]["content"]["application/json"]["schema"]["properties"].size() ==
            one.arguments.size());
  }
  // Every operation can be used with the token or without it.
  CHECK(told["paths"]["/api/v1/openapi.json"]["get"]["operationId"] == "openapi");
  for (const json& path : told["paths"])
    for (const json& operation : path) {
      CAPTURE(operation["operationId"]);
      CHECK(operation["security"] == json::array({json::object(), {{"token", json::array()}}}));
      CHECK(operation["responses"].contains("default"));
    }
  const json limit = told["paths"]["/api/v1/ps"]["get"]["parameters"][1]["schema"];
  CHECK(limit == json{{"type", "integer"}, {"minimum", 1}, {"default", 500}, {"maximum", 500}});
  const json timeout = told["paths"]["/api/v1/wait-ready"]["get"]["parameters"][0]["schema"];
  CHECK(timeout == json{{"type", "integer"}, {"minimum", 0}, {"default", 30'000}, {"maximum", 3'600'000}});
  CHECK(control::commands_document().size() == over_http);
  CHECK_FALSE(row("saga", verb::post).over_http);
  CHECK(over_http == control::commands().size() - 1);
}

TEST_CASE("each failure has its status") {
  CHECK(control::status_of(base::errc::invalid) == 400);
  CHECK(control::status_of(base::errc::not_found) == 404);
  CHECK(control::status_of(base::errc::exists) == 409);
  CHECK(control::status_of(base::errc::timeout) == 504);
  CHECK(control::status_of(base::errc::internal) == 500);
  CHECK(control::error_document({base::errc::not_found, "info x", "noproc", ""}) ==
        json{{"code", "not_found"}, {"what", "info x"}, {"why", "noproc"}, {"hint", ""}});
}

TEST_CASE("without the right state a document has no terms") {
  constexpr const char* secret = "{badmatch, <<\"hunter2\">>}";
  json info{{"pid", "<0.1.0>"},
            {"state", secret},
            {"debug", secret},
            {"ends", {{{"at", "t"}, {"reason", secret}}}}};
  json branch{{"id", "a"}, {"last_end", {{"reason", secret}}}};
  json tree{
      {"applications",
       {{{"name", "a"},
         {"reason", secret},
         {"supervisor", {{"id", "top"}, {"last_end", nullptr}, {"children", json::array({branch})}}}}}}};
  json health{{"complaints", {{{"what", "application"}, {"why", std::string("failed: ") + secret}}}}};
  const std::string of_handler = std::string("the actor lines has ended: ") + secret + "; it had 3 lines";
  const std::string mistake = std::string("/etc/node.yaml:7:12: expected a number, found ") + secret;
  health["warnings"] = {{{"what", "configuration"},
                         {"why", "it would be refused since 2026-11-29T19:05:39.405904Z: " + mistake}},
                        {{"what", "log_handler"}, {"why", "does not get its lines: " + of_handler}}};
  json status{{"applications", {{{"name", "a"}, {"reason", secret}}}},
              {"complaints", health["complaints"]},
              {"warnings", health["warnings"]},
              {"cannot_write",
               {{{"what", "handler"}, {"path", "log/ears"}, {"why", of_handler}},
                {{"what", "data"}, {"path", "/data"}, {"why", "Read-only file system"}}}},
              {"configuration", {{"why", mistake}}}};
  json levels{
      {"handlers", {{{"name", "ears"}, {"failing", of_handler}}, {{"name", "far"}, {"failing", nullptr}}}}};
  json apply{{"changes", {{{"path", "a"}, {"before", secret}, {"after", secret}}}},
             {"diagnostics", {{{"line", 7}, {"message", mistake}, {"hint", secret}, {"excerpt", secret}}}},
             {"next_start", "would refuse: " + mistake}};
  json reload{
      {"plugins", {{{"actors", {{{"pid", "<0.1.0>"}, {"reason", std::string("refused: ") + secret}}}}}}}};
  const std::vector<std::pair<std::string, json*>> all{
      {"info", &info},   {"tree", &tree},     {"health", &health},   {"status", &status},
      {"apply", &apply}, {"reload", &reload}, {"log-level", &levels}};
  for (const auto& [name, document] : all) {
    control::leave_out_terms(name, *document);
    const std::string text = base::json_text(*document);
    INFO(text);
    CHECK(text.find("hunter2") == std::string::npos);
  }
  CHECK_FALSE(info.contains("state"));
  json machine{{"engine",
                {{"kind", "statem"}, {"state", secret}, {"changes", 3}, {"timeouts", {{{"type", secret}}}}}}};
  control::leave_out_terms("info", machine);
  CHECK(machine["engine"] == json{{"kind", "statem"},
                                  {"state", "{badmatch, …}"},
                                  {"changes", 3},
                                  {"timeouts", {{{"type", "{badmatch, …}"}}}}});
  json stage;
  stage["engine"]["kind"] = "consumer";
  stage["engine"]["subscriptions"] = json::array(
      {{{"peer", "{#Pid<'a@b'.1.57.0>,#Ref<'a@b'.1.2.3>}"}}, {{"peer", "{{name,<<\"hunter2\">>},1}"}}});
  control::leave_out_terms("info", stage);
  CHECK(stage["engine"]["subscriptions"][0]["peer"] == "{#Pid<'a@b'.1.57.0>, …}");
  CHECK(stage["engine"]["subscriptions"][1]["peer"] == "{…}");
  json saga;
  saga["engine"] = {{"kind", "saga"}, {"transactions", {{{"tx", "hunter2"}, {"depth", 1}}}}};
  control::leave_out_terms("info", saga);
  CHECK(saga["engine"]["transactions"][0] == json{{"tx", "…"}, {"depth", 1}});
  json group{{"kind", "raft"}, {"term", 3}, {"why", secret}};
  control::leave_out_terms("raft", group); // the answer to a change, which needs the right `manage` alone
  CHECK(group == json{{"kind", "raft"}, {"term", 3}, {"why", "{badmatch, …}"}});
  CHECK(info["ends"][0]["reason"] == "{badmatch, …}");
  CHECK(tree["applications"][0]["supervisor"]["children"][0]["last_end"]["reason"] == "{badmatch, …}");
  CHECK(health["complaints"][0]["why"] == "failed: {badmatch, …}");
  CHECK(status["configuration"]["why"] == "/etc/node.yaml:7:12");
  CHECK(health["warnings"][0]["why"] ==
        "it would be refused since 2026-11-29T19:05:39.405904Z: /etc/node.yaml:7:12");
  CHECK(health["warnings"][1]["why"] == "does not get its lines: the actor lines has ended: {badmatch, …}");
  CHECK(status["cannot_write"][0]["why"] == "the actor lines has ended: {badmatch, …}");
  CHECK(status["cannot_write"][1]["why"] == "Read-only file system");
  CHECK(levels["handlers"][0]["failing"] == "the actor lines has ended: {badmatch, …}");
  CHECK(levels["handlers"][1]["failing"] == nullptr);
  CHECK(apply["next_start"] == "would refuse: /etc/node.yaml:7:12");
  CHECK(apply["diagnostics"][0]["line"] == 7);
  CHECK(reload["plugins"][0]["actors"][0]["reason"] == "refused: {badmatch, …}");
}

TEST_CASE("without the right state a failure has of an exit reason the shape") {
  const auto left = [](std::string_view command, std::string why) {
    api::failure failed{base::errc::refused, "x", std::move(why), "help"};
    control::leave_out_terms(command, failed);
    CHECK(failed.hint == "help");
    return failed.why;
  };
  CHECK(left("wait-ready", "a failed: {shutdown,{failed_to_start_child,b,<<\"hunter2\">>}}") ==
        "a failed: {shutdown, …}");
  CHECK(left("start", "it ended: <<\"hunter2\">>") == "it ended: …");
  CHECK(left("info", "no process here has that pid or name") == "no process here has that pid or name");
  CHECK(left("connect", "[::1]:4369 refused <0.1.0>") == "[::1]:4369 refused <0.1.0>");
  for (const char* command : {"call", "cast", "send", "exit", "events"})
    CHECK(left(command, "term: expected } behind {a") == "term: expected } behind {a");
}
