// SPDX-License-Identifier: MIT
// Makes peers, gives them on, and finds them by name. Any thread.
#include "dist/peer_table.hpp"

#include <algorithm>

namespace coppice::dist {

peer_table::peer_table(runtime::system& system) : system_(system) {
  system_.nodes().set_holder(this);
}

void peer_table::stop() {
  system_.nodes().set_holder(nullptr);
}

void peer_table::slot_taken(std::uint32_t index, std::string_view name) {
  const std::lock_guard guard(lock_);
  const std::uint32_t slot = runtime::node_names::slot_of(index);
  auto& in = chunks_[slot / chunk_size];
  if (in.load() == nullptr) {
    chunks_owned_.push_back(std::make_unique<chunk>());
    in.store(chunks_owned_.back().get(), std::memory_order_release);
  }
  owned_.push_back(std::make_unique<peer>(index, name, slot % std::max(system_.workers(), 1u)));
  (*in.load())[slot % chunk_size].store(owned_.back().get(), std::memory_order_release);
}

bool peer_table::slot_given_on(std::uint32_t from, std::uint32_t to, std::string_view name) {
  peer* const p = find(from);
  if (p == nullptr) return false;
  // A thread that holds the lock may be asking for a name, and needs the peer.
  const std::unique_lock guard(p->lock, std::try_to_lock);
  if (!guard || !p->is_unneeded()) return false;
  p->become(to, name);
  return true;
}

peer* peer_table::find(std::string_view name) const {
  const auto index = system_.nodes().find(name);
  return index ? find(*index) : nullptr;
}

peer* peer_table::for_connection(std::string_view name, std::unique_lock<std::mutex>& lock) {
  while (const auto index = system_.nodes().intern(name, runtime::node_names::use::connection)) {
    peer* const found = *index == 0 ? nullptr : at_slot(*index);
    if (found == nullptr) break;
    lock = std::unique_lock(found->lock);
    if (found->index.load() == *index) return found;
    lock = {}; // the slot was reused a moment ago
  }
  return nullptr;
}

std::size_t peer_table::some(std::size_t first, std::size_t most, std::vector<peer*>& into) const {
  const std::lock_guard guard(lock_);
  const std::size_t begin = std::min(first, owned_.size());
  const std::size_t end = begin + std::min(owned_.size() - begin, most);
  for (std::size_t at = begin; at < end; ++at) into.push_back(owned_[at].get());
  return end < owned_.size() ? end : 0;
}

} // namespace coppice::dist
