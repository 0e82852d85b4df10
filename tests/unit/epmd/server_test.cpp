// SPDX-License-Identifier: MIT
// The server, the client and the node's embedded EPMD against each other, on free ports of loopback.
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "epmd/client.hpp"
#include "epmd/embedded.hpp"
#include "epmd/registration.hpp"
#include "epmd/server.hpp"
#include "held_clock.hpp"
#include "net/loop_until.hpp"
#include "net/stream/stream.hpp"

namespace coppice::epmd {
namespace {

using namespace std::string_literals;
using test::loop_until;

base::socket_address local(std::uint16_t port) {
  return *base::socket_address::parse("127.0.0.1", port);
}

node_info named(std::string name, std::uint16_t port = 25672) {
  node_info node;
  node.name = std::move(name);
  node.port = port;
  return node;
}

struct running_server {
  explicit running_server(server_options options = {}) {
    options.addresses = {local(0)};
    epmd = server::start(loop.raw(), std::move(options), [this] { killed = true; }).value();
    at = local(epmd->port());
  }
  bool until(const std::function<bool()>& holds) { return loop_until(loop, holds); }

  // Registers the name and waits for the outcome.
  std::unique_ptr<registration> join(std::string name, std::optional<base::error>* failure = nullptr) {
    bool told = false;
    auto made = registration::start(loop.raw(), at, named(std::move(name)), default_patience,
                                    [&told, failure](base::result<std::uint32_t> event) {
                                      if (!event && failure != nullptr) *failure = event.error();
                                      told = true;
                                    })
                    .value();
    REQUIRE(until([&] { return told; }));
    return made;
  }

  std::string ask(const request& asked) {
    std::optional<std::string> answer;
    auto inquiry = inquiry::ask(loop.raw(), at, asked, default_patience, [&](base::result<std::string> got) {
      answer = got ? *got : got.error().text;
    });
    REQUIRE(until([&] { return answer.has_value(); }));
    return *answer;
  }

  std::optional<node_info> lookup(const std::string& name) {
    std::optional<base::result<std::optional<node_info>>> answer;
    auto inquiry =
        inquiry::lookup(loop.raw(), at, name, default_patience, [&](auto got) { answer = std::move(got); });
    REQUIRE(until([&] { return answer.has_value(); }));
    return answer->value();
  }

  base::uv::loop loop = base::uv::loop::make().value();
  bool killed = false;
  std::unique_ptr<server> epmd;
  base::socket_address at;
};

// A client that sends the given bytes and keeps what it receives.
struct raw_client final : net::stream_handler {
  raw_client(base::uv::loop& loop, const base::socket_address& to, std::string_view bytes) {
    stream = net::stream::connect(loop.raw(), to, {}, *this).value();
    if (!bytes.empty()) stream.write(bytes);
  }
  void on_data(base::bytes_span bytes) override { received.append(base::as_text(bytes)); }
  void on_closed(base::error) override { closed = true; }

