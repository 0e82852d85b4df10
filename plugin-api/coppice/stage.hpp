// SPDX-License-Identifier: MIT
// A stage of a pipeline in C++ (DRAFT): derive from coppice::producer, coppice::producer_consumer or
// coppice::consumer, write the callbacks you need, and name the class in COPPICE_PLUGIN. Compatible with
// Elixir's GenStage on the other side.
//
//   EVENTS handle_demand(std::uint64_t count)          of a producer: `count` events are wanted
//   EVENTS handle_events(const std::vector<E>& events [, term from])   of a producer_consumer
//   void   handle_events(const std::vector<E>& events [, term from])   of a consumer
//   demand handle_subscribe(peer, term options, term from)   demand::automatic, or demand::manual; or void
//   void   handle_cancel(ended, term reason, term from)
//   std::optional<std::uint64_t> choose(const E& event)   its partition; empty: the event is dropped
//   bool   format_discarded(std::uint64_t count)          whether to log that `count` events were dropped
//
// EVENTS is any type that is encoded as a list, a coppice::message, or void; emit() also emits events, in
// these and all other callbacks. Events are read as E, or left as they are: handle_events(coppice::term
// list). All but the last two may return coppice::outcome instead. A stage may also have the callbacks of
// coppice/lifecycle.hpp and coppice/server.hpp. `from` names the subscription, {Pid, Tag}, or {{Name, Node},
// Tag} of one to a name: keep a copy (owned_term) for a later ask(), cancel() or resubscribe(). Header-only.
#pragma once

#include <coppice/draft/stage.h>
#include <coppice/detail/descriptor.hpp>
#include <coppice/server.hpp>

#include <optional>
#include <type_traits>
#include <vector>

namespace coppice {

/// The options of a subscription, as in GenStage. Your own keyword list may be used instead.
struct subscription {
  std::uint64_t max_demand = 1000;
  std::uint64_t min_demand = 500;
  std::string_view cancel = "permanent"; ///< transient, temporary
};

namespace detail {

inline constinit draft<coppice_stage_api> stage_host{COPPICE_STAGE_HOST_DRAFT_2};

inline void staged(std::int32_t status, const char* call) {
  if (status == COPPICE_OK) [[likely]]
    return;
  if (status == COPPICE_E_EXITING) throw exiting{};
  if (status == COPPICE_E_CONTEXT)
    throw std::logic_error(etf::detail::concatenated({call, ": not in this callback of a stage"}));
  throw std::runtime_error(etf::detail::concatenated({call, ": ", coppice_status_word(status)}));
}

/// Functions of every stage; see coppice/draft/stage.h.
class any_stage : public actor {
 public:
  /// The other side of a subscription.
  enum class peer : std::uint32_t { producer = COPPICE_STAGE_PRODUCER, consumer = COPPICE_STAGE_CONSUMER };
  enum class ended : std::uint32_t { cancelled = COPPICE_STAGE_CANCEL, down = COPPICE_STAGE_DOWN };
  /// How a producer is asked for events. automatic: by the host, as events are handled; manual: by ask().
  enum class demand : std::uint8_t { automatic, manual };
  /// Emits a list of events: a container, or a message, which is not copied.
  template <class Events>
  void emit(const Events& events) {
    staged(stage_host.need().emit(handle(), make_message(events).take()), "emit");
  }
  void ask(term from, std::uint64_t count) {
    staged(stage_host.need().ask(handle(), detail::plain(from.encoded), count), "ask");
  }
  template <class Reason>
  void cancel(term from, const Reason& reason) {
    staged(stage_host.need().cancel(handle(), detail::plain(from.encoded), make_message(reason).take()),
           "cancel");
  }
  void subscribe(const destination& to, const subscription& how = {}) { subscribe(to, written_(how)); }
  template <class Options>
  void subscribe(const destination& to, const Options& keywords) {
    staged(stage_host.need().subscribe(handle(), detail::plain(to.bytes()), make_message(keywords).take()),
           "subscribe");
  }
  template <class Reason, class Options>
  void resubscribe(term from, const Reason& reason, const destination& to, const Options& keywords) {
    staged(stage_host.need().resubscribe(handle(), detail::plain(from.encoded), make_message(reason).take(),
                                         detail::plain(to.bytes()), make_message(keywords).take()),
           "resubscribe");
  }
  template <class Reason>
  void resubscribe(term from, const Reason& reason, const destination& to, const subscription& how = {}) {
    resubscribe(from, reason, to, written_(how));
  }
  /// Sends a message to the stage itself, after all events that are buffered now have left.
  template <class M>
  void info_after_events(const M& value) {
    staged(stage_host.need().info(handle(), make_message(value).take()), "info");
  }
  /// In init: GenStage's options, a keyword list.
  template <class Options>
  void configure_stage(const Options& keywords) {
    staged(stage_host.need().configure(handle(), make_message(keywords).take()), "configure_stage");
  }

