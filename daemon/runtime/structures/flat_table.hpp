// SPDX-License-Identifier: MIT
// A small hash table with open addressing: linear probing, erasure by shifting back, no memory until the
// first insertion. For the tables every process may have and most leave empty. Pointers to values last
// until the next insertion or erasure. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace coppice::runtime {

// For keys that are numbers.
struct number_hash {
  std::size_t operator()(std::uint64_t number) const {
    return static_cast<std::size_t>(number * 0x9E3779B97F4A7C15U >> 20);
  }
};

template <class Key, class Value, class Hash>
class flat_table {
 public:
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  Value* find(const Key& key) {
    if (size_ == 0) return nullptr;
    for (std::size_t at = home(key);; at = (at + 1) & mask_) {
      if (!cells_[at].used) return nullptr;
      if (cells_[at].key == key) return &cells_[at].value;
    }
  }
  const Value* find(const Key& key) const { return const_cast<flat_table*>(this)->find(key); }

  // The value of the key, default made if it is new.
  Value& operator[](const Key& key) {
    if (Value* found = find(key)) return *found;
    if (cells_ == nullptr || (size_ + 1) * 4 > (mask_ + 1) * 3) grow();
    std::size_t at = home(key);
    while (cells_[at].used) at = (at + 1) & mask_;
    cells_[at].used = true;
    cells_[at].key = key;
    ++size_;
    return cells_[at].value;
  }

  bool erase(const Key& key) {
    Value* found = find(key);
    if (found == nullptr) return false;
    std::size_t hole = home(key);
    while (&cells_[hole].value != found) hole = (hole + 1) & mask_;
    for (std::size_t at = (hole + 1) & mask_; cells_[at].used; at = (at + 1) & mask_) {
      if (((at - home(cells_[at].key)) & mask_) < ((at - hole) & mask_)) continue;
      cells_[hole].key = cells_[at].key;
      cells_[hole].value = std::move(cells_[at].value);
      hole = at;
    }
    cells_[hole] = cell{};
    --size_;
    return true;
  }

  // Erases it; nothing: it is not there.
  std::optional<Value> take(const Key& key) {
    Value* found = find(key);
    if (found == nullptr) return std::nullopt;
    std::optional<Value> taken(std::move(*found));
    erase(key);
    return taken;
  }

  // `see(key, value)`; may not insert or erase.
  template <class See>
  void for_each(See see) const {
    const_cast<flat_table*>(this)->for_each(
        [&](const Key& key, Value& value) { see(key, std::as_const(value)); });
  }
  template <class See>
  void for_each(See see) {
    if (size_ == 0) return;
    for (std::size_t at = 0; at <= mask_; ++at)
      if (cells_[at].used) see(std::as_const(cells_[at].key), cells_[at].value);
  }

 private:
  struct cell {
    Key key{};
    Value value{};
    bool used = false;
  };

  std::size_t home(const Key& key) const { return Hash{}(key)&mask_; }

  void grow() {
    const std::size_t old = cells_ == nullptr ? 0 : mask_ + 1;
    auto before = std::exchange(cells_, std::make_unique<cell[]>(old == 0 ? 4 : old * 2));
    mask_ = old == 0 ? 3 : old * 2 - 1;
    for (std::size_t i = 0; i < old; ++i) {
      if (!before[i].used) continue;
      std::size_t at = home(before[i].key);
      while (cells_[at].used) at = (at + 1) & mask_;
      cells_[at] = std::move(before[i]);
    }
  }

  std::unique_ptr<cell[]> cells_;
  std::size_t mask_ = 0;
  std::size_t size_ = 0;
};

} // namespace coppice::runtime
