// SPDX-License-Identifier: MIT
// Reloading as the node offers it: with a place in the change_line, as an apply has one, and what came of it
// in words. The reloader's thread runs it. Any thread.
#include <future>

#include "node/instance/components.hpp"
#include "node/instance/instance.hpp"

namespace coppice::node {
namespace {

// For a child that a reload restarts, beyond its shutdown time.
constexpr base::nanos restart_patience = 30 * base::nanos_per_second;

} // namespace

base::status instance::start_reloader() {
  components& p = *components_;
  const auto restart_child = [this](const std::string& path) {
    const auto outcome = std::make_shared<std::promise<base::status>>();
    auto told = outcome->get_future();
    restart(path, restart_patience, [outcome](base::status s) { outcome->set_value(std::move(s)); });
    return told.get();
  };
  const auto within = [&p](const std::function<reloader::outcome()>& run) -> reloader::outcome {
    reloader::outcome out = run();
    if (!out || !out->dry_run) p.notes.note_reload(brief(out));
    return out;
  };
  const auto rules = [&p] {
    const auto now = p.current();
    return reload_rules{now->applications, base::to_nanos(now->spec.plugins.reload_deadline)};
  };
  const spec::plugin_options& plugins = started_with_->spec.plugins;
  auto made = reloader::start({p.system, p.plugins, rules, restart_child},
                              plugins.watch ? plugins.path : std::vector<std::string>(), p.line, within);
  if (!made) return unexpected(std::move(made.error()).context("plugins.watch"));
  p.reloads = std::move(*made);
  return {};
}

void instance::reload(reload_request what, std::function<void(base::result<reload_report>)> done) {
  const node_state now = components_->state;
  if (now == node_state::starting) return done(base::fail(base::errc::refused, "the node is still starting"));
  if (now == node_state::stopping) return done(base::fail(base::errc::closed, "the node stops"));
  components_->reloads->ask(std::move(what), std::move(done));
}

} // namespace coppice::node
