// SPDX-License-Identifier: MIT
// The server's end of a WebSocket: which bytes it sends by itself, and when. tests/e2e/websocket.py tests,
// case by case, how it reads a client's frames.
#include "net/http/websocket_session.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace coppice::net {
namespace {

using namespace std::string_literals;

struct client final : websocket_session::events {
  explicit client(std::size_t most = 1000, unfinished_bytes* unfinished = nullptr)
      : of(most, *this, unfinished) {}
  void on_message(websocket_kind, std::string_view data) override { heard.emplace_back(data); }
  void on_closed(const websocket_close& why) override {
    ends.push_back(std::to_string(why.code) + " " + why.reason);
  }
  void on_bytes(std::string_view bytes) override { written += bytes; }
  bool is_behind() override { return behind; }

  // A short frame, masked with zeros.
  void says(unsigned first, const std::string& payload) {
    const std::string head{static_cast<char>(first), static_cast<char>(0x80 | payload.size())};
    of.feed(head + "\0\0\0\0"s + payload);
  }

  std::vector<std::string> heard, ends;
  std::string written;
  bool behind = false;
  websocket_session of;
};

} // namespace

TEST_CASE("frames of a server have their length in its shortest form") {
  for (const auto& [size, head] : {std::pair<std::size_t, std::string>{0, "\x81\x00"s},
                                   {125, "\x81\x7d"},
                                   {126, "\x81\x7e\x00\x7e"s},
                                   {65535, "\x81\x7e\xff\xff"},
                                   {65536, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"s}}) {
    client it;
    CHECK(it.of.send(websocket_kind::text, std::string(size, 'x')));
    CHECK(it.written == head + std::string(size, 'x'));
  }
  client it;
  it.of.send(websocket_kind::binary, "b");
  it.of.ping();
  CHECK(it.written == "\x82\x01"s + "b" + "\x89\x00"s);
}

TEST_CASE("closed by us it waits for the client's word, hears no more messages and says none") {
  client it;
  CHECK(it.of.close({3000, "enough"}));
  CHECK(it.written == "\x88\x08\x0b\xb8"s + "enough");
  CHECK_FALSE(it.of.is_open());
  CHECK_FALSE(it.of.close({3000, "again"}));
  CHECK_FALSE(it.of.send(websocket_kind::text, "x"));
  CHECK_FALSE(it.of.ping());
  it.written.clear();
  it.says(0x81, "not heard");
  it.says(0x89, "ping");
  CHECK(it.ends.empty());
  it.says(0x88, "\x03\xe9"s + "bye");
  CHECK(it.ends == std::vector<std::string>{"1001 bye"});
  CHECK(it.heard.empty());
  CHECK(it.written.empty());
  it.says(0x88, "");
  CHECK(it.ends.size() == 1);
}

TEST_CASE("closed by the client it is answered with its code once, or with none") {
  client it;
  it.says(0x88, "\x0f\xa0"s + "so");
  CHECK(it.written == "\x88\x02\x0f\xa0"s);
  CHECK(it.ends == std::vector<std::string>{"4000 so"});
  client none;
  none.says(0x88, "");
  CHECK(none.written == "\x88\x00"s);
  CHECK(none.ends == std::vector<std::string>{"1005 "});
}

TEST_CASE("who breaks the protocol while we close is not told another code") {
  client it;
  it.of.close({websocket_close::normal, ""});
  it.written.clear();
  it.says(0xC1, "x");
  CHECK(it.ends == std::vector<std::string>{"1002 "});
  CHECK(it.written.empty());
}

TEST_CASE("of a client's pings that it has not read the answers to, the newest is answered once it has") {
  client it;
  it.behind = true;
  for (int i = 0; i < 100; ++i) it.says(0x89, std::to_string(i));
  CHECK(it.written.empty());
  it.behind = false;
  it.of.caught_up();
  CHECK(it.written ==
        "\x8a\x02"
        "99"s);
  it.of.caught_up();
  it.says(0x89, "x");
  CHECK(it.written ==
        "\x8a\x02"
        "99\x8a\x01x"s);
}

TEST_CASE("an answer that is owed is not sent behind a close") {
  client it;
  it.behind = true;
  it.says(0x89, "late");
  it.of.close({websocket_close::normal, ""});
  it.written.clear();
  it.of.caught_up();
  CHECK(it.written.empty());
}

TEST_CASE("a reason is cut to what a close may say, in whole characters") {
  client it;
  std::string reason(122, 'x');
  reason += "ä and more";
  it.of.close({4000, reason});
  CHECK(it.written == "\x88\x7c\x0f\xa0"s + std::string(122, 'x'));
}

TEST_CASE("messages in parts have a bound for all clients, and what came whole makes room") {
  unfinished_bytes all(10);
  client one(1000, &all), other(1000, &all);
  one.says(0x02, "123456");
  CHECK(all.kept() == 6);
  other.says(0x82, "a message that comes whole");
  CHECK(other.heard.size() == 1);
  other.says(0x02, "1234");
  CHECK(all.kept() == 10);
  one.says(0x89, "ping");
  one.says(0x00, "7");
  CHECK(one.ends == std::vector<std::string>{"1013 "});
  CHECK(all.kept() == 4);
  CHECK(all.refused() == 1);
  other.says(0x80, "56789");
  CHECK(other.heard.back() == "123456789");
  CHECK(all.kept() == 0);
  {
    client gone(1000, &all);
    gone.says(0x02, "1234567890");
    CHECK(all.kept() == 10);
  }
  CHECK(all.kept() == 0);
}

TEST_CASE("it is known whether a message has come in part, whatever comes between its parts") {
  client it;
  CHECK_FALSE(it.of.is_in_part());
  it.of.feed("\x89");
  CHECK(it.of.is_in_part());
  it.of.feed("\x80\0\0\0\0"s);
  CHECK_FALSE(it.of.is_in_part());
  CHECK(it.of.came_whole() == 1);
  it.says(0x01, "a");
  for (int i = 0; i < 3; ++i) it.says(0x89, "ping");
  CHECK(it.of.is_in_part());
  CHECK(it.of.came_whole() == 1);
  it.says(0x80, "b");
  CHECK_FALSE(it.of.is_in_part());
  CHECK(it.of.came_whole() == 2);
}

TEST_CASE("text is refused as soon as it can be none, wherever it is cut") {
  const std::string good = "aä€\U0001F600\u07FF\uD7FF\uE000\U0010FFFF";
  for (std::size_t cut = 0; cut <= good.size(); ++cut) {
    CAPTURE(cut);
    client it;
    it.says(0x01, good.substr(0, cut));
    it.says(0x80, good.substr(cut));
    CHECK(it.heard == std::vector{good});
  }
  for (const std::string bad : {"\x80", "\xc0", "\xc1", "\xf5", "\xff", "\xe0\x9f", "\xed\xa0", "\xf0\x8f",
                                "\xf4\x90", "\xe2\x28", "\xf0\x90\x80x"}) {
    client it;
    it.says(0x01, "fine " + bad.substr(0, bad.size() - 1));
    CHECK(it.ends.empty());
    it.says(0x00, bad.substr(bad.size() - 1));
    CHECK(it.ends == std::vector<std::string>{"1007 "});
  }
  client half;
  half.says(0x81, "fine \xe2\x82");
  CHECK(half.ends == std::vector<std::string>{"1007 "});
  client next;
  next.says(0x81, "ä");
  next.says(0x82, "\xff");
  next.says(0x81, "ö");
  CHECK(next.heard.size() == 3);
}

} // namespace coppice::net
