// SPDX-License-Identifier: MIT
// Counts the bytes that all sagas of one node have open for other nodes. Each saga's core adds the bytes
// that it takes and gives them back, at the latest at its own end. One other node may have three quarters of
// the whole, which the sagas share. Two sagas that ask at the same time may both be told that there is room,
// so the bound may be exceeded by one value for each thread. Any thread.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <string>

namespace coppice::saga {

class node_room {
 public:
  // Whether `node` may have `more` bytes in addition, of `most` for all nodes.
  bool has(const std::string& node, std::size_t more, std::size_t most) const;
  // A saga has `now` bytes for `node`, in place of `before`.
  void change(const std::string& node, std::size_t before, std::size_t now);
  std::size_t taken() const;

 private:
  mutable std::mutex mutex_;                                // guards the members below
  std::map<std::string, std::size_t, std::less<>> by_node_; // none is 0
  std::size_t taken_ = 0;
};

} // namespace coppice::saga
