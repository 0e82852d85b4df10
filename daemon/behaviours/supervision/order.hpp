// SPDX-License-Identifier: MIT
// What the node wants changed in a running tree when a configuration is applied. A specification is no term,
// so an order is added here and taken, once, by the process that gets its number in a call. Each order
// is carried out whole, or answered with an error and nothing changed by it. An order that is taken back
// later notes how it found its child; the order that takes it back has the same note. An order is an object
// of any type: its receiver takes those of the types that it knows.
#pragma once

#include <any>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "behaviours/gen/gen.hpp"
#include "behaviours/supervision/child_spec.hpp"
#include "behaviours/supervision/child_table.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

using spared_children = std::shared_ptr<const std::unordered_set<const child_spec*>>;

// How an order found its child. Written and read in the supervisor's turns, one order after the other.
struct found_child {
  bool noted = false;   // the order came to the supervisor
  bool present = false; // there was such a child; what follows is its
  std::shared_ptr<const child_spec> spec{};
  child_state state = child_state::stopped;
  runtime::pid pid{}; // null: it did not run
  runtime::message env{};
  bool rests = false;
  bool terminated = false;
  std::uint32_t waits = 0;
  base::nanos due = 0;
};
using child_note = std::shared_ptr<found_child>;

// For one supervisor. Answered {ok, started | stopped | restarted | updated} or {error, Reason}.
struct supervisor_order {
  enum class kind : std::uint8_t {
    add,         // a child, behind the others, and start it
    remove,      // stop it and forget it; done if it is not there
    pause,       // stop it; it has this specification from now on and its place, and is not started
    replace,     // stop it and start it by this specification; what fails to start gives way to the old one
    reconfigure, // its args are others: its actor takes them as it runs, else as replace
    restore,     // it is again as `found` says; one that ran and does not start is tried again
    update,      // its specification alone; the process goes on
    adopt,       // `whole`'s flags, name and order; children are as other orders made them
    environment, // the application's env is `env`, for all below: an actor takes it as it runs, else is
                 // restarted; none of `spared`, which later orders reach
  };
  kind what = kind::update;
  std::shared_ptr<const child_spec> child{};      // all but the last two; its id says which
  std::shared_ptr<const supervisor_spec> whole{}; // adopt
  std::optional<runtime::message> env{};          // environment: the new one, a map; empty: none
  spared_children spared{};                       // environment; null: none
  child_note found{}; // restore: read; add, remove, pause, replace, reconfigure: written; null: nobody asks
};

// Any thread.
class pending_orders {
 public:
  pending_orders() = default;
  pending_orders(const pending_orders&) = delete;
  pending_orders& operator=(const pending_orders&) = delete;

  static constexpr std::string_view tag = "$coppice_order";

  // The request to call its receiver with: {'$coppice_order', Number}. Whoever called takes it back if the
  // receiver did not answer.
  runtime::message add(std::any order);
  // By the request, or by its Number alone. Empty: there is no such order (any more).
  std::any take(etf::bytes request_or_number);

 private:
  std::mutex lock_;
  std::unordered_map<std::uint64_t, std::any> orders_;
};

// gen::call() of an engine here by the node itself, as a notice, so no actor can forge it. The bound of its
// mailbox does not count.
gen::call_result call_engine(runtime::process& self, const runtime::pid& engine, runtime::message request,
                             base::nanos deadline);

} // namespace coppice::behaviours
