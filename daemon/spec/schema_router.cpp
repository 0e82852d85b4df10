// SPDX-License-Identifier: MIT
// See schema_router.hpp.
#include "spec/schema_router.hpp"

#include <set>

#include "spec/names.hpp"
#include "spec/scalar.hpp"
#include "spec/schema_scalars.hpp"

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

} // namespace

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

} // namespace coppice::spec
