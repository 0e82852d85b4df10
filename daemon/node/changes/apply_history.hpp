// SPDX-License-Identifier: MIT
// A history of applies: the author, the time and the changes of each, and the whole configuration, so that an
// operator can look at it and go back. The last `most` are kept in a folder, as an index and a file for each
// configuration, readable only by the node's user. Any thread; blocks.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace coppice::node {

struct applied_entry {
  std::uint64_t number = 0;         // from 1 on
  base::nanos at = 0;               // wall clock
  std::string by;                   // "start", or for example "uid 0, pid 17, user root"
  std::vector<std::string> changes; // such as "stop shop/site"; at most 100
};

class apply_history {
 public:
  static constexpr std::size_t most = 20;

  explicit apply_history(std::string folder) : folder_(std::move(folder)) {}

  // Adds the configuration that runs from now on, as YAML. Nothing is added if it equals the last one.
  base::status add(applied_entry what, const std::string& yaml);
  // Ordered by time, the oldest first.
  std::vector<applied_entry> entries() const;
  // The file of the configuration before the running one, which is `runs` as YAML: the last entry is that one
  // only if it could be written. Empty: none.
  std::optional<std::string> former(const std::string& runs) const;

 private:
  std::string file_of(std::uint64_t number) const;
  bool is(const applied_entry& one, const std::string& yaml) const;
  std::vector<applied_entry> read() const;
  base::status write(const std::vector<applied_entry>& all) const;

  const std::string folder_;
  mutable std::mutex lock_;
};

} // namespace coppice::node
