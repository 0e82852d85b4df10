// SPDX-License-Identifier: MIT
// Runs a simulated group: events happen in the order of their times, each is given to a core, and the effects
// are carried out on simulated disks and links.
#include "world.hpp"

#include <algorithm>
#include <utility>

#include "base/buffer.hpp"

namespace coppice::consensus::simulation {

void outcome_of_run::add(const outcome_of_run& other) {
  events += other.events;
  commits += other.commits;
  acknowledged += other.acknowledged;
  reads += other.reads;
  elections += other.elections;
  installs += other.installs;
  changes += other.changes;
  restarts += other.restarts;
  releases += other.releases;
  recoveries += other.recoveries;
  refusals += other.refusals;
  rests += other.rests;
  hash = mix(hash, other.hash);
}

world::world(std::uint64_t seed, std::uint64_t events, bool trace)
    : trace_(trace), wanted_(events), chance_(seed) {
  loss_ = chance_.chance(500) ? 0 : static_cast<unsigned>(chance_.below(200));
  twice_ = chance_.chance(500) ? 0 : static_cast<unsigned>(chance_.below(100));
  delay_ = chance_.between(1, 30) * ms;
  disk_delay_ = chance_.between(0, 20) * ms;
  apply_delay_ = chance_.chance(700) ? 0 : chance_.between(1, 50) * ms;
  snapshot_every_ = chance_.chance(300) ? 0 : 5 + chance_.below(30);
  cuts_lose_ = chance_.chance(500);
  fault_pace_ = chance_.between(10, std::int64_t{100} << 2 * chance_.below(3));
  change_pace_ = chance_.between(20, std::int64_t{100} << 4 * chance_.below(3));
  removals_ = static_cast<unsigned>(chance_.between(200, 1000));
  client_pace_ = chance_.between(5, chance_.chance(500) ? 40 : 400);
  const auto share = [&] {
    // Often 0 or 1000, since otherwise nothing would happen several times in a row.
    const auto one = chance_.between(-700, 1700);
    return static_cast<unsigned>(std::clamp<std::int64_t>(one, 0, 1000));
  };
  churn_ = share();
  churn_within_ = chance_.between(0, 30);
  churn_crashes_ = share();
  churn_partitions_ = share();
  churn_changes_ = share();
  how_.heartbeat = 50 * ms;
  how_.election = 200 * ms;
  timers_.period = static_cast<std::uint64_t>(how_.election);
  timers_.spread = chance_.chance(250) ? timers_.period / 16 : timers_.period;
  how_.batch_entries = chance_.chance(500) ? 1 : 2 + chance_.below(8);
  how_.in_flight_messages = 1 + chance_.below(6);
  how_.keep_entries = chance_.below(10);
  how_.snapshot_chunk = static_cast<std::uint32_t>(48 + chance_.below(400));
  how_.snapshot_window = static_cast<std::uint32_t>(1 + chance_.below(4));
  bounds_.sessions = 2 + chance_.below(8);
  draw_fault_weights();
  how_.quiesce_after = chance_.chance(700) ? static_cast<std::uint32_t>(chance_.between(1, 5)) : 0;
  const std::size_t members = chance_.chance(150) ? 1 + chance_.below(2) : 3 + (1 + chance_.below(4)) % 3;
  nodes_.resize(max_nodes);
  configuration first;
  for (std::size_t i = 0; i < max_nodes; ++i) {
    nodes_[i].id = {7, i + 1};
    if (i < members) first.put({nodes_[i].id, member_role::voter, {}});
  }
  for (std::size_t i = 0; i < members; ++i) {
    nodes_[i].storage.put(core::first_state(first), first_cluster);
    if (i == 0) truth_.appended(nodes_[0].log, {.first = 1, .entries = nodes_[0].storage.found().entries});
    start(i);
  }
  clients_.resize(1 + chance_.below(4));
  for (std::size_t i = 0; i < clients_.size(); ++i)
    schedule(chance_.between(0, 300) * ms, happening::client, i);
  schedule(fault_pace_ * ms, happening::fault, 0);
  schedule(change_pace_ * ms, happening::operate, 0);
}

void world::schedule(base::nanos after, happening kind, std::size_t of, std::uint32_t slot) {
  const std::uint64_t epoch = kind == happening::client || kind == happening::fault ||
                                      kind == happening::operate || kind == happening::deliver ||
                                      kind == happening::restart || kind == happening::lively ||
                                      kind == happening::carry
                                  ? 0
                                  : nodes_[of].epoch;
  queue_.push({now_ + after, ++order_, kind, static_cast<std::uint32_t>(of), slot, epoch});
}

outcome_of_run world::run() {
  try {
    while (count_ < wanted_) step_next();
    heal();
    run_until_settled("after everything healed", true);
    run_without_clients();
    if (how_.quiesce_after > 0 && delay_ <= 10 * ms) run_at_rest();
    if (chance_.chance(100)) lose_majority();
  } catch (const violation& why) {
    result_.violation = why.what();
  }
  result_.events = count_;
  result_.commits = truth_.committed();
  result_.acknowledged = truth_.acknowledged_count;
  result_.reads = truth_.read_count;
  for (const node& one : nodes_) {
    if (!one.machine) continue;
    result_.elections += one.machine->counted().elections;
    result_.installs += one.machine->counted().snapshots_installed;
  }
  return result_;
}

void world::step_next() {
  const event next = queue_.top();
  queue_.pop();
  step(next);
}

// Takes at most 60 s. With clients, at least one command has to be acknowledged as well.
void world::run_until_settled(const char* phase, bool with_clients) {
  const base::nanos until = now_ + 60'000 * ms;
  const log_index goal = truth_.committed();
  const std::uint64_t acknowledged = truth_.acknowledged_count;
  const auto progressed = [&] {
    return truth_.committed() > goal && truth_.acknowledged_count > acknowledged;
  };
  std::uint64_t looked = 0;
  while (!(++looked % 16 == 0 && (!with_clients || progressed()) && unsettled(goal).empty())) {
    step_next();
    if (now_ > until)
      fail("progress: none within 60 s " + std::string(phase) + ": " +
           std::to_string(truth_.committed() - goal) + " entries committed, " +
           std::to_string(truth_.acknowledged_count - acknowledged) + " acknowledged, " + unsettled(goal));
  }
}

void world::step(const event& now) {
  now_ = now.at;
  node& at = nodes_[now.kind == happening::client ? 0 : now.node];
  check_trust();
  if (now.kind == happening::client) {
    ++count_;
    return client_step(now.node);
  }
  if (now.kind == happening::fault || now.kind == happening::operate) {
    ++count_;
    return now.kind == happening::fault ? inject() : operate();
  }
  if (now.kind == happening::crash || now.kind == happening::restart) {
    if (now.kind == happening::restart && !at.up) start(now.node);
    if (now.kind == happening::crash && now.epoch == at.epoch && !calm_) {
      crash(now.node);
      schedule(chance_.between(0, chance_.chance(500) ? 5 : 40) * ms, happening::restart, now.node);
    }
    return;
  }
  if (now.kind == happening::change) {
    if (!calm_ && runs(now.node) && now.epoch == at.epoch && at.machine->what() == role::leader)
      change_members(now.node);
    return;
  }
  if (now.kind == happening::isolate || now.kind == happening::partition ||
      now.kind == happening::reconnect) {
    if (calm_) return;
    if (now.kind == happening::reconnect) return reconnect();
    return now.kind == happening::isolate ? isolate(now.node) : partition();
  }
  if (now.kind == happening::carry && now.at == at.carries_at) carry(now.node);
  if (now.kind == happening::lively) {
    const auto from = lively_[now.slot].first;
    if (now_ < at.paused_until) return schedule(at.paused_until - now_, now.kind, now.node, now.slot);
    if (!cuts_lose_ || !cut_[from][now.node])
      take_liveness(now.node, from, liveness_message(lively_[now.slot].second));
  }
  if (now.kind == happening::carry || now.kind == happening::lively) return;
  message came;
  if (now.kind == happening::deliver) {
    came = std::move(messages_[now.slot]);
    free_.push_back(now.slot);
    if (!at.up || (cuts_lose_ && cut_[node_of(came.from)][now.node])) return;
  } else if (now.epoch != at.epoch || (now.kind == happening::wake && now.at != at.wake_at)) {
    return;
  }
  if (now_ < at.paused_until) {
    // What arrives at a suspended process waits for it.
    if (now.kind == happening::wake) at.wake_at = at.paused_until;
    std::uint32_t slot = 0;
    if (now.kind == happening::read) slot = now.slot;
    if (now.kind == happening::deliver) {
      slot = now.slot;
      free_.pop_back();
      messages_[slot] = std::move(came);
    }
    return schedule(at.paused_until - now_, now.kind, now.node, slot);
  }
  ++count_;
  result_.hash = mix(result_.hash, mix(static_cast<std::uint64_t>(now.at),
                                       now.node * 8 + static_cast<std::uint64_t>(now.kind)));
  switch (now.kind) {
    case happening::deliver:
      if (trace_)
        std::printf("%8.1f node %u: message %zu from %zu, term %llu\n", static_cast<double>(now_) / 1e6,
                    now.node + 1, came.body.index(), node_of(came.from) + 1,
                    static_cast<unsigned long long>(came.term));
      at.machine->receive(now_, std::move(came), effects_);
      break;
    case happening::wake:
      at.wake_at = 0;
      at.machine->advance(now_, effects_);
      break;
    case happening::sync: {
      at.syncing = false;
      if (at.disk_fails) return crash(now.node); // the node stays down until the simulation starts it
      const auto number = at.storage.sync(1 + chance_.below(at.storage.waiting() + 1));
      if (!number) return start_after_refusal(now.node);
      if (*number > 0) at.machine->written(now_, *number, effects_);
      break;
    }
    case happening::read:
      at.machine->read(now_, now.slot, effects_);
      break;
    case happening::apply:
      at.applying = false;
      apply(now.node);
      break;
    default:
      break;
  }
  carry_out(now.node);
}

void world::start(std::size_t of) {
  node& at = nodes_[of];
  how_.self = at.id;
  how_.cluster = at.storage.cluster();
  at.started = at.up = true;
  ++at.epoch;
  at.syncing = at.applying = at.led = false;
  at.paused_until = at.wake_at = 0;
  at.applied = at.may_apply = at.told = at.snapshot_at = 0;
  at.state = 0;
  at.commands = applied_commands(bounds_);
  durable_state found = at.storage.found();
  at.log.assign(1, 0);
  truth_.starts_at(at.log, std::min(found.before, truth_.committed()));
  truth_.appended(at.log, {.first = found.before + 1, .entries = found.entries});
  effects_.clear();
  auto made = core::start(how_, timers_, std::move(found), now_, effects_);
  if (!made) fail("a member does not start: " + made.error().text);
  at.machine = std::move(*made);
  if (at.storage.full) at.machine->disk_full(now_, true, effects_);
  start_node(of);
  carry_out(of);
}

// A write was refused, so the member's memory differs from its disk.
void world::start_after_refusal(std::size_t of) {
  crash(of);
  start(of);
  ++result_.refusals;
}

void world::crash(std::size_t of) {
  node& at = nodes_[of];
  if (!at.up) return;
  if (trace_) std::printf("%8.1f node %zu crashes\n", static_cast<double>(now_) / 1e6, of + 1);
  at.up = at.disk_fails = false;
  ++at.epoch;
  ++result_.restarts;
  at.storage.crash(chance_);
  at.storage.keep_only_snapshot_in_use();
  at.appends.clear();
  at.reads.clear();
  at.rests = false;
  // Of some nodes, only the member ends.
  if (at.liveness) at.liveness->wake(at.id);
  if (chance_.chance(500)) at.liveness.reset();
}

void world::carry_out(std::size_t of) {
  node& at = nodes_[of];
  core& machine = *at.machine;
  bool voted = false;
  for (write& one : effects_.writes) {
    voted = voted || one.hard;
    truth_.appended(at.log, one);
    at.storage.submit(std::move(one));
  }
  if (!at.syncing && !at.storage.idle()) {
    at.syncing = true;
    const base::nanos longest = at.slow_disk ? 40 * disk_delay_ + 100 * ms : disk_delay_;
    schedule(chance_.between(0, longest), happening::sync, of);
  }
  for (message& one : effects_.messages) {
    if (auto overtaking = machine.overtaking(one)) send(of, std::move(*overtaking));
    send(of, std::move(one));
  }
  if (effects_.changed) {
    const bool leads = machine.what() == role::leader;
    if (leads && !at.led) {
      truth_.leads(machine.term(), of, machine.log());
      if (trace_)
        std::printf("%8.1f node %zu leads term %llu\n", static_cast<double>(now_) / 1e6, of + 1,
                    static_cast<unsigned long long>(machine.term()));
    }
    if (leads && !at.led) disturb_election(of, true);
    at.led = leads;
  }
  if (voted) disturb_election(of, false);
  if (effects_.restore) restore(of, *effects_.restore);
  if (effects_.committed > 0) {
    note_commit(at, of, effects_.committed);
    if (at.led) disturb_commit(of);
  }
  for (const snapshot_meta& one : effects_.released) at.storage.release(one);
  result_.releases += effects_.released.size();
  for (const answer& one : effects_.answers) answered(of, one);
  for (const ready_read& one : effects_.reads) at.reads.push_back({one.index, one.token});
  effects_.clear();
  if (at.may_apply > at.applied && !at.applying) {
    if (apply_delay_ == 0) {
      apply(of);
    } else {
      at.applying = true;
      schedule(chance_.between(0, apply_delay_), happening::apply, of);
    }
  }
  answer_reads(of);
  if (!effects_.messages.empty() || !effects_.writes.empty() || !effects_.released.empty())
    return carry_out(of);
  check_snapshots(of);
  settle_quiescence(of);
  const base::nanos wake = std::max(machine.wake(), now_);
  if (wake != at.wake_at) {
    at.wake_at = wake;
    schedule(wake - now_, happening::wake, of);
  }
}

// While no write waits, a member needs the snapshot in use and the ones that it sends.
void world::check_snapshots(std::size_t of) const {
  const node& at = nodes_[of];
  if (!at.storage.idle()) return;
  std::size_t needed = 1;
  for (const progress& one : at.machine->others()) needed += one.transfer ? 1 : 0;
  if (at.storage.snapshots() > needed)
    fail("member " + std::to_string(of + 1) + " keeps " + std::to_string(at.storage.snapshots()) +
         " snapshots and needs " + std::to_string(needed));
}

void world::send(std::size_t from, message&& one) {
  const std::size_t to = node_of(one.to);
  if (auto* const chunk = std::get_if<snapshot_chunk>(&one.body)) {
    const payload* const bytes = nodes_[from].storage.bytes_of(chunk->of);
    if (bytes == nullptr) fail("a snapshot is sent that was released");
    chunk->bytes = payload(bytes->bytes().subspan(chunk->offset, chunk->length));
  }
  if (to >= max_nodes || cut_[from][to] || chance_.chance(loss_)) return;
  for (unsigned copies = chance_.chance(twice_) ? 2 : 1; copies > 0; --copies) {
    std::uint32_t slot = 0;
    if (free_.empty()) {
      slot = static_cast<std::uint32_t>(messages_.size());
      messages_.emplace_back();
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    messages_[slot] = copies == 1 ? std::move(one) : one;
    const base::nanos longest = chance_.chance(20) ? 20 * delay_ : delay_;
    schedule(chance_.between(ms / 2, longest), happening::deliver, to, slot);
  }
}

void world::note_commit(node& at, std::size_t, log_index upto) {
  const raft_log& log = at.machine->log();
  for (log_index i = at.told + 1; i <= upto; ++i)
    truth_.committed(i, log.term_at(i), at.machine->term(), i < at.log.size() ? at.log[i] : 0);
  at.told = at.may_apply = upto;
}

void world::apply(std::size_t of) {
  node& at = nodes_[of];
  while (at.applied < at.may_apply) {
    const log_index index = at.applied + 1;
    const raft_log& log = at.machine->log();
    if (index <= log.base()) break; // a snapshot is being restored
    const entry& one = log.at(index);
    auto decided = at.commands.take(index, one);
    std::uint64_t operation = 0;
    if (decided.what == applied_commands::verdict::apply) {
      operation = base::load_be64(one.body.bytes().data());
      at.state = mix(at.state, mix(operation, decided.serial));
      at.commands.finish(one, one.body);
    }
    at.applied = index;
    truth_.applied(index, at.state, at.commands.serial(), operation);
    for (waiting_answer& waits : at.appends)
      if (waits.index == index && waits.token > 0)
        applied_append(std::exchange(waits.token, 0), decided, index);
  }
  std::erase_if(at.appends, [](const waiting_answer& one) { return one.token == 0; });
  if (snapshot_every_ > 0 && at.applied >= at.snapshot_at + snapshot_every_) take_snapshot(of);
}

void world::take_snapshot(std::size_t of) {
  node& at = nodes_[of];
  snapshot_meta meta = at.machine->describe(at.applied);
  if (meta.index == 0 || at.storage.full) return;
  base::buffer bytes;
  bytes.append_be64(at.state);
  bytes.append(at.commands.save().bytes());
  meta.size = bytes.size();
  meta.digest = hash_of(bytes.readable());
  at.storage.keep_snapshot(meta, payload(bytes.readable()));
  at.snapshot_at = meta.index;
  at.machine->snapshot_taken(now_, meta, effects_);
}

void world::restore(std::size_t of, const snapshot_meta& from) {
  node& at = nodes_[of];
  const payload* const bytes = at.storage.bytes_of(from);
  if (bytes == nullptr || bytes->size() != from.size || hash_of(bytes->bytes()) != from.digest)
    fail("a snapshot is not what was sent");
  at.state = base::load_be64(bytes->bytes().data());
  at.commands = applied_commands(bounds_);
  if (!at.commands.restore(bytes->bytes().subspan(8))) fail("saved sessions cannot be read");
  truth_.restored(from.index, at.state);
  at.applied = at.told = at.may_apply = at.snapshot_at = from.index;
}

} // namespace coppice::consensus::simulation
