// SPDX-License-Identifier: MIT
// Tests of control.http: its defaults, the token's source, and rights that need a token beyond loopback.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include "fixture.hpp"

using namespace coppice;
using spec::http_right;
using rights = std::vector<http_right>;

namespace {

constexpr const char* token = "token: { file: token }";

std::string with(const std::string& keys) {
  return "node: { name: n@127.0.0.1 }\ncontrol: { http: { " + keys + " } }\n";
}

spec::http_options good(const std::string& keys) {
  test::spec_folder folder;
  const auto loaded = folder.load(with(keys));
  INFO(spec::render(loaded.diagnostics));
  REQUIRE(loaded.spec);
  REQUIRE(loaded.spec->control.http);
  const std::string printed = spec::effective_yaml(*loaded.spec);
  const auto again = spec::load_text(printed, "effective.yaml", "/");
  REQUIRE(again.spec);
  CHECK(spec::effective_yaml(*again.spec) == printed);
  return *loaded.spec->control.http;
}

std::string said(const std::string& keys) {
  test::spec_folder folder;
  return folder.errors(with(keys));
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("on loopback a reader may inspect, without any key") {
  const auto http = good("");
  CHECK(http.rights == rights{http_right::inspect});
  CHECK(http.streams == 64);
  CHECK_FALSE(http.token.file);
  CHECK(said("") == "");
  CHECK(said("rights: [ inspect, state, manage ]") == "");
  CHECK(good("rights: [ state, manage ]").rights == rights{http_right::state, http_right::manage});
}

TEST_CASE("beyond loopback a reader without the token may do nothing unless the configuration says so") {
  CHECK(good("address: 0.0.0.0").rights.empty());
  CHECK(said("address: 0.0.0.0, rights: []") == "");
  CHECK(good("address: 0.0.0.0, token: { env: T }").rights.empty());
  CHECK(good("address: 0.0.0.0, token: { env: T }, tls: on, rights: [ inspect ]").rights ==
        rights{http_right::inspect});
}

TEST_CASE("beyond loopback rights need a token and TLS, and a configuration without both is warned about") {
  const std::string given = "token: { env: T }";
  const std::string beyond = "address: 0.0.0.0, ";
  const auto error = [&](const std::string& keys) { return said(beyond + keys + ", rights: [ inspect ]"); };
  CHECK(has(error("port: 9911"), "error: control.http.rights: beyond loopback rights need a token and tls"));
  CHECK(has(error("tls: on"), "error: control.http.rights: beyond loopback rights need a token\n"));
  CHECK(has(error(given), "error: control.http.rights: beyond loopback rights need tls\n"));
  CHECK(error(given + ", tls: on") == "");
  CHECK(said(beyond + "rights: []") == "");
  CHECK(has(said(beyond + "port: 9911"),
            "warning: control.http: beyond loopback there is no page and no API without a token and tls\n"));
  CHECK(has(said(beyond + "port: 9911"), "or rights: [], if only metrics and probes are wanted"));
  CHECK(has(said("address: '::', " + given),
            "warning: control.http: beyond loopback there is no page and no API without tls\n"));
  CHECK(has(said("address: '::', tls: on"),
            "warning: control.http: beyond loopback there is no page and no API without a token\n"));
  CHECK(said("address: '::', tls: on, " + given) == "");
  CHECK(said(given) == "");
  CHECK(said("tls: on") == "");
}

TEST_CASE("a token has one source, whose file is its owner's alone") {
  CHECK(has(said("token: { file: t, env: T }"),
            "control.http.token: expected exactly one of file, env and credential"));
  CHECK(has(said("token: {}"), "expected exactly one of"));
  test::spec_folder folder;
  folder.write("token", "secret");
  REQUIRE(::chmod(folder.file("token").c_str(), 0644) == 0);
  CHECK(has(folder.errors(with(token)), "error: control.http.token: token file "));
  CHECK(has(folder.errors(with(token)), ": must be accessible by its owner only (mode 644 now): chmod 600 "));
  REQUIRE(::chmod(folder.file("token").c_str(), 0600) == 0);
  CHECK(has(folder.errors(with(token)), "warning: control.http.token: the token in "));
  folder.write("token", "a_token_of_thirty_two_characters");
  REQUIRE(::chmod(folder.file("token").c_str(), 0600) == 0);
  CHECK(folder.errors(with(token)) == "");
}

TEST_CASE("rights, hosts and streams are held against what they can be") {
  CHECK(has(said("rights: [ all ]"), "inspect, state or manage"));
  CHECK(has(said("hosts: [ 'node:80' ]"), "must be the name of a machine, without a port"));
  CHECK(has(said("streams: 0"), "streams"));
  CHECK(good("hosts: [ node.example ]").hosts == std::vector<std::string>{"node.example"});
}
