// SPDX-License-Identifier: MIT
// Registered names: one name a process and one process a name. Any thread; readers share
// the lock, and need none to find again what they found last.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "runtime/messages/ids.hpp"

namespace coppice::runtime {

class names {
 public:
  names();
  // errc::exists when the name is taken, errc::invalid for one that no process may have.
  base::status add(const std::string& name, const pid& of);
  void remove(const std::string& name);
  std::optional<pid> find(std::string_view name) const;
  std::vector<std::pair<std::string, pid>> all() const; // sorted by name

 private:
  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  mutable std::shared_mutex lock_;
  std::atomic<std::uint64_t> version_; // another one after each change
  std::unordered_map<std::string, pid, text_hash, std::equal_to<>> table_;
};

} // namespace coppice::runtime
