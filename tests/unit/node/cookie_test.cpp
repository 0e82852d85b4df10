// SPDX-License-Identifier: MIT
// Tests of the cookie's sources: a file is made with mode 0600 if absent and refused if others may read it,
// and
// trailing newlines are removed.
#include "node/environment/cookie.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "spec/load.hpp"
#include "temporary_folder.hpp"

using namespace coppice;
using test::temporary_folder;

namespace {

spec::cookie_source in_file(const std::string& path) {
  spec::cookie_source out;
  out.file = path;
  return out;
}

void write(const std::string& path, const std::string& text, mode_t mode) {
  std::ofstream(path) << text;
  REQUIRE(chmod(path.c_str(), mode) == 0);
}

mode_t mode_of(const std::string& path) {
  struct stat found {};
  REQUIRE(stat(path.c_str(), &found) == 0);
  return found.st_mode & 07777;
}

// Sets an environment variable for the lifetime of this object.
class variable {
 public:
  variable(const char* name, const std::string& value) : name_(name) {
    const char* const before = std::getenv(name);
    if (before != nullptr) before_ = before;
    setenv(name, value.c_str(), 1);
  }
  ~variable() { before_.empty() ? unsetenv(name_) : setenv(name_, before_.c_str(), 1); }
  variable(const variable&) = delete;
  variable& operator=(const variable&) = delete;

 private:
  const char* name_;
  std::string before_;
};

} // namespace

TEST_CASE("a cookie file that is absent is made for its owner only, and is the same next time") {
  temporary_folder place;
  const std::string path = place.path() + "/deep/node.cookie";
  const auto made = node::find_cookie(in_file(path));
  REQUIRE(made.has_value());
  CHECK(made->value.size() == 20);
  CHECK(made->file == path);
  CHECK(mode_of(path) == 0600);
  const auto again = node::find_cookie(in_file(path));
  REQUIRE(again.has_value());
  CHECK(again->value == made->value);
}

TEST_CASE("a cookie file that others may read is refused with the remedy") {
  temporary_folder place;
  const std::string path = place.path() + "/loose";
  write(path, "AAAAAAAAAAAAAAAAAAAA", 0640);
  const auto found = node::find_cookie(in_file(path));
  REQUIRE_FALSE(found.has_value());
  CHECK(found.error().code == base::errc::refused);
  CHECK(found.error().text.find("chmod 600") != std::string::npos);
  CHECK(found.error().text.find("AAAA") == std::string::npos);
}

TEST_CASE("a cookie file that is a pipe or a folder is refused, and nothing waits for a writer") {
  temporary_folder place;
  const std::string pipe = place.path() + "/pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  for (const std::string& path : {pipe, place.path()}) {
    const auto found = node::find_cookie(in_file(path));
    REQUIRE_FALSE(found.has_value());
    CHECK(found.error().code == base::errc::invalid);
    CHECK(found.error().text == "cookie file " + path + ": " + path + ": it is no regular file");
  }
}

TEST_CASE("newlines at the end of a cookie do not count; an empty or unprintable one is refused") {
  temporary_folder place;
  const std::string path = place.path() + "/cookie";
  write(path, "SECRETSECRETSECRET\r\n", 0600);
  const auto found = node::find_cookie(in_file(path));
  REQUIRE(found.has_value());
  CHECK(found->value == "SECRETSECRETSECRET");
  for (const char* bad : {"", "\n\n", "SECRET\nSECRET",
                          "S\xc3\xa9"
                          "cretsecret"}) {
    write(path, bad, 0600);
    CHECK_FALSE(node::find_cookie(in_file(path)).has_value());
  }
}

TEST_CASE("without a source the cookie is the user's own, as for erl") {
  temporary_folder place;
  const variable home("HOME", place.path());
  const variable config("XDG_CONFIG_HOME", place.path() + "/none");
  const auto made = node::find_cookie({});
  REQUIRE(made.has_value());
  CHECK(made->file == place.path() + "/.erlang.cookie");
  CHECK(mode_of(made->file) == 0600);
}

TEST_CASE("a cookie from the environment or a credential") {
  temporary_folder place;
  const variable cookie("COPPICE_TEST_COOKIE", "FROMTHEENVIRONMENT");
  spec::cookie_source source;
  source.env = "COPPICE_TEST_COOKIE";
  const auto found = node::find_cookie(source);
  REQUIRE(found.has_value());
  CHECK(found->value == "FROMTHEENVIRONMENT");
  CHECK(found->file.empty());
  source.env = "COPPICE_TEST_NO_COOKIE";
  CHECK(node::find_cookie(source).error().code == base::errc::not_found);
  source.env = "hunter2";
  CHECK(node::find_cookie(source).error().text.find("hunter2") == std::string::npos);

  const variable credentials("CREDENTIALS_DIRECTORY", place.path());
  write(place.path() + "/cookie", "FROMACREDENTIAL\n", 0444);
  spec::cookie_source credential;
  credential.credential = "cookie";
  const auto given = node::find_cookie(credential);
  REQUIRE(given.has_value());
  CHECK(given->value == "FROMACREDENTIAL");
  write(place.path() + "/outside", "FROMANOTHERPLACE\n", 0444);
  const variable folder_below("CREDENTIALS_DIRECTORY", place.path() + "/below");
  credential.credential = "../outside";
  const auto outside = node::find_cookie(credential);
  REQUIRE_FALSE(outside.has_value());
  CHECK(outside.error().text == "cookie: …: is no name of a credential");
}