  net::stream stream;
  std::string received;
  bool closed = false;
};

std::string alive_bytes(const node_info& node) {
  base::buffer out;
  encode(out, alive_request{node});
  return std::string(base::as_text(out.readable()));
}

} // namespace

TEST_CASE("a registered node is found and listed until its connection ends") {
  running_server running;
  auto node = running.join("demo");
  CHECK(node->registered());
  const auto found = running.lookup("demo");
  REQUIRE(found);
  CHECK(found->port == 25672);
  CHECK(found->type == visible_node);
  CHECK_FALSE(running.lookup("Demo"));
  std::optional<names_reply> names;
  auto inquiry = inquiry::names(running.loop.raw(), running.at, default_patience,
                                [&](auto got) { names = got.value(); });
  REQUIRE(running.until([&] { return names.has_value(); }));
  CHECK(names->epmd_port == running.at.port());
  REQUIRE(names->nodes.size() == 1);
  CHECK(names->nodes[0].name == "demo");
  node.reset();
  REQUIRE(running.until([&] { return running.epmd->nodes().empty(); }));
  CHECK_FALSE(running.lookup("demo"));
}

TEST_CASE("a list that is made a part at a time has every name once, in its order") {
  running_server running;
  constexpr std::size_t many = 2000; // each name has 200 bytes
  for (std::size_t i = 0; i < many; ++i)
    REQUIRE(running.epmd->add_own(named(std::to_string(10'000 + i) + std::string(195, 'n'))));
  std::optional<names_reply> names;
  auto inquiry = inquiry::names(running.loop.raw(), running.at, default_patience,
                                [&](auto got) { names = got.value(); });
  REQUIRE(running.until([&] { return names.has_value(); }));
  REQUIRE(names->nodes.size() == many);
  for (std::size_t i = 0; i < many; ++i)
    REQUIRE(names->nodes[i].name.substr(0, 5) == std::to_string(10'000 + i));
  CHECK(running.ask(dump_request{}).size() > many * 200);
}

TEST_CASE("a name that is taken is refused in words, and the holder stays") {
  running_server running;
  auto holder = running.join("demo");
  std::optional<base::error> failure;
  auto second = running.join("demo", &failure);
  REQUIRE(failure);
  CHECK(failure->code == base::errc::exists);
  CHECK(failure->text.find("\"demo\"") != std::string::npos);
  CHECK(running.lookup("demo"));
}

TEST_CASE("a request may come byte by byte") {
  running_server running;
  raw_client client(running.loop, running.at, "");
  for (const char byte : "\0\5zdemo"s.substr(0, 7)) {
    client.stream.write(std::string_view(&byte, 1));
    client.stream.flush();
    running.loop.turn(false);
  }
  REQUIRE(running.until([&] { return client.closed; }));
  CHECK(client.received == "\x77\x01");
}

TEST_CASE("one that accepts nobody any more answers those who had connected, names and port") {
  running_server running;
  raw_client client(running.loop, running.at, "");
  REQUIRE(running.until([&] { return running.epmd->clients() == 1; }));
  running.epmd->accept_no_more();
  CHECK(running.epmd->port() == running.at.port());
  client.stream.write("\0\1n"s);
  REQUIRE(running.until([&] { return client.closed; }));
  const std::string port = {static_cast<char>(running.at.port() >> 8),
                            static_cast<char>(running.at.port() & 0xff)};
  CHECK(client.received == "\0\0"s + port);
}

TEST_CASE("garbage ends the connection without an answer") {
  running_server running;
  const std::string surplus = "\0\1n"s + "surplus";
  for (const std::string& bytes :
       {"\0\0"s, "\xff\xff"s, "\0\1?"s, surplus, "GET / HTTP/1.1\r\n\r\n"s, std::string(10'000, 'x')}) {
    raw_client client(running.loop, running.at, bytes);
    REQUIRE(running.until([&] { return client.closed; }));
    CHECK(client.received.empty());
  }
}

TEST_CASE("a registered connection that sends more is unregistered") {
  running_server running;
  raw_client client(running.loop, running.at, alive_bytes(named("demo")));
  REQUIRE(running.until([&] { return client.received.size() == 6; }));
  CHECK(running.epmd->nodes().size() == 1);
  client.stream.write(std::string_view("x"));
  REQUIRE(running.until([&] { return client.closed; }));
  CHECK(running.epmd->nodes().empty());
}

TEST_CASE("a client that does not finish its request is dropped in time, a registered one is not") {
  server_options options;
  options.packet_timeout = std::chrono::milliseconds(50);
  running_server running(std::move(options));
  raw_client node(running.loop, running.at, alive_bytes(named("demo")));
  REQUIRE(running.until([&] { return node.received.size() == 6; }));
  raw_client slow(running.loop, running.at, "\0\5z"s);
  REQUIRE(running.until([&] { return slow.closed; }));
  CHECK_FALSE(node.closed);
  CHECK(running.epmd->nodes().size() == 1);
}

TEST_CASE("of too many waiting clients the one that waited longest goes") {
  server_options options;
  options.max_waiting = 3;
  running_server running(std::move(options));
  std::vector<std::unique_ptr<raw_client>> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<raw_client>(running.loop, running.at, ""));
    REQUIRE(
        running.until([&] { return running.epmd->clients() == std::min<std::size_t>(clients.size(), 3); }));
  }
  REQUIRE(running.until([&] { return clients[0]->closed; }));
  CHECK(running.epmd->clients() == 3);
  CHECK_FALSE(clients[3]->closed);
  // A request is still answered.
  CHECK_FALSE(running.lookup("demo"));
}

TEST_CASE("kill is refused while nodes are registered, unless relaxed") {
  running_server running;
  auto node = running.join("demo");
  CHECK(running.ask(kill_request{}) == "NO");
  CHECK_FALSE(running.killed);
  node.reset();
  REQUIRE(running.until([&] { return running.epmd->nodes().empty(); }));
  CHECK(running.ask(kill_request{}) == "OK");
  CHECK(running.killed);
  server_options relaxed;
  relaxed.relaxed = true;
  running_server easy(std::move(relaxed));
  auto other = easy.join("demo");
  CHECK(easy.ask(kill_request{}) == "OK");
}

TEST_CASE("stop is ignored unless relaxed, and then unregisters by force") {
  running_server strict;
  auto node = strict.join("demo");
  CHECK(strict.ask(stop_request{"demo"}).empty());
  CHECK(strict.epmd->nodes().size() == 1);
  server_options options;
  options.relaxed = true;
  running_server relaxed(std::move(options));
  raw_client other(relaxed.loop, relaxed.at, alive_bytes(named("demo")));
  REQUIRE(relaxed.until([&] { return other.received.size() == 6; }));
  CHECK(relaxed.ask(stop_request{"nobody"}) == "NOEXIST");
  CHECK(relaxed.ask(stop_request{"demo"}) == "STOPPED");
  CHECK(relaxed.epmd->nodes().empty());
  CHECK(relaxed.until([&] { return other.closed; }));
}

TEST_CASE("dump tells who is registered and who was") {
  running_server running;
  auto gone = running.join("gone");
  auto here = running.join("here");
  gone.reset();
  REQUIRE(running.until([&] { return running.epmd->nodes().size() == 1; }));
  const std::string dump = running.ask(dump_request{});
  CHECK(dump.find("active name     <here> at port 25672, fd = ") != std::string::npos);
  CHECK(dump.find("old/unused name <gone>, port = 25672, fd = -1") != std::string::npos);
}

TEST_CASE("asking where nobody listens fails in words") {
  running_server running;
  const base::socket_address at = running.at;
  running.epmd.reset();
  std::string text;
  auto inquiry = inquiry::lookup(running.loop.raw(), at, "demo", default_patience,
                                 [&](auto got) { text = got.error().text; });
  REQUIRE(running.until([&] { return !text.empty(); }));
  CHECK(text.find("refused") != std::string::npos);
  CHECK(text.find(at.to_string()) != std::string::npos);
}

TEST_CASE("an EPMD that never answers is given up") {
  auto loop = base::uv::loop::make().value();
  std::vector<net::accepted_socket> held;
  auto silent = net::listener::tcp(loop.raw(), local(0), {0, 0}, {}, [&](net::accepted_socket socket) {
                  held.push_back(std::move(socket));
                }).value();
  std::optional<base::errc> code;
  auto inquiry = inquiry::lookup(loop.raw(), silent.address(), "demo", std::chrono::milliseconds(50),
                                 [&](auto got) { code = got.error().code; });
  REQUIRE(loop_until(loop, [&] { return code.has_value(); }));
  CHECK(*code == base::errc::timeout);
}

TEST_CASE("an answer of EPMD that came in time counts, though the thread was busy until it was over" *
          doctest::skip(!test::can_hold_clock())) {
  test::held_clock clock;
  auto loop = base::uv::loop::make().value();
  std::vector<net::accepted_socket> held;
  auto busy = net::listener::tcp(loop.raw(), local(0), {0, 0}, {}, [&](net::accepted_socket socket) {
                held.push_back(std::move(socket));
              }).value();
  std::optional<bool> is_unknown;
  auto inquiry = inquiry::lookup(loop.raw(), busy.address(), "demo", default_patience,
                                 [&](auto got) { is_unknown = got.has_value() && !got->has_value(); });
  test::look_until([&] {
    loop.turn(false);
    if (held.empty()) return false;
    pollfd asked{held.front().fd.get(), POLLIN, 0};
    return ::poll(&asked, 1, 0) == 1;
  });
  base::buffer reply;
  encode_port_reply(reply, nullptr);
  const base::bytes_span bytes = reply.readable();
  REQUIRE(::send(held.front().fd.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  clock.advance(default_patience);
  loop.turn(false);
  CHECK(is_unknown.value_or(false));
}

TEST_CASE("the first node serves, the second is its client, and takes over within a second") {
  auto loop = base::uv::loop::make().value();
  embedded_options options;
  options.address = local(0);
  options.node = named("first");
  auto first = std::make_unique<embedded>(loop.raw(), options, [] {});
  REQUIRE(first->start());
  REQUIRE(loop_until(loop, [&] { return first->current() == embedded::state::serving; }));
  CHECK(first->text().find("serving on port ") == 0);

  options.address = local(first->port());
  options.node = named("second");
  int changes = 0;
  embedded second(loop.raw(), options, [&] { ++changes; });
  REQUIRE(second.start());
  REQUIRE(loop_until(loop, [&] { return second.current() == embedded::state::registered; }));
  CHECK(second.text() == "registered at " + options.address.to_string());
  CHECK(first->serving()->nodes().size() == 2);
  CHECK(second.creation() > 3);

  options.node = named("third");
  embedded third(loop.raw(), options, [] {});
  REQUIRE(third.start());
  REQUIRE(loop_until(loop, [&] { return third.current() == embedded::state::registered; }));

  test::held_clock clock;
  first.reset();
  const auto serves = [](const embedded& e) { return e.current() == embedded::state::serving; };
  const auto settled = [&] {
    const embedded& server = serves(second) ? second : third;
    return (serves(second) || serves(third)) && server.serving()->nodes().size() == 2;
  };
  for (std::chrono::milliseconds passed{0}; !settled(); passed += std::chrono::milliseconds(10)) {
    REQUIRE(passed < std::chrono::seconds(5)); // of the held clock, however slow the machine is
    clock.advance(std::chrono::milliseconds(10));
    for (int turn = 0; turn < 20; ++turn) loop.turn(false);
  }
  CHECK(serves(second) != serves(third));
  CHECK(changes > 0);
}

TEST_CASE("a port that somebody else has for IPv6 alone is served for IPv4") {
  base::uv::loop loop = base::uv::loop::make().value();
  const auto six = base::socket_address::parse("::1", 0);
  auto held = net::listener::tcp(loop.raw(), *six, {0, 0}, {}, [](net::accepted_socket) {});
  if (!held) return; // a machine without IPv6
  const std::uint16_t port = held->address().port();
  server_options options;
  options.addresses = listen_addresses(true, port);
  auto made = server::start(loop.raw(), std::move(options), [] {});
  if (!made) return; // another program has the port for IPv4, too
  CHECK((*made)->port() == port);
}

TEST_CASE("mode serve fails when the port is taken, client and auto wait in words") {
  running_server running;
  embedded_options options;
  options.address = running.at;
  options.node = named("demo");
  options.mode = mode::serve;
  embedded server(running.loop.raw(), options, nullptr);
  CHECK(server.start().error().code == base::errc::exists);

  auto holder = running.join("demo");
  options.mode = mode::automatic;
  embedded waiting(running.loop.raw(), options, nullptr);
  REQUIRE(waiting.start());
  REQUIRE(running.until([&] { return waiting.current() == embedded::state::waiting; }));
  CHECK(waiting.last_error().code == base::errc::exists);
  CHECK(waiting.text().find("waiting: EPMD at ") == 0);
  holder.reset();
  CHECK(running.until([&] { return waiting.current() == embedded::state::registered; }));
}

TEST_CASE("mode client never serves, and registers once there is an EPMD") {
  running_server running;
  const base::socket_address at = running.at;
  running.epmd.reset();
  embedded_options options;
  options.address = at;
  options.node = named("demo");
  options.mode = mode::client;
  embedded client(running.loop.raw(), options, nullptr);
  REQUIRE(client.start());
  REQUIRE(running.until([&] { return client.current() == embedded::state::waiting; }));
  server_options serve;
  serve.addresses = {at};
  running.epmd = server::start(running.loop.raw(), std::move(serve), nullptr).value();
  REQUIRE(running.until([&] { return client.current() == embedded::state::registered; }));
  client.stop();
  CHECK(client.text() == "off");
  CHECK(running.until([&] { return running.epmd->nodes().empty(); }));
}

TEST_CASE("mode off does nothing") {
  auto loop = base::uv::loop::make().value();
  embedded_options options;
  options.mode = mode::off;
  options.node = named("demo");
  embedded none(loop.raw(), options, nullptr);
  CHECK(none.start());
  CHECK_FALSE(loop.run());
  CHECK(none.text() == "off");
}

TEST_CASE("modes are read by their names") {
  for (const char* name : {"auto", "client", "serve", "off"})
    CHECK(mode_name(parse_mode(name).value()) == name);
  CHECK_FALSE(parse_mode("on"));
}

} // namespace coppice::epmd
