// SPDX-License-Identifier: MIT
// Keeps list and indices in step. The lock is held for a few pointer changes, never while a process is
// started, stopped or waited for. The supervisor's turn; rows() any thread.
#include "behaviours/supervision/child_table.hpp"

#include <utility>

#include "behaviours/supervision/child_id.hpp"
#include "runtime/messages/shown.hpp"

namespace coppice::behaviours {
namespace {

// Children that were started one after the other get neighbouring hashes.
std::size_t hash_of(const runtime::pid& pid) {
  return pid.id + pid.serial * std::size_t{0x9E3779B9};
}

} // namespace

std::string_view text(child_state value) {
  switch (value) {
    case child_state::stopped:
      return "stopped";
    case child_state::running:
      return "running";
    case child_state::restarting:
      return "restarting";
    case child_state::given_up:
      return "parked";
  }
  return "";
}

void child_table::reserve(std::size_t children) {
  const std::scoped_lock held(lock_);
  by_id_.reserve(children);
  by_pid_.reserve(children);
}

child& child_table::append(std::shared_ptr<const child_spec> spec, runtime::message id, runtime::message args,
                           base::secrets_ptr secrets) {
  const std::scoped_lock held(lock_);
  child& fresh = children_.emplace_back();
  fresh.place = std::prev(children_.end());
  fresh.spec = std::move(spec);
  fresh.id = std::move(id);
  fresh.args = std::move(args);
  fresh.secrets = std::move(secrets);
  if (!fresh.id.bytes().empty()) by_id_.insert(fresh, child_id_hash()(fresh.id.bytes()));
  return fresh;
}

void child_table::remove(child& gone) {
  change(gone, child_state::stopped, {});
  set_awaits(gone, false);
  const std::scoped_lock held(lock_);
  if (gone.terminated) --terminated_;
  by_id_.erase(gone);
  children_.erase(gone.place);
}

void child_table::set_running(child& one, runtime::pid pid) {
  change(one, child_state::running, pid);
}

void child_table::set_stopped(child& one) {
  change(one, child_state::stopped, {});
}

void child_table::set_restarting(child& one) {
  change(one, child_state::restarting, one.pid);
}

void child_table::set_given_up(child& one) {
  change(one, child_state::given_up, one.pid);
}

void child_table::note_end(child& one, const runtime::message& reason) {
  constexpr std::size_t longest = 200;
  child_end end{base::wall_now(), reason ? runtime::shown(reason, longest) : "undefined"};
  const std::scoped_lock held(lock_);
  if (one.ends.size() == ends_kept) one.ends.erase(one.ends.begin());
  one.ends.push_back(std::move(end));
}

void child_table::count_restart(child& one) {
  const std::scoped_lock held(lock_);
  ++one.restarts;
  ++restarts_;
}

void child_table::set_rests(child& one, bool rests, bool terminated) {
  set_awaits(one, false);
  const std::scoped_lock held(lock_);
  one.rests = rests;
  if (one.terminated) --terminated_;
  one.terminated = terminated;
  if (one.terminated) ++terminated_;
}

void child_table::set_awaits(child& one, bool awaits) {
  if (one.awaits) --awaiting_;
  one.awaits = awaits;
  if (one.awaits) ++awaiting_;
}

void child_table::set_busy(const child* with) {
  const std::scoped_lock held(lock_);
  busy_ = with == nullptr ? runtime::message() : with->spec->id;
}

runtime::message child_table::busy() const {
  const std::scoped_lock held(lock_);
  return busy_;
}

void child_table::set_whole(std::shared_ptr<const supervisor_spec> whole) {
  const std::scoped_lock held(lock_);
  whole_ = std::move(whole);
}

std::shared_ptr<const supervisor_spec> child_table::whole() const {
  const std::scoped_lock held(lock_);
  return whole_;
}

void child_table::respecify(child& one, std::shared_ptr<const child_spec> spec) {
  const std::scoped_lock held(lock_);
  one.spec = std::move(spec);
  one.args = one.spec->args;
  one.secrets = one.spec->secrets;
}

void child_table::resupervise(child& one, std::shared_ptr<const child_spec> spec) {
  const std::scoped_lock held(lock_);
  one.spec = std::move(spec);
}

void child_table::arrange(const child_list& order) {
  const std::scoped_lock held(lock_);
  std::list<child> first;
  for (const auto& spec : order) {
    const child* const found = find(spec->id.bytes());
    if (found != nullptr) first.splice(first.end(), children_, found->place);
  }
  children_.splice(children_.begin(), first);
}

void child_table::change(child& one, child_state state, runtime::pid pid) {
  const std::scoped_lock held(lock_);
  if (one.pid) by_pid_.erase(one);
  if (one.state == child_state::running) --running_;
  if (one.state == child_state::given_up) --given_up_;
  one.state = state;
  one.pid = pid;
  if (state != child_state::stopped) {
    set_awaits(one, false);
    one.rests = false;
    if (std::exchange(one.terminated, false)) --terminated_;
  }
  if (state == child_state::running) ++running_;
  if (state == child_state::given_up) ++given_up_;
  const bool to_start = state == child_state::restarting || state == child_state::given_up;
  const bool by_pid_only = to_start && one.id.bytes().empty();
  if (pid && (state == child_state::running || by_pid_only)) by_pid_.insert(one, hash_of(pid));
}

child* child_table::find(etf::bytes id) const {
  return by_id_.find(child_id_hash()(id),
                     [&](const child& one) { return same_child_id(one.id.bytes(), id); });
}

child* child_table::find(runtime::pid pid) const {
  return by_pid_.find(hash_of(pid), [&](const child& one) { return one.pid == pid; });
}

std::vector<child_row> child_table::rows() const {
  const std::scoped_lock held(lock_);
  std::vector<child_row> out;
  out.reserve(children_.size());
  for (const child& one : children_) out.push_back(row_of(one));
  return out;
}

std::optional<child_row> child_table::row(etf::bytes id) const {
  const std::scoped_lock held(lock_);
  const child* const found = find(id);
  return found == nullptr ? std::nullopt : std::optional(row_of(*found));
}

std::optional<child_row> child_table::row(runtime::pid pid) const {
  const std::scoped_lock held(lock_);
  const child* const found = find(pid);
  return found == nullptr ? std::nullopt : std::optional(row_of(*found));
}

std::vector<child_end> child_table::ends(runtime::pid pid) const {
  const std::scoped_lock held(lock_);
  const child* const found = find(pid);
  return found == nullptr ? std::vector<child_end>() : found->ends;
}

std::size_t child_table::given_up() const {
  const std::scoped_lock held(lock_);
  return given_up_;
}

std::size_t child_table::terminated() const {
  const std::scoped_lock held(lock_);
  return terminated_;
}

std::uint64_t child_table::restarts() const {
  const std::scoped_lock held(lock_);
  return restarts_;
}

child_row child_table::row_of(const child& one) {
  return {
      one.id,   one.state == child_state::running ? one.pid : runtime::pid{},     one.state, one.restarts,
      one.spec, one.ends.empty() ? std::nullopt : std::optional(one.ends.back()), one.rests, one.terminated};
}

} // namespace coppice::behaviours
