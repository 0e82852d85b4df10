// SPDX-License-Identifier: MIT
// All of a node's tls_sources that have a certificate of the node's own, so that somebody can look when those
// end and whether they are used: those of its connections to other nodes, and those of its tcp and web
// listeners. A source that nobody else holds any more is none of them. Any thread.
#pragma once

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include "net/tls/tls_source.hpp"

namespace coppice::net {

class tls_sources {
 public:
  // Null: nothing happens. The same one twice counts once.
  void add(const std::shared_ptr<tls_source>& one) {
    if (one == nullptr) return;
    const std::lock_guard guard(lock_);
    std::erase_if(known_, [&](const auto& other) { return other.expired() || other.lock() == one; });
    known_.push_back(one);
  }

  std::vector<std::shared_ptr<tls_source>> all() const {
    std::vector<std::shared_ptr<tls_source>> out;
    const std::lock_guard guard(lock_);
    for (const auto& one : known_)
      if (auto held = one.lock()) out.push_back(std::move(held));
    return out;
  }

 private:
  mutable std::mutex lock_;
  std::vector<std::weak_ptr<tls_source>> known_;
};

} // namespace coppice::net
