// SPDX-License-Identifier: MIT
// replies: an actor that answers requests of a web server now, later or never, as the path says. /now repeats
// the request; /later waits until a message {release, Text}; /never; /throw; /twice answers two times, and
// the header x-second of the next /now has the status of the second answer; /bad has an invalid status,
// /split a header with a line end. Call `waiting` -> number of waiting requests, `aborted` -> the ends of
// requests that it was told. Waiting requests survive a reload. For streams of events: /events accepts, and
// its first event is the last id of its client; /events/refuse answers 204; /events/slow takes a while;
// /events/held waits until the file named by that id exists. Messages: {say, Data}, {say, Data, Name, Id} to
// all clients, `leave` closes all; call `clients` -> their number. For WebSockets: /talk/echo repeats;
// /talk/chat speaks the protocol "chat" where it is offered, /talk/odd one that no client offers; /talk/early
// sends two messages before it accepts; /talk/refuse answers 403, /talk/throw throws, /talk/slow takes a
// while. A text "bye CODE REASON" closes, "flood" sends 64 MiB, "die" throws. Call `talked` -> how they
// ended, `talkers` -> those that are open. {say, Data} goes to all of them too.
#include <coppice/info.hpp>
#include <coppice/web.hpp>

#include <filesystem>
#include <stdexcept>

namespace replies {

namespace etf = coppice::etf;

struct release {
  std::string text;
};

struct say {
  std::string data;
};
struct say_named {
  static constexpr std::string_view etf_tag = "say";
  std::string data, name, id;
};
using leave = etf::constant<"leave">;

class replies_server : public coppice::web {
 public:
  using calls = std::variant<etf::constant<"waiting">, etf::constant<"aborted">, etf::constant<"clients">,
                             etf::constant<"talked">, etf::constant<"talkers">>;
  using infos = std::variant<release, say, say_named, leave, coppice::down>;

  coppice::events_reply handle_events(const coppice::request& asked) {
    if (asked.path() == "/events/refuse") return coppice::response(204);
    if (asked.path() == "/events/slow") sleep(std::chrono::seconds(2));
    if (asked.path() == "/events/held")
      while (!std::filesystem::exists(asked.last_event_id())) sleep(std::chrono::milliseconds(10));
    if (asked.path() == "/events/throw") throw std::runtime_error("a handler that fails");
    monitor(asked.client());
    clients_.emplace_back(asked.client());
    if (!asked.last_event_id().empty())
      send_event(clients_.back(), {.data = asked.last_event_id(), .name = "last"});
    return coppice::accepted;
  }
  std::int64_t handle_call(const etf::constant<"clients">&) const {
    return static_cast<std::int64_t>(clients_.size());
  }
  coppice::websocket_reply handle_websocket(const coppice::request& asked) {
    if (asked.path() == "/talk/refuse") return coppice::response(403, "text/plain", "not you");
    if (asked.path() == "/talk/throw") throw std::runtime_error("a handler that fails");
    if (asked.path() == "/talk/slow") sleep(std::chrono::milliseconds(500));
    if (asked.path() == "/talk/held") {
      while (!std::filesystem::exists(asked.header("x-until").value_or("")))
        sleep(std::chrono::milliseconds(10));
      return coppice::response(403, "text/plain", "not you");
    }
    const coppice::owned_pid client(asked.client());
    talkers_.push_back(client);
    if (asked.path().ends_with("/early")) {
      send_text(client, "first");
      send_binary(client, "second");
    }
    if (asked.path() == "/talk/odd") return coppice::accepted_as("nobody's");
    if (asked.path() == "/talk/chat" && asked.offers("chat")) return coppice::accepted_as("chat");
    return coppice::accepted;
  }
  void handle_text(coppice::term client, std::string_view said) {
    if (said == "die") throw std::runtime_error("a handler that fails");
    if (said.starts_with("bye ")) {
      const std::string words(said.substr(4));
      std::size_t end = 0;
      const auto code = static_cast<std::uint16_t>(std::stoul(words, &end));
      close_websocket(coppice::owned_pid(client), code, words.substr(std::min(end + 1, words.size())));
    } else if (said == "flood") {
      for (int i = 0; i < 64; ++i) send_binary(coppice::owned_pid(client), std::string(1 << 20, 'x'));
    } else {
      send_text(coppice::owned_pid(client), said);
    }
  }
  void handle_binary(coppice::term client, std::string_view said) {
    send_binary(coppice::owned_pid(client), said);
  }
  void handle_closed(coppice::term client, const coppice::closed& why) {
    std::erase(talkers_, coppice::owned_pid(client));
    ends_.push_back(std::to_string(why.code) + " " + std::string(why.reason));
  }
  std::vector<std::string> handle_call(const etf::constant<"talked">&) const { return ends_; }
  std::vector<coppice::owned_pid> handle_call(const etf::constant<"talkers">&) const { return talkers_; }

