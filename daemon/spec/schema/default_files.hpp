// SPDX-License-Identifier: MIT
// Finds the files that a configuration is made of, and the plugins' folder if the configuration names none.
// A folder is configured by its node.yaml and then by its conf.d/*.yaml in the order of their names. Any
// thread; reads folders.
#pragma once

#include <string>
#include <vector>

namespace coppice::spec {

inline constexpr const char* default_folder = "/etc/coppice";

// The files of `given`, a list of files and folders; empty: those of the folder `fallback`. A folder's main
// file is listed whether it exists or not, so that load() reports its absence.
std::vector<std::string> configuration_files(const std::vector<std::string>& given,
                                             const std::string& fallback = default_folder);

// The folder of plugins of the installation that has `program` (empty: the running program):
// PREFIX/lib/coppice/plugins for PREFIX/bin/coppiced. Empty: the program is not installed.
std::string installed_plugins(const std::string& program = {});

} // namespace coppice::spec
