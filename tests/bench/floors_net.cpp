// SPDX-License-Identifier: MIT
// What the machine can do, as floors of the dist_… rows: a bare libuv echo over loopback whose ends never
// sleep, with a number of messages of a call's size in flight on one connection; and mbedTLS's records from
// one thread to another over loopback, with the cipher that our listeners choose. Prints `NAME VALUE UNIT`
// for each row.
// rooms: net
#include <fmt/format.h>
#include <mbedtls/ssl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/uv.hpp"
#include "net/listening/listener.hpp"
#include "net/stream/stream.hpp"
#include "net/tls/certificate.hpp"
#include "net/tls/mbedtls_context.hpp"
#include "net/tls/tls.hpp"
#include "net/tls/tls_context.hpp"

namespace {

using namespace coppice;
using steady = std::chrono::steady_clock;

// About the size of a call's frame, and of its reply's.
constexpr std::size_t message_size = 128;

std::uint64_t number_of(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

bool wanted(std::string_view row) {
  const char* only = std::getenv("PEER_BENCH_ONLY");
  if (only == nullptr) return true;
  const std::string list = "," + std::string(only) + ",";
  return list.find("," + std::string(row) + ",") != std::string::npos;
}

double seconds_since(steady::time_point began) {
  return std::chrono::duration<double>(steady::now() - began).count();
}

// Sends back what comes; the messages of a turn go out with one write.
struct echo final : net::stream_handler {
  net::stream connection;
  bool over = false;
  void on_data(base::bytes_span bytes) override { connection.write(bytes); }
  void on_closed(base::error) override { over = true; }
};

// Keeps `left` messages going, a fixed number of them in flight.
struct asker final : net::stream_handler {
  net::stream connection;
  std::uint64_t left = 0;
  std::uint64_t unsent = 0;
  std::size_t in_flight = 0;
  std::size_t partial = 0;
  steady::time_point began;
  bool over = false;
  const std::vector<std::uint8_t> message = std::vector<std::uint8_t>(message_size);

  void send_one() {
    if (unsent == 0) return;
    --unsent;
    connection.write(message);
  }
  void on_connected() override {
    began = steady::now();
    for (std::size_t i = 0; i < in_flight; ++i) send_one();
  }
  void on_data(base::bytes_span bytes) override {
    partial += bytes.size();
    for (; partial >= message_size; partial -= message_size) {
      send_one();
      if (--left == 0) {
        over = true;
        return;
      }
    }
  }
  void on_closed(base::error why) override {
    fmt::print(stderr, "echo: {}\n", why.text);
    over = true;
  }
};

// Never sleeps: waking up takes longer than a message.
void run(base::uv::loop& loop, const bool& over) {
  while (!over) loop.turn(false);
}

double echo_rate(std::size_t in_flight, std::uint64_t messages) {
  auto there = base::uv::loop::make().value();
  echo answering;
  auto listening = net::listener::tcp(there.raw(), *base::socket_address::parse("127.0.0.1", 0), {0, 0}, {},
                                      [&](net::accepted_socket socket) {
                                        answering.connection =
                                            net::stream::adopt(there.raw(), std::move(socket)).value();
                                        answering.connection.start(answering);
                                      })
                       .value();
  const auto address = listening.address();
  std::thread server([&] { run(there, answering.over); });
  double took = 0;
  {
    auto here = base::uv::loop::make().value();
    asker asking;
    asking.left = asking.unsent = messages;
    asking.in_flight = in_flight;
    asking.connection = net::stream::connect(here.raw(), address, {}, asking).value();
    run(here, asking.over);
    took = seconds_since(asking.began);
    asking.connection.close();
    here.turn(false);
  }
  server.join();
  answering.connection.close();
  listening.close();
  there.turn(false);
  return static_cast<double>(messages) / took;
}

using session = net::owned<mbedtls_ssl_context, mbedtls_ssl_init, mbedtls_ssl_free>;

// Blocking sockets, so that only records are measured.
void attach(session& to, const net::tls_context& context, int* fd) {
  if (mbedtls_ssl_setup(to.get(), context.config(true)) != 0) std::abort();
  if (context.role() == net::tls_role::client) mbedtls_ssl_set_hostname(to.get(), nullptr);
  mbedtls_ssl_set_bio(
      to.get(), fd,
      [](void* s, const unsigned char* bytes, std::size_t size) {
        return static_cast<int>(::send(*static_cast<int*>(s), bytes, size, MSG_NOSIGNAL));
      },
      [](void* s, unsigned char* into, std::size_t size) {
        return static_cast<int>(::recv(*static_cast<int*>(s), into, size, 0));
      },
      nullptr);
}

// A pair connected over TCP, as nodes are.
std::pair<int, int> connected_pair() {
  const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto any = *base::socket_address::parse("127.0.0.1", 0);
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  const int one = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::bind(listening, any.raw(), any.raw_length()) != 0 || ::listen(listening, 1) != 0 ||
      ::getsockname(listening, reinterpret_cast<sockaddr*>(&bound), &length) != 0 ||
      ::connect(one, reinterpret_cast<const sockaddr*>(&bound), length) != 0) {
    std::abort();
  }
  const int other = ::accept(listening, nullptr, nullptr);
  ::close(listening);
  return {one, other};
}

// MB/s from one thread to another.
double record_rate(std::uint64_t bytes) {
  if (!net::tls::initialise()) std::abort();
  const auto authority = net::make_authority(base::wall_now()).value();
  const auto leaf = net::issue_leaf(authority, {"127.0.0.1"}, base::wall_now()).value();
  const auto server =
      net::tls_context::make(net::tls_role::server, {leaf.certificate, leaf.key, "", false, false}).value();
  const auto client = net::tls_context::make(net::tls_role::client, {}).value();
  auto [one, other] = connected_pair();
  session sending;
  session receiving;
  attach(sending, *client, &one);
  attach(receiving, *server, &other);
  double took = 0;
  std::thread receiver([&] {
    while (mbedtls_ssl_handshake(receiving.get()) != 0) {
    }
    std::vector<std::uint8_t> into(16 * 1024);
    std::uint64_t left = bytes;
    const auto began = steady::now();
    while (left > 0) {
      const int got = mbedtls_ssl_read(receiving.get(), into.data(), into.size());
      if (got <= 0) break;
      left -= std::min(left, static_cast<std::uint64_t>(got));
    }
    took = seconds_since(began);
  });
  while (mbedtls_ssl_handshake(sending.get()) != 0) {
  }
  const std::vector<std::uint8_t> record(16 * 1024, 'x');
  for (std::uint64_t sent = 0; sent < bytes;) {
    const int done = mbedtls_ssl_write(sending.get(), record.data(), record.size());
    if (done <= 0) break;
    sent += static_cast<std::uint64_t>(done);
  }
  receiver.join();
  ::close(one);
  ::close(other);
  return static_cast<double>(bytes) / 1e6 / took;
}

void row(const std::string& name, const char* unit, const std::function<double()>& measure) {
  if (!wanted(name)) return;
  std::vector<double> all;
  for (std::uint64_t i = 0; i < number_of("PEER_BENCH_RUNS", 3); ++i) all.push_back(measure());
  std::sort(all.begin(), all.end());
  fmt::print("{} {:.1f} {}\n", name, all[all.size() / 2], unit);
}

} // namespace

int main() {
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ); // prints a row as soon as it is measured
  const auto scaled = [](std::uint64_t n) {
    return std::max<std::uint64_t>(1, n * number_of("PEER_BENCH_SCALE", 100) / 100);
  };
  row("floor_echo_1", "calls/s", [&] { return echo_rate(1, scaled(50'000)); });
  row("floor_echo_64", "calls/s", [&] { return echo_rate(64, scaled(2'000'000)); });
  row("floor_echo_256", "calls/s", [&] { return echo_rate(256, scaled(4'000'000)); });
  row("floor_tls_records", "MB/s", [&] { return record_rate(scaled(512) << 20); });
}
