// SPDX-License-Identifier: MIT
// UDP over loopback: sizes, the source and destination of answers, which datagrams are lost, and which
// handler is told.
#include "net/datagram/datagram_socket.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "net/loop_until.hpp"
#include "net/without_rights.hpp"

namespace coppice::net {
namespace {

const base::socket_address v4 = *base::socket_address::parse("127.0.0.1", 0);

base::socket_address address(const std::string& host, std::uint16_t port) {
  return base::socket_address::parse(host, port).value();
}

struct heard {
  std::string bytes;
  base::socket_address peer;
  std::optional<base::socket_address> local;
  std::size_t whole;
  base::nanos when;
};

struct recorder final : datagram_handler {
  void on_datagrams(std::span<const datagram> batch) override {
    batches.push_back(batch.size());
    for (const datagram& one : batch)
      all.push_back({std::string(base::as_text(one.bytes)), one.peer, one.local, one.whole, one.when});
    if (after_batch) after_batch();
    for (const datagram& one : batch) last_byte = one.bytes.empty() ? 0 : one.bytes.back();
  }
  void on_error(const datagram_error& error) override {
    errors.push_back(error);
    if (after_error) after_error();
  }

  std::vector<heard> all;
  std::vector<std::size_t> batches;
  std::vector<datagram_error> errors;
  std::uint8_t last_byte = 0;
  std::function<void()> after_batch;
  std::function<void()> after_error;
};

struct sockets {
  explicit sockets(const datagram_options& options = {}, const base::socket_address& at = v4) {
    server = datagram_socket::open(loop.raw(), at, options, at_server).value();
    client = datagram_socket::open(loop.raw(), at, options, at_client).value();
  }
  bool until(const std::function<bool()>& holds) { return test::loop_until(loop, holds); }
  send_outcome to_server(const std::string& text) {
    const outgoing_datagram one{base::as_bytes(text), server.address()};
    return client.send({&one, 1});
  }

