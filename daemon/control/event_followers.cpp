// SPDX-License-Identifier: MIT
// See event_followers.hpp. A write may end a reader's connection, which calls left(): after each write the
// reader is looked up again.
#include "control/event_followers.hpp"

#include <chrono>
#include <utility>
#include <vector>

#include "base/border.hpp"
#include "base/json_text.hpp"
#include "base/log_counted.hpp"
#include "control/event_commands.hpp"

namespace coppice::control {
namespace {

// Lines at once. One may have 16 KiB of text, so a page stays below what a connection may hold.
constexpr std::size_t most_at_once = 50;
// A tail that is not read for half a minute ends. That a reader is gone is seen when the second write to it
// fails, so a silent reader is written to at every other look.
constexpr std::chrono::milliseconds every{5'000};

std::string frame(const nlohmann::json& data) {
  return "event: event\ndata: " + base::json_text(data) + "\n\n";
}

} // namespace

event_followers::event_followers(uv_loop_t* loop, net::http_server*& of, node::event_tails& tails,
                                 std::function<void(net::http_exchange)> has_lines)
    : server_(of),
      tails_(tails),
      has_lines_(std::move(has_lines)),
      timer_(loop, [this] { base::contained("readers of an event over HTTP", [this] { tick(); }); }) {}

event_followers::~event_followers() {
  for (const auto& [number, one] : readers_) close(one);
}

void event_followers::close(const reader& one) {
  one.tail->forget_waiting();
  tails_.close(one.number);
}

base::status event_followers::open(net::http_exchange to, const std::string& name, const std::string& node,
                                   const behaviours::event_subscribe_options& how) {
  const auto number = tails_.open(name, node, how);
  if (!number) return unexpected(number.error());
  reader made{to, *number, tails_.find(*number)};
  if (made.tail == nullptr) return base::fail(base::errc::closed, "the event has ended");
  net::http_response head{200, "text/event-stream"};
  head.headers = {
      {"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}, {"X-Accel-Buffering", "no"}};
  if (!server_->begin(to, head)) return close(made), base::status();
  if (readers_.empty()) timer_.start(every, every);
  reader& its = readers_.emplace(key{to.connection, to.number}, std::move(made)).first->second;
  wait_for_lines(its);
  return {};
}

void event_followers::wait_for_lines(reader& one) {
  one.tail->when_line(one.after, [tell = has_lines_, to = one.to] { tell(to); });
}

bool event_followers::write(net::http_exchange to, const std::string& text) {
  const bool is_full = server_->write(to, text) == net::http_written::full;
  const auto found = readers_.find({to.connection, to.number});
  if (found == readers_.end()) return false;
  found->second.is_slow = is_full;
  found->second.is_silent = false;
  return true;
}

void event_followers::look(net::http_exchange to) {
  const auto found = readers_.find({to.connection, to.number});
  if (found == readers_.end() || found->second.is_slow) return;
  reader& its = found->second;
  const auto page = its.tail->read(its.after, most_at_once);
  std::string text;
  if (page.missed != 0) text += frame(nlohmann::json{{"missed", page.missed}});
  for (const node::tail_line& one : page.lines) text += frame(event_line_document(one));
  if (!page.lines.empty()) its.after = page.lines.back().number;
  if (!text.empty() && !write(to, text)) return;
  if (page.ended) {
    close(its);
    readers_.erase(found);
    if (readers_.empty()) timer_.stop();
    server_->end(to);
    return;
  }
  if (!its.is_slow) wait_for_lines(its);
}

void event_followers::writable(net::http_exchange to) {
  const auto found = readers_.find({to.connection, to.number});
  if (found == readers_.end() || !found->second.is_slow) return;
  found->second.is_slow = false;
  wait_for_lines(found->second);
}

void event_followers::left(net::http_exchange from) {
  const auto found = readers_.find({from.connection, from.number});
  if (found == readers_.end()) return;
  if (found->second.is_slow) {
    ++dropped_;
    base::log::counted(base::log::level::warning, "control", "http-stream",
                       "a reader of an event does not take its bytes: dropped");
  }
  close(found->second);
  readers_.erase(found);
  if (readers_.empty()) timer_.stop();
}

// Keeps the tails, and writes to silent readers, so that a connection whose other side is gone is noticed.
void event_followers::tick() {
  std::vector<net::http_exchange> silent;
  for (auto& [number, one] : readers_) {
    if (one.is_slow) continue;
    wait_for_lines(one);
    if (one.is_silent) silent.push_back(one.to);
    one.is_silent = true;
  }
  for (const net::http_exchange& one : silent) write(one, ": alive\n\n");
}

void event_followers::end() {
  timer_.close();
  for (const auto& [number, one] : std::exchange(readers_, {})) {
    close(one);
    server_->end(one.to);
  }
}

} // namespace coppice::control
