// SPDX-License-Identifier: MIT
// Loads in steps, so that an unfit plugin is refused as early as possible: the file is read, then tried in
// another process, then mapped and its descriptor checked.
#include "loader/loader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>

#include "base/log.hpp"
#include "host/actors/hosted_behaviours.hpp"
#include "loader/probe.hpp"

namespace coppice::loader {
namespace {

std::vector<std::string> actor_names(const manifest::manifest& declared) {
  std::vector<std::string> out;
  for (const auto& actor : declared.actors) out.push_back(actor.name);
  return out;
}

bool is_plugin_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && name.front() >= 'a' && name.front() <= 'z' &&
         std::ranges::all_of(
             name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

} // namespace

actor_name split(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == text.npos) return {text, {}};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

base::result<const manifest::actor_type*> choose(const manifest::manifest& declared, std::string_view actor) {
  const actor_name wanted = split(actor);
  const std::string_view name = wanted.actor.empty() ? wanted.plugin : wanted.actor;
  if (const auto* found = declared.find(name)) return found;
  if (wanted.actor.empty() && declared.actors.size() == 1) return &declared.actors.front();
  return base::fail(base::errc::not_found,
                    fmt::format("unknown actor type \"{}\" of plugin {}: it has {}", name, declared.id,
                                fmt::join(actor_names(declared), ", ")));
}

loader::loader(loader_options options) : options_(std::move(options)), copies_(options_.data) {}

loader::~loader() {
  for (const auto& trouble : unload()) base::log::warning("loader", "{}", trouble);
  // An image that is still needed stays mapped until the process ends, and so does its bookkeeping.
  for (auto* list : {&entries_, &former_})
    for (auto& left : *list) (void)left->mapped.release();
}

base::status loader::prepare() {
  const std::lock_guard alone(opening_);
  if (!generations_.empty()) return {}; // the folder has copies of this run
  return copies_.prepare();
}

void loader::sweep() {
  const std::lock_guard alone(opening_);
  copies_.sweep();
}

loader::entry* loader::find(std::string_view plugin) const {
  const auto found =
      std::ranges::find_if(entries_, [plugin](const auto& e) { return e->declared.id == plugin; });
  return found == entries_.end() ? nullptr : found->get();
}

base::result<std::string> loader::find_file(std::string_view plugin) const {
  if (!is_plugin_name(plugin))
    return base::fail(base::errc::invalid,
                      fmt::format("\"{}\" is no plugin's name: [a-z][a-z0-9_]*, at most 64", plugin));
  for (const auto& folder : options_.path) {
    std::string file = fmt::format("{}/{}.so", folder, plugin);
    if (access(file.c_str(), F_OK) == 0) return file;
  }
  return base::fail(base::errc::not_found,
                    fmt::format("no {}.so in {}", plugin, fmt::join(options_.path, ", ")));
}

base::result<loader::entry> loader::open(const std::string& plugin, const std::string& file) {
  const auto refuse = [&](base::error why) { return unexpected(std::move(why).context(file)); };
  const auto source = manifest::source_file::open(file);
  manifest::inspection seen = manifest::inspect(source);
  if (!seen.verdict.accepted() || !seen.declared) return refuse({base::errc::refused, seen.verdict.text()});
  for (const auto& reason : seen.verdict.reasons)
    base::log::warning("loader", "plugin {}: {}", plugin, reason.sentence());

  // From here on only the copy is used: the file may be written over meanwhile, also with another plugin.
  const std::uint64_t generation = ++generations_[plugin];
  auto copy = copies_.copy(source->descriptor(), plugin, seen.declared->build_id, generation);
  if (!copy) return refuse(std::move(copy.error()));
  const auto drop = [&](base::error why) {
    unlink(copy->c_str());
    return refuse(std::move(why));
  };
  auto same = manifest::read(*copy);
  if (!same) return drop(std::move(same.error()));
  if (same->id != plugin)
    return drop({base::errc::refused,
                 fmt::format("it says that it is plugin {}: call the file {}.so", same->id, same->id)});
  if (auto tried = probe(*copy, {options_.plugin_host, options_.probe_deadline}); !tried)
    return drop(std::move(tried.error()));
  auto mapped = image::open(*copy, *same, generation, identities_);
  if (!mapped) return drop(std::move(mapped.error()));
  (*mapped)->keep_metrics_in(options_.metrics);
  (*mapped)->publish_in(options_.events);
  entry made;
  made.declared = std::move(*same);
  made.file = file;
  made.copy = std::move(*copy);
  made.mapped = std::move(*mapped);
  return made;
}

base::status loader::load(std::string_view plugin) {
  const std::lock_guard alone(opening_);
  {
    const reading guard(lock_);
    if (find(plugin) != nullptr) return {};
  }
  const auto file = find_file(plugin);
  if (!file) return unexpected(file.error());
  auto made = open(std::string(plugin), *file);
  if (!made) return unexpected(std::move(made.error()));
  base::log::info("loader", "plugin {} {} loaded from {}, generation {}", made->declared.id,
                  made->declared.version, *file, made->mapped->generation());
  const std::lock_guard guard(lock_);
  entries_.push_back(std::make_unique<entry>(std::move(*made)));
  code_has_changed();
  return {};
}

void loader::release(std::string_view plugin) {
  {
    const std::lock_guard guard(lock_);
    const auto known =
        std::ranges::find_if(entries_, [plugin](const auto& e) { return e->declared.id == plugin; });
    // make() pins the code with the lock held, so no actor is missed.
    if (known == entries_.end() || (*known)->mapped->pins(host::pin_of::actor) != 0) return;
    former_.push_back(std::move(*known));
    entries_.erase(known);
    code_has_changed();
  }
  (void)collect();
}

base::status loader::load_for(std::string_view actor) {
  const actor_name wanted = split(actor);
  if (auto done = load(wanted.plugin); !done) return done;
  const reading guard(lock_);
  const auto chosen = choose(find(wanted.plugin)->declared, actor);
  return chosen ? base::status() : unexpected(chosen.error());
}

base::result<std::unique_ptr<runtime::behaviour>> loader::make(const runtime::actor_spec& spec) {
  host::actor_plan plan;
  {
    const reading guard(lock_);
    const auto known = actor_of(spec.actor, guard);
    if (!known) return unexpected(known.error());
    plan.image = host::image_pin(*(*known)->mapped);
    plan.code = (*known)->code;
    (*known)->mapped->count_made();
  }
  plan.args = spec.args;
  plan.env = spec.env;
  plan.secrets = spec.secrets;
  plan.unhandled = spec.unhandled;
  plan.postponed = spec.postponed;
  plan.options = spec.options;
  return host::make_actor(std::move(plan));
}

std::unique_ptr<behaviours::pool_policy> loader::policy_of(const std::string& actor) {
  class policy final : public behaviours::pool_policy {
   public:
    policy(host::image_pin image, const coppice_pool& callbacks)
        : image_(std::move(image)), callbacks_(callbacks) {}
    const coppice_pool& callbacks() const override { return callbacks_; }
    base::heap::owner charged() const override { return image_->charged(); }

   private:
    host::image_pin image_;
    const coppice_pool& callbacks_; // owned by the image
  };
  const reading guard(lock_);
  const auto known = actor_of(actor, guard);
  if (!known || (*known)->code->pool.size == 0) return nullptr;
  return std::make_unique<policy>(host::image_pin(*(*known)->mapped), (*known)->code->pool);
}

base::result<loader::known_actor> loader::choose_actor(const std::string& name) const {
  const actor_name wanted = split(name);
  const entry* const plugin = find(wanted.plugin);
  if (plugin == nullptr)
    return base::fail(base::errc::not_found, fmt::format("plugin {} is not loaded", wanted.plugin));
  const auto chosen = choose(plugin->declared, name);
  if (!chosen) return unexpected(chosen.error());
  return known_actor{name, plugin->mapped.get(), plugin->mapped->find((*chosen)->name)};
}

base::result<const loader::known_actor*> loader::actor_of(const std::string& name, const reading& by) {
  std::vector<known_actor>& known = known_[by.stripe()].all;
  if (!known.empty() && known.front().name == name) [[likely]]
    return &known.front();
  const auto found = std::ranges::find(known, name, &known_actor::name);
  if (found == known.end()) {
    auto chosen = choose_actor(name);
    if (!chosen) return unexpected(std::move(chosen).error());
    known.push_back(std::move(*chosen));
    return &known.back();
  }
  // After one start of an actor, most often the same actor is started next.
  std::iter_swap(known.begin(), found);
  return &known.front();
}

void loader::code_has_changed() {
  for (found_actors& each : known_) each.all.clear();
  code_version_.fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t loader::made(std::string_view plugin) const {
  const reading guard(lock_);
  const entry* const known = find(plugin);
  return known == nullptr ? 0 : known->mapped->made();
}

std::vector<loaded_plugin> loader::loaded() const {
  std::vector<loaded_plugin> out;
  const reading guard(lock_);
  for (const auto& each : entries_) {
    out.push_back({each->declared.id, each->declared.version, each->declared.build_id, each->file,
                   each->mapped->generation(), actor_names(each->declared), each->mapped->pins(),
                   each->mapped->charged()});
  }
  std::ranges::sort(out, {}, &loaded_plugin::id);
  return out;
}

base::result<std::string> loader::args_schema(std::string_view actor) const {
  const actor_name wanted = split(actor);
  const reading guard(lock_);
  const entry* const plugin = find(wanted.plugin);
  if (plugin == nullptr)
    return base::fail(base::errc::not_found, fmt::format("plugin {} is not loaded", wanted.plugin));
  const auto chosen = choose(plugin->declared, actor);
  if (!chosen) return unexpected(chosen.error());
  return (*chosen)->args_schema;
}

bool loader::takes_config_change(std::string_view plugin, std::string_view actor) const {
  const reading guard(lock_);
  const entry* const found = find(plugin);
  const host::actor_code* const code = found == nullptr ? nullptr : found->mapped->find(actor);
  return code != nullptr && code->lifecycle.config_change != nullptr;
}

std::vector<std::string> loader::unload() {
  {
    const std::lock_guard guard(lock_);
    for (const auto& each : entries_) each->copy_stays = true;
    std::ranges::move(entries_, std::back_inserter(former_));
    entries_.clear();
    code_has_changed();
  }
  std::vector<std::string> troubles;
  for (const kept_image& stays : collect())
    troubles.push_back(
        fmt::format("plugin {} generation {}: {}", stays.plugin, stays.generation, stays.reason));
  return troubles;
}

} // namespace coppice::loader
