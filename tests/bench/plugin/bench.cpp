// SPDX-License-Identifier: MIT
// Our side of the benchmarks, through the same ABI as every plugin: echo and sink do what the servers of
// peer_bench.erl do; driver starts the actors of a local workload and measures their time.
#include <coppice/server.hpp>

#include <unistd.h>

#include <array>
#include <atomic>
#include <map>
#include <string>
#include <vector>

namespace {

using coppice::term;
namespace etf = coppice::etf;
using namespace std::chrono_literals;

using ok = etf::constant<"ok">;
using stop = etf::constant<"stop">;
constexpr auto forever = std::chrono::nanoseconds::max();

std::int64_t microseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

// {echo, T} is answered with T, `new` with the pid of a new echo server; `stop` ends it.
struct echo_request {
  static constexpr std::string_view etf_tag = "echo";
  term what;
};

class echo : public coppice::server {
 public:
  static constexpr std::string_view name = "echo";
  using fresh = etf::constant<"new">;
  using os_pid = etf::constant<"os_pid">;
  using halt = etf::constant<"halt">;
  using calls = std::variant<echo_request, fresh, os_pid, halt>;

  term handle_call(const echo_request& request) { return request.what; }
  coppice::message handle_call(const fresh&) {
    coppice::spawned started = spawn(":echo", std::map<etf::atom, int>{});
    if (!started) throw std::runtime_error("no fresh echo server");
    return std::move(started.message);
  }
  etf::charlist handle_call(const os_pid&) {
    pid_text_ = std::to_string(getpid());
    return {pid_text_};
  }
  // Ends without an answer: the caller learns of the end itself, as with gen_server:stop.
  coppice::outcome handle_call(const halt&) { return coppice::outcome::stop(); }
  coppice::outcome handle_cast(const stop&) { return coppice::outcome::stop(); }

 private:
  std::string pid_text_;
};

// A server with 16 bytes of state, for idle ones.
class idler : public coppice::server {
 public:
  static constexpr std::string_view name = "idler";
  std::uint64_t handle_call(const etf::constant<"get">&) { return ++asked_; }

 private:
  std::uint64_t asked_ = 0;
};
static_assert(sizeof(idler) == 16);

// Counts {msg, Binary} and measures the time from the first to the last.
struct counted {
  static constexpr std::string_view etf_tag = "msg";
  etf::bytes payload;
};

class sink : public coppice::server {
 public:
  static constexpr std::string_view name = "sink";
  using reset = etf::constant<"reset">;
  using stats = etf::constant<"stats">;
  using calls = std::variant<reset, stats>;

  ok handle_call(const reset&) {
    messages_ = bytes_ = 0;
    first_ = last_ = 0ns;
    return {};
  }
  std::tuple<std::uint64_t, std::uint64_t, std::int64_t> handle_call(const stats&) {
    return {messages_, bytes_, microseconds(last_ - first_)};
  }
  void handle_cast(const counted& m) {
    last_ = now();
    if (messages_ == 0) first_ = last_;
    ++messages_;
    bytes_ += m.payload.size();
  }

 private:
  std::uint64_t messages_ = 0;
  std::uint64_t bytes_ = 0;
  std::chrono::nanoseconds first_{0};
  std::chrono::nanoseconds last_{0};
};

// Calls a server that many times and checks each answer.
struct run {
  term server;
  std::uint64_t calls;
};
struct question {
  static constexpr std::string_view etf_tag = "get";
  std::int64_t key;
  bool operator==(const question&) const = default;
};

// Starts a server of its own.
struct meet {
  static constexpr std::string_view etf_tag = "meet";
  std::uint64_t calls;
};
// Sends {msg, <<1>>} as casts, or {msg, 1} as plain messages, that many times.
struct pour {
  term sink;
  std::uint64_t messages;
  bool as_casts;
};
struct number {
  static constexpr std::string_view etf_tag = "msg";
  std::int64_t value;
};

// Sends {msg, 1} that many times to each sink.
struct scatter {
  std::vector<term> sinks;
  std::uint64_t each;
};
// Spawns that many actors, which count themselves.
struct breed {
  static constexpr std::string_view etf_tag = "breed";
  std::uint64_t count;
};

class caller : public coppice::server {
 public:
  static constexpr std::string_view name = "caller";
  using go = etf::constant<"go">;
  using calls = std::variant<run, meet, go, pour, scatter, breed>;

