// SPDX-License-Identifier: MIT
// Results of a call, a request or a spawn: the answer as a term, or read as the type that the caller asked
// for. Header-only. The values may be used on any thread; reading needs the actor that has the answer.
#pragma once

#include <coppice/message.hpp>

#include <coppice/etf/result.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace coppice {

/// The result of a call. With COPPICE_OK the reply, with COPPICE_E_EXIT the callee's exit reason.
struct answer {
  std::int32_t status = COPPICE_OK;
  coppice::message message;

  explicit operator bool() const { return status == COPPICE_OK; }
  /// The reply or the reason. Borrowed from `message`.
  coppice::term term() const { return message.term(); }
  /// The reply as a T, or which part of it is no T.
  template <class T>
  etf::result<T> as() const {
    return etf::decode<T>(message.bytes());
  }
};

/// The result of a spawn. With COPPICE_OK the pid. With COPPICE_E_EXIT of an actor on this node, the reason
/// why its init failed. From another node that gave a reason, that atom: see coppice_actor_api::spawn_at.
struct spawned : answer {
  coppice::message monitor = {}; // the monitor's reference, if a monitor was asked for
};

/// Why a call has no reply of the wanted type.
struct call_error {
  /// As an answer's status. COPPICE_E_TERM: the reply does not have the wanted type.
  std::int32_t status = COPPICE_E_INVALID;
  /// With COPPICE_E_EXIT the callee's exit reason, with COPPICE_E_TERM the reply, with COPPICE_E_REFUSED the
  /// callee's reason; else no term.
  owned_term reason = {};
  std::string text = {}; ///< with COPPICE_E_TERM: the form that was expected, and the one that came

  /// A text for people: "timeout", "bad_term: reply: expected integer, got atom ok".
  std::string what() const {
    const std::string word = coppice_status_word(status);
    return text.empty() ? word : etf::detail::concatenated({word, ": ", text});
  }
};

namespace detail {

struct member_types {
  template <class... M>
  std::type_identity<std::tuple<std::remove_cvref_t<M>...>> operator()(M&...) const {
    return {};
  }
};
template <class T>
using members_of = typename decltype(etf::reflect::with_members(std::declval<T&>(), member_types{}))::type;

/// Whether a T that was read from a term points into the term's bytes. `Seen`: the aggregates that contain
/// it.
template <class T, class... Seen>
constexpr bool borrows() {
  using namespace etf::detail;
  if constexpr (customised<T>) {
    return false;
  } else if constexpr (identity<T> || std::is_same_v<T, std::string_view> || std::is_same_v<T, etf::bytes> ||
                       std::is_same_v<T, etf::atom> || std::is_same_v<T, term>) {
    return true;
  } else if constexpr (is_a<T, std::variant> || tuple_like<T>) {
    return []<template <class...> class Of, class... M>(std::type_identity<Of<M...>>) {
      return (borrows<M, Seen...>() || ...);
    }(std::type_identity<T>{});
  } else if constexpr (dictionary<T>) {
    return borrows<typename T::key_type, Seen...>() || borrows<typename T::mapped_type, Seen...>();
  } else if constexpr (is_a<T, etf::flat_map>) {
    return borrows<typename decltype(T::pairs)::value_type, Seen...>();
  } else if constexpr (is_a<T, std::optional> || sequence<T>) {
    return borrows<typename T::value_type, Seen...>();
  } else if constexpr (is_a<T, std::unique_ptr>) {
    return borrows<typename T::element_type, Seen...>();
  } else if constexpr (aggregate<T> && !(std::is_same_v<T, Seen> || ...)) {
    constexpr auto member = []<class... M>(std::type_identity<std::tuple<M...>>) {
      return (borrows<M, T, Seen...>() || ...);
    };
    return member(std::type_identity<members_of<T>>{});
  } else {
    return false;
  }
}

/// Reads the reply as a Reply.
template <class Reply>
expected<Reply, call_error> read_answer(const answer& got) {
  if (!got) return unexpected(call_error{got.status, owned_term(got.term()), {}});
  auto read = got.as<Reply>();
  if (read) return std::move(*read);
  return unexpected(call_error{COPPICE_E_TERM, owned_term(got.term()),
                               etf::detail::concatenated({"reply: ", read.error().text()})});
}

} // namespace detail
} // namespace coppice
