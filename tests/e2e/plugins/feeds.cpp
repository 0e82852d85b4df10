// SPDX-License-Identifier: MIT
// Named events from both sides: `shop` publishes what it is told; `desk` subscribes to what it is told and
// keeps what it gets, each message as text in Erlang's syntax. A `watcher` subscribes to one event for as
// long as it lives, again after each end, and checks that the numbers have no holes.
#include <coppice/event.hpp>
#include <coppice/server.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

namespace {

using namespace coppice;
using ok = etf::constant<"ok">;

struct source_args {
  static constexpr etf::form etf_form = etf::form::map;
  std::string event;
  std::optional<std::uint32_t> buffer;
  std::optional<bool> open;
};

struct publish {
  term payload;
};
struct publish_many { // publishes 1, 2, …, count
  std::uint64_t count = 0;
};
struct publish_by { // publishes with another actor's token
  std::uint64_t token = 0;
  term payload;
};
struct enroll {
  std::string name;
};
struct try_options { // the status of a registration with these options
  std::string name;
  std::uint32_t flags = 0, buffer = 0, queue = 0;
  std::uint64_t bytes = 0;
  std::uint32_t slow = 0;
};
struct try_subscribe { // the status of a subscription
  std::string name;
  std::uint32_t flags = 0, begin = 0;
};

class shop : public server {
 public:
  static constexpr std::string_view name = "shop";
  static constexpr std::string_view args_schema = R"({
    "type": "object", "additionalProperties": false, "required": ["event"],
    "properties": { "event": {"type": "string"}, "buffer": {"type": "integer"}, "open": {"type": "boolean"} }
  })";
  using calls = std::variant<publish, publish_many, publish_by, enroll, try_options, try_subscribe,
                             etf::constant<"token">, etf::constant<"heard">, etf::constant<"unregister">>;

  void init(const source_args& given) {
    source_ = event_source(
        *this, given.event,
        {.buffer = given.buffer.value_or(0), .open = given.open.value_or(false), .notify = true});
  }
  std::uint64_t handle_call(const publish& what) { return source_.publish(what.payload); }
  std::uint64_t handle_call(const publish_many& what) {
    std::uint64_t last = 0;
    for (std::uint64_t i = 1; i <= what.count; ++i) last = source_.publish(i);
    return last;
  }
  std::uint64_t handle_call(const publish_by& what) {
    return event_source(*this, what.token).publish(what.payload);
  }
  std::uint64_t handle_call(const enroll& what) { return event_source(*this, what.name).token(); }
  std::int32_t handle_call(const try_options& what) {
    const coppice_channel_options raw{sizeof raw, what.flags, what.buffer, what.queue, what.bytes,
                                      what.slow,  0};
    std::uint64_t token = 0;
    return detail::event_host.need().register_event(handle(), detail::plain(what.name), &raw, &token);
  }
  std::int32_t handle_call(const try_subscribe& what) {
    const coppice_channel_subscribe_options raw{sizeof raw, what.flags, what.begin, 0, 0};
    return detail::event_host.need().subscribe(handle(), detail::plain(what.name), {}, &raw, nullptr);
  }
  std::uint64_t handle_call(etf::constant<"token">) { return source_.token(); }
  // The numbers of subscribers that it was told, in order.
  std::vector<std::uint64_t> handle_call(etf::constant<"heard">) { return heard_; }
  ok handle_call(etf::constant<"unregister">) { return source_.unregister(), ok(); }
  void handle_cast(etf::constant<"crash">) { throw std::runtime_error("told to"); }
  void handle_info(const event_subscribers& now) { heard_.push_back(now.count); }

  std::uint64_t save_state() const { return source_.token(); }
  void restore_state(std::uint32_t, std::uint64_t token) { source_ = event_source(*this, token); }

 private:
  event_source source_;
  std::vector<std::uint64_t> heard_;
};

struct follow {
  static constexpr std::string_view etf_tag = "subscribe";
  std::string name;
  std::string node;
  term how; // buffered | now | Seq | {Creation, Seq} | link
};
struct leave {
  static constexpr std::string_view etf_tag = "unsubscribe";
  std::string name;
  std::string node;
};
struct rest { // pauses until there is no such file
  std::string file;
};

class desk : public server {
 public:
  static constexpr std::string_view name = "desk";
  using calls = std::variant<follow, leave, etf::constant<"got">, etf::constant<"sum">>;
  using infos = std::variant<event, event_gap, event_end>;

  // Returns {Creation, First, Last, Buffer}.
  std::tuple<std::uint32_t, std::uint64_t, std::uint64_t, std::uint32_t> handle_call(const follow& what) {
    const event_begin begun = subscribe(*this, what.name, what.node, options_of(what.how));
    return {begun.creation, begun.first, begun.last, begun.buffer};
  }
  bool handle_call(const leave& what) { return unsubscribe(*this, what.name, what.node); }
  // The messages since the last call.
  std::vector<std::string> handle_call(etf::constant<"got">) { return std::exchange(got_, {}); }
  // For events only: their number, the last number, how many did not follow the number before, and gaps.
  std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t> handle_call(etf::constant<"sum">) {
    return {events_, last_, breaks_, gaps_};
  }
  void handle_cast(const rest& until) {
    while (std::filesystem::exists(until.file)) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }

  void handle_info(const event& one) {
    ++events_;
    if (last_ != 0 && one.seq != last_ + 1) ++breaks_;
    last_ = one.seq;
    if (one.time < 1'700'000'000'000'000'000) throw std::logic_error("no time");
    note(one.name, std::to_string(one.seq) + " " + text(one.payload));
  }
  void handle_info(const event_gap& one) {
    ++gaps_;
    last_ = one.last;
    note(one.name, "gap " + std::to_string(one.first) + "-" + std::to_string(one.last));
  }
  void handle_info(const event_end& one) { note(one.name, "end " + text(one.reason)); }

