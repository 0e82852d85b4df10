// SPDX-License-Identifier: MIT
// A replicated state machine in C++ (DRAFT): derive from coppice::raft_machine, write apply, and name the
// class in COPPICE_PLUGIN. The commands and queries are C++ types, read by <coppice/etf/codec.hpp>:
//
//   class ledger : public coppice::raft_machine {
//     std::map<std::string, std::int64_t> accounts;
//
//    public:
//     std::int64_t apply(const coppice::entry&, const deposit& d) { return accounts[d.account] += d.amount; }
//     std::int64_t handle_query(const balance& of) const {
//       const auto found = accounts.find(of.account);
//       return found == accounts.end() ? 0 : found->second;
//     }
//     auto save_state() const { return accounts; }
//     void restore_state(const std::map<std::string, std::int64_t>& saved) { accounts = saved; }
//   };
//
//   auto apply(const entry& at, const M& command)    the reply; void: ok
//   void apply_info(const entry& at, const M& what)  what came of a timer or a monitor that apply has set
//   auto handle_query(const M& query) const          the reply
//   void validate(const M& command) const            at the leader, before the command is in the log
//   void on_leader(term leader, std::uint64_t term)  {Name, Node} or undefined; or coppice::outcome, as the
//   void on_quorum(std::uint64_t voters, bool reachable)    two that follow
//   void on_member(term members)                     [{{Name, Node}, Role}]
//   auto save(std::uint32_t version) const           the state in an older version, see below
//
// apply has to do the same in all members: it depends on the object, the command and the entry alone, and
// iterates over no hash table. apply and validate throw coppice::discarded to refuse a command; apply must
// not have changed anything then. Any other exception ends the actor; see coppice/draft/raft.h. In apply,
// validate and handle_query the functions of the class actor that do something throw std::logic_error, and
// those that tell something, such as self, node and now, tell each member something else.
//
// In apply and apply_info, send, cast, monitor, demonitor, cancel_timer and the timers of this header are
// allowed. They are effects of the entry: nothing is sent by the call itself, but the member that leads
// carries them out once it has applied the entry; see coppice/draft/raft.h.
//
// Versions. A later version of the class raises state_version, and names the oldest version that it knows
// too: `static constexpr std::uint32_t oldest_version = 1;`. The group has one version, which entry.version()
// tells: apply follows its rules, `save` writes the state in it if it is older than state_version, and
// restore_state has an overload for each, see coppice/lifecycle.hpp. Once all voters run such code, the group
// goes over to the next version at one entry of the log; see coppice/draft/raft.h.
//
// For several types overload the handler and list them: `using commands = std::variant<deposit, transfer>;`
// (`queries`, and `infos` for apply_info). It may also have the callbacks of coppice/lifecycle.hpp.
// Header-only.
#pragma once

#include <coppice/draft/raft.h>
#include <coppice/detail/descriptor.hpp>
#include <coppice/server.hpp>

#include <chrono>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

namespace coppice {

/// The data that comes with a command. Borrowed until the callback returns.
class entry {
 public:
  explicit entry(const coppice_entry& raw) : raw_(raw) {}
  /// The first command has 1, each one more than the one before.
  std::uint64_t serial() const { return raw_.serial; }
  /// By the leader's clock; never falls while one member leads.
  std::chrono::sys_time<std::chrono::milliseconds> time() const {
    return std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(raw_.time));
  }
  /// Drawn by the leader, alike in all members.
  std::uint64_t random() const { return raw_.random; }
  /// The group's version, by whose rules the command is applied. Alike in all members.
  std::uint32_t version() const { return raw_.version; }

 private:
  const coppice_entry& raw_;
};

/// Thrown by apply and validate: the command is discarded, and its caller is told the reason, any value with
/// an encoding. A text becomes a binary.
struct discarded {
  template <class Reason>
  explicit discarded(const Reason& why) : reason(etf::encode(why)) {}
  std::vector<std::uint8_t> reason;
};

/// A replicated state machine: derive from it. The callbacks stand at the top of this file.
class raft_machine : public actor {
 public:
  // Timers of the group, in apply and apply_info. `at` is the callback's entry: the delay counts from its
  // time. The term comes to apply_info, unless another destination is given. The id; 0: none was started, as
  // the group has 100,000 timers and monitors. The actor's own timers are those of host(): not in apply.
  template <class T>
  std::uint64_t send_after(const entry& at, std::chrono::nanoseconds delay, const T& value) {
    return start_timer_(at, delay, std::chrono::nanoseconds(0), {nullptr, 0}, value);
  }
  template <class T>
  std::uint64_t send_after(const entry& at, std::chrono::nanoseconds delay, const destination& to,
                           const T& value) {
    return start_timer_(at, delay, std::chrono::nanoseconds(0), detail::plain(to.bytes()), value);
  }
  /// A timer that repeats until it is cancelled; first after one period, which is at least 1 ms. A time for
  /// which the group is too late is skipped.
  template <class T>
  std::uint64_t every(const entry& at, std::chrono::nanoseconds period, const T& value) {
    return start_timer_(at, period, at_least_one_(period), {nullptr, 0}, value);
  }
  template <class T>
  std::uint64_t every(const entry& at, std::chrono::nanoseconds period, const destination& to,
                      const T& value) {
    return start_timer_(at, period, at_least_one_(period), detail::plain(to.bytes()), value);
  }