 private:
  static message written_(const subscription& how) {
    message_writer out;
    out.list(3);
    out.tuple(2);
    out.atom("max_demand");
    out.unsigned_integer(how.max_demand);
    out.tuple(2);
    out.atom("min_demand");
    out.unsigned_integer(how.min_demand);
    out.tuple(2);
    out.atom("cancel");
    out.atom(how.cancel);
    out.nil();
    return out.take();
  }
};

} // namespace detail

/// A stage that makes events when consumers ask for them: derive from it.
class producer : public detail::any_stage {
 public:
  /// Whether demand reaches the producer. Takes effect after this callback.
  void forward_demand() { set_mode_(COPPICE_STAGE_FORWARD); }
  /// Demand is kept until forward_demand(). Takes effect after this callback.
  void accumulate_demand() { set_mode_(COPPICE_STAGE_ACCUMULATE); }

 private:
  void set_mode_(std::uint32_t mode) {
    detail::staged(detail::stage_host.need().set_demand(handle(), mode), "set_demand");
  }
};
/// A stage that takes events and gives others on: derive from it.
class producer_consumer : public detail::any_stage {};
/// A stage that takes events: derive from it.
class consumer : public detail::any_stage {};

namespace detail {

template <class T>
constexpr bool is_stage_class() {
  if constexpr (!is_actor_class<T>()) {
    return false;
  } else if constexpr (!has_lifecycle_names<T>() || !has_server_names<T>()) {
    return false;
  } else {
    if constexpr (std::is_base_of_v<producer, T>) {
      static_assert(
          requires { &T::handle_demand; }, "a producer needs a public handle_demand(std::uint64_t count)");
    } else {
      static_assert(
          requires { &T::handle_events; },
          "this stage needs a public handle_events(const std::vector<E>& events), with events of a type E "
          "that "
          "has an encoding, or handle_events(coppice::term list)");
      if constexpr (signature<decltype(&T::handle_events)>::count > 0) {
        using taken = parameter_of<&T::handle_events>;
        constexpr bool is_list =
            std::is_same_v<taken, term> || etf::detail::customised<taken> || etf::detail::sequence<taken>;
        if constexpr (!is_list)
          static_assert(never<T>,
                        "handle_events takes a list of events and not one of them: handle_events(const "
                        "std::vector<E>& events), or handle_events(coppice::term list)");
      }
    }
    return has_lifecycle<T>() && has_calls<T>() && has_casts<T>() && has_infos<T>();
  }
}

template <class T>
struct stage_table {
  // The result of a callback: events, or a result that every callback may have.
  template <class Call>
  static std::int32_t events_of(coppice_actor* self, T& actor, Call call) {
    using result = decltype(call());
    if constexpr (std::is_void_v<result> || std::is_same_v<result, outcome>) {
      return status_of(self, call);
    } else {
      static_assert(!std::is_base_of_v<consumer, T>,
                    "a consumer has nobody to give events to: handle_events returns "
                    "nothing or a coppice::outcome");
      const auto events = call();
      if constexpr (requires { events.empty(); }) {
        if (events.empty()) return COPPICE_OK;
      }
      static_cast<any_stage&>(actor).emit(events);
      return COPPICE_OK;
    }
  }

  static std::int32_t handle_demand(coppice_actor* self, void* state, std::uint64_t count) noexcept {
    return run<T>(self, state, [&](T& actor) {
      return events_of(self, actor, [&] { return actor.handle_demand(count); });
    });
  }

