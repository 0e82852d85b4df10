// SPDX-License-Identifier: MIT
// The scheduler asks the gate before it lets a process handle a message; freezers work through it. A member
// of a freezer's group for which there is an order is shut out: its turn is hold(), where it carries the
// order out, or first handles messages that others wait for. A worker that gets an order goes through its
// members, those that have to stand still first, and gives each that is not in a callback a turn; a member in
// a callback gets there by itself. One for each worker, for its thread only.
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

  // True: p is dead, or a freezer holds it: it handles no message.
  [[gnu::always_inline]] static bool shuts_out(const process_record& p) {
    if (p.dead) return true;
    if (!p.schedule.held) [[likely]]
      return false;
    const membership* part = part_of(p);
    return part->here.now != nullptr && !part->running;
  }
  // The turn of a process that is alive and shut out.
  static void hold(process_record& p);
  // Whether a process that is shut out needs another turn. `more`: it would need one if it were not.
  static bool wants_turn(process_record& p, bool more);

  // True: there are members that need a turn.
  bool has_due() const { return !attending_.empty(); }
  // While there is a freezer: the process that has the next turn, already scheduled; null: none.
  process_record* next_turn();

  // The group's order has come. `was_busy`: a callback was under way on this worker when it was given.
  void obey(const std::shared_ptr<freeze_group>& group, const freeze_group::order& what, bool was_busy);
  void join(process_record& p, const std::shared_ptr<freeze_group>& group, freeze_group::member& as);
  static void leave(process_record& p);
  // Notes the process that the parked `p` waits for: calls of members may go through it.
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
  std::vector<std::shared_ptr<freeze_group>> attending_; // groups with members here that need a turn
};

} // namespace coppice::runtime