  ok handle_call(const run& order) {
    return call_often(coppice::destination(order.server), order.calls), ok();
  }
  ok handle_call(const meet& order) {
    coppice::spawned started = spawn(":echo", std::map<etf::atom, int>{});
    if (!started) throw std::runtime_error("no echo server");
    own_ = std::move(started.message);
    calls_ = order.calls;
    return {};
  }
  ok handle_call(const go&) {
    call_often(coppice::destination(own_.term()), calls_);
    cast(own_.term(), stop{});
    return {};
  }
  ok handle_call(const pour& order) {
    const coppice::destination sink(order.sink);
    const std::array<std::uint8_t, 1> one{1};
    for (std::uint64_t i = 0; i < order.messages; ++i) {
      const std::int32_t sent = order.as_casts ? cast(sink, counted{one}) : send(sink, number{1});
      if (sent != COPPICE_OK) throw std::runtime_error("a message was dropped");
    }
    return {};
  }
  ok handle_call(const scatter& order) {
    std::vector<coppice::destination> sinks(order.sinks.begin(), order.sinks.end());
    for (std::uint64_t i = 0; i < order.each; ++i)
      for (const auto& sink : sinks)
        if (send(sink, number{1}) != COPPICE_OK) throw std::runtime_error("a message was dropped");
    return {};
  }
  ok handle_call(const breed& order) {
    for (std::uint64_t i = 0; i < order.count; ++i) spawn(":once", std::map<etf::atom, int>{});
    return {};
  }

 private:
  void call_often(const coppice::destination& callee, std::uint64_t times) {
    const std::pair<etf::constant<"echo">, question> request{{}, {42}};
    for (std::uint64_t i = 0; i < times; ++i) {
      const coppice::answer got = call(callee, request, forever);
      const auto reply = got.as<question>();
      if (!got || !reply || !(*reply == request.second)) throw std::runtime_error("a wrong answer");
    }
  }

  coppice::message own_;
  std::uint64_t calls_ = 0;
};

// Adds up {msg, I} and answers {expect, Count} with the sum once Count messages have come.
class drain : public coppice::server {
 public:
  static constexpr std::string_view name = "drain";
  struct expect {
    static constexpr std::string_view etf_tag = "expect";
    std::uint64_t messages;
  };

  coppice::no_reply handle_call(const expect& order, term from) {
    asker_.assign(from.encoded.begin(), from.encoded.end());
    expected_ = order.messages;
    tell();
    return {};
  }
  void handle_info(const number& m) {
    sum_ += m.value;
    ++seen_;
    tell();
  }

 private:
  void tell() {
    if (seen_ == expected_) reply(term{asker_}, sum_);
  }

  std::vector<std::uint8_t> asker_;
  std::uint64_t expected_ = UINT64_MAX;
  std::uint64_t seen_ = 0;
  std::int64_t sum_ = 0;
};

// {ping, From} is answered with `pong`; {play, Pong, N} is answered after N round trips.
class player : public coppice::server {
 public:
  static constexpr std::string_view name = "player";
  struct ping {
    static constexpr std::string_view etf_tag = "ping";
    term from;
  };
  using pong = etf::constant<"pong">;
  struct play {
    static constexpr std::string_view etf_tag = "play";
    term other;
    std::uint64_t rounds;
  };
  using infos = std::variant<pong, ping>;

  coppice::no_reply handle_call(const play& order, term from) {
    asker_.assign(from.encoded.begin(), from.encoded.end());
    other_.assign(order.other.encoded.begin(), order.other.encoded.end());
    left_ = order.rounds;
    serve();
    return {};
  }
  void handle_info(const ping& m) { send(coppice::destination(m.from), pong{}); }
  void handle_info(const pong&) {
    if (--left_ == 0)
      reply(term{asker_}, ok{});
    else
      serve();
  }

 private:
  void serve() { send(coppice::destination(term{other_}), ping{self()}); }

