// SPDX-License-Identifier: MIT
// ticker: a server with a timer. It sends {tick, N}, N from 1, to args.to every args.every. Deadlines are
// counted from the first one, so that ticks do not drift; ticks that are overdue are not made up for.
#include <coppice/server.hpp>

namespace ticker {

namespace etf = coppice::etf;

struct settings {
  static constexpr etf::form etf_form = etf::form::map;
  std::string to;
  std::uint64_t every; // ms
};

struct tick {
  std::uint64_t number;
};
using due = etf::constant<"$due">;

class ticker_server : public coppice::server {
 public:
  static constexpr std::string_view args_schema =
      R"({"type":"object","additionalProperties":false,"required":["to","every"],"properties":{)"
      R"("to":{"type":"string","minLength":1,"description":"a registered name, or name@node"},)"
      R"("every":{"type":"integer","format":"duration","minimum":1,"description":"time between ticks"}}})";
  static constexpr std::uint32_t state_version = 1;

  void init(const settings& args) {
    configure(args);
    next_ = now();
    arm();
  }

  void handle_info(const due&) {
    send(to_, tick{++sent_});
    arm();
  }

  // The timer outlives a reload, its message finds the new code.
  std::pair<std::uint64_t, std::int64_t> save_state() const { return {sent_, next_.count()}; }
  void restore_state(std::uint32_t, const std::pair<std::uint64_t, std::int64_t>& saved) {
    if (const auto args = etf::decode<settings>(this->args().encoded)) configure(*args);
    sent_ = saved.first;
    next_ = std::chrono::nanoseconds(saved.second);
  }

 private:
  void configure(const settings& args) {
    to_ = coppice::destination::parse(args.to);
    every_ = std::chrono::milliseconds(args.every);
  }
  void arm() {
    const auto late = now() - next_;
    next_ += late < every_ ? every_ : every_ * (late / every_ + 1);
    send_after(next_ - now(), due{});
  }

  coppice::destination to_{""};
  std::chrono::nanoseconds every_{};
  std::chrono::nanoseconds next_{};
  std::uint64_t sent_ = 0;
};

} // namespace ticker

COPPICE_PLUGIN("ticker", "1.0.0", ticker::ticker_server);
