// SPDX-License-Identifier: MIT
// Callers of a server on any node, for rows that measure the server: for a call to another node a caller of
// ours needs a tenth of the processor time of an Erlang process.
#include <coppice/server.hpp>

#include <chrono>
#include <map>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace {

using coppice::term;
namespace etf = coppice::etf;

using ok = etf::constant<"ok">;
using go = etf::constant<"go">;
constexpr auto forever = std::chrono::nanoseconds::max();

// The answer to an operation that was done, from Coppice and from ra.
using success = std::variant<std::tuple<ok, term>, std::tuple<ok, term, term>,
                             std::pair<etf::constant<"wrap_reply">, term>>;

// {prepare, Server, Requests, First, Milliseconds}: calls the server with one request after the other,
// beginning with number First, for that time.
struct prepare {
  static constexpr std::string_view etf_tag = "prepare";
  term server;
  std::vector<term> requests;
  std::uint64_t first;
  std::int64_t milliseconds;
};

class caller : public coppice::server {
 public:
  static constexpr std::string_view name = "caller";
  using calls = std::variant<prepare, go>;

  ok handle_call(const prepare& order) {
    if (order.requests.empty()) throw std::runtime_error("no request");
    server_.assign(order.server.encoded.begin(), order.server.encoded.end());
    for (const term& each : order.requests) requests_.emplace_back(each.encoded.begin(), each.encoded.end());
    next_ = order.first % requests_.size();
    length_ = std::chrono::milliseconds(order.milliseconds);
    return {};
  }

  // Returns the number of answered calls.
  std::uint64_t handle_call(const go&) {
    const coppice::destination to(term{server_});
    const auto end = now() + length_;
    std::uint64_t count = 0;
    for (; now() < end; ++count) {
      const coppice::answer got = call(to, term{requests_[next_]}, forever);
      if (!got || !got.as<success>()) throw std::runtime_error("a call was not answered well");
      next_ = (next_ + 1) % requests_.size();
    }
    return count;
  }

 private:
  std::vector<std::uint8_t> server_;
  std::vector<std::vector<std::uint8_t>> requests_;
  std::size_t next_ = 0;
  std::chrono::milliseconds length_{};
};

class callers : public coppice::server {
 public:
  static constexpr std::string_view name = "callers";
  // {ask, Server, Requests, Callers, Milliseconds}
  struct order {
    static constexpr std::string_view etf_tag = "ask";
    term server;
    std::vector<term> requests;
    std::uint64_t callers;
    std::int64_t milliseconds;
  };
  using calls = order;

  // Returns {Calls, Microseconds}.
  std::pair<std::uint64_t, std::int64_t> handle_call(const order& what) {
    std::vector<coppice::message> made;
    for (std::uint64_t i = 0; i < what.callers; ++i) {
      coppice::spawned started = spawn(":caller", std::map<etf::atom, int>{});
      if (!started) throw std::runtime_error("a caller did not start");
      made.push_back(std::move(started.message));
      const prepare part{what.server, what.requests, i, what.milliseconds};
      if (!call(made.back().term(), part, forever)) throw std::runtime_error("a caller is not ready");
    }
    std::vector<coppice::destination> all;
    for (const auto& each : made) all.emplace_back(each.term());
    const auto began = now();
    std::uint64_t count = 0;
    for (const auto& done : call_many(all, go{}, forever)) {
      const auto answered = done.as<std::uint64_t>();
      if (!answered) throw std::runtime_error("a caller failed");
      count += *answered;
    }
    const auto took = now() - began;
    for (const auto& each : made) exit(each.term(), etf::constant<"shutdown">{});
    return {count, std::chrono::duration_cast<std::chrono::microseconds>(took).count()};
  }
};

} // namespace

COPPICE_PLUGIN("bench_ask", "1.0.0", callers, caller);