  std::vector<std::uint8_t> asker_;
  std::vector<std::uint8_t> other_;
  std::uint64_t left_ = 0;
};

// A member of a ring: {token, N, Home} is passed on as {token, N - 1, Home}; at 0 Home gets ring_done.
struct token {
  static constexpr std::string_view etf_tag = "token";
  std::uint64_t hops;
  term home;
};
class ring_node : public coppice::server {
 public:
  static constexpr std::string_view name = "ring_node";
  struct next {
    static constexpr std::string_view etf_tag = "next";
    term node;
  };
  using ring_done = etf::constant<"ring_done">;
  struct start {
    static constexpr std::string_view etf_tag = "start";
    std::uint64_t hops;
  };
  using calls = std::variant<next, start>;
  using infos = std::variant<token, ring_done>;

  ok handle_call(const next& order) {
    next_.assign(order.node.encoded.begin(), order.node.encoded.end());
    return {};
  }
  coppice::no_reply handle_call(const start& order, term from) {
    asker_.assign(from.encoded.begin(), from.encoded.end());
    send(coppice::destination(term{next_}), token{order.hops, self()});
    return {};
  }
  void handle_info(const token& m) {
    if (m.hops == 0)
      send(coppice::destination(m.home), ring_done{});
    else
      send(coppice::destination(term{next_}), token{m.hops - 1, m.home});
  }
  void handle_info(const ring_done&) { reply(term{asker_}, ok{}); }

 private:
  std::vector<std::uint8_t> next_;
  std::vector<std::uint8_t> asker_;
};

// Sends itself that many messages, then answers.
class spinner : public coppice::server {
 public:
  static constexpr std::string_view name = "spinner";
  using spin = etf::constant<"spin">;
  struct start {
    static constexpr std::string_view etf_tag = "start";
    std::uint64_t messages;
  };

  coppice::no_reply handle_call(const start& order, term from) {
    asker_.assign(from.encoded.begin(), from.encoded.end());
    own_.assign(self().encoded.begin(), self().encoded.end());
    left_ = order.messages;
    send(coppice::destination(term{own_}), spin{});
    return {};
  }
  void handle_info(const spin&) {
    if (--left_ == 0)
      reply(term{asker_}, ok{});
    else
      send(coppice::destination(term{own_}), spin{});
  }

 private:
  std::vector<std::uint8_t> asker_;
  std::vector<std::uint8_t> own_;
  std::uint64_t left_ = 0;
};

// Counts itself and ends.
class once : public coppice::server {
 public:
  static constexpr std::string_view name = "once";
  static inline std::atomic<std::uint64_t> ran{0};
  coppice::outcome init() {
    ran.fetch_add(1, std::memory_order_relaxed);
    return {COPPICE_IGNORE, {}};
  }
};

class driver : public coppice::server {
 public:
  static constexpr std::string_view name = "driver";
  template <etf::fixed_text Name>
  using workload = std::pair<etf::constant<Name>, std::uint64_t>; // {ROW, Operations}
  using call_1pair = workload<"local_call_1pair">;
  using call_pairs_2 = workload<"local_call_pairs_2">;
  using call_pairs_16 = workload<"local_call_pairs_16">;
  using call_pairs_256 = workload<"local_call_pairs_256">;
  using pool_call_1 = workload<"local_pool_call_8_1">;
  using pool_call_16 = workload<"local_pool_call_8_16">;
  using pool_call_256 = workload<"local_pool_call_8_256">;
  using bang_1pair = workload<"local_bang_1pair">;
  using fanin16_cast = workload<"local_fanin16_cast">;
  using fanin16_bang = workload<"local_fanin16_bang">;
  using ring1000 = workload<"local_ring1000">;
  using fanout16_bang = workload<"local_fanout16_bang">;
  using skewed64 = workload<"local_skewed64">;
  using spawn_exit = workload<"local_spawn_exit_1spawner">;
  using spawn_exit_2 = workload<"local_spawn_exit_2spawners">;
  using start_stop = workload<"local_gen_server_start_stop">;
  using idle = workload<"idle">;
  using calls = std::variant<call_1pair, call_pairs_2, call_pairs_16, call_pairs_256, pool_call_1,
                             pool_call_16, pool_call_256, bang_1pair, fanin16_cast, fanin16_bang,
                             fanout16_bang, skewed64, ring1000, spawn_exit, spawn_exit_2, start_stop, idle>;
  using figure = std::pair<std::uint64_t, std::int64_t>; // {Operations, Microseconds}

