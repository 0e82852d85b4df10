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

  // How far a caller of some() has come.
  struct place {
    std::size_t next = 0;    // bucket of the table
    std::size_t buckets = 0; // there were when it began; 0: it has not begun
  };
  // Adds names to `into`, of about `most` entries and free places of the table. False: that was all. When the
  // table has grown since `from` began, it begins anew and clears `into`.
  bool some(place& from, std::size_t most, std::vector<std::string>& into) const;

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
