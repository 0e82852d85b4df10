// SPDX-License-Identifier: MIT
// Our side of the rows …_stage_…: pipelines that stand still until their source is called with {run, N}. It
// answers {Events, Microseconds} once its sinks have reported all events; a `timed` source answers {N,
// Nanoseconds}, the 99th percentile of the time of an event from the source to the sink.
#include <coppice/stage.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using coppice::term;
namespace etf = coppice::etf;

using run = std::pair<etf::constant<"run">, std::uint64_t>;
using seen = std::pair<etf::constant<"seen">, std::uint64_t>; // {seen, Events}: from a sink
using late = std::pair<etf::constant<"late">, std::int64_t>;  // {late, Nanoseconds}: from a `timed_sink`
using follow =
    std::tuple<etf::constant<"follow">, etf::atom, etf::atom>; // {follow, Name, Node}: subscribe to it

// Emits events on demand while it has any left.
template <class Events, class Event> // Events makes each event
class source_of : public coppice::producer {
 public:
  coppice::no_reply handle_call(const run& asked, term from) {
    asker_.assign(from.encoded.begin(), from.encoded.end());
    wanted_ = asked.second;
    left_ = wanted_;
    told_ = 0;
    began_ = now();
    if (const auto events = give(std::exchange(demand_, 0)); !events.empty()) emit(events);
    return {};
  }
  std::vector<Event> handle_demand(std::uint64_t count) { return give(count); }

 protected:
  std::vector<Event> give(std::uint64_t count) {
    const std::uint64_t some = std::min(count, left_);
    demand_ += count - some;
    std::vector<Event> events;
    for (events.reserve(some); events.size() < some; --left_)
      events.push_back(static_cast<Events&>(*this).made());
    return events;
  }
  void answer(std::uint64_t events, std::int64_t number) { reply(term{asker_}, std::pair(events, number)); }

  std::vector<std::uint8_t> asker_;
  std::uint64_t wanted_ = 0, left_ = 0, told_ = 0, demand_ = 0;
  std::chrono::nanoseconds began_{};
};

struct source_options {
  static constexpr etf::form etf_form = etf::form::map;
  std::optional<std::uint64_t> sinks; // number of sinks, each of which gets every event; none: 1
};

template <class Events, class Event>
class counted_source : public source_of<Events, Event> {
 public:
  void init(const source_options& args) { sinks_ = args.sinks.value_or(1); }
  void handle_info(const seen& some) {
    this->told_ += some.second;
    if (this->told_ != this->wanted_ * sinks_) return;
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(this->now() - this->began_);
    this->answer(this->told_, took.count());
  }

 private:
  std::uint64_t sinks_ = 1;
};

class source : public counted_source<source, std::int64_t> {
 public:
  static constexpr std::string_view name = "source";
  std::int64_t made() { return ++last_; }

 private:
  std::int64_t last_ = 1000;
};

// Events are binaries of 1 KiB.
class blobs : public counted_source<blobs, etf::bytes> {
 public:
  static constexpr std::string_view name = "blobs";
  etf::bytes made() { return one_; }

 private:
  const std::vector<std::uint8_t> one_ = std::vector<std::uint8_t>(1024, 'x');
};

// Each event is the time at which it was made, in ns; the last one is 0.
class timed : public source_of<timed, std::int64_t> {
 public:
  static constexpr std::string_view name = "timed";
  void handle_info(const late& most) { answer(wanted_, most.second); }
  std::int64_t made() { return left_ == 1 ? 0 : now().count(); }
};

class relay : public coppice::producer_consumer {
 public:
  static constexpr std::string_view name = "relay";
  std::vector<std::int64_t> handle_events(const std::vector<std::int64_t>& events) {
    std::vector<std::int64_t> more(events);
    for (auto& each : more) ++each;
    return more;
  }
  etf::constant<"ok"> handle_call(const follow& whom) {
    subscribe(coppice::destination(std::get<1>(whom).name, std::get<2>(whom).name));
    return {};
  }
};

class forward : public coppice::producer_consumer {
 public:
  static constexpr std::string_view name = "forward";
  std::vector<etf::bytes> handle_events(const std::vector<etf::bytes>& events) { return events; }
};

struct sink_options {
  static constexpr etf::form etf_form = etf::form::map;
  std::string source; // registered name of the process that is told
};

template <class Event>
class sink_of : public coppice::consumer {
 public:
  void init(const sink_options& args) { source_ = args.source; }
  void handle_events(const std::vector<Event>& events) {
    send(coppice::destination(source_), seen{{}, events.size()});
  }
  etf::constant<"ok"> handle_call(const follow& whom) {
    this->subscribe(coppice::destination(std::get<1>(whom).name, std::get<2>(whom).name));
    return {};
  }

 private:
  std::string source_;
};
class sink : public sink_of<std::int64_t> {
 public:
  static constexpr std::string_view name = "sink";
};
class blob_sink : public sink_of<etf::bytes> {
 public:
  static constexpr std::string_view name = "blob_sink";
};

class timed_sink : public coppice::consumer {
 public:
  static constexpr std::string_view name = "timed_sink";
  void init(const sink_options& args) { source_ = args.source; }
  void handle_events(const std::vector<std::int64_t>& times) {
    for (const std::int64_t each : times) {
      if (each != 0) {
        took_.push_back(now().count() - each);
      } else {
        std::ranges::sort(took_);
        send(coppice::destination(source_), late{{}, took_.empty() ? 0 : took_[took_.size() * 99 / 100]});
        took_.clear();
      }
    }
  }

 private:
  std::string source_;
  std::vector<std::int64_t> took_; // ns
};

class passing : public coppice::producer_consumer {
 public:
  static constexpr std::string_view name = "passing";
  std::vector<std::int64_t> handle_events(const std::vector<std::int64_t>& events) { return events; }
};

} // namespace

COPPICE_PLUGIN("bench_stage", "1.0.0", source, blobs, timed, relay, forward, passing, sink, blob_sink,
               timed_sink);
