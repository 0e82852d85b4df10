// SPDX-License-Identifier: MIT
// The answers are those of debug_cmd in sys.erl, the lines those of print_event in gen_server.erl. In the
// process's own turn.
#include "behaviours/gen/sys_debug.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>

#include "base/log.hpp"
#include "behaviours/gen/gen.hpp"
#include "behaviours/gen/name_or_pid.hpp"
#include "behaviours/gen/tagged.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/messages/shown.hpp"
#include "runtime/remote_router.hpp"
#include "runtime/system.hpp"

namespace coppice::behaviours::sys {
namespace {

using runtime::message;
using runtime::message_writer;
using runtime::process;

std::string shown(etf::bytes term) {
  return runtime::shown(term, 1000);
}

// Writes {{Year, Month, Day}, {Hour, Minute, Second}}, local time.
void write_time(etf::writer& out, base::nanos wall) {
  const std::time_t seconds = wall / base::nanos_per_second;
  std::tm at{};
  localtime_r(&seconds, &at);
  out.tuple(2);
  out.tuple(3);
  for (const int part : {at.tm_year + 1900, at.tm_mon + 1, at.tm_mday}) out.integer(part);
  out.tuple(3);
  for (const int part : {at.tm_hour, at.tm_min, at.tm_sec}) out.integer(part);
}

std::uint64_t reductions_of(process& self) {
  const auto info = self.host().info(self.self());
  return info ? info->summary.reductions : 0;
}

// Makes {ok, What}.
message ok(etf::bytes what) {
  return tagged("ok", what);
}

message error(std::string_view why) {
  return runtime::error_message(message::atom(why));
}

std::string line_of_incoming(const message& m) {
  const auto what = gen::look(m.bytes());
  if (what.what == gen::request::kind::call) {
    etf::cursor from(what.from);
    etf::bytes caller;
    from.read_tuple_of(2);
    from.read_term(caller);
    return fmt::format("got call {} from {}", shown(what.body), shown(caller));
  }
  if (what.what == gen::request::kind::cast) return "got cast " + shown(what.body);
  return "got " + shown(m.bytes());
}

std::string line_of(const message& event) {
  etf::cursor at(event.bytes());
  std::uint32_t arity = 0;
  std::string_view kind;
  etf::bytes first;
  etf::bytes from;
  etf::bytes state;
  at.read_tuple(arity);
  at.read_atom(kind);
  at.read_term(first);
  if (kind == "in") return line_of_incoming(event.slice(first));
  if (kind == "noreply") return "new state " + shown(first);
  at.read_term(from);
  at.read_term(state);
  etf::cursor caller(from);
  caller.read_tuple_of(2);
  caller.read_term(from);
  return fmt::format("sent {} to {}, new state {}", shown(first), shown(from), shown(state));
}

void print(process& self, const message& event) {
  base::log::info("sys", "*DBG* {} {}", name_or_pid(self), line_of(event));
}

// Makes {in, {too_large, Bytes}}, or the same with the event's own tag.
message too_large(const message& event) {
  etf::cursor at(event.bytes());
  std::uint32_t arity = 0;
  std::string_view what = "in";
  if (at.read_tuple(arity)) at.read_atom(what);
  message_writer out;
  out.tuple(2);
  out.atom(what);
  out.tuple(2);
  out.atom("too_large");
  out.unsigned_integer(event.size());
  return out.take();
}

} // namespace

message debugging::command(process& self, etf::cursor what) {
  const std::string before = what_is_on();
  message answer = obey(self, what);
  if (what_is_on() != before) switched(self);
  return answer;
}

std::string debugging::what_is_on() const {
  std::string out;
  for (const auto& [on, name] :
       {std::pair(trace_, "trace"), std::pair(keep_ != 0, "log"), std::pair(counts_, "statistics")})
    if (on) out += (out.empty() ? "" : ", ") + std::string(name);
  return out;
}

std::string debugging::words(const process& self) const {
  const std::string what = what_is_on();
  if (what.empty()) return {};
  return fmt::format("{} by {}", what, by_ == 0 ? "this node" : self.host().nodes().name(by_));
}

// Logged, because each message costs more from now on, and the log may show messages of the process.
void debugging::switched(process& self) {
  by_ = self.origin().node;
  const std::string asker = by_ == 0 ? "this node" : self.host().nodes().name(by_);
  const std::string who = name_or_pid(self);
  base::log::write(base::log::level::notice, "sys", {{"node", asker}}, "{}: sys of {} has switched {}", who,
                   asker, on() ? "on: " + what_is_on() : "everything off");
  if (on()) watch(self, by_);
}

void debugging::watch(process& self, std::uint32_t node) {
  if (node == 0 || self.host().router() == nullptr || std::ranges::find(watched_, node) != watched_.end())
    return;
  watched_.push_back(node);
  self.host().router()->monitor_node(self.self(), node, true);
}

void debugging::all_off() {
  trace_ = counts_ = false;
  keep(0);
  from_ = reply_ = {};
}

std::optional<std::uint32_t> debugging::lost(process& self, const message& m) {
  etf::cursor at(m.bytes());
  std::string_view tag, node;
  if (!self.origin().notice || !at.read_tuple_of(2) || !at.read_atom(tag) || tag != "nodedown" ||
      !at.read_atom(node))
    return std::nullopt;
  const auto gone = std::ranges::find_if(
      watched_, [&](std::uint32_t index) { return self.host().nodes().name(index) == node; });
  if (gone == watched_.end()) return std::nullopt;
  const std::uint32_t index = *gone;
  watched_.erase(gone);
  if (!on() || by_ != index) return index;
  all_off();
  base::log::notice("sys", "{}: what sys of {} has switched on is off: that node is gone", name_or_pid(self),
                    node);
  return index;
}

message debugging::obey(process& self, etf::cursor what) {
  std::string_view item;
  std::string_view how;
  if (what.read_atom(item)) {
    if (item != "no_debug") return message::atom("unknown_debug");
    all_off();
    return message::atom("ok");
  }
  if (!what.read_tuple_of(2) || !what.read_atom(item)) return message::atom("unknown_debug");
  if (item == "install") return error("unsupported"); // it is a fun
  if (item == "remove") return message::atom("ok");
  if (item == "log") return switch_log(self, what);
  const bool is_atom = what.read_atom(how);
  if (item == "log_to_file") return how == "false" ? message::atom("ok") : error("open_file");
  if (item == "statistics" && how == "get") return statistics(self);
  if (!is_atom || (how != "true" && how != "false")) return message::atom("unknown_debug");
  if (item == "trace") {
    trace_ = how == "true";
  } else if (item == "statistics") {
    if (how == "true" && !counts_) {
      in_ = out_ = 0;
      began_ = base::wall_now();
      reductions_ = reductions_of(self);
    }
    counts_ = how == "true";
  } else {
    return message::atom("unknown_debug");
  }
  return message::atom("ok");
}

message debugging::switch_log(process& self, etf::cursor how) {
  std::string_view word;
  std::int64_t events = usual_log;
  if (how.read_atom(word)) {
    if (word == "get") {
      message_writer out;
      if (!log_.empty()) out.list(static_cast<std::uint32_t>(log_.size()));
      for (const message& event : log_) out.raw(event.bytes());
      out.nil();
      return ok(out.view());
    }
    if (word == "print") {
      for (const message& event : log_) print(self, event);
    } else if (word == "true" || word == "false") {
      keep(word == "true" ? usual_log : 0);
    } else {
      return message::atom("unknown_debug");
    }
    return message::atom("ok");
  }
  if (!how.read_tuple_of(2) || !how.read_atom_is("true") || !how.read_integer(events) || events < 1)
    return message::atom("unknown_debug");
  keep(std::min(static_cast<std::size_t>(events), longest_log));
  return message::atom("ok");
}

void debugging::keep(std::size_t events) {
  keep_ = events;
  while (log_.size() > keep_) drop_oldest();
}

void debugging::drop_oldest() {
  log_bytes_ -= log_.front().size();
  log_.pop_front();
}

message debugging::statistics(process& self) const {
  if (!counts_) return ok(message::atom("no_statistics").bytes());
  message_writer out;
  const auto pair = [&out](std::string_view name) {
    out.tuple(2);
    out.atom(name);
  };
  out.list(5);
  pair("start_time");
  write_time(out, began_);
  pair("current_time");
  write_time(out, base::wall_now());
  pair("reductions");
  out.unsigned_integer(reductions_of(self) - reductions_);
  pair("messages_in");
  out.unsigned_integer(in_);
  pair("messages_out");
  out.unsigned_integer(out_);
  out.nil();
  return ok(out.view());
}

void debugging::received(process& self, const message& m) {
  ++in_;
  from_ = reply_ = {};
  message_writer event(m.size() + 16);
  event.tuple(2);
  event.atom("in");
  event.raw(m.bytes());
  add(self, event.take());
}

void debugging::replied(etf::bytes from, etf::bytes answer) {
  from_ = message::copy_of(from);
  reply_ = message::copy_of(answer);
}

void debugging::handled(process& self, const message& state) {
  message_writer event(state.size() + reply_.size() + 128);
  event.tuple(reply_ ? 4 : 2);
  event.atom(reply_ ? "out" : "noreply");
  if (reply_) {
    ++out_;
    event.raw(reply_.bytes());
    event.raw(from_.bytes());
  }
  event.raw(state.bytes());
  from_ = reply_ = {};
  add(self, event.take());
}

void debugging::add(process& self, message event) {
  if (trace_) print(self, event);
  if (keep_ == 0) return;
  if (event.size() > largest_log) event = too_large(event);
  log_bytes_ += event.size();
  log_.push_back(std::move(event));
  while (log_.size() > keep_ || log_bytes_ > largest_log) drop_oldest();
}

} // namespace coppice::behaviours::sys
