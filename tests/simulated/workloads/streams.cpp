// SPDX-License-Identifier: MIT
// The workload of TCP connections: each host has three listeners with the actors of the bundled plugin
// `echo`, which is reloaded. `raw` sends bytes back. `framed` sends each frame back as a line, by an actor
// for each connection. `shared` does the same by the workers of a pool. Callers connect to any host, send
// frames in parts, read slowly, close one direction, ask for the end, break rules, and leave. Listeners,
// workers and actors of connections are killed. Invariants: the bytes that a caller gets are the beginning
// of those it is owed. A connection ends by one of its ends or by a fault; if the node ends it, all owed
// bytes have come. After the faults every listener serves every caller, and leaves no connection and no
// actor behind.
// rooms: node
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
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

constexpr std::array<std::string_view, 3> listeners{"raw", "framed", "shared"};
constexpr std::string_view pool = "talkers";
constexpr int first_port = 7001;
constexpr nanos patience = 20 * second;     // of a caller with one connection
constexpr nanos kill_may_take = 3 * second; // from the signal to the end of the last connection
constexpr nanos quiet_enough = 9 * second;  // a full listener ends connections that are silent for longer
constexpr std::size_t fixed_size = 64;      // bytes of a frame

enum class cut_by : std::uint8_t { line, length, delimiter, fixed };

// How the listeners of a run are configured.
struct settings {
  cut_by framing = cut_by::line;
  std::size_t most = 4096; // most bytes of a frame
  bool little_endian = false;
  bool few = false; // few connections at once
  std::uint64_t max_connections = 1000;
  bool small_writes = false; // only a few bytes may wait for a client
  bool small_reads = false;  // only a few bytes may wait for an actor
};

settings any_settings() {
  settings out;
  out.framing = static_cast<cut_by>(draw_below(4));
  if (one_in(4)) out.most = 100;
  out.little_endian = one_in(2);
  out.few = one_in(3);
  if (out.few) out.max_connections = 1 + draw_below(4);
  out.small_writes = one_in(2);
  out.small_reads = one_in(2);
  return out;
}

std::string as_yaml(const settings& of) {
  switch (of.framing) {
    case cut_by::line:
      return fmt::format("{{ kind: line, max: {}B }}", of.most);
    case cut_by::length:
      return fmt::format("{{ kind: length, bytes: 2, endian: {}, max: {}B }}",
                         of.little_endian ? "little" : "big", of.most);
    case cut_by::delimiter:
      return fmt::format("{{ kind: delimiter, delimiter: \";;\", max: {}B }}", of.most);
    default:
      return fmt::format("{{ kind: fixed, size: {}B, max: {}B }}", fixed_size, of.most);
  }
}

// The framed payload. The payload has no line end and no delimiter in it, and as many bytes as the framing
// asks for.
std::string framed(const settings& of, const std::string& payload) {
  const auto high = static_cast<char>(payload.size() >> 8);
  const auto low = static_cast<char>(payload.size() & 255);
  switch (of.framing) {
    case cut_by::line:
      return payload + (one_in(2) ? "\r\n" : "\n");
    case cut_by::length:
      return (of.little_endian ? std::string{low, high} : std::string{high, low}) + payload;
    case cut_by::delimiter:
      return payload + ";;";
    default:
      return payload;
  }
}

// The orders for the callers of the run, and what the callers have seen.
struct stream_log {
  explicit stream_log(const settings& how) : listeners_have(how) {}
  settings listeners_have;
  bool last_round = false;                   // each caller connects once more to every listener
  std::uint64_t begun = 0, served = 0;       // of the last round
  std::array<nanos, most_hosts> killed_at{}; // when the host's actors were last sent a signal
  std::array<std::vector<runtime::pid>, most_hosts> victims; // processes that the host's killer may choose
};

// How a caller's connection is to end.
enum class ending : std::uint8_t {
  leaves,      // the caller closes once it has all answers
  half_closes, // the caller sends no more, and the node closes
  cut_short,   // the caller sends no more, in the middle of a frame, and the node closes
  quits,       // the actor closes at a word
  too_large,   // the node closes, because the frame is too long
  goes,        // the caller closes at any time, perhaps by a reset
};

class caller final : public native_server {
 public:
  caller(const cluster& of, std::uint64_t number, stream_log& log)
      : native_server("caller"), of_(of), number_(number), log_(log) {}

