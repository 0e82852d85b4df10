// SPDX-License-Identifier: MIT
// seats: a web server's route makes an actor `seat` for each client. It counts its client's messages and
// answers with its greeting, the count and the text, or does what the text says: "die" throws, "stop" ends
// normally, "bye" closes, "stuck MILLISECONDS" blocks it. For streams of events: "said" messages go to its
// client as events, /events/close closes at once. `ledger` is told how seats end, and answers `told`: "closed
// CODE", "terminate REASON". Paths: /.../refuse answers 403, /.../throw throws, /.../slow takes a while.
#include <coppice/web.hpp>

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace seats {

namespace etf = coppice::etf;
using namespace std::chrono_literals;

struct told {
  std::string what;
};
struct said {
  std::string data;
};

class seat : public coppice::web {
 public:
  static constexpr std::string_view name = "seat";
  struct settings {
    static constexpr etf::form etf_form = etf::form::map;
    std::string greeting;
  };
#ifdef STRICT_ARGS
  static constexpr std::string_view args_schema =
      R"({"type": "object", "properties": {"greeting": {"type": "string", "maxLength": 1}}})";
#else
  static constexpr std::string_view args_schema =
      R"({"type": "object", "properties": {"greeting": {"type": "string"}}, "required": ["greeting"],
          "additionalProperties": false})";
#endif
  using infos = std::variant<said>;

  coppice::outcome init(const settings& args) {
    greeting_ = args.greeting;
    if (greeting_ == "no") return coppice::outcome::stop(etf::atom{"no_seat"});
    return coppice::outcome::go_on();
  }

  coppice::events_reply handle_events(const coppice::request& asked) {
    if (asked.path().ends_with("/refuse")) return coppice::response(403);
    client_ = coppice::owned_pid(asked.client());
    send_event(*client_, {.data = greeting_});
    if (asked.path().ends_with("/close")) close_events(*client_);
    return coppice::accepted;
  }
  coppice::outcome handle_info(const said& what) {
    if (what.data == "die") throw std::runtime_error("told to");
    if (what.data == "stop") return coppice::outcome::stop();
    send_event(*client_, {.data = what.data});
    return coppice::outcome::go_on();
  }

  coppice::websocket_reply handle_websocket(const coppice::request& asked) {
    if (asked.path().ends_with("/refuse")) return coppice::response(403);
    if (asked.path().ends_with("/throw")) throw std::runtime_error("told to");
    if (asked.path().ends_with("/slow")) sleep(500ms);
    return coppice::accepted;
  }
  coppice::outcome handle_text(coppice::term client, std::string_view what) {
    if (what == "die") throw std::runtime_error("told to");
    if (what == "stop") return coppice::outcome::stop();
    if (what == "bye") close_websocket(coppice::owned_pid(client), 4000, "as you wish");
    if (what.starts_with("stuck ")) {
      const std::chrono::milliseconds time(std::stoi(std::string(what.substr(6))));
      blocking_run([time] { std::this_thread::sleep_for(time); });
    }
    send_text(coppice::owned_pid(client),
              greeting_ + " " + std::to_string(++count_) + " " + std::string(what));
    return coppice::outcome::go_on();
  }
  void handle_closed(coppice::term, const coppice::closed& why) {
    send("ledger", told{"closed " + std::to_string(why.code)});
  }
  void terminate(coppice::term) {
    send("ledger", told{"terminate " + std::to_string(count_)});
  }

  using state = std::tuple<std::string, std::int64_t, std::optional<coppice::owned_pid>>;
  state save_state() const {
    return {greeting_, count_, client_};
  }
  void restore_state(std::uint32_t, const state& saved) {
    std::tie(greeting_, count_, client_) = saved;
  }

 private:
  std::string greeting_;
  std::int64_t count_ = 0;
  std::optional<coppice::owned_pid> client_; // for streams of events
};

class ledger : public coppice::server {
 public:
  static constexpr std::string_view name = "ledger";

  void handle_info(const told& one) { told_.push_back(one.what); }
  std::vector<std::string> handle_call(etf::constant<"told">) { return std::exchange(told_, {}); }

  std::vector<std::string> save_state() const { return told_; }
  void restore_state(std::uint32_t, const std::vector<std::string>& saved) { told_ = saved; }

 private:
  std::vector<std::string> told_;
};

} // namespace seats

#ifndef VERSION
#define VERSION "1.0.0"
#endif
COPPICE_PLUGIN("seats", VERSION, seats::seat, seats::ledger);
