// SPDX-License-Identifier: MIT
// The bytes of EPMD's protocol in both directions, and that malformed bytes are refused. The recorded bytes
// are what nodes and the epmd of OTP 25 sent.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "epmd/protocol.hpp"

namespace coppice::epmd {
namespace {

using namespace std::string_literals;

std::string encoded(const request& asked) {
  base::buffer out;
  encode(out, asked);
  return std::string(base::as_text(out.readable()));
}

base::result<request> decoded(const std::string& bytes) {
  return decode_request(base::as_bytes(bytes).subspan(2));
}

node_info demo() {
  node_info node;
  node.name = "demo";
  node.port = 0x1234;
  return node;
}

} // namespace

TEST_CASE("a registration has the bytes a node sends") {
  CHECK(encoded(alive_request{demo()}) == "\0\x11\x78\x12\x34\x4d\0\0\x06\0\x05\0\x04"s + "demo" + "\0\0"s);
}

TEST_CASE("every request survives the way there and back") {
  node_info node = demo();
  node.type = hidden_node;
  node.highest = 5;
  node.extra = "extra\0bytes"s;
  const auto back = std::get<alive_request>(decoded(encoded(alive_request{node})).value()).node;
  CHECK(back.name == node.name);
  CHECK(back.port == node.port);
  CHECK(back.type == hidden_node);
  CHECK(back.highest == 5);
  CHECK(back.extra == node.extra);
  CHECK(std::get<port_request>(decoded(encoded(port_request{"demo"})).value()).name == "demo");
  CHECK(std::get<stop_request>(decoded(encoded(stop_request{"demo"})).value()).name == "demo");
  CHECK(std::holds_alternative<names_request>(decoded("\0\1n"s).value()));
  CHECK(std::holds_alternative<dump_request>(decoded("\0\1d"s).value()));
  CHECK(std::holds_alternative<kill_request>(decoded("\0\1k"s).value()));
}

TEST_CASE("a look-up's name may end with a zero byte") {
  CHECK(std::get<port_request>(decoded("\0\6zdemo\0"s).value()).name == "demo");
}

TEST_CASE("a malformed request is refused") {
  const std::string whole = encoded(alive_request{demo()});
  for (std::size_t size = 2; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(decode_request(base::as_bytes(whole).subspan(2, size - 2)));
  }
  for (const std::string& bytes :
       {"\0\0"s, "\0\1?"s, "\0\1z"s, "\0\2z\0"s, "\0\1s"s, "\0\4za\0b"s, "\0\3z\xc3\x28"s}) {
    CAPTURE(bytes);
    CHECK_FALSE(decoded(bytes));
  }
}

TEST_CASE("a request's size is known from its first two bytes and bounded") {
  CHECK_FALSE(request_size({}).value());
  CHECK_FALSE(request_size(base::as_bytes("\0"s)).value());
  CHECK(request_size(base::as_bytes("\0\1"s)).value() == 3);
  CHECK_FALSE(request_size(base::as_bytes("\0\0"s)));
  CHECK_FALSE(request_size(base::as_bytes("\xff\xff"s)));
  CHECK(request_size(base::as_bytes(encoded(alive_request{demo()}))).value() == 19);
}

TEST_CASE("names are UTF-8 of 1 to 255 characters") {
  const std::string two_bytes = "\xc3\xa9";
  std::string longest;
  for (int i = 0; i < 255; ++i) longest += two_bytes;
  CHECK(check_name("a"));
  CHECK(check_name(longest));
  CHECK(check_name("\xf0\x9f\x8c\xb3"));
  for (const std::string& bad :
       {""s, longest + "a", "a\0b"s, "\xc3"s, "\xe9"s, "\xc0\x80"s, "\xe0\x80\x80"s, "\xed\xa0\x80"s,
        "\xf4\x90\x80\x80"s, "\xf0\x80\x80\x80"s, "\xf8\x88\x80\x80\x80"s, "\x80"s}) {
    CAPTURE(bad);
    CHECK_FALSE(check_name(bad));
  }
}

TEST_CASE("a new node is answered with 32 bits of creation, an old one with 16") {
  base::buffer fresh;
  encode_alive_reply(fresh, {true, 0x01020304}, 6);
  CHECK(base::as_text(fresh.readable()) == "\x76\0\1\2\3\4"s);
  base::buffer old;
  encode_alive_reply(old, {true, 2}, 5);
  CHECK(base::as_text(old.readable()) == "\x79\0\0\2"s);
  base::buffer refused;
  encode_alive_reply(refused, {}, 6);
  CHECK(base::as_text(refused.readable()) == "\x76\1\0\0\0\x63"s);
}

TEST_CASE("an answer to a registration is read byte by byte") {
  const std::string whole = "\x76\0\1\2\3\4"s;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK_FALSE(decode_alive_reply(base::as_bytes(whole).first(size)).value());
  }
  const auto reply = decode_alive_reply(base::as_bytes(whole)).value().value();
  CHECK(reply.accepted);
  CHECK(reply.creation == 0x01020304);
  CHECK_FALSE(decode_alive_reply(base::as_bytes("\x79\1\0\x63"s)).value()->accepted);
  CHECK_FALSE(decode_alive_reply(base::as_bytes("HTTP/1.1"s)));
}

TEST_CASE("an answer to a look-up survives the way there and back") {
  node_info node = demo();
  node.extra = "xyz";
  base::buffer out;
  encode_port_reply(out, &node);
  for (std::size_t size = 0; size < out.size(); ++size) {
    CHECK_FALSE(decode_port_reply(out.readable().first(size)).value());
  }
  const auto back = decode_port_reply(out.readable()).value().value().value();
  CHECK(back.name == "demo");
  CHECK(back.port == 0x1234);
  CHECK(back.extra == "xyz");
  base::buffer none;
  encode_port_reply(none, nullptr);
  const auto nobody = decode_port_reply(none.readable()).value();
  REQUIRE(nobody);
  CHECK_FALSE(*nobody);
  CHECK_FALSE(decode_port_reply(base::as_bytes("?"s)));
  CHECK_FALSE(decode_port_reply(base::as_bytes("\x77\0\1\1\x4d\0\0\6\0\5\xff\xff"s)));
}

TEST_CASE("a list of names survives the way there and back") {
  base::buffer out;
  encode_epmd_port(out, 4369);
  encode_name_line(out, {"demo", 25672});
  encode_name_line(out, {"at port 1", 2});
  const auto names = decode_names_reply(out.readable()).value();
  CHECK(names.epmd_port == 4369);
  REQUIRE(names.nodes.size() == 2);
  CHECK(names.nodes[0].name == "demo");
  CHECK(names.nodes[0].port == 25672);
  CHECK(names.nodes[1].name == "at port 1");
  for (const std::string& bad : {""s, "abc"s, "\0\0\x11\x11garbage\n"s, "\0\0\x11\x11name a at port 99999\n"s,
                                 "\0\0\x11\x11name a at port 1"s}) {
    CHECK_FALSE(decode_names_reply(base::as_bytes(bad)));
  }
}

} // namespace coppice::epmd
