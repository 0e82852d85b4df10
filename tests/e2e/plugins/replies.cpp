// SPDX-License-Identifier: MIT
// replies: an actor that answers requests of a web server now, later or never, as their path says: /now tells
// what was asked; /later waits until somebody sends {release, Text}; /never; /throw; /twice answers two
// times, and the header x-second of the next /now is what came of the second; /bad has a status that none can
// have, /split a header with a line's end. Call `waiting` -> how many wait. What waits goes over a reload.
// Of events: /events accepts, with the id its client had last as the first event, /events/refuse answers 204.
// Messages: {say, Data}, {say, Data, Name, Id} to all clients, `leave` closes all; call `clients` -> how
// many.
#include <coppice/info.hpp>
#include <coppice/web.hpp>

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
  using calls = std::variant<etf::constant<"waiting">, etf::constant<"clients">>;
  using infos = std::variant<release, say, say_named, leave, coppice::down>;

  coppice::events_reply handle_events(const coppice::request& asked) {
    if (asked.path() == "/events/refuse") return coppice::response(204);
    if (asked.path() == "/events/slow") sleep(std::chrono::seconds(2));
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
  void handle_info(const say& what) {
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

  void handle_info(const release& what) {
    for (const coppice::owned_term& id : std::exchange(waiting_, {}))
      respond(id, coppice::response(200, "text/plain", what.text));
  }

  using state = std::pair<std::vector<coppice::owned_term>, std::vector<coppice::owned_pid>>;
  state save_state() const { return {waiting_, clients_}; }
  void restore_state(std::uint32_t, const state& saved) { std::tie(waiting_, clients_) = saved; }

 private:
  std::vector<coppice::owned_term> waiting_;
  std::vector<coppice::owned_pid> clients_;
  std::int32_t second_ = 0;
};

} // namespace replies

COPPICE_PLUGIN("replies", "1.0.0", replies::replies_server);