  static std::int32_t handle_events(coppice_actor* self, void* state, const coppice_message* events,
                                    coppice_bytes from) noexcept {
    return run<T>(self, state, [&](T& actor) {
      const term whom{view(from)};
      const auto give = [&](const auto& list) {
        return events_of(self, actor, [&] {
          if constexpr (requires { actor.handle_events(list, whom); }) {
            return actor.handle_events(list, whom);
          } else {
            return actor.handle_events(list);
          }
        });
      };
      using taken = parameter_of<&T::handle_events>;
      if constexpr (std::is_same_v<taken, term>) {
        return give(term{{events->data, static_cast<std::size_t>(events->size)}});
      } else {
        return with_value<taken>(self, events, COPPICE_E_TERM, "events", give);
      }
    });
  }

  static std::int32_t handle_subscribe(coppice_actor* self, void* state, std::uint32_t peer,
                                       const coppice_message* options, coppice_bytes from) noexcept {
    return run<T>(self, state, [&](T& actor) {
      const auto call = [&] {
        return actor.handle_subscribe(static_cast<any_stage::peer>(peer),
                                      term{{options->data, static_cast<std::size_t>(options->size)}},
                                      term{view(from)});
      };
      if constexpr (std::is_same_v<decltype(call()), any_stage::demand>) {
        return call() == any_stage::demand::manual ? COPPICE_STAGE_MANUAL : COPPICE_OK;
      } else {
        return status_of(self, call);
      }
    });
  }
  static std::int32_t handle_cancel(coppice_actor* self, void* state, std::uint32_t how,
                                    const coppice_message* reason, coppice_bytes from) noexcept {
    return run<T>(self, state, [&](T& actor) {
      return status_of(self, [&] {
        return actor.handle_cancel(static_cast<any_stage::ended>(how),
                                   term{{reason->data, static_cast<std::size_t>(reason->size)}},
                                   term{view(from)});
      });
    });
  }

  static std::int32_t choose(coppice_actor* self, void* state, const coppice_message* event,
                             std::uint64_t* partition) noexcept {
    return run<T>(self, state, [&](T& actor) {
      const auto use = [&](const auto& value) -> std::int32_t {
        const std::optional<std::uint64_t> chosen = actor.choose(value);
        if (chosen) *partition = *chosen;
        return chosen ? COPPICE_OK : COPPICE_STAGE_NONE;
      };
      return with_value<parameter_of<&T::choose>>(self, event, COPPICE_E_TERM, "event", use);
    });
  }
  static std::int32_t format_discarded(coppice_actor* self, void* state, std::uint64_t count) noexcept {
    return run<T>(self, state,
                  [&](T& actor) { return actor.format_discarded(count) ? COPPICE_OK : COPPICE_STAGE_NONE; });
  }

  // Only callbacks that the class has; a null entry gives the host's default.
  static constexpr coppice_stage make_table() {
    coppice_stage table{};
    table.size = sizeof(coppice_stage);
    if constexpr (std::is_base_of_v<producer, T>) {
      table.handle_demand = &handle_demand;
    } else {
      table.handle_events = &handle_events;
    }
    if constexpr (requires { &T::handle_subscribe; }) table.handle_subscribe = &handle_subscribe;
    if constexpr (requires { &T::handle_cancel; }) table.handle_cancel = &handle_cancel;
    if constexpr (requires { &T::choose; }) table.choose = &choose;
    if constexpr (requires { &T::format_discarded; }) table.format_discarded = &format_discarded;
    return table;
  }
  static constexpr coppice_stage callbacks = make_table();
};

template <class T>
requires std::is_base_of_v<any_stage, T>
struct behaviour_of<T> {
  static constexpr const char* name = std::is_base_of_v<producer, T>   ? "producer"
                                      : std::is_base_of_v<consumer, T> ? "consumer"
                                                                       : "producer_consumer";
  static constexpr coppice_table tables[] = {
      {COPPICE_LIFECYCLE_1, table_of<T, is_stage_class<T>(), lifecycle_table>()},
      {COPPICE_STAGE_DRAFT_2, table_of<T, is_stage_class<T>(), stage_table>()},
      {COPPICE_SERVER_1, table_of<T, is_stage_class<T>(), server_table>()},
      stream_callbacks_of<T>::table,
      {nullptr, nullptr}};
};

} // namespace detail
} // namespace coppice