TEST_CASE("without a source the credential named cookie is the node's") {
  temporary_folder place;
  const variable credentials("CREDENTIALS_DIRECTORY", place.path());
  write(place.path() + "/cookie", "FROMACREDENTIAL\n", 0444);
  const auto unasked = node::find_cookie({});
  REQUIRE(unasked.has_value());
  CHECK(unasked->value == "FROMACREDENTIAL");
}

TEST_CASE("a token is found as a cookie is, and there is none without a source") {
  temporary_folder place;
  const auto none = node::find_token({});
  REQUIRE(none.has_value());
  CHECK(none->empty());
  spec::cookie_source source;
  source.file = place.path() + "/token";
  const auto made = node::find_token(source);
  REQUIRE(made.has_value());
  CHECK(made->size() == 32);
  CHECK(mode_of(*source.file) == 0600);
  CHECK(node::find_token(source).value() == *made);
  write(*source.file, *made, 0644);
  const auto refused = node::find_token(source);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().text.find("token file") != std::string::npos);
  CHECK(refused.error().text.find(*made) == std::string::npos);
}

TEST_CASE(
    "a check of the configuration and a start take the same files of cookies and tokens, and refuse the "
    "same") {
  temporary_folder place;
  const std::string word = "a_word_of_twenty_letters";
  const std::string good = place.path() + "/good";
  write(good, word, 0600);
  struct row {
    const char* name;
    std::string text;
    mode_t mode = 0600;
    bool is_taken = true;
  };
  const std::vector<row> rows{{"whole", word},
                              {"newline", word + "\r\n"},
                              {"owner_reads", word, 0400},
                              {"blank_first", " " + word},
                              {"short", "x"},
                              {"as_long_as_may_be", std::string(8192, 'x')},
                              {"too_long", std::string(8193, 'x'), 0600, false},
                              {"group", word, 0640, false},
                              {"others", word, 0604, false},
                              {"empty", "", 0600, false},
                              {"blanks", "  \n \n", 0600, false},
                              {"tab", word + "\t", 0600, false},
                              {"lines", word + "\n" + word, 0600, false},
                              {"zero", word + std::string(1, '\0') + word, 0600, false},
                              {"not_ascii", word + "\xc3\xa9", 0600, false}};
  std::vector<std::pair<std::string, bool>> files;
  for (const row& one : rows) {
    const std::string path = place.path() + "/" + one.name;
    write(path, one.text, one.mode);
    files.emplace_back(path, one.is_taken);
  }
  const std::string link = place.path() + "/link", loose = place.path() + "/loose",
                    pipe = place.path() + "/pipe";
  REQUIRE(symlink(good.c_str(), link.c_str()) == 0);
  REQUIRE(symlink((place.path() + "/nothing").c_str(), loose.c_str()) == 0);
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  files.insert(
      files.end(),
      {{link, true}, {loose, false}, {pipe, false}, {place.path(), false}, {good + "/below", false}});
  for (const auto& file : files) {
    const auto& path = file.first;
    const bool is_taken = file.second;
    CAPTURE(path);
    const auto load = [](const std::string& keys) {
      return spec::load_text("node: { name: n@127.0.0.1" + keys + " }\n", "node.yaml", "/");
    };
    const auto of_node = load(", cookie: { file: " + path + " }");
    const auto of_page = load(" }\ncontrol: { http: { token: { file: " + path + " } }");
    const auto of_route = load(
        " }\ndistribution: { routes: [ { node: a@h, address: h, port: 1, cookie: { file: " + path + " } } ]");
    for (const spec::outcome* read : {&of_node, &of_page, &of_route}) {
      CHECK(read->spec.has_value() == is_taken);
      for (const spec::diagnostic& one : read->diagnostics)
        CHECK(one.message.find(word) == std::string::npos);
    }
    CHECK(node::find_cookie(in_file(path)).has_value() == is_taken);
    CHECK(node::find_token(in_file(path)).has_value() == is_taken);
  }
  CHECK(node::find_token(in_file(place.path() + "/blank_first")).value() == word);
  const std::string absent = place.path() + "/absent/token";
  CHECK(spec::load_text("node: { name: n@127.0.0.1, cookie: { file: " + absent + " } }\n", "node.yaml", "/")
            .spec);
  CHECK(access(absent.c_str(), F_OK) != 0);
}
