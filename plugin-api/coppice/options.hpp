// SPDX-License-Identifier: MIT
// Arguments of an actor's host calls: flags of signals, options of monitors and spawns, fields of log lines.
// Plain values; header-only.
#pragma once

#include <coppice/message.hpp>

#include <chrono>
#include <concepts>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace coppice {

using namespace std::chrono_literals;

/// How a signal is sent, and what an alias does; combined by |. Each function says which flags it takes; any
/// other gives COPPICE_E_UNSUPPORTED.
enum class flags : std::uint32_t {
  /// A priority message, as in OTP 28: received before all ordinary messages that wait. Needs a priority
  /// alias.
  priority = COPPICE_PRIORITY,
  /// Opens no connection to another node: COPPICE_E_NODEDOWN if there is none.
  no_connect = COPPICE_NO_CONNECT,
  /// Never parks: COPPICE_E_FULL if the call would have to wait for room.
  no_wait = COPPICE_NO_WAIT,
  /// For an alias: the first message that arrives by it deactivates it.
  once = COPPICE_ONCE,
};
using enum flags;

/// Both flags.
constexpr flags operator|(flags a, flags b) {
  return flags{static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b)};
}

/// How long the reference of a monitor is also an alias, to which the monitored process may reply; as in OTP.
enum class alias_mode : std::uint32_t {
  none = COPPICE_ALIAS_NONE,
  explicit_unalias = COPPICE_ALIAS_EXPLICIT,
  demonitor = COPPICE_ALIAS_DEMONITOR,   ///< until demonitor or the 'DOWN' message
  reply_demonitor = COPPICE_ALIAS_REPLY, ///< as demonitor, or until the first message
};

namespace detail {

/// The encoded value. Throws std::invalid_argument, "WHAT has no encoding", if it has none.
template <class T>
std::vector<std::uint8_t> encode_or_throw(const T& value, std::string_view what) {
  std::vector<std::uint8_t> encoded = etf::encode(value);
  if (encoded.empty()) throw std::invalid_argument(etf::detail::concatenated({what, " has no encoding"}));
  return encoded;
}

} // namespace detail

/// A value that has been encoded.
class encoded {
 public:
  encoded() = default; // no value
  template <class T>
  encoded(const T& value) : bytes_(detail::encode_or_throw(value, "this value")) {}
  /// The encoded term, without a version byte. Empty: no value. Borrowed from this object.
  etf::bytes bytes() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::vector<std::uint8_t> bytes_;
};

/// The options of monitor().
struct monitor_options {
  coppice::flags flags = {}; // priority: of the 'DOWN' message; no_connect
  alias_mode alias = alias_mode::none;
  encoded tag = {}; // takes the place of 'DOWN'
};

/// The options of spawn(). `name`: registered before init runs; empty: none. `patience`: how long init may
/// take.
struct spawn_options {
  std::string_view name = {};
  bool link = false;
  bool monitor = false;
  std::chrono::nanoseconds patience = 5s;
};

/// The options of spawn_at(). `patience`: how long the other node may take to answer.
struct remote_spawn_options {
  bool link = false;
  bool monitor = false;
  std::chrono::nanoseconds patience = 5s;
  term others = {}; // a list of options of erlang:spawn_opt other than link and monitor
};

/// A field of a log line: a name, [a-z][a-z0-9_]*, and a value. Text is logged as it is, any other value as a
/// term in Erlang's syntax. Text is borrowed.
class log_field {
 public:
  template <class T>
  log_field(std::string_view name, const T& value) : name_(name) {
    if constexpr (std::convertible_to<const T&, std::string_view>) {
      text_ = value;
    } else {
      term_ = value;
    }
  }
  /// For the C interface; valid while this object lives.
  coppice_log_field plain() const {
    if (term_.bytes().empty())
      return {detail::plain(name_), detail::plain(text_.data() == nullptr ? "" : text_), {}};
    return {detail::plain(name_), {}, detail::plain(term_.bytes())};
  }

 private:
  std::string_view name_, text_;
  encoded term_;
};

} // namespace coppice
