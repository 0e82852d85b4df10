// SPDX-License-Identifier: MIT
// Who of a producer's consumers gets which events, and how much of what they ask for is asked of the
// producer. A file for each way to decide it; none does I/O: what it decides goes to its outlet. Subscribers
// are numbers, which the stage gives and never gives again. One thread at a time.
#pragma once

#include <coppice/etf/types.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/error.hpp"
#include "behaviours/stage/event_list.hpp"
#include "behaviours/stage/options.hpp"
#include "runtime/messages/ids.hpp"

namespace coppice::behaviours {

using subscriber_id = std::uint64_t;

// The most that a subscriber may have asked for: what is beyond it is not counted.
inline constexpr std::uint64_t most_demand = std::uint64_t{1} << 53;

class dispatcher {
 public:
  class outlet {
   public:
    virtual ~outlet() = default;
    virtual void deliver(subscriber_id to, event_list events) = 0;
    // A message whose place has come.
    virtual void inform(runtime::message m) = 0;
    // What the author's `choose` says of an event, an index among the partitions; for those that route.
    enum class choice : std::uint8_t { by_default, none, index };
    virtual choice choose(const runtime::message& event, std::uint64_t& index) = 0;
    // Events that go nowhere: nobody wants them, or there is no such place.
    virtual void discarded(std::uint64_t count, std::string_view why) = 0;
    virtual void warn_of_demand(std::uint64_t asked, std::uint64_t expected) = 0;
  };

  virtual ~dispatcher() = default;

  // Its options are a keyword list, or whatever the consumer sent. An error is the reason to refuse it with,
  // a term.
  virtual expected<std::uint64_t, runtime::message> subscribe(subscriber_id who, const runtime::pid& pid,
                                                              etf::bytes options) = 0;
  // What these return is what the producer is to be asked for.
  virtual std::uint64_t ask(subscriber_id who, std::uint64_t count, outlet& out) = 0;
  virtual std::uint64_t cancel(subscriber_id who, outlet& out) = 0;
  // What is left in `events` has nobody who asked for it.
  virtual void dispatch(event_list& events, outlet& out) = 0;
  virtual void inform(runtime::message m, outlet& out) = 0;
  // Events it keeps for this subscriber, or all of them.
  virtual std::uint64_t queued(subscriber_id) const { return 0; }
  virtual std::uint64_t queued() const { return 0; }
};

std::unique_ptr<dispatcher> make_dispatcher(const dispatcher_options& options);

} // namespace coppice::behaviours
