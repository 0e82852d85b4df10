// SPDX-License-Identifier: MIT
// Runs the simulated nodes: events in the order of their time, each given to a core, whose effects are
// carried out on the simulated disks and links.
#include "world.hpp"

#include <algorithm>

namespace coppice::saga::simulation {

void outcome_of_run::add(const outcome_of_run& other) {
  events += other.events;
  started += other.started;
  committed += other.committed;
  reversed += other.reversed;
  undos += other.undos;
  repeats += other.repeats;
  loops += other.loops;
  crashes += other.crashes;
  interims += other.interims;
  questions += other.questions;
  worker_ends += other.worker_ends;
  hash = mix(hash, other.hash);
}

world::world(std::uint64_t seed, std::uint64_t events, bool trace)
    : trace_(trace), wanted_(events), chance_(seed) {
  loss_ = chance_.chance(400) ? 0 : static_cast<unsigned>(chance_.below(250));
  twice_ = chance_.chance(400) ? 0 : static_cast<unsigned>(chance_.below(200));
  churn_ = chance_.chance(300) ? 0 : static_cast<unsigned>(chance_.below(100));
  errors_ = chance_.chance(300) ? 0 : static_cast<unsigned>(chance_.below(300));
  delay_ = chance_.between(1, 30) * ms;
  disk_delay_ = chance_.between(0, 10) * ms;
  call_delay_ = chance_.between(0, 20) * ms;
  nodes_.resize(2 + chance_.below(max_nodes - 1));
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    options& how = nodes_[i].how;
    how.self = {"s", "n" + std::to_string(i + 1)};
    how.commit = chance_.chance(500) ? commit_kind::two_phase : commit_kind::compensate;
    how.lifespan = chance_.between(200, 3000) * ms;
    how.hops = static_cast<std::uint32_t>(2 + chance_.below(4));
    how.retry_first = 20 * ms;
    how.retry_max = 4000 * ms;
    how.step_timeout = chance_.between(50, 400) * ms;
    how.keep = 20'000 * ms;
    if (i % 2 == 1) how.longest_write = 200; // room for about one change
    if (chance_.chance(100)) how.max_transactions = 3;
    if (chance_.chance(100)) how.max_in_doubt = 2;
    nodes_[i].has_workers = chance_.chance(500);
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i) start(i);
  clients_.resize(1 + chance_.below(4));
  for (std::size_t i = 0; i < clients_.size(); ++i)
    schedule(chance_.between(0, 100) * ms, happening::client, i);
  schedule(chance_.between(50, 300) * ms, happening::fault, 0);
}

void world::schedule(base::nanos after, happening kind, std::size_t of, std::uint32_t slot) {
  const bool of_node = kind != happening::client && kind != happening::fault && kind != happening::restart;
  const std::uint64_t epoch = of_node ? nodes_[of].epoch : 0;
  queue_.push({now_ + after, ++order_, kind, static_cast<std::uint32_t>(of), slot, epoch});
}

outcome_of_run world::run() {
  try {
    while (count_ < wanted_) step();
    heal();
    run_until_rest();
  } catch (const violation& why) {
    result_.violation = why.what();
  }
  result_.events = count_;
  result_.committed = truth_.committed_count;
  result_.reversed = truth_.reversed_count;
  result_.undos = truth_.undo_count;
  result_.repeats = truth_.repeat_count;
  return result_;
}

void world::step() {
  const event next = queue_.top();
  queue_.pop();
  now_ = next.at;
  happen(next);
}

