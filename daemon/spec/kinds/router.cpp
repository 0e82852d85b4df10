// SPDX-License-Identifier: MIT
// See router.hpp.
#include "spec/kinds/router.hpp"

#include <set>

#include "spec/kinds/kinds.hpp"
#include "spec/kinds/of_class.hpp"
#include "spec/schema/child_check.hpp"
#include "spec/schema/kind.hpp"
#include "spec/schema/names.hpp"
#include "spec/schema/scalar.hpp"
#include "spec/schema/simple_types.hpp"

namespace coppice::spec {
namespace {

const table<router_route>& route_table() {
  static const auto rows =
      table<router_route>()
          .add<&router_route::name>("name", text("a name", &check_id, id_pattern), "what the actor calls it")
          .needed()
          .add<&router_route::to>("to", text("NAME or NAME@ALIVE@HOST", &check_process, process_pattern),
                                  "whose messages they are: a registered name here, or NAME@ALIVE@HOST")
          .needed();
  return rows;
}

void check_routes(reader& from, const node& at, router_options& options) {
  const node* const routes = at.find("routes");
  if (routes == nullptr || !routes->is_sequence()) return;
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < options.routes.size() && i < routes->items.size(); ++i) {
    const std::string& name = options.routes[i].name;
    if (!name.empty() && !seen.insert(name).second)
      from.error(*routes->items[i], from.path + ".routes: there are two of the name '" + name + "'");
  }
}

const table<router_options>& router_table() {
  using time = or_word<milliseconds, duration>;
  using routes = list<router_route, section<router_route>>;
  static const auto rows =
      table<router_options>()
          .add<&router_options::routes>("routes", routes(section<router_route>(&route_table)),
                                        "where messages can go by name")
          .add<&router_options::on_failed>(
              "on_failed", choice<tree::router_failure>(),
              "what becomes of what does not get there or is not answered. reply: the caller gets {error, "
              "{not_routed, Route, Reason}}, of others there is a line; drop: nothing; callback: the actor "
              "says")
          .add<&router_options::timeout>("timeout", time("infinity", duration(milliseconds(1))),
                                         "how long a call may take to be answered")
          .add<&router_options::pending>(
              "pending", whole<std::uint64_t>(1, 1'000'000),
              "calls that wait for their answers at once; those beyond have failed")
          .check(&check_routes);
  return rows;
}

class router_of_children final : public kind_of<router_options> {
 public:
  router_of_children()
      : kind_of("router", {}, &router_table, "of an actor whose behaviour is router; absent: the defaults",
                compared::whole, change_effect::live) {}

 private:
  void check_options(child_check& with, child_spec&, router_options& of, const node&,
                     const node& written) const override {
    for (std::size_t i = 0; i < of.routes.size(); ++i)
      with.references.add("a route", of.routes[i].to, value_of(element(written.find("routes"), i), "to"));
  }
  void check_class(child_check& with, const named_actor& actor) const override {
    refuse_beside_others(with.to, actor, *this, "router");
  }
};

} // namespace

const kind& router_kind() {
  static const router_of_children made;
  return made;
}

} // namespace coppice::spec
