// SPDX-License-Identifier: MIT
// Our side of the benchmarks, through the same ABI as every plugin: echo and sink stand in for the
// servers of peer_bench.erl, driver starts the actors of a local workload and times them.
#include <coppice/server.hpp>

#include <unistd.h>

#include <map>
#include <string>

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

// {echo, T} is answered with T, `new` with the pid of a fresh one; `stop` ends it.
struct echo_request {
  static constexpr std::string_view etf_tag = "echo";
  term what;
};

class echo : public coppice::server {
 public:
  static constexpr std::string_view name = "echo";
  using fresh = etf::constant<"new">;
  using os_pid = etf::constant<"os_pid">;
  using calls = std::variant<echo_request, fresh, os_pid>;

  term handle_call(const echo_request& request) { return request.what; }
  coppice::message handle_call(const fresh&) {
    coppice::answer started = spawn(":echo", std::map<etf::atom, int>{});
    if (!started) throw std::runtime_error("no fresh echo server");
    return std::move(started.message);
  }
  etf::charlist handle_call(const os_pid&) {
    pid_text_ = std::to_string(getpid());
    return {pid_text_};
  }
  coppice::outcome handle_cast(const stop&) { return coppice::outcome::stop(); }

 private:
  std::string pid_text_;
};

// Counts {msg, Binary} and the time from the first to the last.
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

// Calls a server so many times, each answer checked.
struct run {
  term server;
  std::uint64_t calls;
};
struct question {
  static constexpr std::string_view etf_tag = "get";
  std::int64_t key;
  bool operator==(const question&) const = default;
};

class caller : public coppice::server {
 public:
  static constexpr std::string_view name = "caller";
  ok handle_call(const run& order) {
    const coppice::destination callee(order.server);
    const std::pair<etf::constant<"echo">, question> request{{}, {42}};
    for (std::uint64_t i = 0; i < order.calls; ++i) {
      const coppice::answer got = call(callee, request, forever);
      const auto reply = got.as<question>();
      if (!got || !reply || !(*reply == request.second)) throw std::runtime_error("a wrong answer");
    }
    return {};
  }
};

struct local_call_1pair {
  std::uint64_t calls;
};
struct idle {
  std::uint64_t count;
};

class driver : public coppice::server {
 public:
  static constexpr std::string_view name = "driver";
  using calls = std::variant<local_call_1pair, idle>;

  std::pair<std::uint64_t, std::int64_t> handle_call(const local_call_1pair& row) {
    const coppice::message callee = start(":echo");
    const coppice::message client = start(":caller");
    const auto began = now();
    const coppice::answer done = call(client.term(), run{callee.term(), row.calls}, forever);
    const auto took = now() - began;
    if (!done) throw std::runtime_error("the caller failed");
    cast(callee.term(), stop{});
    exit(client.term(), etf::constant<"shutdown">{});
    return {row.calls, microseconds(took)};
  }

  ok handle_call(const idle& row) {
    for (std::uint64_t i = 0; i < row.count; ++i) start(":echo");
    return {};
  }

 private:
  coppice::message start(std::string_view actor_name) {
    coppice::answer started = spawn(actor_name, std::map<etf::atom, int>{});
    if (!started) throw std::runtime_error("an actor did not start");
    return std::move(started.message);
  }
};

} // namespace

COPPICE_PLUGIN("bench", "1.0.0", driver, echo, sink, caller);
