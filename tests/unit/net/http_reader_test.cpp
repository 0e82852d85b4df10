// SPDX-License-Identifier: MIT
// Reading of requests: what is read from the bytes, and with which status a wrong request is answered, in one
// piece and byte by byte.
#include "net/http/http_reader.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "base/http_methods.hpp"

namespace coppice::net {
namespace {

using namespace std::string_literals;

// The result of reading a text: its requests, and the status of the failure at its end. 0: no failure.
struct reading {
  std::vector<http_request> requests;
  int status = 0;
  http_reader::state end = http_reader::state::nothing;
};

reading read(std::string_view text, std::size_t step, const http_limits& limits = {}) {
  http_reader reader(limits);
  reading out;
  std::string input;
  while (!text.empty() || !input.empty()) {
    if (input.empty()) {
      input = text.substr(0, step);
      text.remove_prefix(input.size());
    }
    input.erase(0, reader.feed(input));
    if (reader.now() == http_reader::state::complete) out.requests.push_back(reader.take());
    if (reader.now() != http_reader::state::failed) continue;
    out.status = reader.why().status;
    break;
  }
  out.end = reader.now();
  return out;
}

// Feeds the text, which may not go on after the first complete request.
void feed(http_reader& reader, std::string_view text) {
  while (!text.empty()) {
    const std::size_t taken = reader.feed(text);
    REQUIRE(taken != 0);
    text.remove_prefix(taken);
  }
}

// Reads the text in one piece and byte by byte; the results have to be equal.
reading read(std::string_view text, const http_limits& limits = {}) {
  reading whole = read(text, text.size(), limits);
  const reading bytes = read(text, 1, limits);
  CHECK(bytes.status == whole.status);
  CHECK(bytes.end == whole.end);
  REQUIRE(bytes.requests.size() == whole.requests.size());
  for (std::size_t i = 0; i < whole.requests.size(); ++i) {
    CHECK(bytes.requests[i].target == whole.requests[i].target);
    CHECK(bytes.requests[i].body == whole.requests[i].body);
    CHECK(bytes.requests[i].headers.size() == whole.requests[i].headers.size());
  }
  return whole;
}

std::string get(std::string_view headers, std::string_view target = "/") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n" + std::string(headers) + "\r\n";
}

std::string post(std::string_view headers, std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: h\r\n" + std::string(headers) + "\r\n" + std::string(body);
}

} // namespace

TEST_CASE("a request is read with its method, target, headers and body") {
  const reading seen =
      read("POST /a/b?c=d HTTP/1.1\r\nHost: h\r\nX-Odd:   \t v w \t \r\nContent-Length: 3\r\n\r\nxyz");
  REQUIRE(seen.requests.size() == 1);
  const http_request& one = seen.requests[0];
  CHECK(one.method == "POST");
  CHECK(one.target == "/a/b?c=d");
  CHECK(one.path() == "/a/b");
  CHECK(one.query() == "c=d");
  CHECK(one.minor == 1);
  CHECK(one.keep_alive);
  REQUIRE(one.header("x-odd") != nullptr);
  CHECK(*one.header("x-odd") == "v w");
  CHECK(one.header("x-other") == nullptr);
  CHECK(one.body == "xyz");
  CHECK(seen.end == http_reader::state::nothing);
}

TEST_CASE("requests that come in one piece are read one after the other, empty lines in front skipped") {
  const reading seen =
      read("\r\n" + get("", "/1") + "\r\n\r\n" + post("Content-Length: 2\r\n", "ab") + get("", "/3"));
  REQUIRE(seen.requests.size() == 3);
  CHECK(seen.requests[0].target == "/1");
  CHECK(seen.requests[1].body == "ab");
  CHECK(seen.requests[2].target == "/3");
}

