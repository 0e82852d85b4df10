// SPDX-License-Identifier: MIT
// The workload of WebSockets: each host has a web server with two actors of the bundled plugin hello_web:
// the chat, one actor for all guests, and the game, an actor for each player. Guests and players on every
// host connect to any host. They send messages in parts, with pings in between, read slowly, and leave, some
// by a reset. The plugin is reloaded; the actors and the server are killed. Invariants: guests of one chat
// see the same lines in the same order, each once, and their own lines in the order in which they said them.
// A game's answers fit one number, and its end is reported. After the faults every guest is heard, every
// game ends, and no actor of a game and no socket is left.
// rooms: node
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../machine/sockets.hpp"
#include "../machine/story.hpp"
#include "behaviours/gen/native_server.hpp"
#include "calls.hpp"
#include "client_socket.hpp"
#include "ledger.hpp"
#include "node/instance/snapshots.hpp"
#include "reloads.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"
#include "workload.hpp"

namespace coppice::simulated {
namespace {

using behaviours::native_server;
using runtime::message;
using runtime::process;

constexpr std::uint16_t port = 8090;
constexpr nanos patience = 20 * second; // of a client with one connection
constexpr int highest = 1000;           // highest number of a game

[[noreturn]] void broken(const std::string& invariant) {
  give_up("invariant: " + invariant);
}

// A key and the server's answer to it, from RFC 6455, 1.3.
constexpr std::string_view some_key = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view its_answer = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

enum class opcode : std::uint8_t { more = 0, text = 1, close = 8, ping = 9, pong = 10 };

// Makes a frame as a client sends it. The payload has less than 64 KiB.
std::string frame(opcode what, std::string_view payload, bool last) {
  std::string out{static_cast<char>(static_cast<unsigned>(what) | (last ? 0x80U : 0U))};
  if (payload.size() < 126) {
    out += static_cast<char>(0x80U | payload.size());
  } else {
    out += static_cast<char>(0x80U | 126U);
    out += static_cast<char>(payload.size() >> 8);
    out += static_cast<char>(payload.size() & 255U);
  }
  std::array<char, 4> mask{};
  for (char& each : mask) each = static_cast<char>(draw_below(256));
  out.append(mask.begin(), mask.end());
  for (std::size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ mask[i % 4]);
  return out;
}

// A text in one frame, or in two with a ping between them.
std::string in_frames(std::string_view text) {
  if (!one_in(4)) return frame(opcode::text, text, true);
  const std::size_t first = draw_below(text.size() + 1);
  std::string out = frame(opcode::text, text.substr(0, first), false);
  if (one_in(2)) out += frame(opcode::ping, "between", true);
  return out + frame(opcode::more, text.substr(first), true);
}

struct received {
  opcode what = opcode::text;
  std::string payload;
};

// Removes the first frame from `from`. Empty: a part of it has not come yet.
std::optional<received> take_frame(std::string& from) {
  if (from.size() < 2) return std::nullopt;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(from[at]); };
  if ((byte(0) & 0x70U) != 0 || (byte(1) & 0x80U) != 0)
    broken("a server's frame has no mask and no extension");
  std::size_t size = byte(1) & 0x7fU;
  std::size_t head = 2;
  if (size == 127) broken("a server's frame is no longer than what was said");
  if (size == 126) {
    if (from.size() < 4) return std::nullopt;
    size = byte(2) * 256U + byte(3);
    head = 4;
  }
  if (from.size() < head + size) return std::nullopt;
  if ((byte(0) & 0x80U) == 0) broken("a server sends a short text in one frame");
  received out{static_cast<opcode>(byte(0) & 0x0fU), from.substr(head, size)};
  from.erase(0, head + size);
  return out;
}

// The orders for the clients of the run, and what guests have seen.
struct talk_log {
  bool last_round = false;       // each client connects once more
  unsigned begun = 0, ended = 0; // of the last round
  std::set<std::string> said;    // lines that guests have said
  // The line that a guest has seen directly behind another line. No line is said twice.
  std::map<std::string, std::string> next;
};

class client : public native_server {
 public:
  client(const char* name, const cluster& of, std::uint64_t number, talk_log& log)
      : native_server(name), number_(number), log_(log), of_(of) {}

 protected:
  // The server has accepted the connection.
  virtual void opened() = 0;
  virtual void text_came(const std::string& text) = 0;
  virtual void close_came(unsigned code) = 0;
  // The connection goes on; the client may say something.
  virtual void go_on() = 0;
  virtual std::string_view path() const = 0;
  virtual bool is_done() const = 0;

