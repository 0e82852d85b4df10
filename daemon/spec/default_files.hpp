// SPDX-License-Identifier: MIT
// Where the configuration is when nobody says where: /etc/coppice/node.yaml and then
// /etc/coppice/conf.d/*.yaml in the order of their names. Any thread; reads one folder.
#pragma once

#include <string>
#include <vector>

namespace coppice::spec {

// The main file always, whether it exists or not, so that its absence is reported by load().
std::vector<std::string> default_files(const std::string& folder = "/etc/coppice");

} // namespace coppice::spec
