// SPDX-License-Identifier: MIT
// ticker: a server with a timer. It sends {tick, N}, N from 1, to args.to every args.every, and publishes the
// same as the named event args.event. The node keeps the timer: its times do not drift, overdue ones are left
// out, and it continues over a reload.
#include <coppice/event.hpp>
#include <coppice/server.hpp>

#include <optional>

namespace ticker {

namespace etf = coppice::etf;

struct settings {
  std::string to;
  std::chrono::milliseconds every;
  std::optional<std::string> event;
};

struct tick {
  std::uint64_t number;
};
using due = etf::constant<"$due">;

class ticker_server : public coppice::server {
 public:
  static constexpr auto unhandled = coppice::unhandled::reply_error;
  static constexpr coppice::taken takes[] = {coppice::taken::messages};
  static constexpr std::string_view args_schema =
      R"({"type":"object","additionalProperties":false,"required":["to","every"],"properties":{)"
      R"("to":{"type":"string","minLength":1,"description":"a registered name, or name@node"},)"
      R"("every":{"type":"integer","format":"duration","minimum":1,"description":"time between ticks"},)"
      R"("event":{"type":"string","minLength":1,"description":"a named event that it publishes them as, too"}}})";
  static constexpr std::uint32_t state_version = 1;

  void configure(const settings& args) {
    to_ = coppice::destination::parse(args.to);
    settings_ = args;
  }
  void init() {
    enroll();
    every(settings_.every, due{});
  }
  // The timer has another period then, and the event may be another one: it starts anew.
  coppice::outcome config_change() { return coppice::outcome::unhandled(); }

  void handle_info(const due&) {
    const tick next{++sent_};
    send(to_, next);
    if (event_) event_->publish(next);
  }

  std::uint64_t save_state() const { return sent_; }
  void restore_state(const std::uint64_t& sent) { sent_ = sent; }
  void after_restore() { enroll(); }

 private:
  // The same actor gets the same event again, so nothing of it has to be saved.
  void enroll() {
    if (settings_.event) event_ = coppice::event_source(*this, *settings_.event, {.buffer = 10});
  }

  settings settings_{};
  coppice::destination to_{""};
  std::uint64_t sent_ = 0;
  std::optional<coppice::event_source> event_;
};

} // namespace ticker

COPPICE_PLUGIN("ticker", "1.0.0", ticker::ticker_server);
