// SPDX-License-Identifier: MIT
// See passed_names.hpp.
#include "spec/passed_names.hpp"

#include "spec/web_options.hpp"

namespace coppice::spec {
namespace {

void collect(const supervisor_spec& of, std::set<std::string, std::less<>>& into) {
  for (const child_spec& child : of.children) {
    if (child.supervisor) collect(*child.supervisor, into);
    const auto note = [&](const auto& places) {
      for (const auto& place : places)
        if (!place.socket.empty()) into.insert(place.socket);
    };
    if (child.tcp) note(child.tcp->listen);
    if (child.udp) note(child.udp->listen);
    if (child.web != nullptr) note(child.web->listen);
  }
}

} // namespace

std::set<std::string, std::less<>> passed_names(const node_spec& spec) {
  std::set<std::string, std::less<>> all;
  for (const application_spec& application : spec.applications) collect(application.supervisor, all);
  return all;
}

} // namespace coppice::spec