TEST_CASE("empty lines begin no request, and a bound holds for them") {
  http_reader reader({});
  feed(reader, post("Content-Length: 2\r\n", "ab"));
  static_cast<void>(reader.take());
  feed(reader, "\r\n\r\n\r");
  CHECK(reader.now() == http_reader::state::nothing);
  feed(reader, "\nG");
  CHECK(reader.now() == http_reader::state::head);
  CHECK(read("\r\n\rG").status == 400);
  CHECK(read("\n" + get("")).status == 400);
  std::string many;
  while (many.size() <= http_limits().head) many += "\r\n";
  CHECK(read(many).status == 431);
}

TEST_CASE("a minor version that is not known is served as 1.1") {
  const reading seen = read("GET / HTTP/1.2\r\nHost: h\r\n\r\nGET / HTTP/1.9\r\nHost: h\r\n\r\n");
  REQUIRE(seen.requests.size() == 2);
  CHECK(seen.requests[0].minor == 1);
  CHECK(seen.requests[1].keep_alive);
}

TEST_CASE("the server that a target names is asked, whatever Host says") {
  for (const auto& one : std::vector<std::array<std::string, 2>>{
           {"http://other/", "other"}, {"http://h:81/x", "h:81"}, {"http://H/", "h"}, {"/", "h"}}) {
    const auto& [target, host] = one;
    CAPTURE(one[0]);
    const reading seen = read(get("", target));
    REQUIRE(seen.requests.size() == 1);
    CHECK(*seen.requests[0].header("host") == host);
  }
  CHECK(read("GET http://other/ HTTP/1.1\r\n\r\n").status == 400);
}

TEST_CASE("a chunked body is put together, its extensions and trailers are not kept") {
  const reading seen =
      read(post("Transfer-Encoding: chunked\r\n", "3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n") +
           get("", "/n"));
  REQUIRE(seen.requests.size() == 2);
  CHECK(seen.requests[0].body == "abc0123456789");
  CHECK(seen.requests[0].header("x") == nullptr);
  CHECK(seen.requests[1].target == "/n");
}

TEST_CASE("the path is found in every form of a target") {
  for (const auto& [target, path, query] : std::vector<std::array<std::string_view, 3>>{
           {"/", "/", ""},
           {"/a%2Fb", "/a%2Fb", ""},
           {"/?", "/", ""},
           {"/a?b?c", "/a", "b?c"},
           {"http://h:1/a?b", "/a", "b"},
           {"http://h", "/", ""},
           {"http://h?q", "/", "q"},
           {"/x://y", "/x://y", ""},
       }) {
    http_request one;
    one.target = target;
    CHECK(one.path() == path);
    CHECK(one.query() == query);
  }
}

