// SPDX-License-Identifier: MIT
// The automatic certificates of a node: ca.pem, ca-key.pem, node.pem and node-key.pem in one folder,
// made when missing and renewed when due. The CA stays as long as it is valid, since others trust it.
// Blocking; any thread.
#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace coppice::net {

// Paths, as the configuration names such files. Keys have mode 0600.
struct certificate_paths {
  std::string authority;
  std::string certificate;
  std::string key;
};

// Makes `folder` (0700) and in it what is missing. A leaf that ends within 30 days, is damaged, or is for
// other names is replaced; an expired CA too, with a line in the log. A CA that cannot be read is an error:
// it is never overwritten.
base::result<certificate_paths> ensure_certificates(const std::string& folder,
                                                    const std::vector<std::string>& names, base::nanos now);

} // namespace coppice::net
