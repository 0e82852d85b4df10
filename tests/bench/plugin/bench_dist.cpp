// SPDX-License-Identifier: MIT
// The client's side of the dist_… rows, as in peer_bench.erl: actors of this node call and cast to peer_echo
// and peer_sink of another node. Only the time from the first to the last operation is measured.
#include <coppice/server.hpp>

#include <array>
#include <map>
#include <string>
#include <vector>

namespace {

using coppice::term;
namespace etf = coppice::etf;
using namespace std::chrono_literals;

using ok = etf::constant<"ok">;
using stop = etf::constant<"stop">;
using go = etf::constant<"go">;
constexpr auto forever = std::chrono::nanoseconds::max();

struct question {
  static constexpr std::string_view etf_tag = "get";
  std::int64_t key;
  bool operator==(const question&) const = default;
};
struct payload {
  static constexpr std::string_view etf_tag = "msg";
  etf::bytes bytes;
};

// The work of a client, which begins when it is told to go.
struct call_often {
  static constexpr std::string_view etf_tag = "call_often";
  term server;
  std::uint64_t calls;
};
struct cast_often {
  static constexpr std::string_view etf_tag = "cast_often";
  term sink;
  std::uint64_t messages;
  std::uint64_t size;
};

class client : public coppice::server {
 public:
  static constexpr std::string_view name = "client";
  using calls = std::variant<call_often, cast_often, go>;

  ok handle_call(const call_often& order) { return aim(order.server, order.calls, 0); }
  ok handle_call(const cast_often& order) { return aim(order.sink, order.messages, order.size); }
  ok handle_call(const go&) {
    const coppice::destination to(term{to_});
    if (size_ > 0) {
      const std::vector<std::uint8_t> text(size_, 'x');
      for (std::uint64_t i = 0; i < times_; ++i) {
        if (cast(to, payload{text}) != COPPICE_OK) throw std::runtime_error("a message was dropped");
      }
      return {};
    }
    const std::pair<etf::constant<"echo">, question> request{{}, {42}};
    for (std::uint64_t i = 0; i < times_; ++i) {
      const coppice::answer got = call(to, request, forever);
      const auto reply = got.as<question>();
      if (!got || !reply || !(*reply == request.second)) throw std::runtime_error("a wrong answer");
    }
    return {};
  }

 private:
  ok aim(const term& to, std::uint64_t times, std::uint64_t size) {
    to_.assign(to.encoded.begin(), to.encoded.end());
    times_ = times;
    size_ = size;
    return {};
  }

  std::vector<std::uint8_t> to_;
  std::uint64_t times_ = 0;
  std::uint64_t size_ = 0; // bytes of a cast; 0: calls
};

class remote : public coppice::server {
 public:
  static constexpr std::string_view name = "remote";
  // {calls, Echo, Callers, Operations}: each caller has a server of its own.
  struct calling {
    static constexpr std::string_view etf_tag = "calls";
    term echo;
    std::uint64_t callers;
    std::uint64_t operations;
  };
  // {casts, Sink, Senders, Operations, Size}: measured by the sink's clock.
  struct casting {
    static constexpr std::string_view etf_tag = "casts";
    term sink;
    std::uint64_t senders;
    std::uint64_t operations;
    std::uint64_t size;
  };
  using calls = std::variant<calling, casting>;
  using figure = std::pair<std::uint64_t, std::int64_t>; // {Operations, Microseconds}

  figure handle_call(const calling& row) {
    const std::uint64_t each = row.operations / row.callers;
    std::vector<coppice::message> servers;
    for (std::uint64_t i = 0; i < row.callers; ++i) {
      coppice::answer fresh = call(coppice::destination(row.echo), etf::constant<"new">{}, forever);
      if (!fresh) throw std::runtime_error("no echo server there");
      servers.push_back(std::move(fresh.message));
    }
    const auto clients = start(row.callers, [&](const coppice::message& each_client, std::size_t i) {
      return call(each_client.term(), call_often{servers[i].term(), each}, forever);
    });
    const auto began = now();
    all_go(clients);
    const auto took = now() - began;
    for (const auto& one : servers) cast(one.term(), stop{});
    return {each * row.callers, std::chrono::duration_cast<std::chrono::microseconds>(took).count()};
  }

  figure handle_call(const casting& row) {
    const coppice::destination sink(row.sink);
    const std::uint64_t each = row.operations / row.senders;
    check(call(sink, etf::constant<"reset">{}, forever));
    const auto clients = start(row.senders, [&](const coppice::message& each_client, std::size_t) {
      return call(each_client.term(), cast_often{row.sink, each, row.size}, forever);
    });
    all_go(clients);
    // Calls go the same way as casts: each call comes after the casts that this connection sent before it.
    for (int tries = 0; tries < most_asked; ++tries) {
      const coppice::answer stats = call(sink, etf::constant<"stats">{}, forever);
      const auto seen = stats.as<std::tuple<std::uint64_t, std::uint64_t, std::int64_t>>();
      if (!seen) throw std::runtime_error("the sink does not answer");
      if (std::get<0>(*seen) == each * row.senders) return {std::get<0>(*seen), std::get<2>(*seen)};
    }
    throw std::runtime_error("a cast was lost");
  }

 private:
  static constexpr int most_asked = 100'000;

  static void check(const coppice::answer& done) {
    if (!done) throw std::runtime_error("an actor failed");
  }
  template <class Aim>
  std::vector<coppice::message> start(std::uint64_t count, Aim aim) {
    std::vector<coppice::message> made;
    for (std::size_t i = 0; i < count; ++i) {
      coppice::spawned started = spawn(":client", std::map<etf::atom, int>{});
      if (!started) throw std::runtime_error("an actor did not start");
      made.push_back(std::move(started.message));
      check(aim(made.back(), i));
    }
    return made;
  }
  void all_go(const std::vector<coppice::message>& clients) {
    std::vector<coppice::destination> all;
    for (const auto& each : clients) all.emplace_back(each.term());
    for (const auto& done : call_many(all, go{}, forever)) check(done);
    for (const auto& each : clients) exit(each.term(), etf::constant<"shutdown">{});
  }
};

} // namespace

COPPICE_PLUGIN("bench_dist", "1.0.0", remote, client);