  base::uv::loop loop = base::uv::loop::make().value();
  recorder at_server;
  recorder at_client;
  datagram_socket server;
  datagram_socket client;
};

datagram_options largest() {
  datagram_options options;
  options.max_datagram = largest_datagram;
  options.batch = 4;
  options.receive_buffer = 1 << 20;
  return options;
}

bool has_ipv6() {
  base::unique_fd fd(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto loopback = address("::1", 0);
  return fd && bind(fd.get(), loopback.raw(), loopback.raw_length()) == 0;
}

} // namespace

TEST_CASE("datagrams of every size arrive whole, an empty one too, and one too long is refused by name") {
  sockets test(largest());
  const std::vector<std::size_t> sizes{0, 1, 1472, 65507};
  for (const std::size_t size : sizes) CHECK(test.to_server(std::string(size, 'x')).count == 1);
  REQUIRE(test.until([&] { return test.at_server.all.size() == sizes.size(); }));
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    CHECK(test.at_server.all[i].bytes == std::string(sizes[i], 'x'));
    CHECK(test.at_server.all[i].whole == sizes[i]);
    CHECK(test.at_server.all[i].peer == test.client.address());
  }
  const auto refused = test.to_server(std::string(65508, 'x'));
  CHECK(refused.count == 0);
  REQUIRE(refused.failed);
  CHECK(refused.failed->code == base::errc::limit);
  CHECK(refused.failed->text ==
        "send 65508 bytes to " + test.server.address().to_string() + ": more than the network takes");
  CHECK(test.to_server("goes on").count == 1);
  REQUIRE(test.until([&] { return test.at_server.all.size() == sizes.size() + 1; }));
  CHECK(test.at_client.errors.empty());
}

namespace {

struct puller final : datagram_handler {
  void on_readable() override { ++told; }
  void on_error(const datagram_error& error) override { errors.push_back(error.number); }
  int told = 0;
  std::vector<int> errors;
};

} // namespace

TEST_CASE("what is received by hand waits until then, also for who shares the socket afterwards") {
  datagram_options options;
  options.by_hand = true;
  options.batch = 4;
  sockets test;
  auto bound = datagram_socket::bind(v4, options).value();
  puller first_handler, second_handler;
  auto first =
      datagram_socket::open(test.loop.raw(), base::unique_fd(dup(bound.get())), options, first_handler)
          .value();
  const auto send = [&](const std::string& text) {
    const outgoing_datagram one{base::as_bytes(text), first.address()};
    return test.client.send({&one, 1}).count;
  };
  for (int i = 0; i < 6; ++i) CHECK(send(std::to_string(i)) == 1);
  REQUIRE(test.until([&] { return first_handler.told > 1; })); // told again while the datagrams wait
  const auto some = first.receive();
  REQUIRE(some.size() == 4);
  CHECK(base::as_text(some[3].bytes) == "3");
  first.stop();
  CHECK(base::as_text(some[0].bytes) == "0");
  CHECK(first.counts().received == 4);
  const base::socket_address at = first.address();
  first.close();
  auto second = datagram_socket::open(test.loop.raw(), std::move(bound), options, second_handler).value();
  CHECK(second.address() == at);
  REQUIRE(test.until([&] { return second_handler.told > 0; }));
  const auto rest = second.receive();
  REQUIRE(rest.size() == 2);
  CHECK(base::as_text(rest[0].bytes) == "4");
  CHECK(second.receive().empty());
}

TEST_CASE("a socket that dropped for its former owner counts only what it drops from then on") {
  datagram_options options;
  options.by_hand = true;
  options.receive_buffer = 4096;
  sockets test;
  auto bound = datagram_socket::bind(v4, options).value();
  puller handler;
  const auto open = [&] {
    return datagram_socket::open(test.loop.raw(), base::unique_fd(dup(bound.get())), options, handler)
        .value();
  };
  auto socket = open();
  const auto flood = [&] {
    const std::string text(500, 'x');
    const outgoing_datagram one{base::as_bytes(text), socket.address()};
    for (int i = 0; i < 200; ++i) CHECK(test.client.send({&one, 1}).count == 1);
  };
  // The datagrams received and dropped add up to those sent. A received datagram tells how many were dropped
  // before it, so one more is sent at the end.
  const auto all = [&](std::uint64_t sent) {
    while (!socket.receive().empty()) {
    }
    const outgoing_datagram last{{}, socket.address()};
    CHECK(test.client.send({&last, 1}).count == 1);
    CHECK(socket.receive().size() == 1);
    CHECK(socket.counts().received + socket.counts().kernel_dropped == sent + 1);
  };
  flood();
  all(200);
  CHECK(socket.counts().kernel_dropped > 0);
  socket = open();
  flood();
  all(200);
}

TEST_CASE("a datagram longer than the bound is told with its whole length, and counted") {
  datagram_options options;
  options.max_datagram = 100;
  sockets test(options);
  test.to_server(std::string(100, 'a'));
  test.to_server(std::string(101, 'b'));
  REQUIRE(test.until([&] { return test.at_server.all.size() == 2; }));
  CHECK(test.at_server.all[0].whole == 100);
  CHECK(test.at_server.all[1].whole == 101);
  CHECK(test.at_server.all[1].bytes == std::string(100, 'b'));
  CHECK(test.server.counts().truncated == 1);
  CHECK(test.server.counts().received == 2);
}

TEST_CASE("what waits comes in one batch, at most as large as asked for") {
  datagram_options options;
  options.batch = 4;
  sockets test(options);
  std::vector<outgoing_datagram> ten(10, {base::as_bytes("x"), test.server.address(), {}});
  CHECK(test.client.send(ten).count == 10);
  CHECK(test.client.counts().sent == 10);
  REQUIRE(test.until([&] { return test.at_server.all.size() == 10; }));
  CHECK(test.at_server.batches == std::vector<std::size_t>{4, 4, 2});
}

TEST_CASE("more than fits into one system call leaves all the same") {
  sockets test;
  std::vector<std::string> texts;
  for (int i = 0; i < 150; ++i) texts.push_back(std::to_string(i));
  std::vector<outgoing_datagram> all;
  for (const auto& text : texts) all.push_back({base::as_bytes(text), test.server.address(), {}});
  CHECK(test.client.send(all).count == 150);
  REQUIRE(test.until([&] { return test.at_server.all.size() == 150; }));
  for (std::size_t i = 0; i < all.size(); ++i) CHECK(test.at_server.all[i].bytes == texts[i]);
}

namespace {

// Sends datagrams of these sizes: they arrive whole and in order, whether or not the kernel may cut several
// from one piece. It refuses that for sockets without checksums.
void check_sent(const std::vector<std::size_t>& sizes, bool without_checksums) {
  sockets test(largest());
  const int on = 1;
  base::unique_fd fd = datagram_socket::bind(v4, {}).value();
  if (without_checksums) REQUIRE(setsockopt(fd.get(), SOL_SOCKET, SO_NO_CHECK, &on, sizeof on) == 0);
  test.client = datagram_socket::open(test.loop.raw(), std::move(fd), {}, test.at_client).value();
  std::vector<std::string> texts;
  for (const std::size_t size : sizes)
    texts.push_back(std::string(size, static_cast<char>('a' + texts.size() % 26)));
  std::vector<outgoing_datagram> all;
  for (const std::string& one : texts) all.push_back({base::as_bytes(one), test.server.address()});
  for (std::size_t sent = 0; sent < all.size();) {
    const auto out = test.client.send(std::span(all).subspan(sent));
    REQUIRE_FALSE(out.failed);
    sent += out.count;
    REQUIRE(test.until([&] { return test.at_server.all.size() == sent; }));
  }
  CHECK(test.client.counts().sent == sizes.size());
  for (std::size_t i = 0; i < texts.size(); ++i) CHECK(test.at_server.all[i].bytes == texts[i]);
}

} // namespace

TEST_CASE("many datagrams to one peer arrive each by itself and in order, whatever their sizes") {
  std::vector<std::size_t> rising;
  for (std::size_t i = 0; i < 150; ++i) rising.push_back(i);
  const std::vector<std::size_t> rows[] = {
      std::vector<std::size_t>(200, 100),
      std::vector<std::size_t>(10, 0),
      {100, 100, 0, 100, 100, 100, 7, 100, 100, 0, 0, 1, 1, 1},
      {1, 2, 3, 3, 3, 2, 2, 1},
      {60'000, 60'000, 60'000},
      {30'000, 30'000, 30'000, 5},
      {65'507, 65'507, 1, 1},
      std::vector<std::size_t>(70, 1400),
      {100},
      rising,
  };
  for (const bool without_checksums : {false, true})
    for (const auto& sizes : rows) {
      CAPTURE(without_checksums);
      CAPTURE(&sizes - rows);
      check_sent(sizes, without_checksums);
    }
}

TEST_CASE("datagrams of one size to several peers and from several addresses go each its own way") {
  sockets test({}, address("0.0.0.0", 0));
  recorder at_others[2];
  datagram_socket others[2];
  for (int i = 0; i < 2; ++i)
    others[i] = datagram_socket::open(test.loop.raw(), v4, {}, at_others[i]).value();
  const std::string text(50, 'x');
  std::vector<outgoing_datagram> all;
  for (const int to : {0, 0, 0, 1, 1, 0, 1, 1, 1})
    for (const char* from : {"127.0.0.1", "127.0.0.2"})
      all.push_back({base::as_bytes(text), others[to].address(), address(from, 0)});
  std::ranges::stable_sort(all.begin() + 8, all.end(), {}, [](const auto& one) { return one.from->host(); });
  CHECK(test.server.send(all).count == all.size());
  REQUIRE(test.until([&] { return at_others[0].all.size() == 8 && at_others[1].all.size() == 10; }));
  for (const recorder& each : at_others) {
    std::map<std::string, std::size_t> from;
    for (const heard& one : each.all) ++from[one.peer.host()];
    CHECK(from["127.0.0.1"] == each.all.size() / 2);
    CHECK(from["127.0.0.2"] == each.all.size() / 2);
  }
}

TEST_CASE("answers given later each go to their own peer") {
  sockets test;
  constexpr std::size_t peers = 50;
  std::vector<recorder> handlers(peers);
  std::vector<datagram_socket> clients;
  for (std::size_t i = 0; i < peers; ++i) {
    clients.push_back(datagram_socket::open(test.loop.raw(), v4, {}, handlers[i]).value());
    const std::string text = std::to_string(i);
    const outgoing_datagram one{base::as_bytes(text), test.server.address(), {}};
    REQUIRE(clients.back().send({&one, 1}).count == 1);
  }
  REQUIRE(test.until([&] { return test.at_server.all.size() == peers; }));
  for (auto each = test.at_server.all.rbegin(); each != test.at_server.all.rend(); ++each) {
    const outgoing_datagram one{base::as_bytes(each->bytes), each->peer, each->local};
    REQUIRE(test.server.send({&one, 1}).count == 1);
  }
  REQUIRE(test.until([&] {
    return std::all_of(handlers.begin(), handlers.end(),
                       [](const recorder& one) { return one.all.size() == 1; });
  }));
  for (std::size_t i = 0; i < peers; ++i) CHECK(handlers[i].all[0].bytes == std::to_string(i));
}

TEST_CASE("a datagram tells the address it came to, and an answer leaves from there") {
  sockets test({}, address("0.0.0.0", 0));
  const std::uint16_t port = test.server.address().port();
  for (const char* host : {"127.0.0.1", "127.0.0.9"}) {
    test.at_server.all.clear();
    test.at_client.all.clear();
    const outgoing_datagram question{base::as_bytes("who?"), address(host, port), {}};
    REQUIRE(test.client.send({&question, 1}).count == 1);
    REQUIRE(test.until([&] { return test.at_server.all.size() == 1; }));
    const heard& asked = test.at_server.all[0];
    REQUIRE(asked.local);
    CHECK(asked.local->to_string() == address(host, port).to_string());
    const outgoing_datagram answer{base::as_bytes("me"), asked.peer, asked.local};
    REQUIRE(test.server.send({&answer, 1}).count == 1);
    REQUIRE(test.until([&] { return test.at_client.all.size() == 1; }));
    CHECK(test.at_client.all[0].peer.to_string() == address(host, port).to_string());
  }
}

TEST_CASE("the same over IPv6") {
  if (!has_ipv6()) {
    std::puts("SKIP UDP over IPv6: there is none here");
    return;
  }
  sockets test({}, address("::", 0));
  const outgoing_datagram question{base::as_bytes("who?"), address("::1", test.server.address().port()), {}};
  REQUIRE(test.client.send({&question, 1}).count == 1);
  REQUIRE(test.until([&] { return test.at_server.all.size() == 1; }));
  const heard& asked = test.at_server.all[0];
  REQUIRE(asked.local);
  CHECK(asked.local->host() == "::1");
  const outgoing_datagram answer{base::as_bytes("me"), asked.peer, asked.local};
  REQUIRE(test.server.send({&answer, 1}).count == 1);
  REQUIRE(test.until([&] { return test.at_client.all.size() == 1; }));
  CHECK(test.at_client.all[0].peer.host() == "::1");
}

TEST_CASE("a datagram tells when the kernel got it") {
  sockets test;
  test.to_server("x");
  REQUIRE(test.until([&] { return test.at_server.all.size() == 1; }));
  const base::nanos age = base::wall_now() - test.at_server.all[0].when;
  CHECK(age < 60 * base::nanos_per_second);
  CHECK(age > -base::nanos_per_second);
}

TEST_CASE("a port that nobody listens on is told, and ends nothing") {
  sockets test;
  const base::socket_address gone = test.server.address();
  test.server.close();
  for (int i = 1; i <= 3; ++i) {
    const outgoing_datagram lost{base::as_bytes("x"), gone, {}};
    CHECK(test.client.send({&lost, 1}).count == 1);
    REQUIRE(test.until([&] { return test.at_client.errors.size() == static_cast<std::size_t>(i); }));
  }
  CHECK(test.at_client.errors[0].number == ECONNREFUSED);
  REQUIRE(test.at_client.errors[0].peer);
  CHECK(*test.at_client.errors[0].peer == gone);
  CHECK(test.client.counts().errors == 3);
  recorder other;
  auto alive = datagram_socket::open(test.loop.raw(), v4, {}, other).value();
  const outgoing_datagram hello{base::as_bytes("still here?"), test.client.address(), {}};
  REQUIRE(alive.send({&hello, 1}).count == 1);
  REQUIRE(test.until([&] { return test.at_client.all.size() == 1; }));
}

TEST_CASE("an error of one peer does not keep what is sent to another") {
  sockets test;
  auto gone = datagram_socket::open(test.loop.raw(), v4, {}, test.at_client).value();
  const base::socket_address nobody = gone.address();
  gone.close();
  std::vector<outgoing_datagram> all;
  for (int i = 0; i < 20; ++i)
    all.push_back({base::as_bytes("x"), i % 2 == 0 ? nobody : test.server.address(), {}});
  CHECK(test.client.send(all).count == 20);
  REQUIRE(test.until([&] { return test.at_server.all.size() == 10 && test.at_client.errors.size() >= 1; }));
}

TEST_CASE("one that cannot be sent is named, with how many left before it") {
  sockets test;
  const std::vector<outgoing_datagram> all{{base::as_bytes("a"), test.server.address(), {}},
                                           {base::as_bytes("b"), address("127.0.0.1", 0), {}},
                                           {base::as_bytes("c"), test.server.address(), {}}};
  const auto sent = test.client.send(all);
  CHECK(sent.count == 1);
  CHECK_FALSE(sent.full);
  REQUIRE(sent.failed);
  CHECK(sent.failed->text == "send to 127.0.0.1:0: Invalid argument");
  const outgoing_datagram elsewhere{base::as_bytes("d"), test.server.address(), address("192.0.2.1", 0)};
  CHECK(test.client.send({&elsewhere, 1}).failed); // the source is not an address of this machine
}

TEST_CASE("what the receive buffer has no room for is counted apart") {
  datagram_options small;
  small.receive_buffer = 4096;
  sockets test(small);
  std::vector<outgoing_datagram> flood(500, {base::as_bytes("0123456789"), test.server.address(), {}});
  REQUIRE(test.client.send(flood).count == 500);
  const auto next = [&] {
    test.at_server.all.clear();
    test.to_server("next");
    return test.until(
        [&] { return !test.at_server.all.empty() && test.at_server.all.back().bytes == "next"; });
  };
  for (int i = 0; i < 60; ++i) test.loop.turn(false);
  const auto arrived = test.server.counts().received;
  CHECK(arrived < 500);
  REQUIRE(next());
  CHECK(test.server.counts().kernel_dropped == 500 - arrived);
  REQUIRE(next());
  CHECK(test.server.counts().kernel_dropped == 500 - arrived);
}

TEST_CASE("a paused socket reads nothing, and what waited once it is resumed") {
  sockets test;
  test.at_server.after_batch = [&] { test.server.pause(); };
  test.to_server("one");
  REQUIRE(test.until([&] { return test.at_server.all.size() == 1; }));
  test.to_server("two");
  for (int i = 0; i < 10; ++i) test.loop.turn(false);
  CHECK(test.at_server.all.size() == 1);
  test.at_server.after_batch = nullptr;
  test.server.resume();
  REQUIRE(test.until([&] { return test.at_server.all.size() == 2; }));
}

TEST_CASE("a handler may close its socket, in the middle of a batch or of errors") {
  SUBCASE("datagrams") {
    sockets test;
    test.at_server.after_batch = [&] { test.server = {}; };
    std::vector<outgoing_datagram> several(3, {base::as_bytes("xyz"), test.server.address(), {}});
    test.client.send(several);
    REQUIRE(test.until([&] { return !test.server; }));
    CHECK(test.at_server.last_byte == 'z'); // read after the close
  }
  SUBCASE("errors") {
    sockets test;
    const base::socket_address gone = test.server.address();
    test.server.close();
    test.at_client.after_error = [&] { test.client = {}; };
    for (int i = 0; i < 3; ++i) {
      const outgoing_datagram lost{base::as_bytes("x"), gone, {}};
      test.client.send({&lost, 1});
    }
    REQUIRE(test.until([&] { return !test.client; }));
    CHECK(test.at_client.errors.size() == 1);
  }
}

TEST_CASE("sockets share a port where they are told to, and each peer always meets the same one") {
  datagram_options shared;
  shared.reuse_port = true;
  auto loop = base::uv::loop::make().value();
  std::vector<recorder> handlers(2);
  std::vector<datagram_socket> servers;
  servers.push_back(datagram_socket::open(loop.raw(), v4, shared, handlers[0]).value());
  servers.push_back(datagram_socket::open(loop.raw(), servers[0].address(), shared, handlers[1]).value());
  recorder quiet;
  std::vector<datagram_socket> clients;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(datagram_socket::open(loop.raw(), v4, {}, quiet).value());
    for (int j = 0; j < 3; ++j) {
      const outgoing_datagram one{base::as_bytes("x"), servers[0].address(), {}};
      REQUIRE(clients.back().send({&one, 1}).count == 1);
    }
  }
  REQUIRE(test::loop_until(loop, [&] { return handlers[0].all.size() + handlers[1].all.size() == 120; }));
  std::map<std::uint16_t, std::set<int>> met;
  for (int i = 0; i < 2; ++i)
    for (const heard& one : handlers[static_cast<std::size_t>(i)].all) met[one.peer.port()].insert(i);
  for (const auto& [port, who] : met) CHECK(who.size() == 1);
  CHECK_FALSE(handlers[0].all.empty());
  CHECK_FALSE(handlers[1].all.empty());
}

TEST_CASE("a group that is joined is heard, one that is left is not") {
  datagram_options options;
  options.multicast_loop = true;
  options.multicast_interface = "lo";
  sockets test(options, address("0.0.0.0", 0));
  const auto group = address("239.255.17.4", test.server.address().port());
  const auto send = [&](const char* text) {
    const outgoing_datagram one{base::as_bytes(text), group, {}};
    return test.client.send({&one, 1}).count == 1;
  };
  if (!test.server.join(group, "lo") || !send("one")) {
    std::puts("SKIP multicast: there is none here");
    return;
  }
  REQUIRE(test.until([&] { return test.at_server.all.size() == 1; }));
  CHECK(test.at_server.all[0].bytes == "one");
  REQUIRE(test.server.leave(group, "lo"));
  REQUIRE(send("nobody hears this"));
  test.to_server("direct");
  const outgoing_datagram direct{base::as_bytes("direct"), address("127.0.0.1", group.port()), {}};
  REQUIRE(test.client.send({&direct, 1}).count == 1);
  REQUIRE(test.until([&] { return test.at_server.all.size() >= 2; }));
  CHECK(test.at_server.all[1].bytes == "direct");
  CHECK_FALSE(test.server.leave(group, "lo"));
  CHECK(test.server.join(group, "no-such-interface").error().text ==
        "there is no interface no-such-interface");
  CHECK_FALSE(test.server.join(address("127.0.0.1", 0)));
}

TEST_CASE("the receive buffer is as large as asked for, or as the system allows") {
  datagram_options options;
  options.receive_buffer = 100'000;
  sockets test(options);
  CHECK(test.server.receive_buffer() == 100'000);
}

TEST_CASE("options out of their bounds and addresses that are taken are refused in words") {
  auto loop = base::uv::loop::make().value();
  recorder quiet;
  const auto says = [&](const datagram_options& options) {
    const auto made = datagram_socket::open(loop.raw(), v4, options, quiet);
    REQUIRE_FALSE(made);
    return made.error().text;
  };
  datagram_options wrong;
  wrong.max_datagram = 65508;
  CHECK(says(wrong) == "max_datagram: 1 to 65507 bytes");
  wrong = {};
  wrong.batch = 0;
  CHECK(says(wrong) == "batch: 1 to 1024");
  wrong = {};
  wrong.multicast_ttl = 256;
  CHECK(says(wrong) == "multicast ttl: 0 to 255");
  wrong = {};
  wrong.multicast_interface = "nowhere0";
  CHECK(says(wrong) == "there is no interface nowhere0");
  const auto first = datagram_socket::open(loop.raw(), v4, {}, quiet).value();
  const auto second = datagram_socket::open(loop.raw(), first.address(), {}, quiet);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == base::errc::exists);
}

TEST_CASE("who may not have a UDP port below 1024 is told of the socket unit") {
  test::check_without_rights([] {
    const auto made = datagram_socket::bind(address("127.0.0.1", 81), {});
    return !made && made.error().text.find("listen on { socket: NAME }") != std::string::npos &&
           made.error().text.find("ListenDatagram= and FileDescriptorName=NAME") != std::string::npos;
  });
}

} // namespace coppice::net
