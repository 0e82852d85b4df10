// SPDX-License-Identifier: MIT
// Named events for the rows local_event_…: `bench_publish` starts as many readers as the row says, publishes,
// and answers {Row, Events} with {Deliveries, Microseconds}, once each of them has had all.
#include <coppice/event.hpp>
#include <coppice/server.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

namespace {

using namespace coppice;

constexpr const char* event_name = "bench_ticks";
struct done {}; // {done}: the last event of a run

class reader : public server {
 public:
  static constexpr std::string_view name = "reader";
  void init() { subscribe(*this, event_name); }
  void handle_info(const event& one) {
    ++seen_;
    if (!one.as<done>()) return;
    send(destination("bench_publish"), std::pair(etf::constant<"seen">{}, seen_));
    seen_ = 0;
  }

 private:
  std::uint64_t seen_ = 0;
};

using tick = etf::constant<"tick">;

class hole : public server {
 public:
  static constexpr std::string_view name = "hole";
  void handle_info(const tick&) {}
};

class driver : public server {
 public:
  static constexpr std::string_view name = "bench_publish";
  using figure = std::pair<std::uint64_t, std::int64_t>;
  using fan_1000 = std::pair<etf::constant<"local_event_fanout_1000">, std::uint64_t>;
  using fan_100000 = std::pair<etf::constant<"local_event_fanout_100000">, std::uint64_t>;
  using nobody = std::pair<etf::constant<"local_event_publish_0">, std::uint64_t>;
  using send_0 = std::pair<etf::constant<"local_send_0">, std::uint64_t>;
  using calls = std::variant<fan_1000, fan_100000, nobody, send_0>;
  using seen = std::pair<etf::constant<"seen">, std::uint64_t>;

  void init() {
    source_ = event_source(*this, event_name, {.queue = 1'000'000, .slow = slow_subscriber::park});
  }

  no_reply handle_call(const fan_1000& row, term from) { return publish(1000, row.second, from); }
  no_reply handle_call(const fan_100000& row, term from) { return publish(100'000, row.second, from); }
  figure handle_call(const nobody& row) {
    const auto began = now();
    for (std::uint64_t i = 0; i < row.second; ++i) source_.publish(tick());
    return {row.second, since(began)};
  }
  // What it is held against: as many messages to an actor that lets them pass.
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
    if (--left_ == 0) reply(term{asker_}, figure(readers_.size() * events_, since(began_)));
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
    left_ = wanted;
    began_ = now();
    for (std::uint64_t i = 0; i < events; ++i) source_.publish(tick());
    source_.publish(done());
    return {};
  }
  event_source source_;
  std::vector<message> readers_;
  std::vector<std::uint8_t> asker_;
  std::uint64_t events_ = 0;
  std::size_t left_ = 0;
  std::chrono::nanoseconds began_{};
};

} // namespace

COPPICE_PLUGIN("bench_publish", "1.0.0", driver, reader, hole);
