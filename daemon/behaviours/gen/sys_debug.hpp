// SPDX-License-Identifier: MIT
// What `sys` of an Erlang node switches on at a server: its last events kept for it, its messages counted,
// its events printed, here into the node's log. An event is what gen_server's is: {in, Message}, {out, Reply,
// From, State}, {noreply, State}; of one that is larger than the log may be {in, {too_large, Bytes}} is kept.
// In the process's own turn.
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
  // A node that switched something on is watched: its end is a message of this process.
  bool watches() const { return !watched_.empty(); }
  // The end of that node (by index; 0: none) is to be a message of this process.
  void watch(runtime::process& self, std::uint32_t node);
  // The node of which `m` said that it is gone, if it is watched; what that node has switched on is off.
  std::optional<std::uint32_t> lost(runtime::process& self, const runtime::message& m);
  // For people: "trace, log by 'c1@host'"; empty: nothing is on.
  std::string words(const runtime::process& self) const;

  // Around a message's handling: that it came, what it was answered while it was handled, the state it left.
  void received(runtime::process& self, const runtime::message& m);
  void replied(etf::bytes from, etf::bytes answer);
  void handled(runtime::process& self, const runtime::message& state);

 private:
  runtime::message obey(runtime::process& self, etf::cursor what);
  void switched(runtime::process& self);
  std::string what_is_on() const;
  void all_off();
  static constexpr std::size_t usual_log = 10; // OTP's
  static constexpr std::size_t longest_log = 1000;
  static constexpr std::size_t largest_log = std::size_t{1} << 20; // bytes

  runtime::message switch_log(runtime::process& self, etf::cursor how);
  runtime::message statistics(runtime::process& self) const;
  void add(runtime::process& self, runtime::message event);
  void keep(std::size_t events);
  void drop_oldest();

  std::uint32_t by_ = 0;               // index of the node that switched the last of it on; 0: this one
  std::vector<std::uint32_t> watched_; // nodes, by index
  bool trace_ = false;
  std::size_t keep_ = 0; // events; 0: none are
  std::deque<runtime::message> log_;
  std::size_t log_bytes_ = 0;
  bool counts_ = false;
  base::nanos began_ = 0; // wall clock
  std::uint64_t reductions_ = 0;
  std::uint64_t in_ = 0;
  std::uint64_t out_ = 0;
  runtime::message from_; // of the message that is being handled, once it was answered
  runtime::message reply_;
};

} // namespace coppice::behaviours::sys
