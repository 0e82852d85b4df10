// SPDX-License-Identifier: MIT
// Handlers for the row local_gen_event_10, as in peer_bench.erl, and the actor that notifies their manager,
// `events`, and measures the time: `bench_event` answers {local_gen_event_10, Events} with {Events,
// Microseconds}, once all ten have handled all events.
#include <coppice/event_handler.hpp>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <variant>
#include <vector>

namespace {

using coppice::term;
namespace etf = coppice::etf;

constexpr int handlers = 10;
using notify = etf::constant<"notify">;
using tick = etf::constant<"tick">;
using done = std::pair<etf::constant<"done">, term>; // {done, Pid}: Pid gets the number since the last one

class handler : public coppice::event_handler {
 public:
  static constexpr std::string_view name = "handler";
  using events = std::variant<tick, done>;

  void handle_event(const tick&) { ++seen_; }
  void handle_event(const done& whom) {
    send(coppice::destination(whom.second), std::pair(etf::constant<"seen">{}, seen_));
    seen_ = 0;
  }

 private:
  std::uint64_t seen_ = 0;
};

class driver : public coppice::server {
 public:
  static constexpr std::string_view name = "bench_event";
  using workload = std::pair<etf::constant<"local_gen_event_10">, std::uint64_t>;
  using seen = std::pair<etf::constant<"seen">, std::uint64_t>;

  coppice::no_reply handle_call(const workload& row, term from) {
    asker_.assign(from.encoded.begin(), from.encoded.end());
    events_ = row.second;
    left_ = handlers;
    began_ = now();
    const coppice::destination to("events");
    for (std::uint64_t i = 0; i < events_; ++i) send(to, std::pair(notify{}, tick{}));
    send(to, std::pair(notify{}, std::pair(etf::constant<"done">{}, self())));
    return {};
  }
  void handle_info(const seen& told) {
    if (told.second != events_) throw std::runtime_error("an event was lost");
    if (--left_ != 0) return;
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(now() - began_);
    reply(term{asker_}, std::pair(events_, static_cast<std::int64_t>(took.count())));
  }

 private:
  std::vector<std::uint8_t> asker_;
  std::uint64_t events_ = 0;
  int left_ = 0;
  std::chrono::nanoseconds began_{};
};

} // namespace

COPPICE_PLUGIN("bench_event", "1.0.0", driver, handler);
