// SPDX-License-Identifier: MIT
// ticker: a server with a timer. It sends {tick, N}, N from 1, to args.to every args.every. The timer is the
// node's: its times do not drift, overdue ones are left out, and it goes on through a reload.
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
    every(std::chrono::milliseconds(args.every), due{});
  }

  void handle_info(const due&) { send(to_, tick{++sent_}); }

  std::uint64_t save_state() const { return sent_; }
  void restore_state(std::uint32_t, const std::uint64_t& sent) {
    if (const auto args = etf::decode<settings>(this->args().encoded)) configure(*args);
    sent_ = sent;
  }

 private:
  void configure(const settings& args) { to_ = coppice::destination::parse(args.to); }

  coppice::destination to_{""};
  std::uint64_t sent_ = 0;
};

} // namespace ticker

COPPICE_PLUGIN("ticker", "1.0.0", ticker::ticker_server);