void world::happen(const event& now) {
  if (now.kind == happening::client) {
    ++count_;
    return client_step(now.node);
  }
  if (now.kind == happening::fault) return inject();
  node& at = nodes_[now.node];
  if (now.kind == happening::restart) {
    if (!at.up) start(now.node);
    return;
  }
  // Events for a node that is down, or from before its last crash, are dropped.
  if (!at.up || now.epoch != at.epoch) {
    if (now.kind == happening::deliver) messages_.free(now.slot);
    if (now.kind == happening::call || now.kind == happening::interim) calls_.free(now.slot);
    return;
  }
  if (now.kind == happening::wake && now.at != at.wake_at) return;
  ++count_;
  result_.hash = mix(result_.hash, mix(static_cast<std::uint64_t>(now.at),
                                       now.node * 16 + static_cast<std::uint64_t>(now.kind)));
  switch (now.kind) {
    case happening::deliver: {
      message& came = messages_.at(now.slot);
      if (const auto* const asked = std::get_if<request>(&came.body)) truth_.comes(*asked, now_);
      at.machine->receive(now_, std::move(came), effects_);
      messages_.free(now.slot);
      break;
    }
    case happening::wake:
      at.wake_at = -1;
      at.machine->advance(now_, effects_);
      break;
    case happening::sync:
      return sync(now.node);
    case happening::call:
      answer(now.node, calls_.at(now.slot));
      calls_.free(now.slot);
      break;
    case happening::interim:
      at.machine->interim(now_, calls_.at(now.slot).key, calls_.at(now.slot).value, effects_);
      calls_.free(now.slot);
      break;
    case happening::crash:
      crash(now.node);
      return schedule(chance_.between(0, 100) * ms, happening::restart, now.node);
    default:
      break;
  }
  carry_out(now.node);
}

void world::start(std::size_t of) {
  node& at = nodes_[of];
  at.up = true;
  ++at.epoch;
  at.syncing = false;
  at.wake_at = -1;
  std::vector<kept_record> kept;
  for (const auto& [key, what] : at.disk) kept.push_back({key, what});
  effects_.clear();
  auto made = core::start(at.how, std::move(kept), now_, effects_);
  if (!made) fail("a node does not start: " + made.error().text);
  at.machine = std::move(*made);
  carry_out(of);
}

// A crash may leave the first part of the unsynced writes on the disk.
void world::crash(std::size_t of) {
  node& at = nodes_[of];
  if (!at.up) return;
  if (trace_) std::printf("%10.1f %s crashes\n", static_cast<double>(now_) / 1e6, at.how.self.node().c_str());
  at.up = false;
  ++at.epoch;
  ++result_.crashes;
  std::uint64_t kept = chance_.chance(500) ? 0 : chance_.below(8);
  for (write& one : at.waiting)
    for (change& each : one.changes)
      if (kept > 0) {
        --kept;
        store(at, std::move(each));
      }
  at.waiting.clear();
  for (const auto& [token, key] : at.performing) truth_.performed(key);
  at.performing.clear();
  at.stopped.clear();
  at.machine.reset();
}

void world::store(node& at, change&& one) {
  if (one.what) {
    if (const auto* const begun = std::get_if<begin_record>(&*one.what))
      at.units[one.key.number] = {begun->tx, {}};
    if (const auto* const part = std::get_if<entry_record>(&*one.what)) at.units[one.key.number] = part->key;
  }
  const bool of_unit = one.key.kind == record_kind::plan || one.key.kind == record_kind::decision;
  if (one.what) truth_.stored(of_unit ? at.units[one.key.number] : step_key(), one);
  if (one.what)
    at.disk.insert_or_assign(one.key, std::move(*one.what));
  else
    at.disk.erase(one.key);
}

void world::sync(std::size_t of) {
  node& at = nodes_[of];
  at.syncing = false;
  std::uint64_t number = 0;
  std::vector<step_key> decided;
  for (std::uint64_t left = 1 + chance_.below(at.waiting.size()); left > 0; --left) {
    number = at.waiting.front().number;
    for (change& each : at.waiting.front().changes) {
      if (each.key.kind == record_kind::decision && each.what) decided.push_back(at.units[each.key.number]);
      store(at, std::move(each));
    }
    at.waiting.pop_front();
  }
  // The node may crash before it tells any other node.
  if (!calm_ && chance_.chance(churn_ / 2)) {
    crash(of);
    return schedule(chance_.between(0, 100) * ms, happening::restart, of);
  }
  at.machine->written(now_, number, effects_);
  carry_out(of);
  for (const step_key& one : decided) truth_.decided(one);
  if (!calm_ && chance_.chance(churn_)) schedule(chance_.between(0, 2 * delay_), happening::crash, of);
}