  figure handle_call(const call_1pair& row) {
    const coppice::message callee = start(":echo");
    const coppice::message client = start(":caller");
    const auto began = now();
    check(call(client.term(), run{callee.term(), row.second}, forever));
    const auto took = now() - began;
    cast(callee.term(), stop{});
    end(client);
    return {row.second, microseconds(took)};
  }
  figure handle_call(const call_pairs_2& row) { return pairs(2, row.second); }
  figure handle_call(const call_pairs_16& row) { return pairs(16, row.second); }
  figure handle_call(const call_pairs_256& row) { return pairs(256, row.second); }

  figure handle_call(const pool_call_1& row) { return at_pool(1, row.second); }
  figure handle_call(const pool_call_16& row) { return at_pool(16, row.second); }
  figure handle_call(const pool_call_256& row) { return at_pool(256, row.second); }

  figure handle_call(const bang_1pair& row) {
    const coppice::message pong = start(":player");
    const coppice::message pinger = start(":player");
    const auto began = now();
    check(call(pinger.term(), player::play{pong.term(), row.second}, forever));
    const auto took = now() - began;
    end(pong);
    end(pinger);
    return {row.second, microseconds(took)};
  }

  figure handle_call(const fanin16_cast& row) {
    const coppice::message target = start(":sink");
    const std::uint64_t each = row.second / senders;
    const auto began = now();
    pour_into(target, each, true);
    const coppice::answer stats = call(target.term(), sink::stats{}, forever);
    const auto took = now() - began;
    const auto counts = stats.as<std::tuple<std::uint64_t, std::uint64_t, std::int64_t>>();
    if (!counts || std::get<0>(*counts) != each * senders) throw std::runtime_error("a cast was lost");
    end(target);
    return {each * senders, microseconds(took)};
  }
  figure handle_call(const fanin16_bang& row) {
    const coppice::message target = start(":drain");
    const std::uint64_t each = row.second / senders;
    const auto began = now();
    pour_into(target, each, false);
    const coppice::answer summed = call(target.term(), drain::expect{each * senders}, forever);
    const auto took = now() - began;
    const auto sum = summed.as<std::int64_t>();
    if (!sum || *sum != static_cast<std::int64_t>(each * senders))
      throw std::runtime_error("a message was lost");
    end(target);
    return {each * senders, microseconds(took)};
  }

  figure handle_call(const fanout16_bang& row) {
    const std::uint64_t each = row.second / senders;
    std::vector<coppice::message> sinks;
    std::vector<coppice::destination> all;
    std::vector<term> terms;
    for (unsigned i = 0; i < senders; ++i) sinks.push_back(start(":drain"));
    for (const auto& sink : sinks) {
      all.emplace_back(sink.term());
      terms.push_back(sink.term());
    }
    const coppice::message client = start(":caller");
    const auto began = now();
    check(call(client.term(), scatter{terms, each}, forever));
    for (const auto& summed : call_many(all, drain::expect{each}, forever)) {
      const auto sum = summed.as<std::int64_t>();
      if (!sum || *sum != static_cast<std::int64_t>(each)) throw std::runtime_error("a message was lost");
    }
    const auto took = now() - began;
    for (const auto& sink : sinks) end(sink);
    end(client);
    return {each * senders, microseconds(took)};
  }

  // All actors are started here, so they begin on one worker.
  figure handle_call(const skewed64& row) {
    constexpr unsigned actors = 64;
    std::vector<coppice::message> spinners;
    std::vector<coppice::destination> all;
    const auto began = now();
    for (unsigned i = 0; i < actors; ++i) spinners.push_back(start(":spinner"));
    for (const auto& one : spinners) all.emplace_back(one.term());
    for (const auto& done : call_many(all, spinner::start{row.second / actors}, forever)) check(done);
    const auto took = now() - began;
    for (const auto& one : spinners) end(one);
    return {row.second / actors * actors, microseconds(took)};
  }

  figure handle_call(const ring1000& row) {
    std::vector<coppice::message> nodes;
    for (unsigned i = 0; i < 1000; ++i) nodes.push_back(start(":ring_node"));
    for (std::size_t i = 0; i < nodes.size(); ++i)
      check(call(nodes[i].term(), ring_node::next{nodes[(i + 1) % nodes.size()].term()}, forever));
    const auto began = now();
    check(call(nodes[0].term(), ring_node::start{row.second}, forever));
    const auto took = now() - began;
    for (const auto& node : nodes) end(node);
    return {row.second, microseconds(took)};
  }

