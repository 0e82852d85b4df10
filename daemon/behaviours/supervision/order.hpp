// SPDX-License-Identifier: MIT
// The node's orders to a running tree when a configuration is applied. A specification is no term, so an
// order is added here, and the process that gets its number in a call takes it, once. Each order is carried
// out whole, or is answered with an error and has changed nothing; but an order that takes an env back goes
// as far as it can. An order that may be taken back later notes how it found its child; the order that takes
// it back has the same note. An order is an object of any type: its receiver takes orders of the types that
// it knows.
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

// How an order found its child. Written and read in the supervisor's turns, by one order after the other.
struct found_child {
  bool noted = false;   // the order came to the supervisor
  bool present = false; // there was such a child; the other fields are about it
  std::shared_ptr<const child_spec> spec{};
  child_state state = child_state::stopped;
  runtime::pid pid{}; // null: it did not run
  runtime::message env{};
  bool rests = false;
  bool terminated = false;
  bool awaits = false;
  std::uint32_t waits = 0;
  base::nanos wait_began = 0;
  base::nanos due = 0;
};
using child_note = std::shared_ptr<found_child>;

// An order to one supervisor. Answered {ok, started | stopped | restarted | updated} or {error, Reason}.
struct supervisor_order {
  enum class kind : std::uint8_t {
    add,         // append the child and start it
    remove,      // stop the child and forget it; also ok if it is not there
    pause,       // stop the child; it keeps its place, takes this specification, and is not started
    replace,     // stop the child, start it by this specification; if that fails, the old one is back
    reconfigure, // its args are others: its actor takes them as it runs, else as replace
    restore,     // the child is again as `found` says; if it ran and does not start, that is tried again
    update,      // change its specification alone; the process goes on
    adopt,       // take the flags, name and order of `whole`; the children stay as other orders made them
    environment, // the application's env is `env`, for all below: an actor takes it as it runs, or else is
                 // restarted; not for `spared`, which have orders of their own
  };
  kind what = kind::update;
  std::shared_ptr<const child_spec> child{};      // not for adopt and environment; its id says which child
  std::shared_ptr<const supervisor_spec> whole{}; // adopt
  std::optional<runtime::message> env{};          // environment: the new one, a map; empty: none
  spared_children spared{};                       // environment; null: none
  child_note found{}; // restore: read; add, remove, pause, replace, reconfigure: written; null: not noted
  bool takes_back = false; // environment: takes another order back; an actor that refuses is restarted
};

// Any thread.
class pending_orders {
 public:
  pending_orders() = default;
  pending_orders(const pending_orders&) = delete;
  pending_orders& operator=(const pending_orders&) = delete;

  static constexpr std::string_view tag = "$coppice_order";

  // Adds an order and returns the request with which its receiver is called: {'$coppice_order', Number}. The
  // caller takes the order back if the receiver did not answer.
  runtime::message add(std::any order);
  // Takes an order by the request, or by its Number alone. Empty: there is no such order (any more).
  std::any take(etf::bytes request_or_number);

 private:
  std::mutex lock_;
  std::unordered_map<std::uint64_t, std::any> orders_;
};

// gen::call() of an engine by the node itself, as a notice, so that no actor can forge it. The bound of the
// engine's mailbox does not apply.
gen::call_result call_engine(runtime::process& self, const runtime::pid& engine, runtime::message request,
                             base::nanos deadline);

} // namespace coppice::behaviours
