// SPDX-License-Identifier: MIT
// The children of a supervisor's specification, in start order. A value: copies and pieces share the blocks
// in which the children are. A copy of 100,000 children with one replaced costs a few hundred pointers, not
// 100,000. Invariant: only the last block is ever written to, and of two neighbouring blocks at most one is
// small. One thread builds a list; afterwards any thread may read it.
#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <vector>

namespace coppice::behaviours {

struct child_spec;

class child_list {
 public:
  using value = std::shared_ptr<const child_spec>;

  class iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = value;
    using difference_type = std::ptrdiff_t;
    using pointer = const value*;
    using reference = const value&;

    iterator() = default;
    iterator(const child_list& of, std::size_t block) : of_(&of), block_(block) {}
    reference operator*() const { return (*of_->blocks_[block_])[at_]; }
    pointer operator->() const { return &**this; }
    iterator& operator++() {
      if (++at_ == of_->blocks_[block_]->size()) *this = iterator(*of_, block_ + 1);
      return *this;
    }
    iterator operator++(int) {
      iterator was = *this;
      ++*this;
      return was;
    }
    bool operator==(const iterator&) const = default;

   private:
    const child_list* of_ = nullptr;
    std::size_t block_ = 0;
    std::size_t at_ = 0;
  };

  void push_back(value one);
  // Appends the children from `first` to before `last` of another list; 0 <= first <= last <= from.size().
  void append(const child_list& from, std::size_t first, std::size_t last);

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const value& front() const { return *begin(); }   // not empty
  const value& operator[](std::size_t index) const; // index < size()
  iterator begin() const { return {*this, 0}; }
  iterator end() const { return {*this, blocks_.size()}; }

  // How many blocks it shares with another, for tests.
  std::size_t shared_with(const child_list& other) const;

 private:
  using block = std::vector<value>;
  static constexpr std::size_t block_size = 256;

  std::vector<std::shared_ptr<block>> blocks_; // no block is empty
  std::size_t size_ = 0;
};

} // namespace coppice::behaviours
