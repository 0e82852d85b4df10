// SPDX-License-Identifier: MIT
// A small hash table with open addressing: linear probing, erasure by shifting back, no memory until the
// first insertion. For tables that every process may have and that are empty in most. Pointers to values are
// valid until the next insertion or erasure. One thread at a time.
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
    const std::size_t at = place_of(key);
    return at == nowhere ? nullptr : &cells_[at].value;
  }
  const Value* find(const Key& key) const { return const_cast<flat_table*>(this)->find(key); }

  // The value of the key, default-made if the key is new; and whether it is new.
  std::pair<Value&, bool> insert(const Key& key) {
    const std::size_t hash = Hash{}(key);
    if (cells_ == nullptr) grow();
    std::size_t at = hash & mask_;
    for (; cells_[at].used; at = (at + 1) & mask_)
      if (cells_[at].key == key) return {cells_[at].value, false};
    if ((size_ + 1) * 4 > (mask_ + 1) * 3) {
      grow();
      at = free_from(hash & mask_);
    }
    cells_[at].used = true;
    cells_[at].key = key;
    ++size_;
    return {cells_[at].value, true};
  }
  Value& operator[](const Key& key) { return insert(key).first; }

  bool erase(const Key& key) {
    const std::size_t at = place_of(key);
    if (at == nowhere) return false;
    erase_at(at);
    return true;
  }

  // Removes and returns the value. nullopt: the key is not there.
  std::optional<Value> take(const Key& key) {
    const std::size_t at = place_of(key);
    if (at == nowhere) return std::nullopt;
    std::optional<Value> taken(std::move(cells_[at].value));
    erase_at(at);
    return taken;
  }

  // Takes out at most `most` entries, with `see(key, value)` for each, and returns how many. Until the table
  // is empty, only this function may be called: entries that are still in the table are not found.
  template <class See>
  std::size_t take_some(std::size_t most, See see) {
    std::size_t taken = 0;
    for (; size_ > 0 && taken < most; ++taken_to_) {
      cell& at = cells_[taken_to_];
      if (!at.used) continue;
      see(std::as_const(at.key), at.value);
      at = cell{};
      --size_;
      ++taken;
    }
    if (size_ == 0) *this = {};
    return taken;
  }

  // Calls `see(key, value)` for each entry; `see` may not insert or erase.
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

  static constexpr std::size_t nowhere = SIZE_MAX;

  std::size_t home(const Key& key) const { return Hash{}(key)&mask_; }

  std::size_t place_of(const Key& key) const {
    if (size_ == 0) return nowhere;
    for (std::size_t at = home(key); cells_[at].used; at = (at + 1) & mask_)
      if (cells_[at].key == key) return at;
    return nowhere;
  }

  std::size_t free_from(std::size_t at) const {
    while (cells_[at].used) at = (at + 1) & mask_;
    return at;
  }

  void erase_at(std::size_t hole) {
    for (std::size_t at = (hole + 1) & mask_; cells_[at].used; at = (at + 1) & mask_) {
      if (((at - home(cells_[at].key)) & mask_) < ((at - hole) & mask_)) continue;
      cells_[hole].key = cells_[at].key;
      cells_[hole].value = std::move(cells_[at].value);
      hole = at;
    }
    cells_[hole] = cell{};
    --size_;
  }

  void grow() {
    const std::size_t old = cells_ == nullptr ? 0 : mask_ + 1;
    auto before = std::exchange(cells_, std::make_unique<cell[]>(old == 0 ? 4 : old * 2));
    mask_ = old == 0 ? 3 : old * 2 - 1;
    for (std::size_t i = 0; i < old; ++i) {
      if (!before[i].used) continue;
      cells_[free_from(home(before[i].key))] = std::move(before[i]);
    }
  }

  std::unique_ptr<cell[]> cells_;
  std::size_t mask_ = 0;
  std::size_t size_ = 0;
  std::size_t taken_to_ = 0; // take_some() has emptied the cells before this one
};

} // namespace coppice::runtime