  figure handle_call(const spawn_exit& row) {
    const std::uint64_t before = once::ran.load();
    const auto began = now();
    for (std::uint64_t i = 0; i < row.second; ++i) spawn(":once", no_args{});
    const auto took = now() - began;
    if (once::ran.load() - before != row.second) throw std::runtime_error("an actor did not run");
    return {row.second, microseconds(took)};
  }

  figure handle_call(const spawn_exit_2& row) {
    constexpr unsigned spawners = 2;
    const std::uint64_t each = row.second / spawners;
    const std::uint64_t before = once::ran.load();
    std::vector<coppice::message> clients;
    std::vector<coppice::destination> all;
    for (unsigned i = 0; i < spawners; ++i) clients.push_back(start(":caller"));
    for (const auto& client : clients) all.emplace_back(client.term());
    const auto began = now();
    for (const auto& done : call_many(all, breed{each}, forever)) check(done);
    const auto took = now() - began;
    if (once::ran.load() - before != each * spawners) throw std::runtime_error("an actor did not run");
    for (const auto& client : clients) end(client);
    return {each * spawners, microseconds(took)};
  }

  figure handle_call(const start_stop& row) {
    const auto began = now();
    for (std::uint64_t i = 0; i < row.second; ++i) {
      const coppice::message started = start(":echo");
      const coppice::answer ended = call(started.term(), echo::halt{}, forever);
      if (ended.status != COPPICE_E_EXIT || !ended.as<etf::constant<"normal">>())
        throw std::runtime_error("a server did not stop");
    }
    return {row.second, microseconds(now() - began)};
  }

  ok handle_call(const idle& row) {
    for (std::uint64_t i = 0; i < row.second; ++i) start(":idler");
    return {};
  }

 private:
  static constexpr unsigned senders = 16;
  using no_args = std::map<etf::atom, int>;

  // Each caller has a server of its own; only the time of the calls is measured.
  figure pairs(unsigned count, std::uint64_t operations) {
    const std::uint64_t each = operations / count;
    std::vector<coppice::message> clients;
    std::vector<coppice::destination> all;
    for (unsigned i = 0; i < count; ++i) {
      clients.push_back(start(":caller"));
      check(call(clients.back().term(), meet{each}, forever));
    }
    for (const auto& client : clients) all.emplace_back(client.term());
    const auto began = now();
    for (const auto& done : call_many(all, caller::go{}, forever)) check(done);
    const auto took = now() - began;
    for (const auto& client : clients) end(client);
    return {each * count, microseconds(took)};
  }

  // That many callers of one pool.
  figure at_pool(unsigned count, std::uint64_t operations) {
    const std::uint64_t each = operations / count;
    const coppice::message pool = whereis("bench_pool");
    std::vector<coppice::message> clients;
    std::vector<coppice::destination> all;
    for (unsigned i = 0; i < count; ++i) clients.push_back(start(":caller"));
    for (const auto& client : clients) all.emplace_back(client.term());
    const auto began = now();
    for (const auto& done : call_many(all, run{pool.term(), each}, forever)) check(done);
    const auto took = now() - began;
    for (const auto& client : clients) end(client);
    return {each * count, microseconds(took)};
  }

  // The clock runs while the senders start, as in peer_bench.erl.
  void pour_into(const coppice::message& target, std::uint64_t each, bool as_casts) {
    std::vector<coppice::message> clients;
    std::vector<coppice::destination> all;
    for (unsigned i = 0; i < senders; ++i) clients.push_back(start(":caller"));
    for (const auto& client : clients) all.emplace_back(client.term());
    for (const auto& done : call_many(all, pour{target.term(), each, as_casts}, forever)) check(done);
    for (const auto& client : clients) end(client);
  }

  static void check(const coppice::answer& done) {
    if (!done) throw std::runtime_error("an actor failed");
  }
  void end(const coppice::message& other) { exit(other.term(), etf::constant<"shutdown">{}); }
  coppice::message start(std::string_view actor_name) {
    coppice::spawned started = spawn(actor_name, no_args{});
    if (!started) throw std::runtime_error("an actor did not start");
    return std::move(started.message);
  }
};

} // namespace

COPPICE_PLUGIN("bench", "1.0.0", driver, echo, idler, sink, caller, drain, player, ring_node, spinner, once);
