// SPDX-License-Identifier: MIT
// Where a node can make a socket that the service's unit runs: packaging/systemd/coppice.service.in mounts
// all but a few folders read-only. It runs what is configured in /etc/coppice, and an instance of it what is
// in /etc/coppice/NAME. Pure: what a drop-in gives beyond that is not looked at. Any thread.
#pragma once

#include <optional>
#include <string>

namespace coppice::spec {

struct refused_place {
  std::string why;
  std::string remedy;
};

// Of `path`, as a configuration file in `folder` names it; both absolute. Nothing: it can, or the unit does
// not run it.
std::optional<refused_place> refused_to_service(const std::string& folder, const std::string& path);

} // namespace coppice::spec