 private:
  // A period of 0 would mean a timer that fires once; this makes it 1 ns, which is refused as too short.
  static std::chrono::nanoseconds at_least_one_(std::chrono::nanoseconds period) {
    return period < std::chrono::nanoseconds(1) ? std::chrono::nanoseconds(1) : period;
  }
  template <class T>
  std::uint64_t start_timer_(const entry& at, std::chrono::nanoseconds delay, std::chrono::nanoseconds period,
                             coppice_bytes to, const T& value) {
    const auto due = std::chrono::time_point_cast<std::chrono::nanoseconds>(at.time()) + delay;
    coppice_timer_options options{};
    options.size = sizeof options;
    options.deadline = due.time_since_epoch().count();
    options.period = period.count();
    options.destination = to;
    std::uint64_t id = 0;
    const std::int32_t status =
        detail::host.timer->start(handle(), &options, make_message(value).take(), &id);
    return detail::checked(status, "a timer of the group") == COPPICE_OK ? id : 0;
  }
};

namespace detail {

struct names_validate {
  int validate;
};
template <class T>
struct probed_for_validate : T, names_validate {};
/// Whether T has a member `validate`, overloaded or not: then the name is ambiguous in a class that derives
/// from both.
template <class T>
inline constexpr bool declares_validate = !requires {
  &probed_for_validate<T>::validate;
};

template <class T>
constexpr bool is_raft_class() {
  if constexpr (!is_actor_class<T>() || !has_lifecycle_names<T>() || !has_lifecycle<T>()) {
    return false;
  } else {
    static_assert(
        requires { typename T::commands; } || !requires { &T::apply; } ||
            requires { requires signature<decltype(&T::apply)>::count == 2; },
        "apply is declared otherwise than it is called: auto apply(const coppice::entry&, const M&)");
    static_assert(
        requires { typename T::queries; } || !requires { &T::handle_query; } ||
            requires { requires signature<decltype(&T::handle_query)>::count == 1; },
        "handle_query is declared otherwise than it is called: auto handle_query(const M&) const");
    static_assert(
        requires { typename T::infos; } || !requires { &T::apply_info; } ||
            requires { requires signature<decltype(&T::apply_info)>::count == 2; },
        "apply_info is declared otherwise than it is called: void apply_info(const coppice::entry&, "
        "const M&)");
    static_assert(
        !requires { &T::handle_call; },
        "this class has handle_call, which nothing calls: commands come to apply, and questions to "
        "handle_query");
    return true;
  }
}

/// Whether every query of Listed is taken by a const handle_query.
template <class T, class Listed>
constexpr bool queries_are_const() {
  return each_message<Listed>([]<class M>() {
    static_assert(
        requires(const T& t, const M& m) { t.handle_query(m); },
        "handle_query must be public and const: what a query changed, other members would not have");
    return true;
  });
}

/// How many versions before its state_version the class knows.
template <class T>
constexpr std::uint32_t older_versions() {
  constexpr bool saves = requires(const T& t) {
    t.save(std::uint32_t{1});
  };
  if constexpr (requires { T::oldest_version; }) {
    static_assert(T::oldest_version <= state_version<T>(),
                  "oldest_version is at most state_version, the newest version that the class knows");
    static_assert(
        saves || T::oldest_version == state_version<T>(),
        "a class with an oldest_version has to write its state in the older versions: give it a public "
        "auto save(std::uint32_t version) const");
    return state_version<T>() - T::oldest_version;
  } else {
    static_assert(!saves,
                  "this class has save, which nothing calls: name the oldest version that it knows, "
                  "static constexpr std::uint32_t oldest_version");
    return 0;
  }
}

template <class T>
struct raft_table {
  // Runs a handler; a discarded command becomes a status.
  template <class Handler>
  static std::int32_t decided(coppice_actor* self, void* state, const Handler& handler) noexcept {
    return run<T>(self, state, [&](T& actor) -> std::int32_t {
      try {
        return handler(actor);
      } catch (const discarded& why) {
        host.actor->set_reason(self, plain(etf::bytes(why.reason.data(), why.reason.size())));
        return COPPICE_DISCARD;
      }
    });
  }
  template <class Call>
  static std::int32_t replied(coppice_writer* reply, const Call& call) {
    if constexpr (std::is_void_v<decltype(call())>) {
      call();
      return COPPICE_OK;
    } else {
      return lifecycle_table<T>::write(call(), reply);
    }
  }

