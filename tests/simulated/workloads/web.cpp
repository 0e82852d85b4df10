// SPDX-License-Identifier: MIT
// The workload of web requests: each host has a web server with the actors of the bundled plugin hello_web,
// and browsers that send requests to any host over connections of their own: notes that `kv` keeps, uploads
// that are measured as they come, downloads that are written as the browser takes them, several requests on
// a connection at once. Others read the node's clock as server-sent events. Browsers are slow at times and
// leave; actors and the server are killed; the plugin is reloaded. Invariants: answers of a connection come
// in the order of its requests, each is one whole answer to its own request, and no other bytes come. Each
// server-sent event is whole, and there are no more than seconds have passed. After the faults every browser
// is answered, and gets an event each second.
// rooms: node
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <cstdio>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../machine/story.hpp"
#include "behaviours/gen/native_server.hpp"
#include "calls.hpp"
#include "client_socket.hpp"
#include "ledger.hpp"
#include "reloads.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"
#include "workload.hpp"

namespace coppice::simulated {
namespace {

using behaviours::native_server;
using runtime::message;
using runtime::process;

constexpr std::array<std::string_view, 3> actors{"hello_web", "transfers", "site"};
constexpr int port = 8080;
constexpr nanos patience = 20 * second; // of a browser with all answers to what it has sent at once

// A request whose answer a browser waits for.
struct question {
  std::string sent; // for people
  int status = 200; // the status with `body`; any other status is that of an error
  std::string body; // the answer's body, or the end of it
};

struct answer {
  int status = 0;
  std::string body;
};

[[noreturn]] void broken(const std::string& invariant) {
  give_up("invariant: " + invariant);
}

// Removes the first answer from `from`. Empty: a part of it has not come yet.
std::optional<answer> take_answer(std::string& from) {
  const std::size_t end = from.find("\r\n\r\n");
  if (end == std::string::npos) return std::nullopt;
  std::string head = from.substr(0, end + 2);
  std::ranges::transform(head, head.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  answer out;
  if (!head.starts_with("http/1.1 ")) broken("an answer is one of HTTP: " + head);
  out.status = std::stoi(head.substr(9, 3));
  std::size_t at = end + 4;
  const std::size_t length = head.find("\r\ncontent-length: ");
  if (head.find("\r\ntransfer-encoding: chunked") != std::string::npos) {
    for (;;) {
      const std::size_t line = from.find("\r\n", at);
      if (line == std::string::npos) return std::nullopt;
      const std::size_t size = std::stoull(from.substr(at, line - at), nullptr, 16);
      if (from.size() < line + 2 + size + 2) return std::nullopt;
      out.body.append(from, line + 2, size);
      at = line + 2 + size + 2;
      if (size == 0) break;
    }
  } else if (length != std::string::npos) {
    const std::size_t size = std::stoull(head.substr(length + 18));
    if (from.size() < at + size) return std::nullopt;
    out.body = from.substr(at, size);
    at += size;
  } else if (out.status != 204) {
    broken("an answer says how long it is: " + head);
  }
  from.erase(0, at);
  return out;
}

// The orders for the browsers of the run.
struct web_log {
  bool last_round = false;       // each browser asks one host once more
  unsigned begun = 0, ended = 0; // of the last round
};

class browser final : public native_server {
 public:
  browser(const cluster& of, std::uint64_t number, web_log& log)
      : native_server("browser"), of_(of), number_(number), log_(log) {}

 private:
  runtime::outcome on_start(process& self) override {
    loop_ = self.stay();
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message& m) override {
    if (!etf::cursor(m.bytes()).read_atom_is("go")) return runtime::carry_on();
    if (on_ == nullptr)
      begin(self);
    else
      look_after();
    go_on(self);
    return runtime::carry_on();
  }
  static void go_on(process& self) {
    const nanos pause = the_ledger().quiet ? second
                        : one_in(4)        ? draw_between(0, millisecond)
                                           : draw_between(millisecond, 500 * millisecond);
    self.remind(self.now() + pause, message::atom("go"));
  }
  runtime::outcome take_io(process&) override {
    if (on_ == nullptr) return runtime::carry_on();
    if (on_->connected() && !asked_) ask();
    while (std::optional<answer> one = take_answer(on_->came())) take(*one);
    if (waits_for_.empty() && !on_->came().empty())
      broken(fmt::format("nothing comes beside the answers: browser {} got {} from host {}", number_,
                         on_->came(), host_));
    if (on_->over() || (asked_ && waits_for_.empty() && rest_.empty())) end();
    return runtime::carry_on();
  }

  void begin(process& self) {
    if (the_ledger().quiet && (!log_.last_round || in_last_)) return;
    in_last_ = log_.last_round;
    if (in_last_) ++log_.begun;
    host_ = 1 + static_cast<unsigned>(draw_below(of_.hosts()));
    asked_ = false;
    until_ = simulated::now() + patience;
    on_ = client_socket::open(self, loop_, host_, port);
  }
  void ask() {
    asked_ = true;
    std::string all;
    for (std::uint64_t left = one_in(3) ? 1 + draw_below(4) : 1; left > 0; --left) all += any_request();
    const std::size_t first = one_in(3) ? draw_below(all.size()) : all.size();
    rest_ = all.substr(first);
    on_->send(all.substr(0, first));
  }
  std::string any_request() {
    question one;
    std::string out;
    switch (draw_below(3)) {
      case 0: {
        const std::uint64_t last = draw_below(one_in(10) ? 20'000 : 50);
        one.sent = fmt::format("GET /count/{}", last);
        for (std::uint64_t number = 1; number <= last; ++number) one.body += fmt::format("{}\n", number);
        out = fmt::format("{} HTTP/1.1\r\nHost: h\r\n\r\n", one.sent);
        break;
      }
      case 1: {
        const std::uint64_t lines = 1 + draw_below(one_in(10) ? 20'000 : 50);
        one.sent = "PUT /measure";
        one.body = fmt::format("{{\"bytes\":{},\"lines\":{}}}", lines * 4, lines);
        out = fmt::format("{} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", one.sent, lines * 4);
        for (std::uint64_t line = 0; line < lines; ++line) out += "abc\n";
        break;
      }
      default: {
        const std::string text = fmt::format("note {} of {}", the_ledger().next(), number_);
        one.sent = "POST /api/notes";
        one.status = 201;
        one.body = fmt::format("\"text\":\"{}\"}}", text);
        out = fmt::format("{} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{}", one.sent, text.size(),
                          text);
        break;
      }
    }
    waits_for_.push_back(std::move(one));
    return out;
  }
  void look_after() {
    if (simulated::now() > until_ || (!the_ledger().quiet && one_in(100))) return end();
    if (!rest_.empty() && on_->connected()) {
      const std::size_t part = one_in(2) ? rest_.size() : draw_below(rest_.size() + 1);
      on_->send(rest_.substr(0, part));
      rest_.erase(0, part);
    }
    if (!on_->connected() || on_->over()) return;
    if (stopped_)
      on_->start_reading();
    else if (!the_ledger().quiet && one_in(6))
      on_->stop_reading();
    else
      return;
    stopped_ = !stopped_;
  }
  void take(const answer& one) {
    if (waits_for_.empty())
      broken(fmt::format("nothing comes beside the answers: browser {} got {} from host {}", number_,
                         one.status, host_));
    const question asked = std::move(waits_for_.front());
    waits_for_.pop_front();
    const bool good = one.status == asked.status;
    if (good && !one.body.ends_with(asked.body))
      broken(
          fmt::format("an answer is that to its request: {} of browser {} to host {}: {} bytes, which end {}",
                      asked.sent, number_, host_, one.body.size(),
                      one.body.substr(one.body.size() - std::min<std::size_t>(one.body.size(), 60))));
    if (good && asked.status == 200 && one.body.size() != asked.body.size())
      broken(fmt::format("an answer is one: {} of browser {} to host {} has {} bytes, and not {}", asked.sent,
                         number_, host_, one.body.size(), asked.body.size()));
    if (!good && one.status < 500 && one.status != 408 && one.status != 409)
      broken(fmt::format("what was asked is what is answered: {} of browser {} to host {} got {}", asked.sent,
                         number_, host_, one.status));
    the_ledger().call_ended(good);
    if (in_last_ && waits_for_.empty() && good) ++log_.ended;
  }
  void end() {
    for (; !waits_for_.empty(); waits_for_.pop_front()) the_ledger().call_ended(false);
    rest_.clear();
    stopped_ = false;
    std::exchange(on_, nullptr)->leave();
  }

  const cluster& of_;
  std::uint64_t number_;
  web_log& log_;
  uv_loop_t* loop_ = nullptr;
  client_socket* on_ = nullptr; // null: no connection
  unsigned host_ = 0;           // the host that it is connected to
  bool asked_ = false;
  bool stopped_ = false; // it reads nothing at present
  bool in_last_ = false;
  nanos until_ = 0;
  std::string rest_; // bytes of its requests to send later
  std::deque<question> waits_for_;
};

// Reads the clock of any host.
class clock_reader final : public native_server {
 public:
  clock_reader(const cluster& of, std::uint64_t number, web_log& log)
      : native_server("clock_reader"), of_(of), number_(number), log_(log) {}

 private:
  static constexpr unsigned enough = 5; // events, after the faults

  runtime::outcome on_start(process& self) override {
    loop_ = self.stay();
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message&) override {
    if (on_ == nullptr)
      begin(self);
    else if (simulated::now() > until_)
      end();
    go_on(self);
    return runtime::carry_on();
  }
  static void go_on(process& self) {
    self.remind(self.now() + draw_between(millisecond, second), message::atom("go"));
  }
  void begin(process& self) {
    if (the_ledger().quiet && (!log_.last_round || in_last_)) return;
    in_last_ = log_.last_round;
    if (in_last_) ++log_.begun;
    host_ = 1 + static_cast<unsigned>(draw_below(of_.hosts()));
    asked_ = accepted_ = false;
    text_.clear();
    times_.clear();
    until_ = simulated::now() + (in_last_ ? patience : draw_between(0, patience));
    on_ = client_socket::open(self, loop_, host_, port);
  }
  runtime::outcome take_io(process&) override {
    if (on_ == nullptr) return runtime::carry_on();
    if (on_->connected() && !std::exchange(asked_, true))
      on_->send("GET /clock HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n\r\n");
    if (!accepted_ && !take_head()) return runtime::carry_on();
    const bool over = take_chunks();
    take_events();
    if (over || on_->over() || (in_last_ && times_.size() >= enough)) end();
    return runtime::carry_on();
  }
  // False: there is nothing more to read at present.
  bool take_head() {
    std::string& came = on_->came();
    const std::size_t end_of_head = came.find("\r\n\r\n");
    if (end_of_head == std::string::npos || !came.starts_with("HTTP/1.1 200 ")) {
      if (end_of_head != std::string::npos && !came.starts_with("HTTP/1.1 5"))
        broken(fmt::format("a stream of events is given: {} got {}", shown(), came.substr(0, 200)));
      if (end_of_head != std::string::npos || on_->over()) end();
      return false;
    }
    std::string head = came.substr(0, end_of_head + 2);
    std::ranges::transform(head, head.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    if (head.find("\r\ncontent-type: text/event-stream") == std::string::npos ||
        head.find("\r\ntransfer-encoding: chunked") == std::string::npos)
      broken(fmt::format("a stream of events says what it is: {} got {}", shown(), head));
    came.erase(0, end_of_head + 4);
    accepted_ = true;
    begun_ = simulated::now();
    return true;
  }
  // True: the stream has ended in order.
  bool take_chunks() {
    std::string& came = on_->came();
    for (;;) {
      const std::size_t line = came.find("\r\n");
      if (line == std::string::npos) return false;
      const std::size_t size = std::stoull(came.substr(0, line), nullptr, 16);
      if (came.size() < line + 2 + size + 2) return false;
      text_.append(came, line + 2, size);
      came.erase(0, line + 2 + size + 2);
      if (size == 0) return true;
    }
  }
  void take_events() {
    for (std::size_t at = text_.find("\n\n"); at != std::string::npos; at = text_.find("\n\n")) {
      const std::string event = text_.substr(0, at);
      text_.erase(0, at + 2);
      // A comment, which keeps the connection open, or the time to wait before the next connection.
      if (event.starts_with(":") || event.starts_with("retry: ")) continue;
      int hours = 0, minutes = 0, seconds = 0, length = 0;
      if (std::sscanf(event.c_str(), "data: %2d:%2d:%2d%n", &hours, &minutes, &seconds, &length) != 3 ||
          static_cast<std::size_t>(length) != event.size())
        broken(fmt::format("an event is one that was sent: {} got {}", shown(), event));
      the_ledger().stream_event_came();
      const int time = (hours * 60 + minutes) * 60 + seconds;
      if (in_last_ && !times_.empty()) check_next(time);
      times_.push_back(time);
    }
    // One event when it is accepted, and one each second.
    if (accepted_ && static_cast<nanos>(times_.size()) > (simulated::now() - begun_) / second + 3)
      broken(fmt::format("an event comes once: {} got {} in {} ms", shown(), times_.size(),
                         (simulated::now() - begun_) / millisecond));
  }
  // No clock is set after the faults.
  void check_next(int time) const {
    const int step = (time - times_.back() + 86'400) % 86'400;
    if (step > 2 || (step == 0 && times_.size() > 1))
      broken(fmt::format("events come in their order, each second: {} got {} after {}", shown(), time,
                         times_.back()));
  }
  void end() {
    the_ledger().call_ended(accepted_);
    if (in_last_ && times_.size() >= enough) ++log_.ended;
    std::exchange(on_, nullptr)->leave(one_in(2));
  }
  std::string shown() const { return fmt::format("reader {} at host {}", number_, host_); }

  const cluster& of_;
  std::uint64_t number_;
  web_log& log_;
  uv_loop_t* loop_ = nullptr;
  client_socket* on_ = nullptr; // null: no connection
  unsigned host_ = 0;           // the host that it is connected to
  bool asked_ = false;
  bool accepted_ = false;
  bool in_last_ = false;
  nanos until_ = 0, begun_ = 0;
  std::string text_;       // bytes of the stream that are not a whole event yet
  std::vector<int> times_; // of the events of the connection, seconds of the day
};

// Kills the actors that answer, and the web server.
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
    const std::string_view name = actors[draw_below(actors.size())];
    tell("{} is killed", name);
    if (const auto whom = self.host().whereis(name)) self.exit(*whom, runtime::reasons::kill());
    go_on(self);
    return runtime::carry_on();
  }
  static void go_on(process& self) {
    self.remind(self.now() + draw_between(100 * millisecond, 6 * second), message::atom("go"));
  }
};

class sites final : public workload {
 public:
  sites() : hosts_(draw_hosts(2, 3)), kills_(!one_in(3)) {}

  unsigned hosts() const override { return hosts_; }
  std::string children(const cluster&, unsigned host) const override {
    return fmt::format(
        "        - {{ id: hello_web, actor: hello_web, name: hello_web }}\n"
        "        - {{ id: transfers, actor: \"hello_web:transfers\", name: transfers }}\n"
        "        - id: site\n"
        "          name: site\n"
        "          web:\n"
        "            listen: [ {{ address: 10.0.0.{}, port: {} }} ]\n"
        "            routes:\n"
        "              - {{ path: /api/notes, to: hello_web, limits: {{ body: 16KiB }} }}\n"
        "              - {{ method: GET, path: /clock, to: hello_web, upgrade: sse }}\n"
        "              - {{ method: PUT, path: /measure, to: transfers, body: streamed, limits: {{ body: "
        "1MiB }} "
        "}}\n"
        "              - {{ method: GET, path: \"/count/{{to}}\", to: transfers, body: streamed }}\n",
        host, port);
  }
  void populate(cluster& all, unsigned host) override {
    if (kills_) add_process(all, host, "killer", std::make_unique<killer>());
    const std::uint64_t reader = the_ledger().next();
    add_process(all, host, fmt::format("reader_{}", reader),
                std::make_unique<clock_reader>(all, reader, log_));
    for (std::uint64_t count = 1 + draw_below(4); count > 0; --count) {
      const std::uint64_t number = the_ledger().next();
      add_process(all, host, fmt::format("browser_{}", number), std::make_unique<browser>(all, number, log_));
    }
  }
  void lost(unsigned host) override { reloads_.lost(host); }
  void look(cluster& all) override {
    const auto host = 1 + static_cast<unsigned>(draw_below(hosts_));
    reloads_.maybe(all, host, "hello_web");
  }
  void check(cluster&) override {
    log_.last_round = true;
    let_pass(patience + 5 * second);
    if (log_.begun == 0 || log_.begun != log_.ended)
      the_ledger().broken(
          fmt::format("after the faults every browser is answered: {} of {} were", log_.ended, log_.begun));
    reloads_.check_answered(hosts_);
  }

 private:
  unsigned hosts_;
  bool kills_;
  reloads reloads_;
  web_log& log_ = *new web_log; // NOLINT: never destroyed: browsers of a killed host do not end
};

} // namespace

std::unique_ptr<workload> make_sites() {
  return std::make_unique<sites>();
}

} // namespace coppice::simulated