  void handle_info(const say& what) {
    for (const auto& one : talkers_) send_text(one, what.data);
    for (const auto& one : clients_) send_event(one, {.data = what.data});
  }
  void handle_info(const say_named& what) {
    for (const auto& one : clients_)
      send_event(
          one,
          {.data = what.data, .name = what.name, .id = what.id, .retry = std::chrono::milliseconds(1500)});
  }
  void handle_info(const leave&) {
    for (const auto& one : clients_) close_events(one);
  }
  void handle_info(const coppice::down& gone) { std::erase(clients_, coppice::owned_pid(gone.whom)); }

  coppice::reply handle_request(const coppice::request& asked) {
    const std::string_view path = asked.path();
    if (path == "/later") {
      waiting_.emplace_back(asked.id());
      return coppice::later;
    }
    if (path == "/never") return coppice::later;
    if (path == "/throw") throw std::runtime_error("a handler that fails");
    if (path == "/bad") return coppice::response(99);
    if (path == "/split") return coppice::response(200).header("x-split", "a\r\nset-cookie: b");
    if (path == "/twice") {
      respond(asked.id(), coppice::response(200, "text/plain", "first"));
      second_ = respond(asked.id(), coppice::response(200, "text/plain", "second"));
      return coppice::later;
    }
    std::string text =
        std::string(asked.method()) + " " + std::string(path) + " " + std::string(asked.parameter("what"));
    text += " q=" + std::string(asked.query("q").value_or("-")) +
            " h=" + std::string(asked.header("x-asked").value_or("-"));
    text += " b=" + std::string(asked.body()) + " v=" + std::string(asked.version());
    return coppice::response(200, "text/plain", text).header("x-second", std::to_string(second_));
  }

  std::int64_t handle_call(const etf::constant<"waiting">&) const {
    return static_cast<std::int64_t>(waiting_.size());
  }

  void handle_aborted(coppice::term id, std::string_view reason) {
    aborted_.push_back((std::erase(waiting_, coppice::owned_term(id)) != 0 ? "waiting " : "never ") +
                       std::string(reason));
    if (respond(id, coppice::response(200, "text/plain", "too late")) != COPPICE_OK)
      aborted_.emplace_back("a late answer is refused");
  }
  std::vector<std::string> handle_call(const etf::constant<"aborted">&) const { return aborted_; }

  void handle_info(const release& what) {
    for (const coppice::owned_term& id : std::exchange(waiting_, {}))
      respond(id, coppice::response(200, "text/plain", what.text));
  }

  using state =
      std::tuple<std::vector<coppice::owned_term>, std::vector<coppice::owned_pid>,
                 std::vector<coppice::owned_pid>, std::vector<std::string>, std::vector<std::string>>;
  state save_state() const { return {waiting_, clients_, talkers_, ends_, aborted_}; }
  void restore_state(std::uint32_t, const state& saved) {
    std::tie(waiting_, clients_, talkers_, ends_, aborted_) = saved;
  }

 private:
  std::vector<coppice::owned_term> waiting_;
  std::vector<coppice::owned_pid> clients_;
  std::vector<coppice::owned_pid> talkers_;
  std::vector<std::string> ends_;
  std::vector<std::string> aborted_;
  std::int32_t second_ = 0;
};

} // namespace replies

COPPICE_PLUGIN("replies", "1.0.0", replies::replies_server);
