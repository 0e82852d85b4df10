// SPDX-License-Identifier: MIT
// The host's interfaces in a plugin: frozen ones are fetched when the plugin is loaded, drafts at their first
// use. Also turns statuses into C++ exceptions. Header-only; compiled into the plugin.
#pragma once

#include <coppice/actor.h>
#include <coppice/call.h>
#include <coppice/log.h>
#include <coppice/message.h>
#include <coppice/plugin.h>
#include <coppice/timer.h>
#include <coppice/work.h>

#include <coppice/etf/codec.hpp>
#include <optional>
#include <stdexcept>
#include <string>

namespace coppice {

/// Thrown by host calls once this actor has been killed: do not catch it, so that the stack unwinds. It is
/// not a std::exception, so that `catch (const std::exception&)` does not catch it.
struct exiting {};

/// An encoded term, borrowed from a message until the callback returns.
using term = etf::any_term;

namespace detail {

struct interfaces {
  const coppice_host* table = nullptr;
  const coppice_message_api* message = nullptr;
  const coppice_actor_api* actor = nullptr;
  const coppice_call_api* call = nullptr;
  const coppice_timer_api* timer = nullptr;
  const coppice_work_api* work = nullptr;
  const coppice_log_api* log = nullptr;
};
inline interfaces host;

/// The name of an interface that this host does not have. Null: it has all.
inline const char* connect(const coppice_host& from) {
  const char* missing = nullptr;
  const auto fetch = [&](const char* name) {
    const void* const found = from.get_interface(&from, name);
    if (found == nullptr && missing == nullptr) missing = name;
    return found;
  };
  host.table = &from;
  host.message = static_cast<const coppice_message_api*>(fetch(COPPICE_MESSAGE_1));
  host.actor = static_cast<const coppice_actor_api*>(fetch(COPPICE_ACTOR_1));
  host.call = static_cast<const coppice_call_api*>(fetch(COPPICE_CALL_1));
  host.timer = static_cast<const coppice_timer_api*>(fetch(COPPICE_TIMER_1));
  host.work = static_cast<const coppice_work_api*>(fetch(COPPICE_WORK_1));
  host.log = static_cast<const coppice_log_api*>(fetch(COPPICE_LOG_1));
  return missing;
}

/// A draft interface. It is fetched at its first use, so that a plugin names only the drafts it uses: from
/// the names in the file `coppice inspect` tells which ones a plugin needs. Initialised at compile time and
/// never destroyed, so there is no order of initialisation to mind. Any thread.
template <class Interface>
class draft {
 public:
  explicit constexpr draft(const char* name) : name_(name) {}

  /// Null: this host does not have it.
  const Interface* find() {
    const Interface* found = __atomic_load_n(&found_, __ATOMIC_ACQUIRE);
    if (found == nullptr && host.table != nullptr) {
      found = static_cast<const Interface*>(host.table->get_interface(host.table, name_));
      __atomic_store_n(&found_, found, __ATOMIC_RELEASE);
    }
    return found;
  }
  const Interface& need() {
    const Interface* const found = find();
    if (found == nullptr) {
      throw std::runtime_error(etf::detail::concatenated(
          {"this host lacks ", name_, ": a draft needs a host of the version it was built for"}));
    }
    return *found;
  }
  /// For a caller that holds something made by the interface, which therefore exists.
  const Interface& found() const { return *__atomic_load_n(&found_, __ATOMIC_RELAXED); }

 private:
  const char* name_;
  const Interface* found_ = nullptr; // accessed atomically; <atomic> would slow compiling
};

inline coppice_bytes plain(etf::bytes bytes) {
  return {bytes.data(), bytes.size()};
}
inline coppice_bytes plain(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline etf::bytes view(coppice_bytes bytes) {
  return {bytes.data, static_cast<std::size_t>(bytes.size)};
}
/// The term as an M. Empty: it is not one. No error text is made, since that would cost more than reading.
template <class M>
std::optional<M> read_quietly(etf::bytes encoded) {
  M value{};
  etf::mismatch why;
  why.set_quiet(true);
  etf::cursor at(encoded);
  if (etf::read(at, value, why) && at.at_end()) return value;
  return std::nullopt;
}

/// Throws for statuses after which no plugin can go on: its actor has been killed, or the call is not allowed
/// here.
[[gnu::cold, gnu::noinline]] inline void refuse(std::int32_t status, const char* call) {
  if (status == COPPICE_E_EXITING) throw exiting{};
  if (status == COPPICE_E_CONTEXT) {
    throw std::logic_error(etf::detail::concatenated(
        {call,
         " is not allowed in a constructor, save_state, restore_state and format_status, "
         "which only compute: do it in init or after_restore; nor outside of the actor's "
         "callbacks, on another thread"}));
  }
}
/// Returns a host call's status, or throws. `call` is the call's name in C++.
inline std::int32_t checked(std::int32_t status, const char* call) {
  if (status < COPPICE_OK) [[unlikely]]
    refuse(status, call);
  return status;
}

} // namespace detail
} // namespace coppice
