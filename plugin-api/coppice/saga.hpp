// SPDX-License-Identifier: MIT
// A saga in C++ (DRAFT): derive from coppice::saga, write the callbacks you need, and name the class in
// COPPICE_PLUGIN.
//
//   class orders : public coppice::saga {
//    public:
//     coppice::steps handle_start(const order& o) {
//       return {{"payment", pay{o.card}}, {"stock", take{o.item}}};
//     }
//   };
//   class payment : public coppice::saga {
//    public:
//     receipt handle_do(const coppice::step& s, const pay& p); // throws coppice::step_failed(reason)
//     void handle_undo(const coppice::step& s, const pay& p);
//   };
//
//   NEXT handle_start([const step& tx,] const V& value)
//   NEXT handle_result(const step& s, const R& result)      void: go on
//   NEXT handle_failed(const step& s, coppice::term reason) retry(), steps in its place, or fail(reason)
//   void handle_interim(const step& s, const V& value)
//   RESULT handle_do(const step& s, const V& value)         the result is the step's; or NEXT
//   void handle_undo(const step& s, const V& value)         or NEXT: fail(reason), never(reason)
//
// In two phases, in place of handle_do and handle_undo:
//
//   RESULT handle_prepare(const step& s, const V& value)
//   void handle_commit(const step& s, const V& final)
//   void handle_abort(const step& s)
//
// NEXT is coppice::steps, or coppice::next, which the functions below make: of_steps, done, fail, retry,
// never, answer_later. After that the answer is given by answer(s, …) in another callback. A callback fails
// its step also by throwing coppice::step_failed; other exceptions end the actor, and the callback runs
// again. V and R are any types with an encoding, a std::variant of several, or coppice::term. A saga may also
// have the callbacks of coppice/lifecycle.hpp and coppice/server.hpp. See coppice/draft/saga.h. Header-only.
#pragma once

#include <coppice/draft/saga.h>
#include <coppice/detail/descriptor.hpp>
#include <coppice/server.hpp>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace coppice {

namespace detail {
inline constinit draft<coppice_saga_api> saga_host{COPPICE_SAGA_HOST_DRAFT_2};
} // namespace detail

/// The step that a callback is about. A copy may be kept, to answer later.
class step {
 public:
  step() = default;
  explicit step(const coppice_step& raw)
      : token_(raw.token),
        attempt_(raw.attempt),
        tx_(reinterpret_cast<const char*>(raw.tx.data), static_cast<std::size_t>(raw.tx.size)),
        key_(term{detail::view(raw.key)}) {}
  /// The transaction's id.
  const std::string& tx() const { return tx_; }
  /// {Tx, Step}: the same for every attempt.
  term key() const { return key_.term(); }
  /// Above 1: an earlier attempt may have had its effect.
  std::uint32_t attempt() const { return attempt_; }

  /// For calls of coppice/draft/saga.h. Borrows from this object.
  coppice_step raw() const {
    coppice_step made{};
    made.size = sizeof made;
    made.attempt = attempt_;
    made.token = token_;
    made.tx = detail::plain(std::string_view(tx_));
    made.key = detail::plain(key_.bytes());
    return made;
  }

 private:
  std::uint64_t token_ = 0;
  std::uint32_t attempt_ = 1;
  std::string tx_;
  owned_term key_;
};

/// A step for another process: NAME, or NAME@ALIVE@HOST.
struct next_step {
  template <class V>
  next_step(std::string_view to_, const V& value)
      : to(to_), encoded(detail::encode_or_throw(value, "the value of a step")) {}
  /// The step begins together with the one before it.
  next_step& together() {
    beside = true;
    return *this;
  }
  /// Other times between tries than those configured.
  next_step& retried(std::chrono::nanoseconds first, std::chrono::nanoseconds max) {
    retry_first = first.count();
    retry_max = max.count();
    return *this;
  }

  std::string to;
  std::vector<std::uint8_t> encoded;
  bool beside = false;
  std::int64_t retry_first = 0; // ns. 0: as configured
  std::int64_t retry_max = 0;
};

