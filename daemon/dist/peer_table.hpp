// SPDX-License-Identifier: MIT
// The peers by the index of their node. The table of node names has a peer made for each slot that it uses,
// and may give a slot on to another node. A peer is never freed while the table lives, but an index that was
// given out before its slot was given on leads to none. Any thread.
//
// Locking: the lock of a peer is never taken under the table's own, because a thread with a peer's lock may
// ask for a name, and a new name asks for a peer.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "dist/peer.hpp"
#include "runtime/messages/node_names.hpp"
#include "runtime/system.hpp"

namespace coppice::dist {

class peer_table final : private runtime::node_names::holder {
 public:
  // Peers are made for the names of `system` from now on, until stop(). It outlives the table's use.
  explicit peer_table(runtime::system& system);
  peer_table(const peer_table&) = delete;
  peer_table& operator=(const peer_table&) = delete;

  // Null: the index is out of date. Unless the node is connected, an index can become so at any moment.
  peer* find(std::uint32_t node) const {
    peer* const found = at_slot(node);
    return found != nullptr && found->index.load(std::memory_order_acquire) == node ? found : nullptr;
  }
  // Null: the name is not known, or its peer was given on.
  peer* find(std::string_view name) const;
  // The peer of a node that has proved the cookie, or is kept, with its lock held. Null: there is no room for
  // its name.
  peer* for_connection(std::string_view name, std::unique_lock<std::mutex>& lock);
  // Appends at most `most` peers, beginning with the entry `first`. Returns the entry to continue with. 0:
  // there are no more.
  std::size_t some(std::size_t first, std::size_t most, std::vector<peer*>& into) const;
  // No peer is made or given on any more: the table of names may be destroyed first.
  void stop();

 private:
  static constexpr std::size_t chunk_size = 256;
  using chunk = std::array<std::atomic<peer*>, chunk_size>;

  // The functions of runtime::node_names::holder.
  void slot_taken(std::uint32_t index, std::string_view name) override;
  bool slot_given_on(std::uint32_t from, std::uint32_t to, std::string_view name) override;

  // The peer at the slot of the index, whichever node the slot belongs to now.
  peer* at_slot(std::uint32_t index) const {
    const std::uint32_t slot = runtime::node_names::slot_of(index);
    const chunk* in = chunks_[slot / chunk_size].load(std::memory_order_acquire);
    return in == nullptr ? nullptr : (*in)[slot % chunk_size].load(std::memory_order_acquire);
  }

  runtime::system& system_;
  mutable std::mutex lock_; // guards owned_ and the making of chunks
  std::vector<std::unique_ptr<peer>> owned_;
  std::vector<std::unique_ptr<chunk>> chunks_owned_;
  std::array<std::atomic<chunk*>, 256> chunks_{};
};

} // namespace coppice::dist