 private:
  runtime::outcome on_start(process& self) override {
    loop_ = self.stay();
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message&) override {
    if (on_ == nullptr)
      begin(self);
    else
      look_after();
    go_on(self);
    return runtime::carry_on();
  }
  // Whether it has still something to begin or to send in the last round.
  bool is_busy_at_last() const {
    return log_.last_round && (on_ == nullptr ? !in_last_ || left_ > 0 : !rest_.empty());
  }
  void go_on(process& self) const {
    const nanos pause = is_busy_at_last()    ? draw_between(0, 20 * millisecond)
                        : the_ledger().quiet ? second
                        : one_in(6)          ? draw_between(0, millisecond)
                                             : draw_between(millisecond, 600 * millisecond);
    self.remind(self.now() + pause, message::atom("go"));
  }
  runtime::outcome take_io(process&) override {
    if (on_ == nullptr) return runtime::carry_on();
    if (on_->connected() && !asked_) {
      if (crammed_) on_->stop_reading();
      stopped_ = crammed_;
      send_some();
    }
    take_what_came();
    if (on_->over())
      judge_end();
    else if (all_came() && rest_.empty() && how_ == ending::leaves)
      end(true);
    return runtime::carry_on();
  }

  void begin(process& self) {
    if (the_ledger().quiet && (!log_.last_round || to_do() == 0)) return;
    if (log_.last_round) {
      const std::size_t next = --left_;
      host_ = 1 + static_cast<unsigned>(next / listeners.size());
      which_ = next % listeners.size();
      ++log_.begun;
    } else {
      host_ = 1 + static_cast<unsigned>(draw_below(of_.hosts()));
      which_ = draw_below(listeners.size());
    }
    life_ = host_at(host_).lives;
    begun_ = simulated::now();
    asked_ = shut_ = stopped_ = false;
    at_ = behind_ = 0;
    rest_.clear();
    owed_.clear();
    plan();
    all_ = rest_.size();
    on_ = client_socket::open(self, loop_, host_, first_port + static_cast<int>(which_));
  }
  // The number of connections that it has still to make in the last round.
  std::size_t to_do() {
    if (!std::exchange(in_last_, true)) left_ = of_.hosts() * listeners.size();
    return left_;
  }