void world::carry_out(std::size_t of) {
  node& at = nodes_[of];
  for (write& one : effects_.writes) at.waiting.push_back(std::move(one));
  if (!at.syncing && !at.waiting.empty()) {
    at.syncing = true;
    schedule(chance_.between(0, disk_delay_), happening::sync, of);
  }
  for (message& one : effects_.messages) send(of, std::move(one));
  for (const notice& one : effects_.notices) notice_of(of, one);
  for (const saga::answer& one : effects_.answers) {
    client& asked = clients_[one.token];
    using enum client_answer;
    if (one.what == cancelled || one.what == over || one.what == unknown) continue;
    if (one.what != started) asked.tx.clear();
    if (one.what == started) ++result_.started;
    asked.answered = true;
  }
  for (call& one : effects_.calls) called(of, std::move(one));
  if (at.has_workers)
    for (const std::uint64_t token : effects_.stops)
      if (at.performing.contains(token)) at.stopped.insert(token);
  effects_.clear();
  const base::nanos wake = at.machine->wake();
  if (wake == std::numeric_limits<base::nanos>::max() || (at.wake_at >= 0 && at.wake_at <= wake)) return;
  at.wake_at = std::max(wake, now_);
  schedule(at.wake_at - now_, happening::wake, of);
}

namespace {

std::string described(const message_body& body) {
  static constexpr const char* requests[] = {"perform", "reverse", "confirm", "forget"};
  static constexpr const char* answers[] = {"ok", "error", "busy"};
  std::string made = std::visit([](const auto& one) { return shown(one.key); }, body);
  if (const auto* const in = std::get_if<request>(&body))
    made = requests[static_cast<int>(in->what)] + (" " + made);
  if (const auto* const in = std::get_if<reply>(&body))
    made = std::string(answers[static_cast<int>(in->what)]) + " to " + requests[static_cast<int>(in->to)] +
           " " + made;
  if (std::holds_alternative<question>(body)) made = "question " + made;
  if (std::holds_alternative<interim_message>(body)) made = "interim " + made;
  return made;
}

} // namespace

void world::send(std::size_t from, message&& one) {
  std::size_t to = 0;
  while (to < nodes_.size() && nodes_[to].how.self != one.to) ++to;
  if (to == nodes_.size()) fail("a message to nobody");
  if (const auto* const asked = std::get_if<request>(&one.body)) {
    truth_.sends(*asked, now_);
    if (asked->what == request_kind::perform) orders_[asked->key] = order::decode(asked->value);
  }
  if (const auto* const said = std::get_if<reply>(&one.body);
      said != nullptr && said->value == reason("loop"))
    ++result_.loops;
  if (std::holds_alternative<question>(one.body)) ++result_.questions;
  if (trace_)
    std::printf("%10.1f %s to %s: %s\n", static_cast<double>(now_) / 1e6, one.from.node().c_str(),
                one.to.node().c_str(), described(one.body).c_str());
  if (cut_[from][to] || !nodes_[to].up || chance_.chance(loss_)) return;
  for (unsigned copies = chance_.chance(twice_) ? 2 : 1; copies > 0; --copies) {
    const base::nanos longest = chance_.chance(20) ? 20 * delay_ : delay_;
    schedule(chance_.between(ms / 2, longest), happening::deliver, to,
             copies == 1 ? messages_.put(std::move(one)) : messages_.put(message(one)));
  }
}

void world::notice_of(std::size_t of, const notice& one) {
  if (trace_)
    std::printf("%10.1f %s: notice %d of %s\n", static_cast<double>(now_) / 1e6,
                nodes_[of].how.self.node().c_str(), static_cast<int>(one.what), shown(one.key).c_str());
  using kind = notice::kind;
  if (one.what == kind::interim) return truth_.interim_at(one.key);
  if (one.what == kind::committed) truth_.ends(one.key.tx, outcome_kind::committed);
  if (one.what == kind::compensated) truth_.ends(one.key.tx, outcome_kind::compensated);
  if (one.what == kind::aborted) truth_.ends(one.key.tx, outcome_kind::aborted);
}

