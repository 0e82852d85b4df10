// SPDX-License-Identifier: MIT
// What the node wants changed in a running tree when a configuration is applied. A specification is no term,
// so an order is laid down here and fetched, once, by the process that gets its number in a call. Each order
// is carried out whole, or answered with an error and nothing changed by it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "behaviours/application.hpp"
#include "behaviours/child_spec.hpp"
#include "behaviours/gen.hpp"
#include "runtime/messages/message.hpp"

namespace coppice::behaviours {

using spared_children = std::shared_ptr<const std::unordered_set<const child_spec*>>;

// For one supervisor. Answered {ok, started | stopped | restarted | updated} or {error, Reason}.
struct supervisor_order {
  enum class kind : std::uint8_t {
    add,         // a child, behind the others, and start it
    remove,      // stop it and forget it; done if it is not there
    replace,     // stop it and start it by this specification; what fails to start gives way to the old one
    reconfigure, // its args are others: its actor takes them as it runs, else as replace
    update,      // its specification alone; the process goes on
    adopt,       // `whole`'s flags, name and order; children are as other orders made them
    environment, // the application's env is `env`, for all below: an actor takes it as it runs, else is
                 // restarted; none of `spared`, which later orders reach
  };
  kind what = kind::update;
  std::shared_ptr<const child_spec> child{};      // all but the last two; its id says which
  std::shared_ptr<const supervisor_spec> whole{}; // adopt
  // A map; empty: none. environment: the new one. replace, reconfigure: the child's, where that is another
  // than its supervisor's for now, so that an environment that follows finds nothing to do.
  std::optional<runtime::message> env{};
  spared_children spared{}; // environment; null: none
};

// For the application controller. Answered ok | {error, Reason}.
struct application_order {
  enum class kind : std::uint8_t {
    add,     // behind the others, and start it
    remove,  // stop it and forget it
    replace, // stop it and start it by this specification; what fails to start gives way to the old one
    update,  // its specification alone
    arrange, // the start order is `order`
  };
  kind what = kind::update;
  application_spec spec{};          // all but arrange; its name says which
  std::vector<std::string> order{}; // arrange: every application
};

// For a pool or a listener: it has another specification, of the same actor, and goes on. Answered ok, by a
// pool once it has as many workers as that says, or {error, Reason}.
struct specification_order {
  std::shared_ptr<const child_spec> child;
};

using any_order = std::variant<supervisor_order, application_order, specification_order>;

// Any thread.
class order_desk {
 public:
  order_desk() = default;
  order_desk(const order_desk&) = delete;
  order_desk& operator=(const order_desk&) = delete;

  static constexpr std::string_view tag = "$coppice_order";

  // The request to call its receiver with: {'$coppice_order', Number}. Whoever called fetches it back if the
  // receiver did not answer.
  runtime::message lay_down(any_order what);
  // By the request, or by its Number alone; nothing: there is no such order (any more).
  std::optional<any_order> fetch(etf::bytes request_or_number);

 private:
  std::mutex lock_;
  std::unordered_map<std::uint64_t, any_order> orders_;
};

// gen::call() of an engine here by the node itself: its mailbox's bound does not count.
gen::call_result call_engine(runtime::process& self, const runtime::pid& engine, runtime::message request,
                             base::nanos deadline);

} // namespace coppice::behaviours
