// SPDX-License-Identifier: MIT
// What the scheduler asks before it lets a process handle a message, and behind which the freezer lives. A
// member of a freezer's group that an order concerns is shut out: its turn is hold(), where it carries the
// order out, or first handles messages that others wait for. A worker that gets an order goes through its
// members, those before all else that are to stand still, and gives each that is at rest its turn; one that
// is in a callback comes to it by itself. One a worker, for its thread only.
#pragma once

#include <memory>
#include <vector>

#include "runtime/freezing/freeze_group.hpp"
#include "runtime/freezing/membership.hpp"
#include "runtime/processes/process_record.hpp"

namespace coppice::runtime {

class worker;

class gate {
 public:
  explicit gate(worker& of) : at_(of) {}

  // It is dead, or a freezer has it: no message is handled.
  [[gnu::always_inline]] static bool shuts_out(const process_record& p) {
    if (p.dead) return true;
    if (!p.gated) [[likely]]
      return false;
    const membership* part = part_of(p);
    return part->here.now != nullptr && !part->running;
  }
  // The turn of one that is alive and shut out.
  static void hold(process_record& p);
  // Whether one that is shut out needs another turn; `more`: it would if it were not.
  static bool wants_turn(process_record& p, bool more);

  // There are members due for a turn.
  bool has_due() const { return !attending_.empty(); }
  // While there is a freezer: whose turn is next, scheduled; null: nobody's.
  process_record* next_turn();

  // The group's order has come; `was_busy`: a callback was under way when it was given.
  void obey(const std::shared_ptr<freeze_group>& group, const freeze_group::order& what, bool was_busy);
  void join(process_record& p, const std::shared_ptr<freeze_group>& group, freeze_group::member& as);
  static void leave(process_record& p);
  // Whom `p`, which is parked, waits for: calls of members go through those.
  static void follow(process_record& p, freeze_group& group);
  void close() { attending_.clear(); }

 private:
  static membership* part_of(const process_record& p) {
    const relations* mine = p.related();
    return mine == nullptr ? nullptr : mine->part.get();
  }
  static bool is_member(const process_record& p, const freeze_group& of);
  static bool look_for_calls(process_record& p, membership& part);
  static bool handle(process_record& p, std::uint32_t messages);
  process_record* next_member();
  void attend(const std::shared_ptr<freeze_group>& group);

  worker& at_;
  std::vector<std::shared_ptr<freeze_group>> attending_; // with members here that are due for a turn
};

} // namespace coppice::runtime
