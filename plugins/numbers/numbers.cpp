// SPDX-License-Identifier: MIT
// numbers: a pipeline of three stages. `counter` counts as fast as it is asked, `doubler` doubles, and
// `printer` takes its time and keeps what it got. No stage is sent more than it has asked for, so the slowest
// sets the pace. A `job` is for a consumer supervisor, which starts one for each number. Over a reload the
// node keeps the numbers under way; each class saves only its own state.
#include <coppice/server.hpp>
#include <coppice/stage.hpp>

namespace numbers {

namespace etf = coppice::etf;
using std::chrono::milliseconds;

using count = etf::constant<"count">;

class counter : public coppice::producer {
 public:
  static constexpr std::string_view name = "counter";
  static constexpr auto unhandled = coppice::unhandled::reply_error;
  static constexpr std::uint32_t state_version = 1;

  std::vector<std::int64_t> handle_demand(std::uint64_t wanted) {
    std::vector<std::int64_t> events(wanted);
    for (auto& each : events) each = next_++;
    return events;
  }
  // How far it has counted.
  std::int64_t handle_call(count) { return next_; }

  std::int64_t save_state() const { return next_; }
  void restore_state(std::int64_t saved) { next_ = saved; }

 private:
  std::int64_t next_ = 0;
};

class doubler : public coppice::producer_consumer {
 public:
  static constexpr std::string_view name = "doubler";
  static constexpr auto unhandled = coppice::unhandled::reply_error;

  std::vector<std::int64_t> handle_events(const std::vector<std::int64_t>& events) {
    std::vector<std::int64_t> doubled(events);
    for (auto& each : doubled) each *= 2;
    return doubled;
  }
};

struct settings {
  static constexpr etf::form etf_form = etf::form::map;
  std::optional<std::int64_t> every; // ms
};

struct printed {
  std::int64_t events = 0;
  std::int64_t last = -1;
  std::int64_t out_of_order = 0; // events whose number was not the next one
};

class printer : public coppice::consumer {
 public:
  static constexpr std::string_view name = "printer";
  static constexpr auto unhandled = coppice::unhandled::reply_error;
  static constexpr std::string_view args_schema =
      R"({"type":"object","additionalProperties":false,"properties":{)"
      R"("every":{"type":"integer","format":"duration","minimum":0,)"
      R"("description":"how long it takes over a batch; 0s without it"}}})";
  static constexpr std::uint32_t state_version = 1;

  void init(const settings& args) { every_ = args.every.value_or(0); }

  void handle_events(const std::vector<std::int64_t>& events) {
    for (const std::int64_t each : events) {
      if (each != seen_.last + 2 && seen_.events != 0) ++seen_.out_of_order;
      seen_.last = each;
      ++seen_.events;
    }
    log(COPPICE_LOG_DEBUG, "numbers up to " + std::to_string(seen_.last));
    if (every_ > 0) host().sleep(milliseconds(every_));
  }
  // The events so far: {Events, Last, OutOfOrder}.
  printed handle_call(count) { return seen_; }

  std::tuple<std::int64_t, printed> save_state() const { return {every_, seen_}; }
  void restore_state(const std::tuple<std::int64_t, printed>& saved) { std::tie(every_, seen_) = saved; }

 private:
  std::int64_t every_ = 0;
  printed seen_;
};

struct work {
  static constexpr etf::form etf_form = etf::form::map;
  std::int64_t event = 0;
  std::optional<std::int64_t> takes; // ms
};
using done = etf::constant<"$done">;

// Takes its time over one number, and ends. A consumer supervisor starts one for each event.
class job : public coppice::server {
 public:
  static constexpr std::string_view name = "job";
  static constexpr auto unhandled = coppice::unhandled::reply_error;
  static constexpr std::string_view args_schema =
      R"({"type":"object","additionalProperties":false,"required":["event"],"properties":{)"
      R"("event":{"type":"integer","description":"the number"},)"
      R"("takes":{"type":"integer","format":"duration","minimum":0,)"
      R"("description":"how long it takes over it; 0s without it"}}})";
  static constexpr std::uint32_t state_version = 1;

  void init(const work& args) {
    number_ = args.event;
    send_after(milliseconds(args.takes.value_or(0)), done{});
  }
  coppice::outcome handle_info(done) {
    log(COPPICE_LOG_DEBUG, "done with " + std::to_string(number_));
    return coppice::outcome::stop();
  }
  // Its number.
  std::int64_t handle_call(count) { return number_; }

  std::int64_t save_state() const { return number_; }
  void restore_state(std::int64_t saved) { number_ = saved; }

 private:
  std::int64_t number_ = 0;
};

} // namespace numbers

COPPICE_PLUGIN("numbers", "1.0.0", numbers::counter, numbers::doubler, numbers::printer, numbers::job);
