// SPDX-License-Identifier: MIT
// run() lists the steps. Actors that start meanwhile are included: those that appear before the switch are
// frozen with the others, and those that the old code made just before it are taken over one by one
// afterwards. Work that takes time and can be done before actors stand still is done before.
#include "node/reload/reload.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <coppice/etf/text.hpp>
#include <map>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "base/bound.hpp"
#include "base/log.hpp"
#include "node/reload/reload_check.hpp"
#include "node/reload/reload_ledger.hpp"
#include "runtime/find_processes.hpp"
#include "runtime/freezing/freezer.hpp"

namespace coppice::node {
namespace {

constexpr std::string_view module = "reload";

// Most bytes of saved states that are tried beforehand. The others are restored for the first time in the
// reload itself.
constexpr std::size_t most_trial_bytes = std::size_t{256} << 20;
// Time for putting back actors that do not hang.
constexpr base::nanos undo_time = base::nanos_per_second;
// Rounds of looking for actors that the old code has started meanwhile: before the hold, and after the
// switch.
const base::bound<int> rounds_before_hold("reload: looks for new actors before the hold", 5);
const base::bound<int> rounds_after_switch("reload: looks for new actors after the switch", 3);

using generation_ptr = std::unique_ptr<loader::plugin_generation>;

class hot_reload {
 public:
  hot_reload(const reload_ground& on, const reload_request& what, std::stop_token quit)
      : on_(on), what_(what), rules_(on.rules()), quit_(std::move(quit)) {}

  ~hot_reload() {
    if (ledger_ != nullptr) ledger_->close();
    freezer_.reset();
    ledger_.reset();
    on_.plugins.discard(std::move(next_));
    (void)on_.plugins.collect();
  }
  hot_reload(const hot_reload&) = delete;
  hot_reload& operator=(const hot_reload&) = delete;

  base::result<reload_report> run() {
    report_.dry_run = what_.dry_run;
    if (auto done = open(); !done) return unexpected(std::move(done.error()));
    if (next_.empty()) return finish();
    if (auto fit = check_tree(rules_.applications, to_be()); !fit) return unexpected(std::move(fit.error()));
    if (auto done = rehearse(); !done) return unexpected(std::move(done.error()));
    if (what_.dry_run) return finish();
    if (auto done = gather(); !done) return unexpected(std::move(done.error()));
    if (auto done = carry_over(); !done) return unexpected(std::move(done.error()));
    if (what_.carry_only) note_rows(); // rows of the actors that appeared since
    if (auto good = nobody_restarts(); !good) return unexpected(put_back(std::move(good)).error());
    switch_over();
    sweep();
    restart_others();
    return finish();
  }

 private:
  base::status open();
  base::status rehearse();
  base::status check_row(const reload_ledger::row& row, const loader::plugin_generation& next);
  // Checks a request that has to carry over all actors, by the rows noted so far. errc::refused: an actor
  // would be restarted.
  base::status nobody_restarts() const;
  base::status gather();
  base::status carry_over();
  base::status put_back(base::status why);
  void switch_over();
  void sweep();
  void restart_others();
  base::status restart(const std::string& path) const;
  reload_report finish();

  // The actors of these plugins that run the code in use.
  std::vector<runtime::pid> actors() const;
  // Makes the remaining actors members. Returns how many there were.
  std::size_t take_in();
  // The number of actors that the old code has made so far.
  std::uint64_t made() const;
  generations_to_be to_be() const;
  std::string describe(const runtime::pid& who) const;
  base::error failure(const reload_ledger::row& of) const;
  base::status too_late(const std::vector<runtime::pid>& late, std::string_view doing) const;
  // Marks the actors whose state cannot be carried over.
  void note_rows();

