// SPDX-License-Identifier: MIT
// Tests of files of a folder as answers: files that are found, that are not there, and that must not be
// sent.
#include "behaviours/web/static_files.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "temporary_folder.hpp"

using namespace coppice;

namespace {

std::string header(const behaviours::file_answer& of, std::string_view name) {
  for (const auto& one : of.head.headers)
    if (one.name == name) return one.value;
  return "";
}

std::string content(const behaviours::file_answer& of) {
  std::string out(of.length, '?');
  const ssize_t got =
      of.file ? ::pread(of.file.get(), out.data(), out.size(), static_cast<off_t>(of.offset)) : 0;
  out.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return out;
}

struct site {
  test::temporary_folder root;
  behaviours::file_answer ask(std::vector<std::string> segments,
                              std::vector<net::http_header> headers = {}) const {
    net::http_request asked;
    asked.method = "GET";
    asked.target = "/sub?x=1";
    asked.headers = std::move(headers);
    return behaviours::answer_file(root.file("public"), segments, "index.html", asked);
  }
  int status(std::vector<std::string> segments) const { return ask(std::move(segments)).head.status; }
  void link(const std::string& to, const std::string& name) const {
    REQUIRE(::symlink(to.c_str(), root.file("public/" + name).c_str()) == 0);
  }
};

} // namespace

TEST_CASE("a file is found by its path, a folder's by its index") {
  site it;
  it.root.write("public/index.html", "top");
  it.root.write("public/sub/index.html", "below");
  it.root.write("public/sub/a b.css", "style");
  CHECK(content(it.ask({"index.html"})) == "top");
  CHECK(content(it.ask({""})) == "top");
  CHECK(content(it.ask({})) == "top");
  CHECK(content(it.ask({"sub", ""})) == "below");
  const auto found = it.ask({"sub", "a b.css"});
  CHECK(found.head.status == 200);
  CHECK(found.head.type == "text/css; charset=utf-8");
  CHECK(content(found) == "style");
  const auto folder = it.ask({"sub"});
  CHECK(folder.head.status == 308);
  CHECK(header(folder, "Location") == "/sub/?x=1");
  CHECK(it.status({"none"}) == 404);
  CHECK(it.status({"none", ""}) == 404);
  CHECK(it.status({"index.html", ""}) == 404);
  CHECK(it.status({"sub", "", "index.html"}) == 404);
}

TEST_CASE("nothing leads out of the folder, nothing hidden is there, and nothing that is no file is opened") {
  site it;
  it.root.write("secret", "out");
  it.root.write("public/a", "in");
  it.root.write("public/.git/config", "hidden");
  it.root.write("public/.env", "hidden");
  it.root.write("public/.well-known/security.txt", "seen");
  it.link("../secret", "link");
  it.link("..", "up");
  it.link("a", "inside");
  REQUIRE(::mkfifo(it.root.file("public/pipe").c_str(), 0600) == 0);
  CHECK(it.status({"link"}) == 404);
  CHECK(it.status({"up", "secret"}) == 404);
  CHECK(it.status({"inside"}) == 404);
  CHECK(it.status({"../secret"}) == 404);
  CHECK(it.status({"x/../../secret"}) == 404);
  CHECK(it.status({".git", "config"}) == 404);
  CHECK(it.status({".env"}) == 404);
  CHECK(it.status({"pipe"}) == 404); // the server does not wait for a writer
  CHECK(it.status({std::string(300, 'x')}) == 404);
  CHECK(content(it.ask({".well-known", "security.txt"})) == "seen");
  net::http_request asked;
  asked.method = "GET";
  CHECK(behaviours::answer_file(it.root.file("nowhere"), {"a"}, "index.html", asked).head.status == 404);
}

TEST_CASE("the compressed form is sent to who takes it, unless it is older") {
  site it;
  const std::string plain = it.root.write("public/a.js", "plain");
  const std::string packed = it.root.write("public/a.js.gz", "packed");
  const auto set = [](const std::string& file, time_t to) {
    const timespec times[2] = {{to, 0}, {to, 0}};
    REQUIRE(::utimensat(AT_FDCWD, file.c_str(), times, 0) == 0);
  };
  set(plain, 1000);
  set(packed, 1000);
  const auto whole = it.ask({"a.js"});
  const auto small = it.ask({"a.js"}, {{"accept-encoding", "br, gzip"}});
  CHECK(content(whole) == "plain");
  CHECK(content(small) == "packed");
  CHECK(header(small, "Content-Encoding") == "gzip");
  CHECK(small.head.type == "text/javascript; charset=utf-8");
  CHECK(header(whole, "Vary") == "Accept-Encoding");
  CHECK(header(small, "Vary") == "Accept-Encoding");
  CHECK(header(whole, "ETag") != header(small, "ETag"));
  set(plain, 1001);
  const auto newer = it.ask({"a.js"}, {{"accept-encoding", "gzip"}});
  CHECK(content(newer) == "plain");
  CHECK(header(newer, "Vary") == "");
}

TEST_CASE("a copy that is good, a part, and one beyond the end") {
  site it;
  it.root.write("public/a.bin", "0123456789");
  const auto first = it.ask({"a.bin"});
  const auto same = it.ask({"a.bin"}, {{"if-none-match", header(first, "ETag")}});
  CHECK(same.head.status == 304);
  CHECK(!same.file);
  CHECK(header(same, "ETag") == header(first, "ETag"));
  CHECK(it.ask({"a.bin"}, {{"if-modified-since", header(first, "Last-Modified")}}).head.status == 304);
  const auto part = it.ask({"a.bin"}, {{"range", "bytes=2-4"}, {"if-range", header(first, "ETag")}});
  CHECK(part.head.status == 206);
  CHECK(header(part, "Content-Range") == "bytes 2-4/10");
  CHECK(content(part) == "234");
  const auto beyond = it.ask({"a.bin"}, {{"range", "bytes=10-"}});
  CHECK(beyond.head.status == 416);
  CHECK(header(beyond, "Content-Range") == "bytes */10");
  it.root.write("public/a.bin", "other");
  CHECK(it.ask({"a.bin"}, {{"if-none-match", header(first, "ETag")}}).head.status == 200);
}

TEST_CASE("a type is by the name's ending, whatever its case") {
  CHECK(behaviours::content_type("A.HTML") == "text/html; charset=utf-8");
  CHECK(behaviours::content_type("a.tar.gz") == "application/gzip");
  CHECK(behaviours::content_type("font.woff2") == "font/woff2");
  for (const char* other : {"a", "a.", "html", "a.html2", "a.zzz", "a.a"})
    CHECK_MESSAGE(behaviours::content_type(other) == "application/octet-stream", other);
}
