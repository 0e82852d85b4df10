// SPDX-License-Identifier: MIT
// Tests that no diagnostic contains a secret of the configuration, wherever the secret is and whatever is
// wrong.
#include "spec/schema/secrecy.hpp"

#include <doctest/doctest.h>

#include <array>

#include "fixture.hpp"

using namespace coppice;

namespace {

constexpr std::string_view secret = "hunter2";

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// The text that a person is shown, followed by the messages and hints alone, as `check --json` has them.
std::string told(const std::string& yaml, const spec::load_options& options = {}) {
  test::spec_folder folder;
  const spec::outcome read = folder.load(yaml, options);
  std::string all = spec::render(read.diagnostics);
  for (const spec::diagnostic& one : read.diagnostics) all += one.message + "\n" + one.hint + "\n";
  return all;
}

std::string shown(const std::string& yaml) {
  test::spec_folder folder;
  return folder.errors(yaml);
}

} // namespace

TEST_CASE("a key names a secret by its words") {
  for (const char* key : {"cookie", "Cookie", "token", "password", "db_password", "api-key", "apiKey",
                          "smtp_pass", "passphrase", "client-secret", "$credential", "PRIVATE_KEY", "pwd"})
    CHECK_MESSAGE(spec::names_secret(key), key);
  for (const char* key : {"key", "name", "node", "bypass", "path", "workers", "compass", "args", "", "kv"})
    CHECK_MESSAGE(!spec::names_secret(key), key);
  CHECK(spec::resembles_secret("cokie"));
  CHECK(spec::resembles_secret("pasword"));
  CHECK_FALSE(spec::names_secret("cokie"));
  CHECK_FALSE(spec::resembles_secret("supervisor"));
}

TEST_CASE("a value at or below the key of a secret is not shown, its place and its key are") {
  const std::string head = "node:\n  name: n@h\n";
  CHECK(shown(head + "  cookie: hunter2\n") ==
        "node.yaml:3:11: error: node.cookie: expected a map, found a text\n"
        "    3 |   cookie: …\n"
        "      |           ^\n");
  CHECK(shown("node: { name: n@h, cookie: hunter2, wrkers: 2 }\n") ==
        "node.yaml:1:28: error: node.cookie: expected a map, found a text\n"
        "    1 | node: { name: n@h, cookie: …, wrkers: 2 }\n"
        "      |                            ^\n"
        "node.yaml:1:37: error: unknown key 'wrkers' in node\n"
        "    1 | node: { name: n@h, cookie: …, wrkers: 2 }\n"
        "      |                               ^ did you mean 'workers'?\n");
  CHECK(shown(head + "  cokie: hunter2\n") ==
        "node.yaml:3:3: error: unknown key 'cokie' in node\n"
        "    3 |   cokie: …\n"
        "      |   ^ did you mean 'cookie'?\n");
  CHECK(has(shown(head + "  anything:\n  cookie:\n"), "    3 |   anything:\n"));
  CHECK(has(shown(head + "  anything:\n  cookie:\n"), "    4 |   cookie:\n"));
  const std::array bad{
      "  cookie: [ hunter2 ]\n",
      "  cookie: { value: hunter2 }\n",
      "  cookie: { hunter2 }\n",
      "  cookie: { hunter2: 1, hunter2: 2 }\n",
      "  cookie: { file: [ hunter2 ], env: { a: hunter2 } }\n",
      "  cookie: { file: a,\n    hunter2: b }\n",
      "  cookie: !hunter2 x\n",
      "  cookie: |\n    hunter2\n    wrkers: hunter2\n  wrkers: 2\n",
      "  cookie: \"a\n    hunter2\n    hunter2\"\n",
      "  cookie: { env: \"\", file: hunter2 }\n",
      "  password: hunter2\n",
      "  erlang: { magic: [ hunter2 ] }\n",
      "  erlang: { magic:\n    hunter2 }\n  wrkers: 2\n",
      "  data: &it hunter2\n  cookie: *it\n  workers: *it\n",
      "distribution: { cookie: hunter2 }\n",
      "distribution: { routes: [ { node: a@h, address: h, port: 1, cookie: hunter2 } ] }\n",
      "distribution: { routes: [ { node: a@h, address: h, port: 1, cookie: { hunter2 } } ] }\n",
      "control: { http: { token: hunter2 } }\n",
      "control: { http: { token: [ hunter2, hunter2 ] } }\n",
      "control: { http: { tokn: hunter2 } }\n",
      "control: { token: { http: hunter2 } }\n",
      "token: hunter2\n",
      "control: { http: { tls: { certificate: a, key: \"-----BEGIN PRIVATE KEY-----\\nhunter2\" } } }\n",
      "control: { http: { tls: { certificate: a, key: \"-----BEGIN PRIVATE KEY-----hunter2\" } } }\n",
      "control:\n  http:\n    tls:\n      certificate: a\n      key: |\n        -----BEGIN\n        "
      "hunter2\n",
  };
  for (const std::string yaml : bad) {
    CAPTURE(yaml);
    const std::string all = told(head + yaml);
    CHECK(has(all, "error: "));
    CHECK_FALSE(has(all, secret));
  }
  CHECK_FALSE(has(told("node: { name: n@h, cookie: 4711 }\n"), "4711"));
  CHECK_FALSE(has(told("node: { name: n@h, cookie: { env: 4711 } }\n"), "4711"));
  CHECK_FALSE(has(told("node: { name: n@h, cookie: { env: 47.11 } }\n"), "47.11"));
}