/// Steps one after the other, except those that begin together with the step before them.
class steps : public std::vector<next_step> {
 public:
  using std::vector<next_step>::vector;
  steps(std::initializer_list<next_step> all) : std::vector<next_step>(all) {}
};

/// The answer of a callback.
class next {
 public:
  /// The kinds of answers; each but `steps` has a function below that makes it.
  enum class kind : std::uint8_t { later, done, fail, never, retry, steps };
  next(coppice::steps all) : what_(kind::steps), steps_(std::move(all)) {}
  next(kind what, std::vector<std::uint8_t> value = {}) : what_(what), value_(std::move(value)) {}

  /// Which of these it is.
  kind what() const { return what_; }
  /// Encoded. Empty: the atom undefined.
  const std::vector<std::uint8_t>& value() const { return value_; }
  /// The steps that are next; empty unless `what` is steps.
  const coppice::steps& all() const { return steps_; }

 private:
  kind what_;
  std::vector<std::uint8_t> value_;
  coppice::steps steps_;
};

/// For a coordinator: these steps are next.
inline next of_steps(steps all) {
  return {std::move(all)};
}
/// For a participant: the step is done. For a coordinator: the transaction is. Without a value it is the atom
/// undefined.
inline next done() {
  return {next::kind::done};
}
/// As done(), with a result. Throws std::invalid_argument if it has no encoding.
template <class V>
next done(const V& value) {
  return {next::kind::done, detail::encode_or_throw(value, "the result")};
}
/// For a participant: the step has failed. For a coordinator: the transaction is cancelled.
template <class R>
next fail(const R& reason) {
  return {next::kind::fail, etf::encode(reason)};
}
/// For an undo: the step cannot be undone. The transaction waits for an operator.
template <class R>
next never(const R& reason) {
  return {next::kind::never, etf::encode(reason)};
}
/// For a coordinator whose step has failed: the step is tried again.
inline next retry() {
  return {next::kind::retry};
}
/// The answer comes later, from another callback.
inline next answer_later() {
  return {next::kind::later};
}

/// Thrown by a callback: as if it returned fail(reason). No std::exception, so that it is not caught unasked.
struct step_failed {
  template <class R>
  explicit step_failed(const R& reason_) : reason(etf::encode(reason_)) {}
  std::vector<std::uint8_t> reason;
};

namespace detail {

inline coppice_message* message_of(const std::vector<std::uint8_t>& encoded, message& keep) {
  if (encoded.empty()) return nullptr;
  keep = make_message(term{{encoded.data(), encoded.size()}});
  return keep.take();
}

// Gives the answer. COPPICE_OK, also if it is not needed any more; every other status is thrown.
inline std::int32_t give(coppice_actor* self, const coppice_step& about, const next& what) {
  const coppice_saga_api& api = saga_host.need();
  message keep;
  std::int32_t status = COPPICE_OK;
  switch (what.what()) {
    case next::kind::later:
      return COPPICE_OK;
    case next::kind::done:
      status = api.done(self, &about, message_of(what.value(), keep));
      break;
    case next::kind::fail:
      status = api.failed(self, &about, message_of(what.value(), keep));
      break;
    case next::kind::never:
      status = api.never(self, &about, message_of(what.value(), keep));
      break;
    case next::kind::retry:
      status = api.retry(self, &about);
      break;
    case next::kind::steps:
      for (const next_step& one : what.all()) {
        coppice_next_step raw{};
        raw.size = sizeof raw;
        raw.beside = one.beside ? 1 : 0;
        raw.to = plain(std::string_view(one.to));
        raw.value_take = message_of(one.encoded, keep);
        raw.retry_first = one.retry_first;
        raw.retry_max = one.retry_max;
        status = api.add_step(self, &about, &raw);
        // The name may come from a client's value, so it fails the callback and does not end the actor.
        if (status == COPPICE_E_INVALID)
          return give(self, about, fail(std::pair(etf::atom{"bad_step"}, std::string_view(one.to))));
        if (status != COPPICE_OK) break;
      }
      if (status == COPPICE_OK) status = api.steps(self, &about);
      break;
  }
  if (status == COPPICE_E_USED) return COPPICE_OK;
  if (status == COPPICE_E_EXITING) throw exiting{};
  if (status == COPPICE_E_INVALID)
    throw std::invalid_argument(
        "a saga's callback has no such answer, or a step's receiver is no NAME and no NAME@ALIVE@HOST");
  if (status != COPPICE_OK)
    throw std::logic_error(etf::detail::concatenated({"a saga's answer: ", coppice_status_word(status)}));
  return COPPICE_OK;
}

} // namespace detail