  void say(std::string_view text) { rest_ += in_frames(text); }
  std::string shown() const { return fmt::format("client {} at {} of host {}", number_, path(), host_); }
  bool in_last_round() const { return in_last_; }

  const std::uint64_t number_;
  talk_log& log_;

 private:
  runtime::outcome on_start(process& self) override {
    loop_ = self.stay();
    remind(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message&) override {
    if (on_ == nullptr)
      begin(self);
    else
      look_after();
    remind(self);
    return runtime::carry_on();
  }
  void remind(process& self) const {
    const nanos pause = log_.last_round      ? draw_between(0, 300 * millisecond)
                        : the_ledger().quiet ? second
                        : one_in(4)          ? draw_between(0, millisecond)
                                             : draw_between(millisecond, 600 * millisecond);
    self.remind(self.now() + pause, message::atom("go"));
  }
  runtime::outcome take_io(process&) override {
    if (on_ == nullptr) return runtime::carry_on();
    if (on_->connected() && !asked_) ask();
    if (!accepted_) take_head();
    while (accepted_ && !closed_) {
      const std::optional<received> one = take_frame(on_->came());
      if (!one) break;
      take(*one);
    }
    if (on_->over() || closed_) end();
    return runtime::carry_on();
  }

  void begin(process& self) {
    if (the_ledger().quiet && (!log_.last_round || done_)) return;
    if (!in_last_ && log_.last_round) ++log_.begun;
    in_last_ = log_.last_round;
    host_ = 1 + static_cast<unsigned>(draw_below(of_.hosts()));
    asked_ = accepted_ = closed_ = stopped_ = false;
    rest_.clear();
    until_ = simulated::now() + patience;
    leaves_at_ = in_last_ ? until_ : simulated::now() + draw_between(0, patience);
    on_ = client_socket::open(self, loop_, host_, port);
  }
  void ask() {
    asked_ = true;
    on_->send(
        fmt::format("GET {} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n\r\n",
                    path(), some_key));
  }
  // Reads the head of the answer to its request. An answer other than 101 ends the connection.
  void take_head() {
    std::string& came = on_->came();
    const std::size_t end = came.find("\r\n\r\n");
    if (end == std::string::npos) return;
    if (!came.starts_with("HTTP/1.1 101 ")) {
      if (!came.starts_with("HTTP/1.1 5"))
        broken(
            fmt::format("a WebSocket that is asked for is opened: {} got {}", shown(), came.substr(0, 200)));
      closed_ = true;
      return;
    }
    if (came.find(its_answer) > end) broken("a server has read the key: " + came.substr(0, end));
    came.erase(0, end + 4);
    accepted_ = true;
    opened();
  }
  void take(const received& one) {
    switch (one.what) {
      case opcode::text:
        return text_came(one.payload);
      case opcode::ping:
        on_->send(frame(opcode::pong, one.payload, true));
        return;
      case opcode::pong:
        if (one.payload != "between") broken("a pong has what the ping had: " + one.payload);
        return;
      case opcode::close:
        closed_ = true;
        if (one.payload.size() < 2) broken("a server says why it closes");
        on_->send(frame(opcode::close, one.payload.substr(0, 2), true));
        return close_came(static_cast<unsigned char>(one.payload[0]) * 256U +
                          static_cast<unsigned char>(one.payload[1]));
      default:
        broken(fmt::format("a frame is a text or of use to the protocol: {}", static_cast<int>(one.what)));
    }
  }
  void look_after() {
    if (simulated::now() > until_) return end();
    if (!accepted_ || on_->over()) return;
    if (in_last_ && is_done()) return end();
    if (!in_last_ && simulated::now() > leaves_at_) return end();
    if (rest_.empty()) go_on();
    if (!rest_.empty()) {
      const std::size_t part = one_in(2) || in_last_ ? rest_.size() : draw_below(rest_.size() + 1);
      on_->send(rest_.substr(0, part));
      rest_.erase(0, part);
    }
    if (stopped_)
      on_->start_reading();
    else if (!the_ledger().quiet && one_in(8))
      on_->stop_reading();
    else
      return;
    stopped_ = !stopped_;
  }
  void end() {
    the_ledger().call_ended(accepted_);
    if (in_last_ && is_done() && !std::exchange(done_, true)) ++log_.ended;
    const bool tells = accepted_ && !closed_ && rest_.empty() && one_in(2);
    if (tells) on_->send(frame(opcode::close, "\x03\xe8", true));
    std::exchange(on_, nullptr)->leave(!tells && one_in(2));
  }

  const cluster& of_;
  uv_loop_t* loop_ = nullptr;
  client_socket* on_ = nullptr; // null: no connection
  unsigned host_ = 0;           // the host that it is connected to
  bool asked_ = false;
  bool accepted_ = false;
  bool closed_ = false;  // the server has closed
  bool stopped_ = false; // it reads nothing at present
  bool in_last_ = false;
  bool done_ = false; // the last round is done
  nanos until_ = 0, leaves_at_ = 0;
  std::string rest_; // bytes to send later
};

class guest final : public client {
 public:
  guest(const cluster& of, std::uint64_t number, talk_log& log) : client("guest", of, number, log) {}

