// SPDX-License-Identifier: MIT
// Named events for the rows local_event_… and dist_event_…: `bench_publish` starts as many readers as the row
// says, publishes, and answers {Row, Events} with {Deliveries, Microseconds} once each reader has had all
// events. For {dist_event_fanout_1000, Events, Node} the `bench_publish` of that node starts the readers,
// which follow this node's event.
#include <coppice/event.hpp>
#include <coppice/server.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace {

using namespace coppice;

constexpr const char* event_name = "bench_ticks";
using tick = etf::constant<"tick">;
using joined = etf::constant<"joined">; // from a reader, at its first event
struct call_roll {};                    // {call_roll}: an event before the counted ones
struct done {};                         // {done}: the last event of a run

struct reader_args {
  static constexpr etf::form etf_form = etf::form::map;
  std::optional<std::string> node; // the node of the event; none: this one
};

class reader : public server {
 public:
  static constexpr std::string_view name = "reader";
  void init(const reader_args& given) {
    subscribe(*this, event_name, given.node.value_or(""));
    publisher_ = given.node ? destination("bench_publish", *given.node) : destination("bench_publish");
  }
  void handle_info(const event& one) {
    if (one.as<call_roll>()) {
      if (!std::exchange(has_joined_, true)) send(publisher_, joined{});
      return;
    }
    ++seen_;
    if (!one.as<done>()) return;
    send(publisher_, std::pair(etf::constant<"seen">{}, seen_));
    seen_ = 0;
  }

 private:
  destination publisher_{""};
  bool has_joined_ = false;
  std::uint64_t seen_ = 0;
};

class hole : public server {
 public:
  static constexpr std::string_view name = "hole";
  void handle_info(const tick&) {}
};

class driver : public server {
  static constexpr std::uint64_t away = 1000; // readers on the other node

 public:
  static constexpr std::string_view name = "bench_publish";
  using figure = std::pair<std::uint64_t, std::int64_t>;
  using fan_1000 = std::pair<etf::constant<"local_event_fanout_1000">, std::uint64_t>;
  using fan_100000 = std::pair<etf::constant<"local_event_fanout_100000">, std::uint64_t>;
  using nobody = std::pair<etf::constant<"local_event_publish_0">, std::uint64_t>;
  using send_0 = std::pair<etf::constant<"local_send_0">, std::uint64_t>;
  using fan_away = std::tuple<etf::constant<"dist_event_fanout_1000">, std::uint64_t, std::string>;
  using readers_for = std::tuple<etf::constant<"readers">, std::uint64_t, std::string>;
  using calls = std::variant<fan_1000, fan_100000, nobody, send_0, fan_away, readers_for>;
  using again = etf::constant<"again">;
  using seen = std::pair<etf::constant<"seen">, std::uint64_t>;
  using infos = std::variant<seen, joined, again>;

  void init() {
    source_ = event_source(*this, event_name, {.queue = 1'000'000, .slow = slow_subscriber::park});
  }

  no_reply handle_call(const fan_1000& row, term from) { return publish(1000, row.second, from); }
  no_reply handle_call(const fan_100000& row, term from) { return publish(100'000, row.second, from); }
  no_reply handle_call(const fan_away& row, term from) {
    asker_.assign(from.encoded.begin(), from.encoded.end());
    events_ = std::get<1>(row) + 1;
    if (joined_ == away) {
      run(away);
      return {};
    }
    call(destination("bench_publish", std::get<2>(row)),
         std::tuple(etf::constant<"readers">{}, away, std::string(node())));
    handle_info(again{});
    return {};
  }
  // Readers of another node's event.
  bool handle_call(const readers_for& what) {
    while (readers_.size() < std::get<1>(what))
      readers_.push_back(spawn<reader>(reader_args{std::get<2>(what)}).message);
    return true;
  }
  figure handle_call(const nobody& row) {
    const auto began = now();
    for (std::uint64_t i = 0; i < row.second; ++i) source_.publish(tick());
    return {row.second, since(began)};
  }
  // For comparison: the same number of messages to an actor that ignores them.
  figure handle_call(const send_0& row) {
    const message whom = spawn<hole>().message;
    const destination to(term{whom.bytes()});
    const auto began = now();
    for (std::uint64_t i = 0; i < row.second; ++i) send(to, tick());
    const figure out{row.second, since(began)};
    exit(term{whom.bytes()}, etf::atom{"shutdown"});
    return out;
  }
  void handle_info(const seen& told) {
    if (told.second != events_) throw std::runtime_error("an event was lost");
    if (--left_ == 0) reply(term{asker_}, figure(wanted_ * events_, since(began_)));
  }
  void handle_info(joined) {
    if (++joined_ == away) run(away);
  }
  // Publishes until all readers have joined.
  void handle_info(again) {
    if (joined_ == away) return;
    source_.publish(call_roll{});
    send_after(std::chrono::milliseconds(50), again{});
  }

 private:
  std::int64_t since(std::chrono::nanoseconds began) const {
    return std::chrono::duration_cast<std::chrono::microseconds>(now() - began).count();
  }
  no_reply publish(std::size_t wanted, std::uint64_t events, term from) {
    while (readers_.size() > wanted) {
      exit(term{readers_.back().bytes()}, etf::atom{"shutdown"});
      readers_.pop_back();
    }
    while (readers_.size() < wanted) readers_.push_back(spawn<reader>().message);
    asker_.assign(from.encoded.begin(), from.encoded.end());
    events_ = events + 1;
    run(wanted);
    return {};
  }
  void run(std::uint64_t wanted) {
    wanted_ = left_ = wanted;
    began_ = now();
    for (std::uint64_t i = 1; i < events_; ++i) source_.publish(tick());
    source_.publish(done());
  }
  event_source source_;
  std::vector<message> readers_;
  std::vector<std::uint8_t> asker_;
  std::uint64_t events_ = 0;
  std::uint64_t wanted_ = 0, left_ = 0, joined_ = 0;
  std::chrono::nanoseconds began_{};
};

} // namespace

COPPICE_PLUGIN("bench_publish", "1.0.0", driver, reader, hole);
