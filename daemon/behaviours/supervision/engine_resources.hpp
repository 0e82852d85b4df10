// SPDX-License-Identifier: MIT
// The parts that a node gives to the engines of its tree, each found by its type: the board where engines
// show their counters, the sockets that outlive a restart, ports that the loader implements. An engine looks
// for the parts that it knows and does without those that are missing. So a new kind of child needs no new
// field in `supervision`. Filled before the tree starts and immutable from then on; any thread.
#pragma once

#include <map>
#include <typeindex>

namespace coppice::behaviours {

class engine_resources {
 public:
  // `part` outlives the processes of the tree. Part is the type by which engines look for it, which may be a
  // base class.
  template <class Part>
  void give(Part& part) {
    parts_.insert_or_assign(std::type_index(typeid(Part)), &part);
  }
  // null: the node has given none.
  template <class Part>
  Part* find() const {
    const auto found = parts_.find(std::type_index(typeid(Part)));
    return found == parts_.end() ? nullptr : static_cast<Part*>(found->second);
  }

 private:
  std::map<std::type_index, void*> parts_; // each is a pointer to exactly the type that is its key
};

} // namespace coppice::behaviours