TEST_CASE("a file that is no map at all is not shown: it may be the file of a cookie") {
  const std::string all = told("hunter2\n");
  CHECK(has(all, "node.yaml:1:1: error: expected a map, found a text\n"));
  CHECK_FALSE(has(all, secret));
}

TEST_CASE("a secret in the args of a child is not shown") {
  const auto of_child = [](const std::string& args) {
    return told(std::string(test::spec_folder::head) + "        - { id: a, actor: kv, args: " + args +
                " }\n");
  };
  for (const char* args :
       {"{ max_entries: { password: hunter2 } }", "{ passwort: hunter2 }", "{ password: hunter2 }",
        "{ other: hunter2 }", "{ token: { $file: hunter2 } }", "{ pw: 99999999999999999999hunter2 }"}) {
    CAPTURE(args);
    const std::string all = of_child(args);
    CHECK(has(all, "error: "));
    CHECK_FALSE(has(all, secret));
  }
  CHECK(has(of_child("{ max_entries: hunter2 }"), "hunter2"));
}

TEST_CASE("a text that is no YAML is shown without what may be a secret") {
  for (const char* yaml :
       {"node:\n  name: n@h\n  cookie: @hunter2\n", "node:\n  name: n@h\n  cookie: *hunter2\n",
        "node:\n\tname: n@h\n\tcookie: hunter2\n", "node:\n  name: n@h\n\tcookie: hunter2\n",
        "node:\n  name: n@h\n\tcokie: hunter2\n", "node:\n  name: n@h\n  cookie: a: hunter2\n",
        "node: { name: n@h, cookie: { file: hunter2\n", "node: { name: n@h, cookie: { file: hunter2 ]\n",
        "node:\n  name: n@h\n  cookie:\n    file: 'hunter2\n\tmore\n",
        "node:\n  name: n@h\n  cookie:\n    file: x\n   hunter2: y\n", "control: { http: { token: %hunter2\n",
        "node:\n  name: n@h\n  cookie: hunter2\x01\n", "node:\n  name: n@h\n  cookie: hunter2\xff\n",
        "key: |\n  -----BEGIN PRIVATE KEY-----\n  x\n hunter2\n", "node: n\n---\ncookie: hunter2\n"}) {
    CAPTURE(yaml);
    const std::string all = told(yaml);
    CHECK(has(all, "error: "));
    CHECK_FALSE(has(all, secret));
  }
  CHECK(shown("node:\n  name: n@h\n  cookie: @hunter2\n") ==
        "node.yaml:3:11: error: not YAML: unknown token\n"
        "    3 |   cookie: …\n"
        "      |           ^ a text that starts with this character wants quotes\n");
  CHECK(has(shown("node:\n  cookie: { file: a }\nepmd:\n  port: @5\n"), "    4 |   port: @5\n"));
}

TEST_CASE("a secret that --set gives is not shown") {
  spec::load_options options;
  for (const char* value :
       {"hunter2", "@hunter2", "[ hunter2", "{ hunter2 }", "\thunter2: \"", "hunter2\x01"}) {
    CAPTURE(value);
    for (const char* path :
         {"node.cookie", "control.http.token", "node.cokie", "control.http.token.hunter"}) {
      options.set = {{path, value}};
      const std::string all = told("node: { name: n@h }\n", options);
      CHECK(has(all, "error: "));
      CHECK_FALSE(has(all, secret));
    }
  }
}
