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
  static constexpr etf::form etf_form = etf::form::map;
  std::string to;
  std::uint64_t every; // ms
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

  void init(const settings& args) {
    configure(args);
    enroll(args);
    every(std::chrono::milliseconds(args.every), due{});
  }

  void handle_info(const due&) {
    const tick next{++sent_};
    send(to_, next);
    if (event_) event_->publish(next);
  }

  std::uint64_t save_state() const { return sent_; }
  void restore_state(std::uint32_t, const std::uint64_t& sent) {
    if (const auto args = etf::decode<settings>(this->args().encoded)) configure(*args);
    sent_ = sent;
  }
  void after_restore() {
    if (const auto args = etf::decode<settings>(this->args().encoded)) enroll(*args);
  }

 private:
  void configure(const settings& args) { to_ = coppice::destination::parse(args.to); }
  // The same actor gets the same event again, so nothing of it has to be saved.
  void enroll(const settings& args) {
    if (args.event) event_ = coppice::event_source(*this, *args.event, {.buffer = 10});
  }

  coppice::destination to_{""};
  std::uint64_t sent_ = 0;
  std::optional<coppice::event_source> event_;
};

} // namespace ticker

COPPICE_PLUGIN("ticker", "1.0.0", ticker::ticker_server);