/// A saga: derive from it. The callbacks stand at the top of this file.
class saga : public actor {
 protected:
  /// Answers a callback that returned answer_later(). It has no effect if the answer is not needed any more.
  void answer(const step& about, const next& what) { detail::give(handle(), about.raw(), what); }
  /// Tells of progress: see coppice/draft/saga.h.
  template <class V>
  void interim(const step& about, const V& value) {
    const coppice_step raw = about.raw();
    if (detail::saga_host.need().interim(handle(), &raw, make_message(value).take()) == COPPICE_E_EXITING)
      throw exiting{};
  }
};

namespace detail {

template <class T>
constexpr bool is_saga_class() {
  if constexpr (!is_actor_class<T>()) {
    return false;
  } else if constexpr (!has_lifecycle_names<T>() || !has_server_names<T>()) {
    return false;
  } else {
    constexpr bool starts = requires {
      &T::handle_start;
    };
    constexpr bool takes = requires {
      &T::handle_do;
    }
    || requires {
      &T::handle_prepare;
    };
    static_assert(starts || takes,
                  "a saga needs a public handle_start(const V&) to coordinate, or a public "
                  "handle_do(const coppice::step&, const V&) or handle_prepare to take part");
    return (starts || takes) && has_lifecycle<T>() && has_calls<T>() && has_casts<T>() && has_infos<T>();
  }
}

template <class T>
struct saga_table {
  // Answers with the result of `call`: steps, next, nothing, or a value.
  template <class Call>
  static std::int32_t answer(coppice_actor* self, const coppice_step* about, next::kind if_void,
                             const Call& call) {
    using result = decltype(call());
    try {
      if constexpr (std::is_void_v<result>) {
        call();
        return give(self, *about, if_void == next::kind::steps ? next(steps()) : next(if_void));
      } else if constexpr (std::is_same_v<result, next> || std::is_same_v<result, steps>) {
        return give(self, *about, call());
      } else {
        return give(self, *about, coppice::done(call()));
      }
    } catch (const step_failed& why) {
      return give(self, *about, next(next::kind::fail, why.reason));
    }
  }

  // Passes `raw` as the callback's type of value. Another term fails the callback with {bad_value, Text}.
  template <class M, class Use>
  static std::int32_t with(coppice_actor* self, const coppice_step* about, const coppice_message* raw,
                           const Use& use) {
    if constexpr (std::is_same_v<M, term>) {
      return use(term{{raw->data, static_cast<std::size_t>(raw->size)}});
    } else {
      M value{};
      etf::mismatch why;
      etf::cursor at({raw->data, static_cast<std::size_t>(raw->size)});
      if (etf::read(at, value, why) && at.at_end()) return use(std::as_const(value));
      const std::string text = why.take(etf::root_name<M>()).text();
      return give(self, *about, fail(std::pair(etf::atom{"bad_value"}, std::string_view(text))));
    }
  }