  const reload_ground& on_;
  const reload_request& what_;
  const reload_rules rules_;
  std::stop_token quit_;
  std::vector<generation_ptr> next_;
  std::map<std::string, std::uint64_t, std::less<>> old_; // the number of each generation in use
  std::shared_ptr<reload_ledger> ledger_;
  std::unique_ptr<runtime::freezer> freezer_;
  std::unordered_set<runtime::pid, runtime::pid_hash> members_;
  std::uint64_t made_ = 0; // the result of made() at the last look for actors
  std::unordered_map<runtime::pid, actor_reload, runtime::pid_hash> actors_;
  std::unordered_map<runtime::pid, std::string, runtime::pid_hash> plugin_of_;
  reload_report report_;
};

// Inspects, probes and maps the new generations.
base::status hot_reload::open() {
  for (const loader::loaded_plugin& in_use : on_.plugins.loaded()) {
    const bool named = in_use.id == what_.plugin;
    if (!what_.plugin.empty() && !named) continue;
    if (!named) {
      const auto changed = on_.plugins.changed(in_use.id);
      if (!changed) base::log::warning(module, "plugin {}: {}", in_use.id, changed.error().text);
      if (!changed || !*changed) continue;
    }
    auto made = on_.plugins.open_next(in_use.id);
    if (!made) return unexpected(std::move(made.error()).context("plugin " + in_use.id));
    plugin_reload& one = report_.plugins.emplace_back();
    one.id = in_use.id;
    one.from = {in_use.version, in_use.build_id, in_use.generation};
    one.to = {(*made)->declared.version, (*made)->declared.build_id, (*made)->number()};
    old_[in_use.id] = in_use.generation;
    next_.push_back(std::move(*made));
  }
  if (next_.empty() && !what_.plugin.empty())
    return base::fail(base::errc::not_found, "no plugin " + what_.plugin + " is loaded");
  return {};
}

std::vector<runtime::pid> hot_reload::actors() const {
  return runtime::find_processes(on_.system, [this](const runtime::behaviour& one) {
    const auto* actor = dynamic_cast<const host::reloadable*>(&one);
    if (actor == nullptr) return false;
    const auto found = old_.find(actor->identity().plugin);
    return found != old_.end() && actor->generation() == found->second;
  });
}

std::string hot_reload::describe(const runtime::pid& who) const {
  const auto info = on_.system.info(who);
  std::string out = runtime::to_text(who, on_.system.nodes());
  if (!info) return out;
  const std::string& called = info->path.empty() ? info->summary.label : info->path;
  if (!called.empty()) out = called + " (" + out + ")";
  return out;
}

base::error hot_reload::failure(const reload_ledger::row& of) const {
  return base::error{of.problem->code,
                     fmt::format("plugin {}: {}: {}; generation {} goes on", of.is->plugin, describe(of.pid),
                                 of.problem->text, old_.find(of.is->plugin)->second)};
}

base::status hot_reload::too_late(const std::vector<runtime::pid>& late, std::string_view doing) const {
  if (quit_.stop_requested()) return base::fail(base::errc::closed, "the node stops");
  std::string names;
  for (std::size_t i = 0; i < late.size() && i < 3; ++i) names += (i == 0 ? "" : ", ") + describe(late[i]);
  if (late.size() > 3) names += fmt::format(" and {} more", late.size() - 3);
  return base::fail(base::errc::timeout,
                    fmt::format("not within {} ms (plugins.reload_deadline): {} {}; the old code goes on",
                                rules_.deadline / base::nanos_per_ms, names, doing));
}

void hot_reload::note_rows() {
  ledger_->for_each([this](const reload_ledger::row& row) {
    if (row.is == nullptr) return;
    actor_reload& one = actors_[row.pid];
    one.pid = row.pid;
    one.type = row.is->actor;
    plugin_of_[row.pid] = row.is->plugin;
    if (row.problem) one.reason = row.problem->text;
    one.outcome = one.reason.empty() ? actor_outcome::carried : actor_outcome::restarted;
  });
}

generations_to_be hot_reload::to_be() const {
  generations_to_be out;
  for (const generation_ptr& one : next_) out[one->declared.id] = one.get();
  return out;
}

// Whether `next` has this row's actor type and takes its args. Notes it if it cannot take the state.
base::status hot_reload::check_row(const reload_ledger::row& row, const loader::plugin_generation& next) {
  const auto* type = next.declared.find(row.is->actor);
  if (type == nullptr)
    return base::fail(base::errc::refused, fmt::format("plugin {}: {}: there is no actor type {} any more",
                                                       row.is->plugin, describe(row.pid), row.is->actor));
  if (auto good =
          check_args(next, *type, row.origin.args, spec::args_schema::part::whole, row.origin.secrets.get());
      !good)
    return unexpected(std::move(good.error()).context(describe(row.pid)));
  if (row.problem) return {};
  const host::actor_code& code = *next.mapped->find(row.is->actor);
  if (auto possible = host::takes_over(*row.is, code, row.has_state); !possible)
    actors_[row.pid].reason = possible.error().text;
  return {};
}

// Every actor saves its state once between two messages. The new code has to restore all of them, in another
// process.
base::status hot_reload::rehearse() {
  const generations_to_be to = to_be();
  ledger_ = std::make_shared<reload_ledger>(to);
  const std::vector<runtime::pid> who = actors();
  ledger_->add(who);
  std::vector<runtime::pid> late;
  const bool all = runtime::freezer::visit(
      on_.system, who,
      [ledger = ledger_](runtime::process& p, std::size_t row) { ledger->look(p, row, most_trial_bytes); },
      base::mono_now() + rules_.deadline, late, quit_);
  if (const auto* row = ledger_->failed()) return unexpected(failure(*row));
  if (!all) return too_late(late, "did not come out of a handler or save_state");

  std::map<std::string, std::vector<loader::trial_state>> states;
  base::status fit;
  ledger_->for_each([&](const reload_ledger::row& row) {
    if (row.is == nullptr || !fit) return;
    fit = check_row(row, *to.at(row.is->plugin));
    if (fit && actors_[row.pid].reason.empty() && row.saved.term)
      states[row.is->plugin].push_back({describe(row.pid), row.is->actor, row.origin, row.saved});
  });
  if (!fit) return fit;
  for (const auto& [plugin, all_of] : states) {
    if (auto tried = on_.plugins.try_states(*to.at(plugin), all_of); !tried)
      return unexpected(std::move(tried.error()).context("plugin " + plugin + ", tried out"));
  }
  note_rows();
  if (auto good = nobody_restarts(); !good) return good;
  ledger_ = std::make_shared<reload_ledger>(to);
  return {};
}

base::status hot_reload::nobody_restarts() const {
  if (!what_.carry_only) return {};
  const auto is_restarted = [](const auto& one) { return one.second.outcome != actor_outcome::carried; };
  const auto found = std::ranges::find_if(actors_, is_restarted);
  if (found == actors_.end()) return {};
  const auto others = std::ranges::count_if(actors_, is_restarted) - 1;
  return base::fail(
      base::errc::refused,
      fmt::format("{} would be restarted: {}{}; the old code goes on", describe(found->first),
                  found->second.reason, others == 0 ? "" : fmt::format("; and so would {} more", others)));
}

std::uint64_t hot_reload::made() const {
  std::uint64_t out = 0;
  for (const auto& [plugin, generation] : old_) out += on_.plugins.made(plugin);
  return out;
}

std::size_t hot_reload::take_in() {
  made_ = made();
  std::vector<runtime::pid> fresh = actors();
  std::erase_if(fresh, [this](const runtime::pid& who) { return !members_.insert(who).second; });
  ledger_->add(fresh);
  freezer_->add(fresh);
  return fresh.size();
}

// Freezes all actors.
base::status hot_reload::gather() {
  freezer_ = std::make_unique<runtime::freezer>(on_.system, quit_);
  const base::nanos deadline = base::mono_now() + rules_.deadline;
  for (int i = 0; i < rounds_before_hold && take_in() != 0; ++i)
    if (!freezer_->wait(deadline)) return too_late(freezer_->members(), "did not come out of a handler");
  return {};
}

// Carries each actor from the old code to the new one as soon as it is frozen. All actors stand still.
base::status hot_reload::carry_over() {
  const base::nanos deadline = base::mono_now() + rules_.deadline;
  freezer_->hold([ledger = ledger_](runtime::process& p, std::size_t row) { ledger->carry(p, row); });
  for (;;) {
    const bool all = freezer_->wait(deadline);
    if (const auto* row = ledger_->failed()) return put_back(unexpected(failure(*row)));
    if (!all) {
      const auto late = freezer_->at_work();
      if (!late.empty()) return put_back(too_late(late, "did not come out of save_state or restore_state"));
      return put_back(too_late(freezer_->not_frozen(), "did not come out of a handler"));
    }
    if (made() == made_ || take_in() == 0) return {};
  }
}

base::status hot_reload::put_back(base::status why) {
  ledger_->close();
  const auto stay = [](runtime::process& p, std::size_t) {
    if (auto* actor = reloadable_of(p)) actor->stay(p);
  };
  (void)freezer_->release(stay, base::mono_now() + undo_time);
  return why;
}

// The point of no return. The new code makes new actors before the first old one goes over.
void hot_reload::switch_over() {
  on_.plugins.promote(std::move(next_));
  next_.clear();
  const auto go_over = [](runtime::process& p, std::size_t) {
    if (auto* actor = reloadable_of(p)) actor->go_over(p);
  };
  (void)freezer_->release(go_over, runtime::no_deadline);
  report_.pause = freezer_->stood_still();
  report_.drain = freezer_->longest_handler();
  report_.save = ledger_->saving();
  report_.restore = ledger_->restoring();
  freezer_.reset();
  note_rows();
}

// Takes over the actors that the old code made between the last look and the switch.
void hot_reload::sweep() {
  for (int i = 0; i < rounds_after_switch; ++i) {
    std::vector<runtime::pid> left = actors();
    std::erase_if(left, [this](const runtime::pid& who) { return actors_.contains(who); });
    if (left.empty()) return;
    const std::size_t first = ledger_->size();
    ledger_->add(left);
    std::vector<runtime::pid> late;
    (void)runtime::freezer::visit(
        on_.system, left,
        [ledger = ledger_, first](runtime::process& p, std::size_t row) {
          ledger->carry_alone(p, first + row);
          if (auto* actor = reloadable_of(p)) actor->go_over(p);
        },
        base::mono_now() + rules_.deadline, late, quit_);
    note_rows();
  }
}

// Restarts the actors whose state could not be carried over, by their supervisors, so that they run the new
// code.
void hot_reload::restart_others() {
  for (auto& [who, one] : actors_) {
    if (one.outcome != actor_outcome::restarted) continue;
    const auto info = on_.system.info(who);
    if (!info) continue;
    one.path = info->path;
    const base::status done = restart(one.path);
    if (!done) {
      one.outcome = actor_outcome::stays;
      one.reason += "; and it can't be restarted: " + done.error().text;
    }
  }
}

base::status hot_reload::restart(const std::string& path) const {
  if (path.find('/') == std::string::npos)
    return base::fail(base::errc::not_found, "it is no child of the tree");
  if (quit_.stop_requested()) return base::fail(base::errc::closed, "the node stops");
  return on_.restart(path, quit_);
}

reload_report hot_reload::finish() {
  for (auto& [who, one] : actors_) {
    if (const auto info = on_.system.info(who)) one.path = info->path;
    for (plugin_reload& plugin : report_.plugins)
      if (plugin.id == plugin_of_[who]) plugin.actors.push_back(one);
  }
  for (plugin_reload& plugin : report_.plugins)
    std::ranges::sort(plugin.actors, {}, [](const actor_reload& one) { return one.pid.id; });
  if (what_.dry_run) {
    ledger_.reset(); // it pins the new images
    on_.plugins.discard(std::exchange(next_, {}));
  }
  report_.kept = on_.plugins.collect();
  // The images of a dry run are not former generations, even if a worker still holds one.
  const auto is_own = [this](const loader::kept_image& kept) {
    return std::ranges::any_of(report_.plugins, [&](const plugin_reload& one) {
      return one.id == kept.plugin && one.to.generation == kept.generation;
    });
  };
  if (what_.dry_run) std::erase_if(report_.kept, is_own);
  return std::move(report_);
}

} // namespace

std::string_view text(actor_outcome outcome) {
  switch (outcome) {
    case actor_outcome::carried:
      return "carried";
    case actor_outcome::restarted:
      return "restarted";
    case actor_outcome::stays:
      return "stays";
  }
  return "";
}

base::result<reload_report> reload_plugins(const reload_ground& on, const reload_request& what,
                                           std::stop_token quit) {
  return hot_reload(on, what, std::move(quit)).run();
}

} // namespace coppice::node
