// SPDX-License-Identifier: MIT
// See passed_names.hpp.
#include "spec/passed_names.hpp"

#include "spec/kinds/kinds.hpp"
#include "spec/schema/kind.hpp"

namespace coppice::spec {
namespace {

void collect(const supervisor_spec& of, std::set<std::string, std::less<>>& into) {
  for (const child_spec& child : of.children) {
    if (child.supervisor) collect(*child.supervisor, into);
    for (const kind* const one : kinds())
      for (const listener& place : one->listeners(child))
        if (!place.socket.empty()) into.emplace(place.socket);
  }
}

} // namespace

std::set<std::string, std::less<>> passed_names(const node_spec& spec) {
  std::set<std::string, std::less<>> all;
  for (const application_spec& application : spec.applications) collect(application.supervisor, all);
  return all;
}

} // namespace coppice::spec