void world::client_step(std::size_t of) {
  if (calm_) return;
  client& self = clients_[of];
  schedule(chance_.between(20, 200) * ms, happening::client, of);
  node& at = nodes_[self.node];
  if (!self.answered && now_ < self.gives_up) {
    // The client repeats its start.
  } else if (self.answered && !self.tx.empty() && chance_.chance(100)) {
    if (!at.up) return;
    at.machine->cancel(now_, of, "client", self.tx, reason("cancel"), effects_);
    return carry_out(self.node);
  } else {
    self.node = chance_.below(nodes_.size());
    self.tx = "t" + std::to_string(++last_tx_);
    self.salt = static_cast<std::uint32_t>(chance_.next());
    self.gives_up = now_ + 5000 * ms;
  }
  node& asked = nodes_[self.node];
  if (!asked.up) return;
  self.answered = false;
  if (asked.machine->outcome_of(self.tx).what == outcome_kind::unknown)
    truth_.begins(self.tx, now_ + asked.how.lifespan);
  order what;
  what.salt = self.salt;
  what.depth = static_cast<std::uint8_t>(mix(self.salt, 3) % 3);
  asked.machine->begin(now_, of, "client", {self.tx, what.encode(), 0}, effects_);
  carry_out(self.node);
}

void world::inject() {
  if (calm_) return;
  schedule(chance_.between(20, 600) * ms, happening::fault, 0);
  const std::size_t of = chance_.below(nodes_.size());
  const auto all = [&](bool cut) {
    for (auto& row : cut_) std::fill(std::begin(row), std::end(row), cut);
  };
  switch (chance_.below(8)) {
    case 0:
      if (!nodes_[of].up) break;
      crash(of);
      // Sometimes the node stays down for long.
      schedule(chance_.chance(100) ? chance_.between(10'000, 60'000) * ms : chance_.between(0, 1000) * ms,
               happening::restart, of);
      break;
    case 1:
      for (std::size_t i = 0; i < nodes_.size(); ++i) cut_[of][i] = cut_[i][of] = i != of;
      break;
    case 2:
      for (std::size_t i = 0; i < nodes_.size(); ++i)
        if (i != of) (chance_.chance(500) ? cut_[of][i] : cut_[i][of]) = true;
      break;
    default:
      all(false);
      break;
  }
}

void world::heal() {
  calm_ = true;
  loss_ = twice_ = 0;
  for (auto& row : cut_) std::fill(std::begin(row), std::end(row), false);
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (!nodes_[i].up) start(i);
}

// What is still open at any node. Empty: nothing.
std::string world::unsettled() const {
  for (const node& one : nodes_) {
    const std::string who = "node " + one.how.self.node();
    if (!one.up) return who + " is down";
    if (one.machine->open() > 0) return who + " has an open transaction";
    if (one.machine->entries() > 0) {
      std::string which;
      for (const auto& [key, what] : one.disk)
        if (const auto* const part = std::get_if<entry_record>(&what))
          which += " " + shown(part->key) + " in state " + std::to_string(static_cast<int>(part->state));
      return who + " has steps that are not forgotten:" + which;
    }
    if (one.machine->in_doubt() > 0) return who + " is in doubt";
    for (const auto& [key, what] : one.disk)
      if (key.kind != record_kind::ended) return who + " keeps a record of what is over";
  }
  return {};
}

void world::run_until_rest() {
  const base::nanos until = now_ + 120'000 * ms;
  for (std::uint64_t looked = 0; ++looked % 16 != 0 || !unsettled().empty();) {
    if (queue_.empty()) {
      if (const std::string why = unsettled(); !why.empty())
        fail("progress: nothing is to happen, and " + why);
      break;
    }
    step();
    if (now_ > until) fail("progress: 120 s after everything healed " + unsettled());
  }
  truth_.check_at_rest();
  // Waits until records that are kept for a limited time are erased.
  while (!queue_.empty()) step();
  for (const node& one : nodes_) {
    if (!one.disk.empty()) fail("live records: node " + one.how.self.node() + " keeps outcomes for ever");
    if (one.machine->wake() != std::numeric_limits<base::nanos>::max())
      fail("timers: one is armed where nothing is open");
  }
}

} // namespace coppice::saga::simulation
