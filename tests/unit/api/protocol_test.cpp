// SPDX-License-Identifier: MIT
// Tests of the control socket's documents: each end reads what the other writes, and accepts nothing else.
#include "api/protocol.hpp"

#include <doctest/doctest.h>

#include "api/exit_code.hpp"

using namespace coppice;

TEST_CASE("a request comes back as it was sent") {
  api::request sent{"call", {{"name", "kv"}, {"term", "{put, <<\"a\">>, 1}"}}};
  auto line = api::encode(sent);
  CHECK(line.back() == '\n');
  CHECK(line.find('\n') == line.size() - 1);
  auto got = api::decode_request(line);
  REQUIRE(got);
  CHECK(got->command == sent.command);
  CHECK(got->arguments == sent.arguments);
}

TEST_CASE("what a client claims of who has started it comes back, cut where it is long") {
  api::request sent{"call", nlohmann::json::object(), {"alice", std::string(1000, 'x')}};
  auto got = api::decode_request(api::encode(sent));
  REQUIRE(got);
  CHECK(got->from.sudo_user == "alice");
  CHECK(got->from.terminal == std::string(64, 'x'));
  got = api::decode_request(R"({"command": "call", "from": [1]})");
  REQUIRE(got);
  CHECK(got->from.sudo_user.empty());
}

TEST_CASE("a result and a failure come back as they were sent") {
  auto result = api::decode_reply(api::encode(api::reply(nlohmann::json{{"reply", "ok"}})));
  REQUIRE(result);
  REQUIRE(*result);
  CHECK((**result)["reply"] == "ok");

  api::failure sent{base::errc::timeout, "call kv", "no answer within 5s", "try --timeout"};
  auto failed = api::decode_reply(api::encode(api::reply(unexpect, sent)));
  REQUIRE(failed);
  REQUIRE_FALSE(*failed);
  CHECK(failed->error().code == sent.code);
  CHECK(failed->error().what == sent.what);
  CHECK(failed->error().why == sent.why);
  CHECK(failed->error().hint == sent.hint);
}

TEST_CASE("text that is not UTF-8 is replaced, never thrown over") {
  auto line = api::encode(api::reply(nlohmann::json{{"reply", "\xff\xfe"}}));
  CHECK(api::decode_reply(line));
}

TEST_CASE("a line that is no request is refused") {
  for (const char* line :
       {"", "null", "[]", "{", "{}", R"({"command":1})", R"({"command":"x","arguments":[]})"}) {
    CAPTURE(line);
    auto got = api::decode_request(line);
    REQUIRE_FALSE(got);
    CHECK(got.error().code == base::errc::invalid);
  }
}

TEST_CASE("a timeout exits with 4, every other failure with 1") {
  CHECK(api::exit_code_of(base::errc::timeout) == api::exit_code::timed_out);
  CHECK(api::exit_code_of(base::errc::refused) == api::exit_code::failed);
}

TEST_CASE("a document that nests without end is refused before it is a document") {
  const auto nested = [](const char* before, std::size_t levels, const char* after) {
    return before + std::string(levels, '[') + std::string(levels, ']') + after;
  };
  const auto request = [&](std::size_t levels) {
    return api::decode_request(nested(R"({"command":"call","arguments":{"name":)", levels, "}}"));
  };
  CHECK(request(10));
  for (const std::size_t levels : {100, 100'000, 1'000'000}) {
    const auto refused = request(levels);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == base::errc::limit);
  }
  CHECK(api::decode_reply(nested(R"({"result":)", 1000, "}")));
  CHECK_FALSE(api::decode_reply(nested(R"({"result":)", 100'000, "}")));
}