  // Decides what it sends, and which bytes it is owed for that.
  void plan() {
    const bool raw = which_ == 0;
    crammed_ = raw && !log_.last_round && one_in(3);
    if (crammed_) plan_bytes(10'000 + draw_below(50'000));
    for (std::uint64_t left = one_in(6) ? draw_below(raw ? 20 : 150) : 1 + draw_below(3); left > 0; --left)
      raw ? plan_bytes(draw_below(200)) : plan_frame();
    how_ = crammed_ && one_in(2) ? ending::goes : static_cast<ending>(draw_below(log_.last_round ? 4 : 6));
    const settings& has = log_.listeners_have;
    const bool is_fixed = has.framing == cut_by::fixed;
    if ((raw || is_fixed) && (how_ == ending::quits || how_ == ending::too_large)) how_ = ending::leaves;
    if (raw && how_ == ending::cut_short) how_ = ending::half_closes;
    if (how_ == ending::cut_short) rest_ += framed(has, payload(fixed_size)).substr(0, 5);
    if (how_ == ending::quits) {
      rest_ += framed(has, "quit");
      if (one_in(2)) rest_ += behind(framed(has, "what comes behind the end"));
    }
    if (how_ == ending::too_large)
      rest_ += behind(has.framing == cut_by::length ? std::string("\xff\xff and more")
                                                    : std::string(has.most + 10, 'x'));
  }
  std::string behind(std::string bytes) {
    behind_ = bytes.size();
    return bytes;
  }
  void plan_bytes(std::size_t size) {
    const std::string bytes = payload(size) + "\n";
    rest_ += bytes;
    owed_ += bytes;
  }
  void plan_frame() {
    const settings& has = log_.listeners_have;
    const std::size_t size = has.framing == cut_by::fixed ? fixed_size
                             : one_in(10)                 ? has.most
                             : one_in(3)                  ? draw_below(has.most + 1)
                                                          : draw_below(60);
    const std::string bytes = one_in(30) && has.framing != cut_by::fixed ? std::string() : payload(size);
    rest_ += framed(has, bytes);
    owed_ += bytes + "\n";
  }
  // Bytes with a beginning that no other payload of the run has. At least `size` bytes.
  std::string payload(std::size_t size) const {
    std::string out = fmt::format("{} of {}:", the_ledger().next(), number_);
    while (out.size() < size) out += static_cast<char>('a' + out.size() % 26);
    return out;
  }

  void send_some() {
    asked_ = true;
    const std::size_t part = one_in(2) || log_.last_round ? rest_.size() : draw_below(rest_.size() + 1);
    if (part > 0) on_->send(rest_.substr(0, part));
    rest_.erase(0, part);
    if (rest_.empty() && !shut_ && (how_ == ending::half_closes || how_ == ending::cut_short)) {
      on_->half_close();
      shut_ = true;
    }
  }
  void look_after() {
    if (simulated::now() > begun_ + patience) return end(false);
    if (!on_->connected() || on_->over()) return;
    if (how_ == ending::goes && one_in(stopped_ ? 4 : 10)) return end(false, one_in(2));
    if (!rest_.empty()) send_some();
    if (stopped_ && crammed_ && !the_ledger().quiet && !one_in(3)) return;
    if (stopped_)
      on_->start_reading();
    else if (!the_ledger().quiet && one_in(6))
      on_->stop_reading();
    else
      return;
    stopped_ = !stopped_;
  }

  bool all_came() const { return at_ == owed_.size(); }
  void take_what_came() {
    std::string& came = on_->came();
    if (owed_.compare(at_, came.size(), came) != 0 || came.size() > owed_.size() - at_)
      broken(
          fmt::format("what comes is the beginning of what is owed: {}\nfrom byte {} of {} on came {} bytes: "
                      "{}\nand not: {}",
                      shown(), at_, owed_.size(), came.size(), came.substr(0, 200), owed_.substr(at_, 200)));
    at_ += came.size();
    came.clear();
  }
  // Checks a connection that has ended without being closed by the caller.
  void judge_end() {
    if (on_->error() != 0 || excused()) return end(false);
    const bool asked_to_end =
        shut_ || ((how_ == ending::quits || how_ == ending::too_large) && asked_ && rest_.size() <= behind_);
    if (!asked_to_end)
      broken(fmt::format("a connection ends by one of its ends, or by a fault: {}", shown()));
    if (!all_came())
      broken(fmt::format("a connection that the node closes has given all that is owed: {}", shown()));
    end(true);
  }
  // Whether a fault may have ended the connection.
  bool excused() const {
    return host_at(host_).lives != life_ || log_.killed_at[host_] + kill_may_take > begun_ ||
           (log_.listeners_have.few && simulated::now() - begun_ > quiet_enough);
  }
  std::string shown() const {
    return fmt::format(
        "caller {} at {} of host {} since {} ms, framing {} ending {}, has sent {} and got {} of {} bytes",
        number_, listeners[which_], host_, (simulated::now() - begun_) / millisecond,
        static_cast<int>(log_.listeners_have.framing), static_cast<int>(how_), all_ - rest_.size(), at_,
        owed_.size());
  }
  [[noreturn]] static void broken(const std::string& invariant) { give_up("invariant: " + invariant); }

  void end(bool good, bool at_once = false) {
    the_ledger().call_ended(good);
    if (good && log_.last_round) ++log_.served;
    std::exchange(on_, nullptr)->leave(at_once && !shut_);
  }

  const cluster& of_;
  std::uint64_t number_;
  stream_log& log_;
  uv_loop_t* loop_ = nullptr;
  client_socket* on_ = nullptr; // null: no connection
  unsigned host_ = 0;           // the host that it is connected to
  unsigned life_ = 0;           // that host's life when it connected
  std::size_t which_ = 0;       // index in listeners
  nanos begun_ = 0;
  ending how_ = ending::leaves;
  bool asked_ = false;   // it has sent something
  bool shut_ = false;    // it sends no more
  bool stopped_ = false; // it reads nothing at present
  bool crammed_ = false; // it sends more than buffers hold before it reads
  bool in_last_ = false;
  std::size_t left_ = 0;   // connections to make in the last round
  std::string rest_;       // bytes to send later
  std::size_t all_ = 0;    // bytes to send in all
  std::size_t behind_ = 0; // the number of last bytes that may find the connection closed
  std::string owed_;       // all bytes that will come
  std::size_t at_ = 0;     // how many of them have come
};

// Kills listeners, workers and actors of connections.
class killer final : public native_server {
 public:
  killer(unsigned host, stream_log& log) : native_server("killer"), host_(host), log_(log) {}

 private:
  runtime::outcome on_start(process& self) override {
    go_on(self);
    return runtime::carry_on();
  }
  runtime::outcome handle_info(process& self, const message&) override {
    if (the_ledger().quiet) return runtime::carry_on();
    const auto victims = std::exchange(log_.victims[host_], {});
    if (!victims.empty() && one_in(2)) {
      log_.killed_at[host_] = simulated::now();
      tell("a listener, a worker or an actor of a connection is killed");
      self.exit(victims[draw_below(victims.size())],
                one_in(2) ? runtime::reasons::kill() : message::atom("crash"));
    }
    go_on(self);
    return runtime::carry_on();
  }
  static void go_on(process& self) {
    self.remind(self.now() + draw_between(100 * millisecond, 10 * second), message::atom("go"));
  }

  unsigned host_;
  stream_log& log_;
};

