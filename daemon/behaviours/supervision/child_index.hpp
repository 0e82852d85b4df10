// SPDX-License-Identifier: MIT
// Finds children by a hash. The links lie in the children, so an index of 100,000 has one array of heads and
// allocates nothing for each child. Invariant: the number of heads is a power of two and at least twice the
// number of children, so most chains have one child and most misses are seen at the head. One thread at a
// time.
#pragma once

#include <bit>
#include <cstddef>
#include <utility>
#include <vector>

namespace coppice::behaviours {

struct child;

// A child's place in one index.
struct child_link {
  std::size_t hash = 0; // its low bits choose the chain
  child* next = nullptr;
};

template <child_link child::*Link>
class child_index {
 public:
  // Makes room for so many children in all, so that the index does not grow in between.
  void reserve(std::size_t children) {
    if (children * 2 > heads_.size()) spread(std::bit_ceil(children * 2));
  }

  // The child must not be in the index yet.
  void insert(child& one, std::size_t hash) {
    if ((size_ + 1) * 2 > heads_.size()) spread(heads_.empty() ? 8 : heads_.size() * 2);
    ++size_;
    (one.*Link).hash = hash;
    put(one);
  }

  // Does nothing if the child is not in the index.
  void erase(child& one) {
    if (heads_.empty()) return;
    for (child** at = &head((one.*Link).hash); *at != nullptr; at = &((*at)->*Link).next) {
      if (*at != &one) continue;
      *at = std::exchange((one.*Link).next, nullptr);
      --size_;
      return;
    }
  }

  // The child with this hash for which same(child) holds; null: none.
  template <class Same>
  child* find(std::size_t hash, Same same) const {
    if (heads_.empty()) return nullptr;
    child* at = heads_[hash & (heads_.size() - 1)];
    while (at != nullptr && !((at->*Link).hash == hash && same(std::as_const(*at)))) at = (at->*Link).next;
    return at;
  }

 private:
  child*& head(std::size_t hash) { return heads_[hash & (heads_.size() - 1)]; }

  void put(child& one) {
    child*& first = head((one.*Link).hash);
    (one.*Link).next = std::exchange(first, &one);
  }

  void spread(std::size_t heads) {
    const std::vector<child*> before = std::exchange(heads_, std::vector<child*>(heads));
    for (child* one : before)
      while (one != nullptr) put(*std::exchange(one, (one->*Link).next));
  }

  std::vector<child*> heads_;
  std::size_t size_ = 0;
};

} // namespace coppice::behaviours
