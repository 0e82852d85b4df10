// SPDX-License-Identifier: MIT
// Listeners of a configuration where a client from another machine may stay and send nothing: neither
// read.first_byte nor read.idle bounds its silence. One warning tells of all of them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "spec/kinds/tcp.hpp"
#include "spec/schema/report.hpp"
#include "spec/schema/tree.hpp"

namespace coppice::spec {

class silence_check {
 public:
  // `at`: the map that `tcp` was read from.
  void look(const tcp_options& tcp, const node& at);
  void warn(report& to) const;

 private:
  std::vector<std::pair<std::string, place>> found_; // addresses, and where they stand
};

} // namespace coppice::spec
