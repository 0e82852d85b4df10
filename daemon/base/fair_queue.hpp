// SPDX-License-Identifier: MIT
// A line in which the entries of each key wait in their order, and the keys take turns. So a key with very
// many entries delays an entry of another key by one entry, and not by all of them. One thread at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>

namespace coppice::base {

template <class Entry>
class fair_queue {
 public:
  bool empty() const { return turns_.empty(); }
  void push(std::uint32_t key, Entry one) {
    std::deque<Entry>& its = waiting_[key];
    if (its.empty()) turns_.push_back(key);
    its.push_back(std::move(one));
  }
  // Takes the first entry of the next key that `may` lets go on. nullopt: there is none.
  template <class May> // bool(std::uint32_t key)
  std::optional<std::pair<std::uint32_t, Entry>> pop(const May& may) {
    const auto turn = std::find_if(turns_.begin(), turns_.end(), may);
    if (turn == turns_.end()) return std::nullopt;
    const std::uint32_t key = *turn;
    turns_.erase(turn);
    std::deque<Entry>& its = waiting_.find(key)->second;
    std::pair<std::uint32_t, Entry> out(key, std::move(its.front()));
    its.pop_front();
    if (its.empty())
      waiting_.erase(key);
    else
      turns_.push_back(key);
    return out;
  }
  // False: it does not wait.
  bool erase(std::uint32_t key, const Entry& one) {
    const auto its = waiting_.find(key);
    if (its == waiting_.end() || std::erase(its->second, one) == 0) return false;
    if (!its->second.empty()) return true;
    waiting_.erase(its);
    std::erase(turns_, key);
    return true;
  }

 private:
  std::deque<std::uint32_t> turns_;                              // the keys that have entries, each once
  std::unordered_map<std::uint32_t, std::deque<Entry>> waiting_; // none is empty
};

} // namespace coppice::base
