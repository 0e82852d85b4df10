// SPDX-License-Identifier: MIT
// Which files a configuration is made of, and where plugins are if it does not say. A folder is configured by
// its node.yaml and then by its conf.d/*.yaml in the order of their names. Any thread; reads folders.
#pragma once

#include <string>
#include <vector>

namespace coppice::spec {

inline constexpr const char* default_folder = "/etc/coppice";

// What `given`, files and folders, stands for; nothing given is the default folder. A folder's main file is
// named whether it exists or not, so that load() reports its absence.
std::vector<std::string> configuration_files(const std::vector<std::string>& given,
                                             const std::string& fallback = default_folder);

// Where the installation that `program` (empty: the one that runs) is of has its plugins: of
// PREFIX/bin/coppiced PREFIX/lib/coppice/plugins. Empty: it is not installed.
std::string installed_plugins(const std::string& program = {});

} // namespace coppice::spec
