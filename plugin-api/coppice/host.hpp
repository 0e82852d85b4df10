// SPDX-License-Identifier: MIT
// The host as C++ sees it: the interfaces of this plugin, fetched once when it is loaded, and what turns a
// C++ exception into an exit reason at the boundary. Header-only; part of the plugin, not of the host.
#pragma once

#include <coppice/actor.h>
#include <coppice/call.h>
#include <coppice/log.h>
#include <coppice/message.h>
#include <coppice/metric.h>
#include <coppice/order.h>
#include <coppice/plugin.h>
#include <coppice/post.h>
#include <coppice/timer.h>
#include <coppice/work.h>
#include <cxxabi.h>

#include <coppice/etf/codec.hpp>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <typeinfo>

namespace coppice {

/// Thrown out of host calls once this actor is dead to all others: let it pass, so that the stack unwinds.
/// Not a std::exception, so that `catch (const std::exception&)` does not stop it.
struct exiting {};

/// A term as the bytes it is, borrowed: from a message, until the callback returns.
using term = etf::any_term;

namespace detail {

struct interfaces {
  const coppice_message_api* message = nullptr;
  const coppice_actor_api* actor = nullptr;
  const coppice_call_api* call = nullptr;
  const coppice_timer_api* timer = nullptr;
  const coppice_work_api* work = nullptr;
  const coppice_log_api* log = nullptr;
  const coppice_order_api* order = nullptr; // drafts: null on a host without them
  const coppice_post_api* post = nullptr;
  const coppice_metric_api* metric = nullptr;
};
inline interfaces host;

/// False if this host lacks one.
inline bool connect(const coppice_host& from) {
  const auto fetch = [&from](auto*& into, const char* name) {
    into = static_cast<std::remove_reference_t<decltype(into)>>(from.get_interface(&from, name));
    return into != nullptr;
  };
  fetch(host.order, COPPICE_ORDER_1);
  fetch(host.post, COPPICE_POST_1);
  fetch(host.metric, COPPICE_METRIC_1);
  return fetch(host.message, COPPICE_MESSAGE_1) && fetch(host.actor, COPPICE_ACTOR_1) &&
         fetch(host.call, COPPICE_CALL_1) && fetch(host.timer, COPPICE_TIMER_1) &&
         fetch(host.work, COPPICE_WORK_1) && fetch(host.log, COPPICE_LOG_1);
}

inline coppice_bytes plain(etf::bytes bytes) {
  return {bytes.data(), bytes.size()};
}
inline coppice_bytes plain(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline etf::bytes view(coppice_bytes bytes) {
  return {bytes.data, static_cast<std::size_t>(bytes.size)};
}

/// Passes a host call's status on, unless the actor is dead.
inline std::int32_t alive(std::int32_t status) {
  if (status == COPPICE_E_EXITING) throw exiting{};
  return status;
}

/// "std::runtime_error", at most 255 characters: an atom's length.
inline std::string type_name(const std::type_info* type) {
  if (type == nullptr) return "unknown";
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> plain_name(
      abi::__cxa_demangle(type->name(), nullptr, nullptr, &status), &std::free);
  return std::string(plain_name ? plain_name.get() : type->name()).substr(0, 255);
}

/// The exception being handled as the exit reason {exception, Type, What}.
inline std::int32_t describe_exception(coppice_actor* self, std::string_view what) {
  const auto reason = etf::encode(std::tuple(
      etf::constant<"exception">{}, etf::atom{type_name(abi::__cxa_current_exception_type())}, what));
  host.actor->set_reason(self, plain(etf::bytes(reason)));
  return COPPICE_E_EXCEPTION;
}

/// Runs a callback's body; nothing is thrown out of it.
template <class Body>
std::int32_t guarded(coppice_actor* self, Body body) noexcept {
  try {
    return body();
  } catch (const exiting&) {
    return COPPICE_E_EXITING;
  } catch (const std::exception& thrown) {
    return describe_exception(self, thrown.what());
  } catch (...) {
    return describe_exception(self, {});
  }
}

} // namespace detail
} // namespace coppice
