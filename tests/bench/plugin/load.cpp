// SPDX-License-Identifier: MIT
// Our side of the rows with many things at once: pending timers, actors parked in a call, requests without an
// answer, and pings while a thousand actors are busy. README.md lists the driver's calls.
#include <coppice/server.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace {

using coppice::term;
namespace etf = coppice::etf;
using namespace std::chrono_literals;

using ok = etf::constant<"ok">;
using stop = etf::constant<"stop">;
using no_args = std::map<etf::atom, int>;
constexpr auto forever = std::chrono::nanoseconds::max();

std::int64_t microseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

// `sorted` is ascending; a share of `share` of the values is at most the result.
std::int64_t quantile(const std::vector<std::int64_t>& sorted, double share) {
  return sorted[static_cast<std::size_t>(static_cast<double>(sorted.size() - 1) * share)];
}

// Counts questions and answers none; {seen, N} is answered once N have come.
class hole : public coppice::server {
 public:
  static constexpr std::string_view name = "hole";
  using question = etf::constant<"question">;
  struct seen {
    static constexpr std::string_view etf_tag = "seen";
    std::uint64_t count;
  };
  using calls = std::variant<question, seen>;

  coppice::no_reply handle_call(const question&, term) {
    ++questions_;
    tell();
    return {};
  }
  coppice::no_reply handle_call(const seen& order, term from) {
    asker_.assign(from.encoded.begin(), from.encoded.end());
    expected_ = order.count;
    tell();
    return {};
  }

 private:
  void tell() {
    if (questions_ == expected_) reply(term{asker_}, ok{});
  }
  std::vector<std::uint8_t> asker_;
  std::uint64_t expected_ = UINT64_MAX;
  std::uint64_t questions_ = 0;
};

// {ask, Hole} waits for an answer for ever; {request, Hole, N} asks N times without waiting.
struct ask {
  static constexpr std::string_view etf_tag = "ask";
  term whom;
};
struct request_often {
  static constexpr std::string_view etf_tag = "request";
  term whom;
  std::uint64_t count;
};
class asker : public coppice::server {
 public:
  static constexpr std::string_view name = "asker";
  using casts = std::variant<ask, request_often>;

  void handle_cast(const ask& order) { call(coppice::destination(order.whom), hole::question{}, forever); }
  void handle_cast(const request_often& order) {
    const coppice::destination whom(order.whom);
    for (std::uint64_t i = 0; i < order.count; ++i) request(whom, hole::question{}, i, forever);
  }
};

// Sends itself message after message, each some 2 µs of work, until it is told to stop.
class busy : public coppice::server {
 public:
  static constexpr std::string_view name = "busy";
  using work = etf::constant<"work">;
  using casts = std::variant<work, stop>;

  void handle_cast(const work&) {
    for (int i = 0; i < 1000; ++i) sum_ = sum_ * 31 + i;
    cast(self(), work{});
  }
  coppice::outcome handle_cast(const stop&) { return coppice::outcome::stop(); }

 private:
  volatile std::int64_t sum_ = 1;
};

class echo : public coppice::server {
 public:
  static constexpr std::string_view name = "echo";
  using ping = etf::constant<"ping">;
  etf::constant<"pong"> handle_call(const ping&) { return {}; }
};

class driver : public coppice::server {
 public:
  static constexpr std::string_view name = "driver";
  template <etf::fixed_text Name>
  using order = std::pair<etf::constant<Name>, std::uint64_t>;
  using timers = order<"timers">;
  using lateness = order<"lateness">;
  using park = order<"park">;
  using wait = order<"wait">;
  using pings = order<"pings">;
  using calls = std::variant<timers, lateness, park, wait, pings>;
  struct due {
    static constexpr std::string_view etf_tag = "due";
    std::int64_t at;
  };
  using infos = std::variant<due>;

  std::pair<std::int64_t, std::int64_t> handle_call(const timers& wanted) {
    std::vector<std::uint64_t> all(wanted.second);
    const auto began = now();
    for (std::uint64_t& id : all) id = send_after(1h, due{0});
    const auto started = now();
    for (const std::uint64_t id : all)
      if (!cancel_timer(id)) throw std::runtime_error("a timer was lost");
    return {microseconds(started - began), microseconds(now() - started)};
  }

  coppice::no_reply handle_call(const lateness& wanted, term from) {
    asker_.assign(from.encoded.begin(), from.encoded.end());
    for (std::uint64_t i = 0; i < wanted.second; ++i) pending_.push_back(send_after(1h, due{0}));
    const auto began = now() + 100ms;
    for (std::size_t i = 0; i < samples; ++i) {
      const auto at = began + std::chrono::nanoseconds(1s) * i / samples;
      send_after(at - now(), due{static_cast<std::int64_t>(at.count())});
    }
    return {};
  }
  void handle_info(const due& timer) {
    late_.push_back(microseconds(now()) - timer.at / 1000);
    if (late_.size() < samples) return;
    std::ranges::sort(late_);
    reply(term{asker_}, quantile(late_, 0.99));
    for (const std::uint64_t id : pending_) cancel_timer(id);
    pending_.clear();
    late_.clear();
  }

  ok handle_call(const park& wanted) {
    const coppice::message sink = start(":hole");
    for (std::uint64_t i = 0; i < wanted.second; ++i) {
      const coppice::message one = start(":asker");
      cast(one.term(), ask{sink.term()});
    }
    if (!call(sink.term(), hole::seen{wanted.second}, forever)) throw std::runtime_error("no hole");
    return {};
  }
  ok handle_call(const wait& wanted) {
    const coppice::message sink = start(":hole");
    const coppice::message one = start(":asker");
    cast(one.term(), request_often{sink.term(), wanted.second});
    if (!call(sink.term(), hole::seen{wanted.second}, forever)) throw std::runtime_error("no hole");
    return {};
  }

  // Returns {P50, P99, P99.9} in nanoseconds.
  std::tuple<std::int64_t, std::int64_t, std::int64_t> handle_call(const pings& wanted) {
    std::vector<coppice::message> load;
    for (int i = 0; i < 1000; ++i) {
      load.push_back(start(":busy"));
      cast(load.back().term(), busy::work{});
    }
    const coppice::message other = start(":echo");
    std::vector<std::int64_t> took(wanted.second);
    for (std::int64_t& one : took) {
      const auto began = now();
      if (!call(other.term(), echo::ping{}, forever)) throw std::runtime_error("no pong");
      one = (now() - began).count();
    }
    for (const auto& one : load) cast(one.term(), stop{});
    std::ranges::sort(took);
    return {quantile(took, 0.5), quantile(took, 0.99), quantile(took, 0.999)};
  }

 private:
  static constexpr std::size_t samples = 10'000;
  coppice::message start(std::string_view actor_name) {
    coppice::spawned started = spawn(actor_name, no_args{});
    if (!started) throw std::runtime_error("an actor did not start");
    return std::move(started.message);
  }
  std::vector<std::uint8_t> asker_;
  std::vector<std::uint64_t> pending_;
  std::vector<std::int64_t> late_;
};

} // namespace

COPPICE_PLUGIN("load", "1.0.0", driver, hole, asker, busy, echo);