  static std::int32_t validate(coppice_actor* self, void* state, const coppice_message* command) noexcept {
    return decided(self, state, [&](T& actor) {
      const auto use = [&](const auto& m) {
        // A command of a type that validate does not take is for apply.
        if constexpr (requires { std::as_const(actor).validate(m); }) std::as_const(actor).validate(m);
        return std::int32_t{COPPICE_OK};
      };
      if constexpr (requires { typename T::commands; }) {
        return server_table<T>::template with<typename T::commands>(self, command, use);
      } else {
        return server_table<T>::template with<parameter_of<&T::apply, 1>>(self, command, use);
      }
    });
  }
  static std::int32_t apply(coppice_actor* self, void* state, const coppice_entry* at,
                            const coppice_message* command, coppice_writer* reply) noexcept {
    return decided(self, state, [&](T& actor) {
      const entry about(*at);
      const auto use = [&](const auto& m) { return replied(reply, [&] { return actor.apply(about, m); }); };
      if constexpr (requires { typename T::commands; }) {
        return server_table<T>::template with<typename T::commands>(self, command, use);
      } else {
        return server_table<T>::template with<parameter_of<&T::apply, 1>>(self, command, use);
      }
    });
  }
  static std::int32_t handle_query(coppice_actor* self, void* state, const coppice_message* query,
                                   coppice_writer* reply) noexcept {
    return run<T>(self, state, [&](T& actor) {
      const auto use = [&](const auto& m) {
        return replied(reply, [&] { return std::as_const(actor).handle_query(m); });
      };
      if constexpr (requires { typename T::queries; }) {
        static_assert(queries_are_const<T, typename T::queries>());
        return server_table<T>::template with<typename T::queries>(self, query, use);
      } else {
        static_assert(queries_are_const<T, parameter_of<&T::handle_query>>());
        return server_table<T>::template with<parameter_of<&T::handle_query>>(self, query, use);
      }
    });
  }
  static std::int32_t on_leader(coppice_actor* self, void* state, coppice_bytes leader,
                                std::uint64_t of) noexcept {
    return run<T>(self, state, [&](T& actor) {
      return status_of(self, [&] { return actor.on_leader(term{view(leader)}, of); });
    });
  }
  static std::int32_t on_quorum(coppice_actor* self, void* state, std::uint64_t voters,
                                std::int32_t reachable) noexcept {
    return run<T>(self, state, [&](T& actor) {
      return status_of(self, [&] { return actor.on_quorum(voters, reachable != 0); });
    });
  }
  static std::int32_t on_member(coppice_actor* self, void* state, const coppice_message* members) noexcept {
    return run<T>(self, state, [&](T& actor) {
      const term all{{members->data, static_cast<std::size_t>(members->size)}};
      return status_of(self, [&] { return actor.on_member(all); });
    });
  }

  static std::int32_t apply_info(coppice_actor* self, void* state, const coppice_entry* at,
                                 const coppice_message* what) noexcept {
    return decided(self, state, [&](T& actor) {
      const entry about(*at);
      const auto use = [&](const auto& m) {
        actor.apply_info(about, m);
        return std::int32_t{COPPICE_OK};
      };
      if constexpr (requires { typename T::infos; }) {
        return server_table<T>::template with<typename T::infos>(self, what, use);
      } else {
        return server_table<T>::template with<parameter_of<&T::apply_info, 1>>(self, what, use);
      }
    });
  }

  static std::int32_t save(coppice_actor* self, void* state, std::uint32_t version,
                           coppice_writer* out) noexcept {
    return run<T>(self, state, [&](T& actor) {
      return lifecycle_table<T>::write(std::as_const(actor).save(version), out);
    });
  }

  static constexpr coppice_raft make_table() {
    coppice_raft table{};
    table.size = sizeof table;
    table.older_versions = older_versions<T>();
    if constexpr (older_versions<T>() != 0) table.save = &save;
    constexpr bool has_commands = requires {
      typename T::commands;
    }
    || requires {
      &T::apply;
    };
    if constexpr (has_commands) {
      table.apply = &apply;
      if constexpr (declares_validate<T>) table.validate = &validate;
    }
    if constexpr (
        requires { typename T::queries; } || requires { &T::handle_query; })
      table.handle_query = &handle_query;
    if constexpr (requires { &T::on_leader; }) table.on_leader = &on_leader;
    if constexpr (requires { &T::on_quorum; }) table.on_quorum = &on_quorum;
    if constexpr (requires { &T::on_member; }) table.on_member = &on_member;
    if constexpr (
        requires { typename T::infos; } || requires { &T::apply_info; })
      table.apply_info = &apply_info;
    return table;
  }
  static constexpr coppice_raft callbacks = make_table();
};

template <class T>
requires std::is_base_of_v<raft_machine, T>
struct behaviour_of<T> {
  static constexpr const char* name = "raft";
  static constexpr coppice_table tables[] = {
      {COPPICE_LIFECYCLE_1, table_of<T, is_raft_class<T>(), lifecycle_table>()},
      {COPPICE_RAFT_DRAFT_3, table_of<T, is_raft_class<T>(), raft_table>()},
      {nullptr, nullptr}};
};

} // namespace detail
} // namespace coppice
