// SPDX-License-Identifier: MIT
// Counts the calls of rpc and erpc, and the processes of OTP's tools, that run for each node. Each has a
// process of its own, which a peer starts by a short message, so their number is bounded. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

namespace coppice::services {

class running_calls {
  struct count {
    std::size_t running = 0;
    bool told = false; // a refusal was logged
  };
  struct counts {
    std::size_t most = 0; // for one node
    std::mutex lock;
    std::unordered_map<std::uint32_t, count> by_node;
  };

 public:
  static constexpr std::size_t most_of_node = 4096;

  // A running call. It counts until this object is destroyed.
  class token {
   public:
    token(std::shared_ptr<counts> in, std::uint32_t node) : in_(std::move(in)), node_(node) {}
    token(token&&) noexcept = default;
    token& operator=(token&&) = delete;
    ~token() {
      if (in_ == nullptr) return;
      const std::lock_guard guard(in_->lock);
      const auto found = in_->by_node.find(node_);
      if (--found->second.running == 0) in_->by_node.erase(found);
    }

   private:
    std::shared_ptr<counts> in_;
    std::uint32_t node_;
  };

  explicit running_calls(std::size_t most = most_of_node) : counts_(std::make_shared<counts>()) {
    counts_->most = most;
  }

  // Counts a call for the node with that index. Empty: too many run for this node already. `tell` is set if
  // that is the first refusal since none ran for it.
  std::optional<token> begin(std::uint32_t node, bool& tell) const {
    const std::lock_guard guard(counts_->lock);
    count& of = counts_->by_node[node];
    tell = false;
    if (of.running >= counts_->most) {
      tell = !std::exchange(of.told, true);
      return std::nullopt;
    }
    ++of.running;
    return token(counts_, node);
  }

 private:
  std::shared_ptr<counts> counts_;
};

} // namespace coppice::services
