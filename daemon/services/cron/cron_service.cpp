// SPDX-License-Identifier: MIT
// The process that carries out the node's jobs. In the process's own turn.
#include "services/cron/cron_service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <coppice/etf/cursor.hpp>
#include <set>
#include <utility>

#include "base/log.hpp"
#include "behaviours/gen/gen.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "runtime/system.hpp"
#include "services/cron/run.hpp"
#include "services/pg/scope.hpp"

namespace coppice::services {

using runtime::destination;
using runtime::message;
using runtime::message_writer;
using runtime::process;

namespace {

namespace gen = behaviours::gen;

constexpr std::string_view module = "cron";
// After a change of a job's group no node has the job for this long.
constexpr base::nanos settling = 2 * base::nanos_per_second;
constexpr base::nanos scope_patience = 5 * base::nanos_per_second;
constexpr base::nanos before_next_try = base::nanos_per_second;
constexpr base::nanos without_scope = 60 * base::nanos_per_second; // another process has the scope's name
// The longest single sleep: a wait of centuries would overflow.
constexpr std::chrono::hours longest_sleep{24 * 365};

constexpr std::string_view all_nodes = "cron"; // prefix of the group's name; the job's name follows
constexpr std::string_view older_nodes = "cron_served";

// {What, {Group, Job}}, or with the process if the request is for one process.
message group_request(process& self, std::string_view what, std::string_view group, std::string_view job,
                      bool with_self) {
  message_writer out;
  out.tuple(with_self ? 3 : 2);
  out.atom(what);
  out.tuple(2);
  out.atom(group);
  out.binary(job);
  if (with_self) runtime::write(out, self.self(), self.host().nodes());
  return out.take();
}

} // namespace

void cron_service::wake(runtime::system& system) {
  system.notify(destination::named(registered_name), message::atom("wake"));
}

runtime::outcome cron_service::on_start(process& self) {
  auto watch = base::clock_watch::make(self.stay(), [&self] { self.request_io(); });
  if (watch)
    clock_ = std::move(*watch);
  else
    base::log::warning(module, "nothing tells when the clock is set: {}", watch.error().text);
  jobs_->wake_by([&host = self.host()] { wake(host); });
  if (leads_ != nullptr) leads_->watch([&host = self.host()] { wake(host); });
  self.notify(destination(self.self()), message::atom("wake"));
  return runtime::carry_on();
}

void cron_service::died(process&) noexcept {
  clock_.reset();
}

runtime::outcome cron_service::take_io(process& self) {
  work(self);
  return runtime::carry_on();
}

runtime::outcome cron_service::handle_info(process& self, const message& m) {
  if (!self.origin().notice) {
    if (groups_) take_news(self, m);
    return runtime::carry_on();
  }
  etf::cursor at(m.bytes());
  if (at.read_tuple_of(5) && at.read_atom_is("DOWN")) {
    const auto ref = runtime::read_reference(at, self.host().nodes());
    if (ref && *ref == scope_ends_) scope_ended(self);
  }
  work(self);
  return runtime::carry_on();
}

void cron_service::work(process& self) {
  follow_jobs(self);
  follow_leads();
  settle(self);
  serve(self);
  std::vector<cron_task> due;
  const auto looked = self.blocking_run([this, &due] { due = jobs_->look(); });
  if (self.exiting()) return jobs_->give_back(due);
  // Without a free thread the file waits, the jobs do not.
  if (!looked) due = jobs_->look();
  for (cron_task& one : due) {
    const cron::run run = one.run;
    const auto made = self.spawn({}, std::make_unique<cron_run>(jobs_, std::move(one)));
    if (!made) base::log::warning(module, "{}: {}", run.job, made.error().text);
  }
  sleep(self);
}

void cron_service::sleep(process& self) {
  if (timer_ != 0) self.cancel_timer(std::exchange(timer_, 0));
  const base::nanos now = base::mono_now();
  std::optional<base::nanos> until;
  const auto consider = [&until](base::nanos at) { until = until ? std::min(*until, at) : at; };
  if (const auto wait = jobs_->wait())
    consider(now + std::min<std::chrono::nanoseconds>(*wait, longest_sleep).count());
  for (const auto& [job, its] : shared_) {
    if (!its.joined) {
      consider(enter_at_);
    } else if (!its.known) {
      if (peers_tried_) consider(its.settled);
    } else if (!its.served) {
      consider(its.serves);
    }
  }
  if (until) timer_ = self.remind(*until, message::atom("wake"));
}

void cron_service::follow_jobs(process& self) {
  const std::vector<std::string> wanted = jobs_->on_one_node();
  if (wanted.empty() && shared_.empty()) return;
  const std::set<std::string_view> names(wanted.begin(), wanted.end());
  for (auto at = shared_.begin(); at != shared_.end();) {
    if (names.contains(at->first)) {
      ++at;
      continue;
    }
    if (at->second.joined)
      (void)ask_scope(self, group_request(self, "leave_local", all_nodes, at->first, true));
    if (at->second.served)
      (void)ask_scope(self, group_request(self, "leave_local", older_nodes, at->first, true));
    jobs_->place(at->first, true, true);
    jobs_->serve_from(at->first, 0);
    at = shared_.erase(at);
  }
  for (const std::string& name : wanted) {
    const auto [its, is_new] = shared_.try_emplace(name);
    if (!is_new) continue;
    its->second.serves = jobs_->serves(name);
    unsettle(name, its->second);
  }
  if (!scope_ && !shared_.empty()) enter_scope(self);
  for (auto& [name, its] : shared_) {
    if (scope_ && !its.joined) join(self, name, its);
  }
}

// A node that does not lead lets the times pass: they are the leader's.
void cron_service::follow_leads() {
  const auto wanted = jobs_->led();
  for (auto at = led_.begin(); at != led_.end();) {
    const auto same = [&](const auto& one) { return one.first == at->first; };
    if (std::ranges::any_of(wanted, same)) {
      ++at;
      continue;
    }
    // A job that is in shared_ now is held already, and its group of nodes decides where it runs.
    if (!shared_.contains(at->first)) jobs_->place(at->first, true, true);
    at = led_.erase(at);
  }
  for (const auto& [name, group] : wanted) {
    const auto now = leads_ != nullptr ? leads_->of(group) : behaviours::raft::lead_board::standing();
    auto& known = led_[name];
    if (known == now) continue;
    const bool told = known && known->is_known && known->leads == now.leads;
    known = now;
    if (!now.is_known) {
      jobs_->hold(name);
      continue;
    }
    jobs_->place(name, now.leads, now.leads);
    if (!told)
      base::log::info(module, "{}: {}", name,
                      now.leads ? fmt::format("this node runs it, as it leads {} in term {}", group, now.term)
                                : fmt::format("the leader of {} runs it, on another node", group));
  }
}

void cron_service::enter_scope(process& self) {
  if (self.now() < enter_at_) return;
  enter_at_ = self.now() + before_next_try;
  runtime::system& host = self.host();
  if (!host.whereis(scope)) {
    runtime::spawn_options options;
    options.name = scope;
    options.label = std::string("services/") + scope;
    options.of_node = true;
    options.mailbox = endless_mailbox;
    (void)self.spawn(std::move(options),
                     std::make_unique<pg_scope>(scope, router_.settings().visible, router_, bounds_));
  }
  const auto found = host.info(scope);
  if (!found) return;
  // Another actor must not be asked: the question could end it.
  if (found->summary.is.behaviour != "pg") {
    enter_at_ = self.now() + without_scope;
    base::log::warning(module, "the process {} is no scope of pg: jobs for one node of several do not run",
                       scope);
    return;
  }
  scope_ = found->summary.pid;
  scope_ends_ = self.monitor(destination(scope_));
  const auto answer = ask_scope(self, message::atom("monitor"));
  if (!answer) return;
  etf::cursor at(answer->bytes());
  at.read_tuple_of(2);
  groups_ = runtime::read_reference(at, host.nodes()).value_or(runtime::reference());
}

void cron_service::join(process& self, const std::string& job, shared_job& its) {
  const auto answer = ask_scope(self, group_request(self, "join_local", all_nodes, job, true));
  if (!answer) return;
  its.joined = true;
  unsettle(job, its);
}

// A node does not serve a job as soon as its owner is known: other nodes find out a little later, and runs
// that came due meanwhile belong to the nodes that were there before.
void cron_service::serve(process& self) {
  for (auto& [job, its] : shared_) {
    if (!its.joined || its.served || its.serves == 0 || its.serves > base::mono_now()) continue;
    if (!ask_scope(self, group_request(self, "join_local", older_nodes, job, true))) return;
    its.served = true;
  }
}

// Messages of the peers about the groups arrive after this, so jobs settle from here on.
bool cron_service::peers_tried() {
  if (peers_tried_) return true;
  peers_tried_ = peers_ == nullptr || peers_->all_tried();
  if (peers_tried_ && peers_ != nullptr)
    for (auto& [job, its] : shared_) unsettle(job, its);
  return peers_tried_;
}

void cron_service::settle(process& self) {
  if (!peers_tried()) return;
  for (auto& [job, its] : shared_) {
    if (!its.joined || its.known || its.settled > base::mono_now()) continue;
    const auto now = standing_in(self, all_nodes, job);
    const auto before = standing_in(self, older_nodes, job);
    if (!now || !before || !its.joined) return; // the scope ended
    its.known = true;
    jobs_->place(job, now->lowest, before->any ? before->lowest : now->lowest);
    if (its.serves == 0) {
      its.serves = base::mono_now() + settling;
      jobs_->serve_from(job, its.serves);
    }
    tell_where(job, its, now->lowest);
  }
}

void cron_service::tell_where(const std::string& job, shared_job& its, bool here) const {
  base::log::info(module, "{}: {}", job, here ? "it is this node that runs it" : "another node runs it");
  const std::vector<std::string> away = peers_ != nullptr ? peers_->away() : std::vector<std::string>();
  if (here && !away.empty() && !its.told)
    base::log::warning(module, "{}: this node runs it while {} of distribution.peers {} away: {}", job,
                       away.size(), away.size() == 1 ? "is" : "are", fmt::join(away, ", "));
  its.told = here && !away.empty();
}

void cron_service::unsettle(const std::string& job, shared_job& its) {
  jobs_->hold(job);
  its.settled = base::mono_now() + settling;
  its.known = false;
}

// A scope that lives has only answered too late, and its groups are left: pg counts how often a process has
// joined, so a join from before would keep this node in a group that it leaves once.
void cron_service::scope_ended(process& self) {
  if (scope_ends_) self.demonitor(scope_ends_, true);
  const runtime::pid former = std::exchange(scope_, {});
  const runtime::reference watch = std::exchange(groups_, {});
  scope_ends_ = {};
  for (auto& [job, its] : shared_) {
    its.joined = false;
    its.served = false;
    unsettle(job, its);
  }
  if (!former || !self.host().alive(former)) return;
  // Requests arrive in order, so a later join comes after these. Nobody waits for their answers.
  const auto tell = [&](const message& request) {
    (void)gen::call(self, destination(former), request.bytes(), self.now());
  };
  if (watch) {
    message_writer out;
    out.tuple(2);
    out.atom("demonitor");
    runtime::write(out, watch, self.host().nodes());
    tell(out.take());
  }
  for (const auto& [job, its] : shared_) {
    if (self.exiting()) return;
    tell(group_request(self, "leave_local", all_nodes, job, true));
    tell(group_request(self, "leave_local", older_nodes, job, true));
  }
}

// {Ref, join | leave, Group, Pids}
void cron_service::take_news(process& self, const message& m) {
  etf::cursor at(m.bytes());
  if (!self.origin().here() || !at.read_tuple_of(4)) return;
  const auto ref = runtime::read_reference(at, self.host().nodes());
  std::string_view what;
  if (!ref || *ref != groups_ || !at.read_atom(what) || !at.read_tuple_of(2) || !at.read_atom_is(all_nodes))
    return;
  etf::bytes name;
  if (!at.read_binary(name)) return;
  const auto found = shared_.find(std::string_view(reinterpret_cast<const char*>(name.data()), name.size()));
  if (found == shared_.end()) return;
  unsettle(found->first, found->second);
  sleep(self);
}

std::optional<message> cron_service::ask_scope(process& self, const message& request) {
  auto answer = gen::call(self, destination(scope_), request.bytes(), self.now() + scope_patience);
  if (answer) return std::move(*answer);
  if (!self.exiting()) scope_ended(self);
  return std::nullopt;
}

std::optional<cron_service::standing> cron_service::standing_in(process& self, std::string_view group,
                                                                const std::string& job) {
  const auto members = ask_scope(self, group_request(self, "get_members", group, job, false));
  if (!members) return std::nullopt;
  const auto& nodes = self.host().nodes();
  etf::cursor at(members->bytes());
  std::uint32_t count = 0;
  standing out;
  bool is_member = false, another_is_lower = false;
  if (!at.read_list(count)) return out;
  out.any = count != 0;
  for (; count != 0; --count) {
    const auto who = runtime::read_pid(at, self.host().nodes());
    if (!who) return out;
    is_member = is_member || *who == self.self();
    another_is_lower = another_is_lower || (who->node != 0 && nodes.name(who->node) < nodes.own());
  }
  out.lowest = is_member && !another_is_lower;
  return out;
}

} // namespace coppice::services
