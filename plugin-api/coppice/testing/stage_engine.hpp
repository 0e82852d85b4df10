// SPDX-License-Identifier: MIT
// A stage under test: the node's own engine, and the test as the other side of each subscription. Messages of
// the test's peers go to the engine, and the engine's messages become what a test sees of a subscription.
// Messages that would come by a mailbox wait here for their turn. In the test's thread.
#pragma once

#include <coppice/draft/stage.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <coppice/testing/calls.hpp>

namespace coppice::testing::detail {

/// One subscription; the test is its other side.
struct staged_link {
  bool of_consumer = true; ///< the other side is a consumer
  value to;                ///< of a producer: the destination that the actor has subscribed to
  value pid, tag, party;   ///< party: {Pid, Tag} as in callbacks
  value options;
  bool open = true;
  value cancelled;                 ///< why the actor ended it, or confirmed its end; none: it has not
  std::deque<value> events;        ///< of a consumer: arrived and not taken
  std::uint64_t asked = 0;         ///< of a consumer: in all
  std::uint64_t received = 0;      ///< of a consumer: in all
  std::vector<std::uint64_t> asks; ///< of a producer: in order
};
using shared_link = std::shared_ptr<staged_link>;

class staged_port;

class staged final : public engine {
 public:
  explicit staged(world& of);
  ~staged() override;

  static constexpr std::string_view interface_name = COPPICE_STAGE_HOST_DRAFT_2;
  static bool is_stage(const world& w);
  static staged& of(world& w);

  // ---- for the test and its peers ----

  /// Null: the actor is not a consumer, or the options are wrong.
  shared_link subscribe(const value& to, const value& options);
  shared_link subscribed_by_peer(const value& options, const value& tag);
  void asked_by_peer(const shared_link& by, std::uint64_t count);
  void delivered_by_peer(const shared_link& by, const value& events);
  /// `down`: the peer has ended. Otherwise it has cancelled.
  void ended_by_peer(const shared_link& by, bool down, const value& reason);
  void settle();
  const std::vector<shared_link>& links() const;
  std::uint64_t buffered() const;
  std::uint64_t dropped() const;

  // ---- for the actor, not in its init ----

  /// False: not a proper list.
  bool emit(const value& list);
  /// False: no {Pid, Tag}, or too large a number.
  bool ask(const value& party, std::uint64_t count);
  bool cancel(const value& party, const value& reason);
  /// `former`: nil or {Tag, Reason} of the subscription to be replaced. False: the options are wrong.
  bool subscribe_instead(const value& former, const value& to, const value& options);
  void set_demand(bool forward);
  void inform_after_events(const value& what);

  /// Empty: done. Otherwise what is wrong with the options. Those from init have precedence over the
  /// configuration's.
  std::optional<std::string> configure(const value& options, bool in_init);

  // Called by its actor:
  std::optional<call> next(world& w) override;
  nanoseconds due() const override;
  void carried_to(world* next) override;
  bool is_of(const world& w) const override;
  void ended(bool) override;

 private:
  const std::unique_ptr<staged_port> port_;
};

} // namespace coppice::testing::detail
