// SPDX-License-Identifier: MIT
// The names of `global` on this node: several tables with the same entries. One thread.
#include "services/global/directory.hpp"

#include <utility>

#include "base/bytes.hpp"

namespace coppice::services {

static std::size_t bytes_of(const global_directory::entries::value_type& named) {
  return named.first.size() + named.second.method.size();
}

const global_directory::entry* global_directory::find(etf::bytes name) const {
  const auto found = names_.find(base::as_text(name));
  return found == names_.end() ? nullptr : &found->second;
}

void global_directory::insert(etf::bytes name, entry what) {
  const auto at = names_.emplace(base::as_text(name), std::move(what)).first;
  by_monitor_.emplace(at->second.monitor, at);
  ++names_of_[at->second.pid];
  said_by_.add(at->second.speaker);
  bytes_said_by_.add(at->second.speaker, bytes_of(*at));
  memory_.add(bytes_of(*at) + runtime::memory_of_entry);
}

void global_directory::erase(etf::bytes name) {
  remove(names_.find(base::as_text(name)));
}

bool global_directory::erase_monitored(const runtime::reference& monitor) {
  const auto found = by_monitor_.find(monitor);
  if (found == by_monitor_.end()) return false;
  remove(found->second);
  return true;
}

void global_directory::remove(entries::iterator at) {
  by_monitor_.erase(at->second.monitor);
  if (const auto mine = names_of_.find(at->second.pid); --mine->second == 0) names_of_.erase(mine);
  said_by_.remove(at->second.speaker);
  bytes_said_by_.remove(at->second.speaker, bytes_of(*at));
  memory_.remove(bytes_of(*at) + runtime::memory_of_entry);
  names_.erase(at);
}

} // namespace coppice::services