TEST_CASE("who wants the connection kept") {
  const auto keeps = [](std::string_view text) { return read(text).requests.at(0).keep_alive; };
  CHECK(keeps(get("")));
  CHECK(keeps(get("Connection: Keep-Alive, Other\r\n")));
  CHECK_FALSE(keeps(get("Connection: other,  CLOSE\r\n")));
  CHECK_FALSE(keeps(get("Connection: keep-alive\r\nConnection: close\r\n")));
  CHECK_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  CHECK(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  CHECK(keeps(get("Connection: upgrade\r\nUpgrade: websocket\r\n")));
}

TEST_CASE("each kind of wrong request has its status") {
  struct wrong {
    const char* what;
    std::string text;
    int status;
  };
  const std::vector<wrong> all{
      {"no request at all", "\x16\x03\x01\x02\x00\x01\x00\x01", 400},
      {"a small letter's method", "get / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"an unknown method", "FETCH / HTTP/1.1\r\nHost: h\r\n\r\n", 501},
      {"a newer version", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
      {"another protocol", "GET / ICE/1.0\r\nHost: h\r\n\r\n", 400},
      {"a space too much in the request line", "GET /  x HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two Hosts", get("Host: i\r\n"), 400},
      {"a Host that is two names", "GET / HTTP/1.1\r\nHost: h i\r\n\r\n", 400},
      {"a target with a user, without Host", "GET http://u@h/ HTTP/1.0\r\n\r\n", 400},
      {"a space before the colon", get("Name : v\r\n"), 400},
      {"a name with a space", get("Na me: v\r\n"), 400},
      {"no colon", get("Name\r\n"), 400},
      {"no name", get(": v\r\n"), 400},
      {"a folded header", get("Name: v\r\n w\r\n"), 400},
      {"a folded header by a tabulator", get("Name: v\r\n\tw\r\n"), 400},
      {"a bare LF", "GET / HTTP/1.1\nHost: h\n\n", 400},
      {"a bare CR in a value", get("Name: v\rw\r\n"), 400},
      {"a NUL in a value", get("Name: v\0w\r\n"s), 400},
      {"a NUL in the target", "GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n"s, 400},
      {"two lengths", post("Content-Length: 1\r\nContent-Length: 2\r\n", "a"), 400},
      {"the same length twice", post("Content-Length: 1\r\nContent-Length: 1\r\n", "a"), 400},
      {"a list of lengths", post("Content-Length: 1, 1\r\n", "a"), 400},
      {"a length that is no number", post("Content-Length: +1\r\n", "a"), 400},
      {"a negative length", post("Content-Length: -1\r\n", "a"), 400},
      {"an empty length", post("Content-Length:\r\n", "a"), 400},
      {"length and coding", post("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
      {"coding and length", post("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", "0\r\n\r\n"), 400},
      {"two codings", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
      {"a chunk's size that is none", post("Transfer-Encoding: chunked\r\n", "x\r\n"), 400},
      {"a chunk longer than said", post("Transfer-Encoding: chunked\r\n", "1\r\nab\r\n"), 400},
      {"a chunk's extension with a line's end", post("Transfer-Encoding: chunked\r\n", "1;a\nb\r\nx\r\n"),
       400},
      {"a chunk's line that ends in LF", post("Transfer-Encoding: chunked\r\n", "1\nx\r\n0\r\n\r\n"), 400},
      {"a folded trailer", post("Transfer-Encoding: chunked\r\n", "0\r\nX: y\r\n z\r\n\r\n"), 400},
      {"CONNECT with a body", "CONNECT h HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", 400},
      {"a Host that is none beside a target of a server", "GET http://h/ HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"a target with a user", get("", "http://u@h/"), 400},
      {"a coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"an unknown expectation", post("Expect: tea\r\nContent-Length: 1\r\n", "a"), 417},
  };
  for (const wrong& one : all) {
    CAPTURE(one.what);
    const reading seen = read(one.text);
    CHECK(seen.status == one.status);
    CHECK(seen.requests.empty());
  }
}

TEST_CASE("the methods that a configuration may name are the ones that are read") {
  for (const std::string_view method : base::http_methods) {
    CAPTURE(method);
    const reading found = read(std::string(method) + " / HTTP/1.1\r\nHost: h\r\n\r\n");
    REQUIRE(found.requests.size() == 1);
    CHECK(found.requests[0].method == method);
  }
  CHECK(read("FETCH / HTTP/1.1\r\nHost: h\r\n\r\n").status == 501);
}

TEST_CASE("Host names a server, by name or address and perhaps a port, or nothing") {
  for (const std::string_view good : {"", "h", "a.Shop-1.example", "127.0.0.1:80", "[::1]",
                                      "[fe80::1%25lo]:8080", "h:", "a_b", "caf%C3%A9"}) {
    CAPTURE(good);
    CHECK(net::is_http_host(good));
  }
  for (const std::string_view bad : {"a b", "a/b", "u@h", "h:x", "h:80:80", "::1", "[::1", "[]", "[::1]80",
                                     "[::1]:8x", "h\t", "a,\"b", "caf\xc3\xa9", "h?", "h#", "a\\b", "<h>"}) {
    CAPTURE(bad);
    CHECK_FALSE(net::is_http_host(bad));
  }
}

TEST_CASE("HTTP/2's preface is refused, as malformed or as an unknown method") {
  const int status = read("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").status;
  CHECK((status == 501 || status == 400));
}

TEST_CASE("an unknown transfer coding is refused: the body's end can't be known") {
  for (const char* coding : {"gzip", "gzip, chunked", "xchunked", "chunked, identity"}) {
    CAPTURE(coding);
    const int status = read(post("Transfer-Encoding: "s + coding + "\r\n", "0\r\n\r\n")).status;
    CHECK((status == 501 || status == 400));
  }
}

TEST_CASE("every bound holds at its value and fails one beyond") {
  http_limits limits;
  limits.target = 20;
  limits.head = 200;
  limits.headers = 4;
  limits.body = 10;
  CHECK(read(get("", std::string(20, '/')), limits).requests.size() == 1);
  CHECK(read(get("", std::string(21, '/')), limits).status == 414);
  const std::string frame = get("X: \r\n");
  CHECK(read(get("X: " + std::string(200 - frame.size(), 'v') + "\r\n"), limits).requests.size() == 1);
  CHECK(read(get("X: " + std::string(201 - frame.size(), 'v') + "\r\n"), limits).status == 431);
  CHECK(read(get("A: \r\nB: \r\nC: \r\n"), limits).requests.size() == 1);
  CHECK(read(get("A: \r\nB: \r\nC: \r\nD: \r\n"), limits).status == 431);
  CHECK(read(std::string(400, '\r') + "\n", limits).status == 400);
  std::string empty_lines;
  for (int i = 0; i < 200; ++i) empty_lines += "\r\n";
  CHECK(read(empty_lines, limits).status == 431);
  CHECK(read(post("Content-Length: 10\r\n", "0123456789"), limits).requests.size() == 1);
  CHECK(read(post("Content-Length: 11\r\n", "0123456789a"), limits).status == 413);
  CHECK(read(post("Content-Length: 99999999999999999999999\r\n", ""), limits).status != 0);
  CHECK(
      read(post("Transfer-Encoding: chunked\r\n", "a\r\n0123456789\r\n0\r\n\r\n"), limits).requests.size() ==
      1);
  CHECK(
      read(post("Transfer-Encoding: chunked\r\n", "a\r\n0123456789\r\n1\r\na\r\n0\r\n\r\n"), limits).status ==
      413);
  const std::string trailer = "X: " + std::string(300, 'y') + "\r\n";
  CHECK(read(post("Transfer-Encoding: chunked\r\n", "0\r\n" + trailer + "\r\n"), limits).status == 431);
}

TEST_CASE("a body may be taken as it comes, and its bound counts all of it") {
  http_limits limits;
  limits.body = 8;
  http_reader reader(limits);
  feed(reader, post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"));
  REQUIRE(reader.now() == http_reader::state::body);
  CHECK(reader.request().target == "/");
  CHECK(reader.take_body() == "abc");
  reader.feed("3\r\nd");
  CHECK(reader.take_body() == "d");
  reader.feed("ef\r\n0\r\n\r\n");
  REQUIRE(reader.now() == http_reader::state::complete);
  CHECK(reader.take().body == "ef");
  feed(reader, post("Transfer-Encoding: chunked\r\n", "6\r\nabcdef\r\n"));
  reader.take_body();
  reader.feed("3\r\nghi\r\n");
  CHECK(reader.now() == http_reader::state::failed);
  CHECK(reader.why().status == 413);
}

TEST_CASE(
    "of a body so much is taken as is wanted, and of a chunked one what stands in front of it at once") {
  http_reader chunked({});
  feed(chunked, post("Transfer-Encoding: chunked\r\n", ""));
  const std::string before = "3;" + std::string(10000, 'x') + "\r\n";
  CHECK(chunked.feed(before + "abc\r\n", 1) == before.size() + 1);
  CHECK(chunked.take_body() == "a");
  CHECK(chunked.feed("bc\r\n1\r\nd\r\n", 2) == 2);
  CHECK(chunked.take_body() == "bc");
  const std::string behind = "\r\n0\r\nX: " + std::string(10000, 'x') + "\r\n\r\n";
  CHECK(chunked.feed(behind + "GET", 1) == behind.size());
  CHECK(chunked.now() == http_reader::state::complete);
  http_reader plain({});
  feed(plain, post("Content-Length: 4\r\n", ""));
  CHECK(plain.feed("abcdGET", 3) == 3);
  CHECK(plain.take_body() == "abc");
  CHECK(plain.feed("dGET", 3) == 1);
  CHECK(plain.now() == http_reader::state::complete);
}

TEST_CASE("a body may have a lower bound than that of all") {
  http_reader reader({});
  feed(reader, post("Content-Length: 4\r\n", ""));
  CHECK(reader.bound_body(4));
  CHECK_FALSE(reader.bound_body(3));
  CHECK(reader.why().status == 413);
  http_reader chunked({});
  feed(chunked, post("Transfer-Encoding: chunked\r\n", ""));
  CHECK(chunked.bound_body(2));
  chunked.feed("3\r\nabc\r\n");
  CHECK(chunked.why().status == 413);
}

TEST_CASE("an expectation of 100 is told once, and only of a request with a body") {
  http_reader reader({});
  feed(reader, "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n");
  CHECK(reader.now() == http_reader::state::body);
  CHECK(reader.take_expectation());
  CHECK_FALSE(reader.take_expectation());
  reader.feed("x");
  REQUIRE(reader.now() == http_reader::state::complete);
  CHECK(reader.take().body == "x");
  reader.feed(get("Expect: 100-continue\r\n"));
  CHECK(reader.now() == http_reader::state::complete);
  CHECK_FALSE(reader.take_expectation());
}

TEST_CASE("a response is written with its length, and leaves out what would break its head") {
  const std::string text =
      encode({200, "text/plain", "body", {{"X-A", "b"}, {"X-B", "c\r\nSet-Cookie: d"}, {"X C", "d"}}},
             {1, true, false});
  CHECK(text.starts_with("HTTP/1.1 200 OK\r\nDate: "));
  CHECK(text.find(" GMT\r\n") != std::string::npos);
  CHECK(text.find("Content-Length: 4\r\n") != std::string::npos);
  CHECK(text.find("Content-Type: text/plain\r\n") != std::string::npos);
  CHECK(text.find("X-A: b\r\n") != std::string::npos);
  CHECK(text.find("Connection:") == std::string::npos);
  CHECK(text.find("Set-Cookie") == std::string::npos);
  CHECK(text.find("X C") == std::string::npos);
  CHECK(text.ends_with("\r\n\r\nbody"));
}

TEST_CASE("a response that offers another protocol names Upgrade as an option of its connection") {
  const http_response offers{426, "", "", {{"Upgrade", "websocket"}}};
  const auto said = [&](unsigned minor, bool keep_alive) {
    const std::string text = encode(offers, {minor, keep_alive, false});
    const std::size_t at = text.find("Connection: ");
    return at == std::string::npos ? std::string() : text.substr(at, text.find('\r', at) - at);
  };
  CHECK(said(1, true) == "Connection: Upgrade");
  CHECK(said(1, false) == "Connection: close, Upgrade");
  CHECK(said(0, true) == "Connection: keep-alive, Upgrade");
}

TEST_CASE("a response without a body has none, whatever it says") {
  CHECK(encode({200, "", "body"}, {1, true, true}).ends_with("Content-Length: 4\r\n\r\n"));
  const std::string none = encode({204, "", "body"}, {1, false, false});
  CHECK(none.find("Content-Length") == std::string::npos);
  CHECK(none.ends_with("Connection: close\r\n\r\n"));
  CHECK(encode({200, "", ""}, {0, true, false}).find("Connection: keep-alive\r\n") != std::string::npos);
}

} // namespace coppice::net
