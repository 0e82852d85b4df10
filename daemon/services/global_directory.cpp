// SPDX-License-Identifier: MIT
// Four tables that say the same. One thread.
#include "services/global_directory.hpp"

#include <utility>

#include "base/bytes.hpp"

namespace coppice::services {

namespace {

template <class Key, class... Rest>
void count_one_less(std::unordered_map<Key, std::size_t, Rest...>& of, const Key& key) {
  if (const auto at = of.find(key); --at->second == 0) of.erase(at);
}

} // namespace

const global_directory::entry* global_directory::find(etf::bytes name) const {
  const auto found = names_.find(base::as_text(name));
  return found == names_.end() ? nullptr : &found->second;
}

void global_directory::insert(etf::bytes name, entry what) {
  const auto at = names_.emplace(base::as_text(name), std::move(what)).first;
  by_monitor_.emplace(at->second.monitor, at);
  ++names_of_[at->second.pid];
  ++at_node_[at->second.pid.node];
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
  count_one_less(names_of_, at->second.pid);
  count_one_less(at_node_, at->second.pid.node);
  names_.erase(at);
}

std::size_t global_directory::of_node(std::uint32_t node) const {
  const auto found = at_node_.find(node);
  return found == at_node_.end() ? 0 : found->second;
}

} // namespace coppice::services