  static std::int32_t handle_start(coppice_actor* self, void* state, const coppice_step* tx,
                                   const coppice_message* value) noexcept {
    return run<T>(self, state, [&](T& actor) {
      if constexpr (signature<decltype(&T::handle_start)>::count == 1) {
        return with<parameter_of<&T::handle_start>>(self, tx, value, [&](const auto& v) {
          return answer(self, tx, next::kind::steps, [&] { return actor.handle_start(v); });
        });
      } else {
        return with<parameter_of<&T::handle_start, 1>>(self, tx, value, [&](const auto& v) {
          return answer(self, tx, next::kind::steps, [&] { return actor.handle_start(step(*tx), v); });
        });
      }
    });
  }

// A callback of (const step&, const V&).
#define COPPICE_SAGA_CALLBACK_(name, if_void)                                                         \
  static std::int32_t name(coppice_actor* self, void* state, const coppice_step* about,               \
                           const coppice_message* value) noexcept {                                   \
    return run<T>(self, state, [&](T& actor) {                                                        \
      return with<parameter_of<&T::name, 1>>(self, about, value, [&](const auto& v) {                 \
        return answer(self, about, next::kind::if_void, [&] { return actor.name(step(*about), v); }); \
      });                                                                                             \
    });                                                                                               \
  }
  COPPICE_SAGA_CALLBACK_(handle_result, steps)
  COPPICE_SAGA_CALLBACK_(handle_failed, later)
  COPPICE_SAGA_CALLBACK_(handle_do, done)
  COPPICE_SAGA_CALLBACK_(handle_undo, done)
  COPPICE_SAGA_CALLBACK_(handle_prepare, done)
  COPPICE_SAGA_CALLBACK_(handle_commit, done)
#undef COPPICE_SAGA_CALLBACK_

  static std::int32_t handle_abort(coppice_actor* self, void* state, const coppice_step* about) noexcept {
    return run<T>(self, state, [&](T& actor) {
      return answer(self, about, next::kind::done, [&] { return actor.handle_abort(step(*about)); });
    });
  }
  static std::int32_t handle_interim(coppice_actor* self, void* state, const coppice_step* about,
                                     const coppice_message* value) noexcept {
    return run<T>(self, state, [&](T& actor) {
      return with_value<parameter_of<&T::handle_interim, 1>>(self, value, COPPICE_UNHANDLED, "interim value",
                                                             [&](const auto& v) -> std::int32_t {
                                                               actor.handle_interim(step(*about), v);
                                                               return COPPICE_OK;
                                                             });
    });
  }

  // Only callbacks that the class has; a null entry gives the host's default.
  static constexpr coppice_saga make_table() {
    coppice_saga table{};
    table.size = sizeof(coppice_saga);
    if constexpr (requires { &T::handle_start; }) table.handle_start = &handle_start;
    if constexpr (requires { &T::handle_result; }) table.handle_result = &handle_result;
    if constexpr (requires { &T::handle_failed; }) {
      static_assert(
          !std::is_void_v<decltype(std::declval<T&>().handle_failed(
              std::declval<const step&>(), std::declval<const parameter_of<&T::handle_failed, 1>&>()))>,
          "handle_failed returns what follows: coppice::next or coppice::steps");
      table.handle_failed = &handle_failed;
    }
    if constexpr (requires { &T::handle_interim; }) table.handle_interim = &handle_interim;
    if constexpr (requires { &T::handle_do; }) table.handle_do = &handle_do;
    if constexpr (requires { &T::handle_undo; }) table.handle_undo = &handle_undo;
    if constexpr (requires { &T::handle_prepare; }) table.handle_prepare = &handle_prepare;
    if constexpr (requires { &T::handle_commit; }) table.handle_commit = &handle_commit;
    if constexpr (requires { &T::handle_abort; }) table.handle_abort = &handle_abort;
    return table;
  }
  static constexpr coppice_saga callbacks = make_table();
};

template <class T>
requires std::is_base_of_v<saga, T>
struct behaviour_of<T> {
  static constexpr const char* name = "saga";
  static constexpr coppice_table tables[] = {
      {COPPICE_LIFECYCLE_1, table_of<T, is_saga_class<T>(), lifecycle_table>()},
      {COPPICE_SAGA_DRAFT_2, table_of<T, is_saga_class<T>(), saga_table>()},
      {COPPICE_SERVER_1, table_of<T, is_saga_class<T>(), server_table>()},
      stream_callbacks_of<T>::table,
      {nullptr, nullptr}};
};

} // namespace detail
} // namespace coppice
