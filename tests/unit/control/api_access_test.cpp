// SPDX-License-Identifier: MIT
// What a request over HTTP may do: the Host, the Origin, the token, and the rights that result.
#include "control/api_access.hpp"

#include <doctest/doctest.h>

using namespace coppice;
using control::access_rules;
using control::right;
using words = std::vector<std::string>;

namespace {

net::http_request asked(std::string method, std::vector<net::http_header> headers) {
  net::http_request made;
  made.method = std::move(method);
  made.target = "/api/v1/status";
  made.headers = std::move(headers);
  return made;
}

constexpr const char* token = "a token of some length";

access_rules guarded() {
  return access_rules({token, {right::inspect}, {"node.example"}, true});
}

} // namespace

TEST_CASE("without the token a reader has the configured rights, with it all of them") {
  const auto without = guarded().judge(asked("GET", {{"host", "127.0.0.1:9911"}}));
  CHECK(without.status == 200);
  CHECK(without.may.names() == words{"inspect"});
  CHECK_FALSE(without.has_token);
  for (const char* scheme : {"Bearer ", "bearer ", "BEARER   "}) {
    CAPTURE(scheme);
    const auto with = guarded().judge(
        asked("GET", {{"host", "localhost"}, {"authorization", std::string(scheme) + token}}));
    CHECK(with.status == 200);
    CHECK(with.has_token);
    CHECK(with.may.names() == words{"inspect", "state", "manage"});
  }
}

TEST_CASE("a wrong token is 401, and gives not even the rights of a reader without one") {
  for (const std::string& given :
       {std::string("Bearer "), std::string("Bearer wrong"), std::string("Bearer ") + token + "x",
        std::string("Basic ") + token, std::string(token), std::string()}) {
    CAPTURE(given);
    const auto found = guarded().judge(asked("GET", {{"host", "localhost"}, {"authorization", given}}));
    CHECK(found.status == 401);
    CHECK(found.may.names().empty());
    CHECK(found.why.why.find(token) == std::string::npos);
  }
  CHECK(access_rules({}).judge(asked("GET", {{"host", "localhost"}, {"authorization", "Bearer x"}})).status ==
        401);
}

TEST_CASE("of several Origins and several tokens none is passed over") {
  using headers = std::vector<net::http_header>;
  const auto status = [](const headers& given) { return guarded().judge(asked("GET", given)).status; };
  const std::string right_one = std::string("Bearer ") + token;
  CHECK(status({{"host", "localhost"}, {"origin", "http://localhost"}}) == 200);
  CHECK(status({{"host", "localhost"}, {"origin", "http://localhost"}, {"origin", "http://evil.example"}}) ==
        403);
  CHECK(status({{"host", "localhost"}, {"authorization", right_one}}) == 200);
  CHECK(status({{"host", "localhost"}, {"authorization", right_one}, {"authorization", "Bearer x"}}) == 401);
}

TEST_CASE("a Host that is neither an address nor a name of the node is refused") {
  const auto status = [](const char* host) { return guarded().judge(asked("GET", {{"host", host}})).status; };
  for (const char* host : {"127.0.0.1", "127.0.0.1:80", "[::1]:80", "localhost", "localhost:1",
                           "LocalHost:80", "node.example", "NODE.example:9911"}) {
    CAPTURE(host);
    CHECK(status(host) == 200);
  }
  for (const char* host : {"", "evil.example", "localhost.evil.example", "node.example.evil", "other:9911"}) {
    CAPTURE(host);
    CHECK(status(host) == 403);
  }
}

TEST_CASE("the host of an absolute target counts, not the Host beside it") {
  const auto status = [](const char* target, const char* host) {
    net::http_request made = asked("GET", {{"host", host}});
    made.target = target;
    const auto alone = guarded().judge_host(made).status;
    CHECK(alone == guarded().judge(made).status);
    return alone;
  };
  CHECK(status("http://node.example/livez", "evil.example") == 200);
  CHECK(status("http://localhost:9911/livez", "localhost:9911") == 200);
  CHECK(status("http://evil.example/livez", "localhost") == 403);
}

TEST_CASE("what acts takes JSON, and no request comes from a page of another origin") {
  const auto status = [](std::vector<net::http_header> headers) {
    headers.push_back({"host", "localhost:9911"});
    return guarded().judge(asked("POST", std::move(headers))).status;
  };
  const net::http_header is_json{"content-type", "application/json"};
  CHECK(status({is_json}) == 200);
  CHECK(status({{"content-type", "Application/JSON; charset=utf-8"}}) == 200);
  CHECK(status({is_json, {"origin", "http://localhost:9911"}}) == 200);
  CHECK(status({is_json, {"origin", "https://localhost:9911"}}) == 200);
  for (const char* origin :
       {"http://localhost", "http://evil.example", "null", "", "http://localhost:99111"}) {
    CAPTURE(origin);
    CHECK(status({is_json, {"origin", origin}}) == 403);
    CHECK(guarded().judge(asked("GET", {{"host", "localhost:9911"}, {"origin", origin}})).status == 403);
  }
  CHECK(guarded()
            .judge(asked("GET", {{"host", "localhost:9911"}, {"origin", "http://localhost:9911"}}))
            .status == 200);
  CHECK(status({}) == 415);
  CHECK(status({{"content-type", "text/plain"}}) == 415);
  CHECK(status({{"content-type", "application/x-www-form-urlencoded"}}) == 415);
}

TEST_CASE("a page of another origin has nothing made, but may have a link to the node's page") {
  const auto status = [](const char* site, const char* mode, const char* goal) {
    return guarded()
        .judge(asked("GET", {{"host", "localhost:9911"},
                             {"sec-fetch-site", site},
                             {"sec-fetch-mode", mode},
                             {"sec-fetch-dest", goal}}))
        .status;
  };
  for (const char* const mode : {"cors", "no-cors", "same-origin", "navigate"}) {
    CAPTURE(mode);
    CHECK(status("same-origin", mode, "empty") == 200);
    CHECK(status("none", mode, "document") == 200);
  }
  for (const char* const site : {"cross-site", "same-site", "something new"}) {
    CAPTURE(site);
    CHECK(status(site, "navigate", "document") == 200);
    CHECK(status(site, "navigate", "iframe") == 403);
    CHECK(status(site, "no-cors", "image") == 403);
    CHECK(status(site, "cors", "empty") == 403);
  }
  CHECK(guarded().judge(asked("GET", {{"host", "localhost"}, {"sec-fetch-site", "cross-site"}})).status ==
        403);
}

TEST_CASE("beyond loopback the page and the API need a token") {
  CHECK(access_rules({"", {}, {}, true}).is_open());
  CHECK(access_rules({token, {}, {}, false, true}).is_open());
  CHECK_FALSE(access_rules({token, {}, {}, false, false}).is_open());
  CHECK_FALSE(access_rules({"", {right::inspect}, {}, false, true}).is_open());
}