 private:
  std::string_view path() const override { return "/chat"; }
  void opened() override {
    seen_.clear();
    last_.clear();
    name_.clear();
    own_.clear();
    heard_ = 0;
  }
  void text_came(const std::string& text) override {
    const std::size_t colon = text.find(": ");
    if (!text.starts_with("Guest ") || colon == std::string::npos ||
        !log_.said.contains(text.substr(colon + 2)))
      broken(fmt::format("what guests see is what one has said: {} got {}", shown(), text));
    if (!seen_.insert(text).second) broken(fmt::format("a line comes once: {} got {}", shown(), text));
    if (!last_.empty()) {
      const auto [known, added] = log_.next.emplace(last_, text);
      if (known->second != text)
        broken(
            fmt::format("guests see the same lines in the same order: behind {}, {} got {}, and another {}",
                        last_, shown(), text, known->second));
    }
    last_ = text;
    if (own_.empty() || text.substr(colon + 2) != own_.front()) {
      if (std::ranges::find(own_, text.substr(colon + 2)) != own_.end())
        broken(fmt::format("what one guest says comes in its order: {} got {} before {}", shown(), text,
                           own_.front()));
      return;
    }
    own_.pop_front();
    ++heard_;
    if (name_.empty()) name_ = text.substr(0, colon);
    if (name_ != text.substr(0, colon))
      broken(fmt::format("a guest has one name: {} is {} and {}", shown(), name_, text.substr(0, colon)));
  }
  void close_came(unsigned) override {}
  void go_on() override {
    if (!own_.empty() && !one_in(3)) return;
    std::string text = fmt::format("line {} of {}", the_ledger().next(), number_);
    text.append(one_in(10) ? draw_below(3000) : 0, 'x');
    log_.said.insert(text);
    say(text);
    own_.push_back(std::move(text));
  }
  bool is_done() const override { return heard_ > 0; }

  std::set<std::string> seen_;
  std::string last_;            // the last line that it has seen
  std::string name_;            // its name in the chat; empty: not known
  std::deque<std::string> own_; // lines that it has said and not seen
  unsigned heard_ = 0;          // how many of its own lines it has seen
};

class player final : public client {
 public:
  player(const cluster& of, std::uint64_t number, talk_log& log) : client("player", of, number, log) {}

 private:
  std::string_view path() const override { return "/game"; }
  void opened() override {
    low_ = 1;
    high_ = highest;
    guesses_ = guess_ = 0;
    greeted_ = over_ = done_ = false;
  }
  void text_came(const std::string& text) override {
    if (!std::exchange(greeted_, true)) {
      if (text != fmt::format("I think of a number from 1 to {}. Which one?", highest)) wrong(text);
      return;
    }
    if (guess_ == 0 || over_) wrong(text);
    if (text == fmt::format("{} is too small.", guess_))
      low_ = guess_ + 1;
    else if (text == fmt::format("{} is too large.", guess_))
      high_ = guess_ - 1;
    else if (text == fmt::format("{} it is: {} guess{}.", guess_, guesses_, guesses_ == 1 ? "" : "es"))
      over_ = true;
    else
      wrong(text);
    if (!over_ && low_ > high_) wrong(text);
    guess_ = 0;
  }
  void close_came(unsigned code) override {
    if (over_ && code != 1000)
      broken(fmt::format("a game that is over ends by 1000: {} got {}", shown(), code));
    done_ = over_;
    if (done_ && in_last_round()) has_ended_ = true;
  }
  void go_on() override {
    if (!greeted_ || guess_ != 0 || over_) return;
    guess_ = one_in(2) ? (low_ + high_) / 2
                       : low_ + static_cast<int>(draw_below(static_cast<std::uint64_t>(high_ - low_ + 1)));
    ++guesses_;
    say(std::to_string(guess_));
  }
  bool is_done() const override { return has_ended_; }
  [[noreturn]] void wrong(const std::string& text) const {
    broken(fmt::format("a game's answers fit one number: {} with {} to {} and guess {}, the {}th, got {}",
                       shown(), low_, high_, guess_, guesses_, text));
  }

