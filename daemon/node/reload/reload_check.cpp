// SPDX-License-Identifier: MIT
// Walks the specifications of the tree, also into workers of pools, connections and routes.
#include "node/reload/reload_check.hpp"

#include <fmt/format.h>

#include "behaviours/supervision/child_kind.hpp"
#include "loader/loader.hpp"
#include "runtime/messages/shown.hpp"
#include "spec/schema/args_schema.hpp"

namespace coppice::node {
namespace {

base::status check_actor(const std::string& actor, const runtime::message& given,
                         const base::secrets_ptr& secrets, const generations_to_be& next,
                         spec::args_schema::part args) {
  const auto to = next.find(loader::split(actor).plugin);
  if (to == next.end()) return {};
  const auto type = loader::choose(to->second->declared, actor);
  if (!type) return unexpected(type.error());
  return check_args(*to->second, **type, given, args, secrets.get());
}

base::status check_children(const behaviours::supervisor_spec& of, const generations_to_be& next,
                            const std::string& path) {
  using part = spec::args_schema::part;
  const auto args = of.strategy == tree::strategy::simple_one_for_one ? part::of_template : part::whole;
  for (const auto& each : of.children) {
    const std::string below = path + "/" + runtime::shown(each->id);
    const auto used = behaviours::actors_of(*each);
    for (const behaviours::actor_use& one : used)
      if (auto fit =
              check_actor(one.actor, one.args, one.secrets, next, one.place.empty() ? args : part::whole);
          !fit)
        return unexpected(std::move(fit.error()).context(below + one.place));
    if (!used.empty() || each->supervisor == nullptr) continue;
    if (auto fit = check_children(*each->supervisor, next, below); !fit) return fit;
  }
  return {};
}

} // namespace

base::status check_tree(const std::vector<behaviours::application_spec>& applications,
                        const generations_to_be& next) {
  for (const behaviours::application_spec& one : applications)
    if (auto fit = check_children(*one.top, next, one.name); !fit) return fit;
  return {};
}

base::status check_args(const loader::plugin_generation& of, const manifest::actor_type& type,
                        const runtime::message& args, spec::args_schema::part what,
                        const base::secrets* secrets) {
  const auto schema = spec::args_schema::compile(type.args_schema);
  if (!schema)
    return base::fail(base::errc::refused, fmt::format("plugin {}: bad args_schema for actor {}: {}",
                                                       of.declared.id, type.name, schema.error().text));
  auto good = schema->check(args ? args.bytes() : etf::empty_map, what, secrets);
  if (!good)
    return base::fail(base::errc::refused, fmt::format("the new schema of {}:{} refuses what it is given: {}",
                                                       of.declared.id, type.name, good.error().text));
  return good;
}

} // namespace coppice::node
