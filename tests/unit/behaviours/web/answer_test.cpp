// SPDX-License-Identifier: MIT
// Tests of a web server's answers and clients: gzip compression, pages of other origins, and headers of
// proxies.
#include <doctest/doctest.h>
#include <zlib.h>

#include <string>
#include <vector>

#include "behaviours/web/compression.hpp"
#include "behaviours/web/cross_origin.hpp"
#include "behaviours/web/forwarded.hpp"

using namespace coppice;

namespace {

std::string header(const net::http_response& of, std::string_view name) {
  for (const auto& one : of.headers)
    if (one.name == name) return one.value;
  return "";
}

net::http_response answer(std::string type, std::size_t size, std::vector<net::http_header> headers = {}) {
  net::http_response out;
  out.type = std::move(type);
  out.body = std::string(size, 'a');
  out.headers = std::move(headers);
  return out;
}

std::string inflated(const std::string& body) {
  std::string out(std::size_t{2} << 20, '\0');
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(inflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  inflateEnd(&stream);
  return out;
}

// The client of a request that came from `peer` with these headers of proxies. "peer": `peer` itself.
std::string client(const std::string& peer, std::vector<std::string> said,
                   tree::web_proxy_header by = tree::web_proxy_header::x_forwarded_for) {
  const auto proxies = base::access_list::parse({"10.0.0.0/8", "::1"}, {});
  REQUIRE(proxies);
  net::http_request asked;
  const bool is_standard = by == tree::web_proxy_header::forwarded;
  for (auto& one : said)
    asked.headers.push_back({is_standard ? "forwarded" : "x-forwarded-for", std::move(one)});
  asked.headers.push_back(
      {is_standard ? "x-forwarded-for" : "forwarded", "for=192.0.2.66"}); // from the client itself
  const auto from = base::socket_address::parse(peer, 1);
  REQUIRE(from);
  return behaviours::forwarded_client(asked, *from, *proxies, by).value_or("peer");
}

} // namespace

TEST_CASE("an answer of text is compressed for who takes it, from its size on") {
  for (const char* type : {"text/html; charset=utf-8", "application/json", "image/svg+xml", "TEXT/PLAIN"}) {
    auto one = answer(type, 2000, {{"ETag", "\"v\""}});
    behaviours::compress(one, true, 1000);
    CHECK_MESSAGE(one.body.size() < 100, type);
    CHECK(inflated(one.body) == std::string(2000, 'a'));
    CHECK(header(one, "Content-Encoding") == "gzip");
    CHECK(header(one, "Vary") == "Accept-Encoding");
    CHECK(header(one, "ETag") == "W/\"v\"");
  }
  auto not_asked = answer("text/plain", 2000, {{"Vary", "Origin"}});
  behaviours::compress(not_asked, false, 1000);
  CHECK(not_asked.body.size() == 2000);
  CHECK(header(not_asked, "Vary") == "Origin, Accept-Encoding");
}

TEST_CASE("what is coded, a part, small, large or no text is left as it is") {
  const auto left_alone = [](net::http_response one, std::size_t from = 1000) {
    const std::size_t before = one.body.size();
    behaviours::compress(one, true, from);
    return one.body.size() == before && header(one, "Content-Encoding") != "gzip" &&
           header(one, "Vary").empty();
  };
  CHECK(left_alone(answer("text/plain", 999)));
  CHECK(left_alone(answer("text/plain", 2000), 0));
  CHECK(left_alone(answer("text/plain", behaviours::most_compressed + 1)));
  CHECK(left_alone(answer("image/png", 2000)));
  CHECK(left_alone(answer("", 2000)));
  CHECK(left_alone(answer("image/png", 2000, {{"X", "text/plain"}})));
  CHECK(left_alone(answer("text/plain", 2000, {{"content-encoding", "br"}})));
  auto part = answer("text/plain", 2000);
  part.status = 206;
  CHECK(left_alone(part));
  auto typed = answer("", 2000, {{"content-type", "application/problem+json"}});
  behaviours::compress(typed, true, 1000);
  CHECK(header(typed, "Content-Encoding") == "gzip");
  // Noise grows when it is compressed.
  auto noise = answer("text/plain", 300);
  for (std::size_t i = 0; i < noise.body.size(); ++i)
    noise.body[i] = static_cast<char>(i * 167 + (i >> 3) * 89);
  const std::string before = noise.body;
  behaviours::compress(noise, true, 100);
  CHECK((noise.body == before || inflated(noise.body) == before));
}

TEST_CASE("who may read an answer is who is named") {
  behaviours::cross_origin some{
      {"https://a.example", "http://b.example:81"}, {"GET", "PUT"}, {"X-One"}, {"X-Two"}, true, 600};
  net::http_request asked;
  CHECK(!some.allowed(asked));
  for (const char* no : {"https://b.example", "https://a.example.evil", "https://a.example:443", "null",
                         "HTTPS://A.EXAMPLE"}) {
    asked.headers = {{"origin", no}};
    CHECK_MESSAGE(!some.allowed(asked), no);
  }
  asked.headers = {{"origin", "http://b.example:81"}};
  CHECK(some.allowed(asked) == "http://b.example:81");
  net::http_response out;
  some.add_headers(out, *some.allowed(asked));
  CHECK(header(out, "Access-Control-Allow-Origin") == "http://b.example:81");
  CHECK(header(out, "Access-Control-Allow-Credentials") == "true");
  CHECK(header(out, "Access-Control-Expose-Headers") == "X-Two");
  CHECK(header(out, "Access-Control-Allow-Methods").empty());
  some.add_leave(out);
  CHECK(header(out, "Access-Control-Allow-Methods") == "GET, PUT");
  CHECK(header(out, "Access-Control-Allow-Headers") == "X-One");
  CHECK(header(out, "Access-Control-Max-Age") == "600");
  CHECK(some.varies());
  const behaviours::cross_origin all{.origins = {"*"}};
  CHECK(all.allowed(asked) == "*");
  CHECK_FALSE(all.varies());
  CHECK_FALSE(behaviours::cross_origin().varies());
  CHECK(!behaviours::cross_origin().allowed(asked));
  asked.method = "OPTIONS";
  CHECK_FALSE(behaviours::cross_origin::asks_leave(asked));
  asked.headers.push_back({"access-control-request-method", "PUT"});
  CHECK(behaviours::cross_origin::asks_leave(asked));
}

TEST_CASE("a proxy's word counts, what stands before another's does not") {
  CHECK(client("10.1.1.1", {}) == "peer");
  CHECK(client("192.0.2.1", {"203.0.113.9"}) == "peer"); // not one of our proxies
  CHECK(client("10.1.1.1", {"203.0.113.9"}) == "203.0.113.9");
  CHECK(client("10.1.1.1", {"1.1.1.1, 203.0.113.9"}) == "203.0.113.9");
  CHECK(client("10.1.1.1", {"1.1.1.1, 203.0.113.9, 10.2.2.2"}) == "203.0.113.9");
  CHECK(client("10.1.1.1", {"1.1.1.1", "203.0.113.9,10.2.2.2"}) == "203.0.113.9");
  CHECK(client("::1", {"203.0.113.9:4711"}) == "203.0.113.9");
  CHECK(client("::1", {"[2001:db8::1]:4711"}) == "2001:db8::1");
  CHECK(client("::1", {"2001:db8::1"}) == "2001:db8::1");
  CHECK(client("10.1.1.1", {"10.3.3.3"}) == "10.3.3.3"); // a proxy that asks for itself
  for (const char* nonsense : {"unknown", "", ",", "[::1", "203.0.113.9, nonsense"})
    CHECK_MESSAGE(client("10.1.1.1", {nonsense}) == "peer", nonsense);
  CHECK(client("10.1.1.1", {"nonsense, 203.0.113.9"}) == "203.0.113.9");
  // Empty elements do not count.
  for (const char* list : {"203.0.113.9 ,", "203.0.113.9, , 10.2.2.2,", " , 203.0.113.9"})
    CHECK_MESSAGE(client("10.1.1.1", {list}) == "203.0.113.9", list);
  CHECK(client("10.1.1.1", {"::ffff:203.0.113.9"}) == "203.0.113.9");
}

TEST_CASE("by Forwarded a request is whose the last proxy says, whatever a client has put in front") {
  const auto by = [](std::vector<std::string> said) {
    return client("10.0.0.1", std::move(said), tree::web_proxy_header::forwarded);
  };
  CHECK(client("192.0.2.1", {"for=203.0.113.9"}, tree::web_proxy_header::forwarded) == "peer");
  CHECK(by({}) == "peer");
  CHECK(by({"for=203.0.113.9"}) == "203.0.113.9");
  CHECK(by({"for=203.0.113.9, ,"}) == "203.0.113.9");
  CHECK(by({"For=\"203.0.113.9:4711\";proto=https;by=10.0.0.1"}) == "203.0.113.9");
  CHECK(by({"by=10.0.0.1; FOR=\"[2001:db8::7]:4711\" ;host=\"a,b;c\""}) == "2001:db8::7");
  CHECK(by({"for=203.0.113.9, for=198.51.100.7"}) == "198.51.100.7");
  CHECK(by({"for=203.0.113.9", "for=198.51.100.7, for=10.0.0.3"}) == "198.51.100.7");
  for (const char* own : {"for=\"", "for=\"x, ", "\"", "a=\"\\", "for=192.0.2.66, \"for=192.0.2.66"})
    CHECK_MESSAGE(by({std::string(own) + ", for=198.51.100.7"}) == "198.51.100.7", own);
  // Headers that a client sent are quoted in the proxy's element.
  CHECK(by({R"(for=198.51.100.7;host="x;for=1.2.3.4")"}) == "198.51.100.7");
  CHECK(by({R"(host="x\";for=1.2.3.4,for=1.2.3.5";for=198.51.100.7)"}) == "198.51.100.7");
  for (const char* none :
       {"for=unknown", "for=_hidden", "proto=https", "for=1.2.3.4;for=1.2.3.5", "for", "for=", "203.0.113.9"})
    CHECK_MESSAGE(by({none}) == "peer", none);
  CHECK(by({"for=203.0.113.9, for=unknown, for=10.0.0.3"}) == "10.0.0.3");
}