  using saved =
      std::tuple<std::vector<std::string>, std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t>;
  saved save_state() const { return {got_, events_, last_, breaks_, gaps_}; }
  void restore_state(std::uint32_t, saved had) {
    std::tie(got_, events_, last_, breaks_, gaps_) = std::move(had);
  }

 private:
  static subscribe_options options_of(term how) {
    subscribe_options out;
    etf::cursor at(how.encoded);
    std::uint64_t number = 0, creation = 0;
    if (at.read_atom_is("now")) out.with = subscribe_options::begin::now;
    if (at.read_atom_is("link")) out.link = true;
    if (at.read_unsigned(number)) out.after = event_position{0, number};
    if (at.read_tuple_of(2) && at.read_unsigned(creation) && at.read_unsigned(number))
      out.after = event_position{static_cast<std::uint32_t>(creation), number};
    return out;
  }
  // The text of terms that the tests send: atoms, integers, {Name, Node}.
  static std::string text(term what) {
    etf::cursor at(what.encoded);
    std::string_view atom, node;
    std::int64_t number = 0;
    if (at.read_atom(atom)) return std::string(atom);
    if (at.read_integer(number)) return std::to_string(number);
    if (at.read_tuple_of(2) && at.read_atom(atom) && at.read_atom(node))
      return std::string(atom) + "@" + std::string(node);
    return "?";
  }
  void note(term of, const std::string& what) {
    if (got_.size() < 1000) got_.push_back(text(of) + " " + what);
  }

  std::vector<std::string> got_;
  std::uint64_t events_ = 0, last_ = 0, breaks_ = 0, gaps_ = 0;
};

// Subscribes to its own event, and publishes in that callback: it counts down from N.
class countdown : public server {
 public:
  static constexpr std::string_view name = "countdown";
  using calls = std::variant<std::uint64_t, etf::constant<"had">>;

  void init() {
    source_ = event_source(*this, "countdown");
    subscribe(*this, "countdown");
  }
  std::uint64_t handle_call(std::uint64_t from) { return source_.publish(from); }
  // The number of events, the number of the last one, and its value.
  std::tuple<std::uint64_t, std::uint64_t, std::uint64_t> handle_call(etf::constant<"had">) {
    return {events_, last_, says_};
  }
  void handle_info(const event& one) {
    if (one.seq != last_ + 1) throw std::logic_error("a number is missing");
    ++events_;
    last_ = one.seq;
    says_ = one.as<std::uint64_t>().value();
    if (says_ != 0) source_.publish(says_ - 1);
  }

 private:
  event_source source_;
  std::uint64_t events_ = 0, last_ = 0, says_ = 0;
};

struct watched {
  static constexpr etf::form etf_form = etf::form::map;
  std::string event;
  std::optional<std::string> node;   // none: this one
  std::optional<bool> since;         // true: continues where it was; else: starts with new events
  std::optional<std::uint64_t> slow; // pauses a millisecond every N events
  std::string wrong;                 // file that gets a line for each number that does not follow
};
using again = etf::constant<"again">;

class watcher : public server {
 public:
  static constexpr std::string_view name = "watcher";
  static constexpr std::string_view args_schema = R"({
    "type": "object", "additionalProperties": false, "required": ["event", "wrong"],
    "properties": { "event": {"type": "string"}, "node": {"type": "string"}, "since": {"type": "boolean"},
                    "slow": {"type": "integer"}, "wrong": {"type": "string"} }
  })";
  using calls = std::variant<etf::constant<"sum">>;
  using infos = std::variant<event, event_gap, event_end, again>;

  void init(const watched& given) {
    args_ = given;
    begin();
  }
  // Returns {Last, Events, Gaps, Ends}.
  std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t> handle_call(etf::constant<"sum">) {
    return {next_ == 0 ? 0 : next_ - 1, events_, gaps_, ends_};
  }
  void handle_info(const event& one) {
    follows(one.seq, one.seq);
    ++events_;
    if (args_.slow && events_ % *args_.slow == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  void handle_info(const event_gap& one) {
    follows(one.first, one.last);
    ++gaps_;
  }
  void handle_info(const event_end&) {
    ++ends_;
    send_after(pause, again{});
  }
  void handle_info(again) { begin(); }

 private:
  void begin() {
    subscribe_options how;
    if (args_.since.value_or(false) && next_ != 0)
      how.after = event_position{0, next_ - 1};
    else
      how.with = subscribe_options::begin::now;
    try {
      subscribe(*this, args_.event, args_.node.value_or(""), how);
      if (!how.after) next_ = 0;
    } catch (const std::runtime_error&) { // the event does not exist just now
      send_after(pause, again{});
    }
  }
  void follows(std::uint64_t first, std::uint64_t last) {
    if (next_ != 0 && first != next_)
      std::ofstream(args_.wrong, std::ios::app)
          << args_.event << ": " << next_ << " was to come, " << first << " to " << last << " came\n";
    next_ = last + 1;
  }

  static constexpr std::chrono::milliseconds pause{20};
  watched args_;
  std::uint64_t next_ = 0; // 0: any number may come
  std::uint64_t events_ = 0, gaps_ = 0, ends_ = 0;
};

} // namespace

#ifndef VERSION
#define VERSION "1.0.0"
#endif
COPPICE_PLUGIN("feeds", VERSION, shop, desk, countdown, watcher);
