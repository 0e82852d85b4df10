// SPDX-License-Identifier: MIT
// Debugging that `sys` of an Erlang node switches on at a server: it keeps the last events, counts messages,
// and prints events, here into the node's log. Events have gen_server's forms: {in, Message}, {out, Reply,
// From, State}, {noreply, State}. An event larger than the bound of the log is kept as {in, {too_large,
// Bytes}} or the like. In the process's own turn.
#pragma once

#include <coppice/etf/cursor.hpp>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "runtime/process.hpp"

namespace coppice::behaviours::sys {

class debugging {
 public:
  // The answer to {debug, What}.
  runtime::message command(runtime::process& self, etf::cursor what);
  bool on() const { return trace_ || keep_ != 0 || counts_; }
  // Whether a node that switched something on is watched: its end is then a message to this process.
  bool watches() const { return !watched_.empty(); }
  // Makes the end of that node (by index. 0: none) a message to this process.
  void watch(runtime::process& self, std::uint32_t node);
  // The watched node that is gone according to `m`; what it had switched on is off. Empty: another message.
  std::optional<std::uint32_t> lost(runtime::process& self, const runtime::message& m);
  // For people: "trace, log by 'c1@host'". Empty: nothing is on.
  std::string words(const runtime::process& self) const;

  // Called around the handling of a message: on its arrival, for an answer given while it is handled, and
  // with the state afterwards.
  void received(runtime::process& self, const runtime::message& m);
  void replied(etf::bytes from, etf::bytes answer);
  void handled(runtime::process& self, const runtime::message& state);

 private:
  runtime::message obey(runtime::process& self, etf::cursor what);
  void switched(runtime::process& self);
  std::string what_is_on() const;
  void all_off();
  static constexpr std::size_t usual_log = 10; // as in OTP
  static constexpr std::size_t longest_log = 1000;
  static constexpr std::size_t largest_log = std::size_t{1} << 20; // bytes

  runtime::message switch_log(runtime::process& self, etf::cursor how);
  runtime::message statistics(runtime::process& self) const;
  void add(runtime::process& self, runtime::message event);
  void keep(std::size_t events);
  void drop_oldest();

  std::uint32_t by_ = 0;               // index of the node that last switched something on. 0: this node
  std::vector<std::uint32_t> watched_; // nodes, by index
  bool trace_ = false;
  std::size_t keep_ = 0; // most events in the log. 0: no log
  std::deque<runtime::message> log_;
  std::size_t log_bytes_ = 0;
  bool counts_ = false;
  base::nanos began_ = 0; // wall clock
  std::uint64_t reductions_ = 0;
  std::uint64_t in_ = 0;
  std::uint64_t out_ = 0;
  runtime::message from_; // of the current message, once it was answered
  runtime::message reply_;
};

} // namespace coppice::behaviours::sys