  int low_ = 1, high_ = highest;
  int guess_ = 0; // the guess without an answer; 0: none
  int guesses_ = 0;
  bool greeted_ = false;
  bool over_ = false; // the number was found
  bool done_ = false;
  bool has_ended_ = false; // a game of the last round has ended
};

constexpr std::array<std::string_view, 2> victims{"hello_web", "site"};

// Kills the chat's actor, and the web server.
class killer final : public native_server {
 public:
  killer() : native_server("killer") {}

 private:
  runtime::outcome on_start(process& self) override {
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message&) override {
    if (the_ledger().quiet) return runtime::carry_on();
    const std::string_view name = victims[draw_below(victims.size())];
    tell("{} is killed", name);
    if (const auto whom = self.host().whereis(name))
      self.exit(*whom, one_in(2) ? runtime::reasons::kill() : message::atom("crash"));
    go_on(self);
    return runtime::carry_on();
  }
  static void go_on(process& self) {
    self.remind(self.now() + draw_between(100 * millisecond, 8 * second), message::atom("go"));
  }
};

class talks final : public workload {
 public:
  talks() : hosts_(draw_hosts(2, 3)), kills_(one_in(2)) {}

  unsigned hosts() const override { return hosts_; }
  std::string children(const cluster&, unsigned host) const override {
    return fmt::format(
        "        - {{ id: hello_web, actor: hello_web, name: hello_web }}\n"
        "        - id: site\n"
        "          name: site\n"
        "          web:\n"
        "            listen: [ {{ address: 10.0.0.{}, port: {} }} ]\n"
        "            routes:\n"
        "              - {{ path: /chat, to: hello_web, upgrade: websocket }}\n"
        "              - {{ path: /game, actor: \"hello_web:game\", args: {{ highest: {} }}, upgrade: "
        "websocket }}\n"
        "            websocket: {{ max_message: 4KiB }}\n",
        host, port, highest);
  }
  void populate(cluster& all, unsigned host) override {
    if (kills_) add_process(all, host, "killer", std::make_unique<killer>());
    for (std::uint64_t count = 1 + draw_below(3); count > 0; --count) {
      const std::uint64_t number = the_ledger().next();
      add_process(all, host, fmt::format("guest_{}", number), std::make_unique<guest>(all, number, log_));
    }
    const std::uint64_t number = the_ledger().next();
    add_process(all, host, fmt::format("player_{}", number), std::make_unique<player>(all, number, log_));
  }
  void lost(unsigned host) override { reloads_.lost(host); }
  void look(cluster& all) override {
    const auto host = 1 + static_cast<unsigned>(draw_below(hosts_));
    reloads_.maybe(all, host, "hello_web");
  }
  void check(cluster& all) override {
    log_.last_round = true;
    let_pass(patience);
    for (const nanos until = now() + 3 * patience; log_.ended != log_.begun && now() < until;)
      let_pass(second);
    if (log_.begun == 0 || log_.begun != log_.ended)
      the_ledger().broken(fmt::format("after the faults every guest is heard, and every game ends: {} of {}",
                                      log_.ended, log_.begun));
    let_pass(10 * second);
    reloads_.check_answered(hosts_);
    for (unsigned host = 1; host <= hosts_; ++host) {
      const unsigned ends = open_ends(host, port);
      if (ends != 0)
        the_ledger().broken(
            fmt::format("a socket is closed with its connection: {} of host {} are left", ends, host));
      for (const runtime::process_summary& one : all.at(host)->snapshots().processes())
        if (one.label.find("game") != std::string::npos)
          the_ledger().broken(fmt::format("an actor ends with its client: {} of host {}", one.label, host));
    }
  }

 private:
  unsigned hosts_;
  bool kills_;
  reloads reloads_;
  talk_log& log_ = *new talk_log; // NOLINT: never destroyed: clients of a killed host do not end
};

} // namespace

std::unique_ptr<workload> make_talks() {
  return std::make_unique<talks>();
}

} // namespace coppice::simulated
