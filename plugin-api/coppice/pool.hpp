// SPDX-License-Identifier: MIT
// Decisions of a server's class in a pool of such servers (DRAFT). They are static members: no worker is
// asked, and the pool has no object of the class. See coppice/draft/pool.h. Include this before
// COPPICE_PLUGIN.
//
//   class session : public coppice::server {
//    public:
//     static std::optional<std::uint32_t> choose(const coppice::pool_request& what) {
//       const auto one = what.as<join>();
//       return one ? std::optional(one->room % what.workers()) : std::nullopt; // none: as `dispatch` says
//     }
//     static coppice::overload on_overload(const coppice::pool_request&) {
//       return coppice::overload::answer(later{5s});
//     }
//   };
//
// An exception in choose counts as no choice, one in on_overload as overload::usual(). Header-only.
#pragma once

#include <coppice/draft/pool.h>
#include <coppice/server.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <vector>

namespace coppice {

/// Borrowed until the callback returns.
class pool_request {
 public:
  explicit pool_request(const coppice_pool_request& raw) : raw_(raw) {}
  /// How the request came.
  enum class kind : std::uint32_t {
    call = COPPICE_POOL_CALL,
    cast = COPPICE_POOL_CAST,
    info = COPPICE_POOL_INFO
  };
  /// Whether it is a call, a cast or a plain message.
  kind what() const { return static_cast<kind>(raw_.kind); }
  /// The request, or the message.
  term content() const { return {detail::view(raw_.content)}; }
  /// The content as an M. Empty: it is not one.
  template <class M>
  std::optional<M> as() const {
    return detail::read_quietly<M>(content().encoded);
  }

  // The pool:
  std::uint32_t workers() const { return raw_.workers; } ///< numbered from 0
  std::uint32_t in_flight() const { return raw_.in_flight; }
  std::uint64_t queued() const { return raw_.queued; }
  /// Requests that a worker holds or that wait for that worker alone. Empty: it does not run, or there is no
  /// such worker.
  std::optional<std::uint64_t> load(std::uint32_t worker) const {
    const std::uint64_t known = raw_.load(&raw_, worker);
    return known == UINT64_MAX ? std::nullopt : std::optional(known);
  }

 private:
  const coppice_pool_request& raw_;
};

/// What happens to a request for which there is no room.
class overload {
 public:
  static overload usual() { return overload(COPPICE_UNHANDLED, {}); } ///< `queue: { on_full }` decides
  /// The request is dropped, and its caller gets no answer.
  static overload drop() { return overload(COPPICE_OK, {}); }
  /// The caller gets this answer; a cast or message is dropped. Throws std::invalid_argument if it has no
  /// encoding.
  template <class T>
  static overload answer(const T& value) {
    return overload(COPPICE_OK, detail::encode_or_throw(value, "the answer"));
  }
  /// The status that the C callback returns for it.
  std::int32_t status() const { return status_; }
  /// The encoded answer; empty: none. Borrowed from this object.
  etf::bytes reply() const { return {reply_.data(), reply_.size()}; }

 private:
  overload(std::int32_t status, std::vector<std::uint8_t> reply)
      : status_(status), reply_(std::move(reply)) {}
  std::int32_t status_;
  std::vector<std::uint8_t> reply_;
};

namespace detail {

template <class T>
concept has_pool_callbacks = requires {
  &T::choose;
}
|| requires {
  &T::on_overload;
};

template <class T>
struct pool_table {
  static std::int32_t choose(const coppice_pool_request* what, std::uint32_t* out_worker) noexcept {
    try {
      const std::optional<std::uint32_t> worker = T::choose(pool_request(*what));
      if (worker) *out_worker = *worker;
      return COPPICE_OK;
    } catch (...) {
      return COPPICE_E_EXCEPTION;
    }
  }
  static std::int32_t on_overload(const coppice_pool_request* what) noexcept {
    try {
      const overload next = T::on_overload(pool_request(*what));
      if (next.status() == COPPICE_OK && !next.reply().empty() && what->kind == COPPICE_POOL_CALL)
        return what->answer(what, plain(next.reply()));
      return next.status();
    } catch (...) {
      return COPPICE_E_EXCEPTION;
    }
  }
  static constexpr coppice_pool make_table() {
    coppice_pool table{};
    table.size = sizeof table;
    if constexpr (requires { &T::choose; }) {
      constexpr bool chooses = requires(const pool_request& what) {
        { T::choose(what) } -> std::convertible_to<std::optional<std::uint32_t>>;
      };
      static_assert(chooses,
                    "a pool's choose is a public static std::optional<std::uint32_t> "
                    "choose(const coppice::pool_request& what)");
      if constexpr (chooses) table.choose = &choose;
    }
    if constexpr (requires { &T::on_overload; }) {
      constexpr bool answers = requires(const pool_request& what) {
        { T::on_overload(what) } -> std::same_as<overload>;
      };
      static_assert(answers,
                    "a pool's on_overload is a public static coppice::overload "
                    "on_overload(const coppice::pool_request& what)");
      if constexpr (answers) table.on_overload = &on_overload;
    }
    return table;
  }
  static constexpr coppice_pool callbacks = make_table();
};

template <has_pool_callbacks T>
struct pool_callbacks_of<T> {
  static constexpr coppice_table table{COPPICE_POOL_DRAFT_1, &pool_table<T>::callbacks};
};

} // namespace detail
} // namespace coppice
