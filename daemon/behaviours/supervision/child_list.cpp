// SPDX-License-Identifier: MIT
// Blocks of bounded size behind shared pointers. The last block of a list is written to only while no other
// list has it.
#include "behaviours/supervision/child_list.hpp"

#include <algorithm>
#include <utility>

namespace coppice::behaviours {

void child_list::push_back(value one) {
  const bool fits = !blocks_.empty() && blocks_.back()->size() < block_size;
  if (!fits) {
    blocks_.push_back(std::make_shared<block>());
    blocks_.back()->reserve(block_size);
  } else if (blocks_.back().use_count() > 1) {
    auto own = std::make_shared<block>();
    own->reserve(block_size);
    *own = *blocks_.back();
    blocks_.back() = std::move(own);
  }
  blocks_.back()->push_back(std::move(one));
  ++size_;
}

void child_list::append(const child_list& from, std::size_t first, std::size_t last) {
  std::size_t start = 0; // of a block
  for (const auto& each : from.blocks_) {
    const std::size_t begin = std::max(first, start);
    const std::size_t end = std::min(last, start + each->size());
    start += each->size();
    if (begin >= end) continue;
    const bool whole = end - begin == each->size();
    const bool small = !blocks_.empty() && blocks_.back()->size() + each->size() <= block_size;
    if (whole && !small) {
      blocks_.push_back(each);
      size_ += each->size();
      continue;
    }
    const std::size_t base = start - each->size();
    for (std::size_t i = begin; i < end; ++i) push_back((*each)[i - base]);
  }
}

const child_list::value& child_list::operator[](std::size_t index) const {
  auto at = blocks_.begin();
  for (; index >= (*at)->size(); ++at) index -= (*at)->size();
  return (**at)[index];
}

std::size_t child_list::shared_with(const child_list& other) const {
  return static_cast<std::size_t>(std::count_if(blocks_.begin(), blocks_.end(), [&other](const auto& each) {
    return std::find(other.blocks_.begin(), other.blocks_.end(), each) != other.blocks_.end();
  }));
}

} // namespace coppice::behaviours
