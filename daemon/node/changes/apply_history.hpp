// SPDX-License-Identifier: MIT
// What was applied: who, when, what changed, and the whole configuration each time, so that an operator can
// see it and go back. Kept in a folder of its own, the last `most`: an index and a file for each
// configuration, readable by the node's user alone. Any thread; blocks.
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
  std::string by;                   // "start"; "uid 0, pid 17, user root"
  std::vector<std::string> changes; // "stop shop/site"; at most 100
};

class apply_history {
 public:
  static constexpr std::size_t most = 20;

  explicit apply_history(std::string folder) : folder_(std::move(folder)) {}

  // The configuration that runs from now on, as YAML. One that is the last entry's is no entry.
  base::status add(applied_entry what, const std::string& yaml);
  // The oldest first.
  std::vector<applied_entry> entries() const;
  // The file of the configuration before the one that runs; nothing: there is none.
  std::optional<std::string> former() const;

 private:
  std::string file_of(std::uint64_t number) const;
  std::vector<applied_entry> read() const;
  base::status write(const std::vector<applied_entry>& all) const;

  const std::string folder_;
  mutable std::mutex lock_;
};

} // namespace coppice::node
