// SPDX-License-Identifier: MIT
// hello_web: a page with notes that `kv` keeps, a clock, a chat and a game. GET / is the page. GET /api/notes
// lists the notes as JSON, and POST adds one (the body, as text). GET, PUT and DELETE of /api/notes/{id}
// concern one note. /clock sends the node's time each second, as server-sent events. /chat is a WebSocket
// that sends each guest's lines to all guests. The actor `game` serves a WebSocket too, one actor for each
// client: the client guesses a number.
#include <coppice/info.hpp>
#include <coppice/web.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <coppice/etf/utf8.hpp>
#include <map>
#include <random>

#include "page.hpp"
#include "transfers.hpp"

namespace hello_web {

namespace etf = coppice::etf;
using coppice::response;

// Messages of kv. All notes are one value: a map from numbers to texts.
using notes_key = etf::constant<"notes">;
using notes = std::map<std::int64_t, std::string>;
struct get {
  notes_key key;
};
struct put {
  notes_key key;
  notes value;
};
using ok = etf::constant<"ok">;
using found = std::variant<std::pair<ok, notes>, etf::constant<"not_found">>;

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (code < 0x20) {
      constexpr std::string_view digits = "0123456789abcdef";
      out += std::string("\\u00") + digits[code >> 4] + digits[code & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string json_note(std::int64_t id, std::string_view text) {
  return "{\"id\":" + std::to_string(id) + ",\"text\":" + json_text(text) + "}";
}

constexpr std::size_t most_notes = 1000;
constexpr std::size_t kept_lines = 20; // of the chat, sent to guests that come later

// Whether the body is UTF-8, as JSON requires.
bool is_text(std::string_view body) {
  return !body.empty() &&
         etf::utf8::length(reinterpret_cast<const std::uint8_t*>(body.data()), body.size()) >= 0;
}

response json(int status, std::string body) {
  return response(status).header("content-type", "application/json").body(std::move(body));
}
response problem(int status, std::string_view what) {
  return json(status, "{\"error\":" + json_text(what) + "}");
}

// UTC, as 14:03:59.
std::string time_of_day() {
  const auto since = std::chrono::system_clock::now().time_since_epoch() % std::chrono::hours(24);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since).count();
  std::string out;
  for (const auto part : {seconds / 3600, seconds / 60 % 60, seconds % 60})
    out += (out.empty() ? "" : ":") + std::string(part < 10 ? "0" : "") + std::to_string(part);
  return out;
}

struct guest {
  coppice::owned_pid client;
  std::int64_t number;
};

class hello_web_server : public coppice::web {
 public:
  static constexpr auto unhandled = coppice::unhandled::reply_error;
  static constexpr coppice::taken takes[] = {coppice::taken::web};
  using tick = etf::constant<"$tick">;
  using infos = std::variant<tick, coppice::down>;

  void init() { every(std::chrono::seconds(1), tick{}); }

  coppice::events_reply handle_events(const coppice::request& asked) {
    monitor(asked.client());
    clients_.emplace_back(asked.client());
    send_event(clients_.back(), {.data = time_of_day()});
    return coppice::accepted;
  }
  void handle_info(const tick&) {
    const std::string now = time_of_day();
    for (const coppice::owned_pid& client : clients_) send_event(client, {.data = now});
  }
  // A client of the clock has gone, perhaps before it was accepted.
  void handle_info(const coppice::down& gone) { std::erase(clients_, coppice::owned_pid(gone.whom)); }

  coppice::websocket_reply handle_websocket(const coppice::request& asked) {
    guests_.push_back({coppice::owned_pid(asked.client()), ++last_guest_});
    for (const std::string& line : lines_) send_text(guests_.back().client, line);
    return coppice::accepted;
  }
  void handle_text(coppice::term client, std::string_view said) {
    const auto speaker = std::ranges::find(guests_, coppice::owned_pid(client), &guest::client);
    if (speaker == guests_.end() || said.empty()) return;
    lines_.push_back("Guest " + std::to_string(speaker->number) + ": " + std::string(said));
    if (lines_.size() > kept_lines) lines_.erase(lines_.begin());
    for (const guest& one : guests_) send_text(one.client, lines_.back());
  }
  void handle_closed(coppice::term client, const coppice::closed&) {
    std::erase_if(guests_,
                  [whom = coppice::owned_pid(client)](const guest& one) { return one.client == whom; });
  }

  // Clients and guests remain over a reload. The node keeps connections, the timer and the monitors.
  static constexpr std::uint32_t state_version = 1;
  using state =
      std::tuple<std::vector<coppice::owned_pid>, std::vector<guest>, std::int64_t, std::vector<std::string>>;
  state save_state() const { return {clients_, guests_, last_guest_, lines_}; }
  void restore_state(const state& saved) { std::tie(clients_, guests_, last_guest_, lines_) = saved; }

  coppice::reply handle_request(const coppice::request& asked) {
    if (asked.path() == "/") return page();
    auto all = read();
    if (!all) return problem(503, "the notes are not to be had");
    if (asked.parameter("id").empty()) return asked.method() == "POST" ? add(*all, asked) : list(*all);
    std::int64_t id = 0;
    const std::string_view text = asked.parameter("id");
    const auto number = std::from_chars(text.data(), text.data() + text.size(), id);
    if (number.ec != std::errc() || number.ptr != text.data() + text.size() || !all->contains(id))
      return problem(404, "there is no such note");
    return one(*all, id, asked);
  }

 private:
  static response page() {
    return response(200, "text/html; charset=utf-8", page_text)
        .header(
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
  }

  static response list(const notes& all) {
    std::string out = "[";
    for (const auto& [id, text] : all) out += (out.size() > 1 ? "," : "") + json_note(id, text);
    return json(200, out + "]");
  }

  response add(notes& all, const coppice::request& asked) {
    if (!is_text(asked.body())) return problem(400, "a note has some text");
    if (all.size() >= most_notes) return problem(409, "there are notes enough: remove one");
    const std::int64_t id = all.empty() ? 1 : all.rbegin()->first + 1;
    all[id] = asked.body();
    if (!write(all)) return problem(503, "the note could not be kept");
    return json(201, json_note(id, all[id])).header("location", "/api/notes/" + std::to_string(id));
  }

  response one(notes& all, std::int64_t id, const coppice::request& asked) {
    if (asked.method() == "PUT") {
      if (!is_text(asked.body())) return problem(400, "a note has some text");
      all[id] = asked.body();
    } else if (asked.method() == "DELETE") {
      all.erase(id);
      return write(all) ? response(204) : problem(503, "the note could not be removed");
    } else {
      return json(200, json_note(id, all[id]));
    }
    return write(all) ? json(200, json_note(id, all[id])) : problem(503, "the note could not be kept");
  }

  std::optional<notes> read() {
    const auto answer = call<found>("kv", get{});
    if (!answer) return std::nullopt;
    const auto* const there = std::get_if<0>(&*answer);
    return there != nullptr ? there->second : notes();
  }
  bool write(const notes& all) { return call<ok>("kv", put{{}, all}).has_value(); }

  std::vector<coppice::owned_pid> clients_; // of the clock
  std::vector<guest> guests_;               // of the chat
  std::int64_t last_guest_ = 0;
  std::vector<std::string> lines_; // the last lines of the chat
};

// Made for one client, by a route with `actor: hello_web:game`, and ended with it: its state is that client's
// alone. Over a reload the game goes on.
class game : public coppice::web {
 public:
  static constexpr std::string_view name = "game";
  static constexpr auto unhandled = coppice::unhandled::reply_error;
  static constexpr coppice::taken takes[] = {coppice::taken::web};
  struct settings {
    static constexpr etf::form etf_form = etf::form::map;
    std::optional<std::int64_t> highest;
  };
  static constexpr std::string_view args_schema =
      R"({"type": "object", "properties": {"highest": {"type": "integer", "minimum": 2, "maximum": 1000000,
          "default": 100}}, "additionalProperties": false})";

  void init(const settings& args) {
    highest_ = args.highest.value_or(100);
    std::random_device random;
    number_ = std::uniform_int_distribution<std::int64_t>(1, highest_)(random);
  }

  coppice::websocket_reply handle_websocket(const coppice::request& asked) {
    send_text(coppice::owned_pid(asked.client()),
              "I think of a number from 1 to " + std::to_string(highest_) + ". Which one?");
    return coppice::accepted;
  }
  void handle_text(coppice::term client, std::string_view said) {
    const coppice::owned_pid player(client);
    std::int64_t guess = 0;
    const auto read = std::from_chars(said.data(), said.data() + said.size(), guess);
    if (read.ec != std::errc() || read.ptr != said.data() + said.size()) {
      send_text(player, "That is no number.");
      return;
    }
    ++guesses_;
    const std::string text(said);
    if (guess != number_) {
      send_text(player, text + (guess < number_ ? " is too small." : " is too large."));
      return;
    }
    send_text(player,
              text + " it is: " + std::to_string(guesses_) + (guesses_ == 1 ? " guess." : " guesses."));
    close_websocket(player); // also ends this actor
  }

  static constexpr std::uint32_t state_version = 1;
  using state = std::tuple<std::int64_t, std::int64_t, std::int64_t>;
  state save_state() const { return {highest_, number_, guesses_}; }
  void restore_state(const state& saved) { std::tie(highest_, number_, guesses_) = saved; }

 private:
  std::int64_t highest_ = 100;
  std::int64_t number_ = 0;
  std::int64_t guesses_ = 0;
};

} // namespace hello_web

COPPICE_PLUGIN("hello_web", "1.0.0", hello_web::hello_web_server, hello_web::game, hello_web::transfers);
