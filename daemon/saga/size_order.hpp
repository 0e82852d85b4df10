// SPDX-License-Identifier: MIT
// Names, each with a size that changes. The name with the largest size is found without a look at the others,
// so that dropping one entry of very many nodes costs no scan of them. One thread at a time.
#pragma once

#include <cstddef>
#include <set>
#include <string_view>
#include <utility>

namespace coppice::saga {

class size_order {
 public:
  // The name has to live as long as its size is above 0. `from`: the size that it has now. 0: the name is
  // not here.
  void change(std::string_view name, std::size_t from, std::size_t to) {
    if (from == to) return;
    if (from != 0) by_size_.erase({from, name});
    if (to != 0) by_size_.emplace(to, name);
  }
  // The alphabetically first of the names with the largest size. Some name must be here.
  std::string_view largest() const { return by_size_.rbegin()->second; }

 private:
  using sized = std::pair<std::size_t, std::string_view>;
  struct smaller {
    bool operator()(const sized& one, const sized& other) const {
      return one.first != other.first ? one.first < other.first : one.second > other.second;
    }
  };
  std::set<sized, smaller> by_size_;
};

} // namespace coppice::saga
