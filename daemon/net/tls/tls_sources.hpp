// SPDX-License-Identifier: MIT
// All tls_sources of a node that have a certificate of their own: of connections to other nodes, of tcp and
// web listeners, of children that stay connected, and of the node's own HTTP. Not of TLS that actors start
// with files of their own choice, which a worker keeps as long as it runs. Shows when the certificates end
// and whether changed files are used. A source is forgotten when its last owner releases it. Any thread.
#pragma once

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include "net/tls/tls_source.hpp"

namespace coppice::net {

class tls_sources {
 public:
  // Null is ignored. A source that is added twice counts once.
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
