// SPDX-License-Identifier: MIT
// Where a node that the service's unit runs can make a socket: packaging/systemd/coppice.service.in mounts
// all but a few folders read-only. The unit runs the configuration in /etc/coppice, an instance of it the
// one in /etc/coppice/NAME. Pure: folders that a drop-in adds are not looked at. Any thread.
#pragma once

#include <optional>
#include <string>

namespace coppice::spec {

struct refused_place {
  std::string why;
  std::string remedy;
};

// Why the unit cannot make a socket at `path`, which a configuration file in `folder` names; both absolute.
// nullopt: it can, or the unit does not run this configuration.
std::optional<refused_place> refused_to_service(const std::string& folder, const std::string& path);

} // namespace coppice::spec