// Whether it is a listener, a worker, or the actor of a connection.
bool belongs(const runtime::process_summary& one) {
  return std::ranges::any_of(listeners, [&](std::string_view name) { return one.label.ends_with(name); }) ||
         one.label.find(pool) != std::string::npos;
}

class ports final : public workload {
 public:
  ports() : hosts_(draw_hosts(2, 3)), kills_(one_in(2)), log_(*new stream_log(any_settings())) {}

  unsigned hosts() const override { return hosts_; }
  std::string children(const cluster&, unsigned host) const override {
    std::string out = fmt::format(
        "        - {{ id: {0}, name: {0}, pool: {{ actor: \"echo:lines\", size: 2, intensity: 1000 }} }}\n",
        pool);
    for (std::size_t which = 0; which < listeners.size(); ++which) out += listener(host, which);
    return out;
  }
  void populate(cluster& all, unsigned host) override {
    if (kills_) add_process(all, host, "killer", std::make_unique<killer>(host, log_));
    for (std::uint64_t count = 1 + draw_below(3); count > 0; --count) {
      const std::uint64_t number = the_ledger().next();
      add_process(all, host, fmt::format("caller_{}", number), std::make_unique<caller>(all, number, log_));
      ++callers_[host];
    }
  }
  void lost(unsigned host) override {
    reloads_.lost(host);
    callers_[host] = 0;
  }
  void look(cluster& all) override {
    const auto host = 1 + static_cast<unsigned>(draw_below(hosts_));
    if (all.at(host) == nullptr) return;
    log_.victims[host].clear();
    if (kills_)
      for (const runtime::process_summary& one : all.at(host)->snapshots().processes())
        if (belongs(one)) log_.victims[host].push_back(one.pid);
    reloads_.maybe(all, host, "echo");
  }
  void check(cluster& all) override {
    log_.last_round = true;
    std::uint64_t expected = 0;
    for (unsigned host = 1; host <= hosts_; ++host) expected += callers_[host] * hosts_ * listeners.size();
    for (nanos until = now() + 3 * patience; log_.served < expected && now() < until;) let_pass(second);
    if (log_.served != expected)
      the_ledger().broken(
          fmt::format("after the faults every listener serves every caller: {} of {} connections",
                      log_.served, expected));
    let_pass(15 * second);
    reloads_.check_answered(hosts_);
    for (unsigned host = 1; host <= hosts_; ++host) check_nothing_left(all, host);
  }

 private:
  std::string listener(unsigned host, std::size_t which) const {
    const settings& has = log_.listeners_have;
    const std::string_view name = listeners[which];
    std::string out = fmt::format(
        "        - id: {0}\n"
        "          name: {0}\n"
        "          tcp:\n"
        "            listen: [ {{ address: 10.0.0.{1}, port: {2} }} ]\n"
        "            max_connections: {3}\n",
        name, host, first_port + static_cast<int>(which), has.max_connections);
    out += name == "shared"
               ? fmt::format("            handlers: {{ pool: {} }}\n", pool)
               : fmt::format("            actor: \"{}\"\n", name == "raw" ? "echo" : "echo:lines");
    if (name != "raw") out += fmt::format("            frame: {}\n", as_yaml(has));
    if (has.small_writes) out += "            write: { high: 8KiB, low: 1KiB }\n";
    if (has.small_reads) out += "            read: { credit: 2KiB }\n";
    return out;
  }
  static void check_nothing_left(cluster& all, unsigned host) {
    std::size_t actors = 0;
    for (const runtime::process_summary& one : all.at(host)->snapshots().processes())
      if (belongs(one)) ++actors;
    // A pool is two processes and its two workers.
    if (actors != listeners.size() + 4)
      the_ledger().broken(fmt::format(
          "an actor ends with its connection: host {} has {} processes of listeners", host, actors));
    for (std::size_t which = 0; which < listeners.size(); ++which) {
      const unsigned ends = open_ends(host, static_cast<std::uint16_t>(first_port + which));
      if (ends != 0)
        the_ledger().broken(
            fmt::format("a socket is closed with its connection: {} are left at {} of host {}", ends,
                        listeners[which], host));
      auto has = all.report(host, listeners[which]);
      if (has["open"] != "0" || has["waiting"] != "0")
        the_ledger().broken(
            fmt::format("a listener counts what is open: {} of host {} says {} open, {} waiting",
                        listeners[which], host, has["open"], has["waiting"]));
    }
  }

  unsigned hosts_;
  bool kills_;
  stream_log& log_; // never destroyed: callers of a killed host do not end
  std::array<std::uint64_t, most_hosts> callers_{};
  reloads reloads_;
};

} // namespace

std::unique_ptr<workload> make_ports() {
  return std::make_unique<ports>();
}

} // namespace coppice::simulated
