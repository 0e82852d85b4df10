// SPDX-License-Identifier: MIT
// The runtime's one lock-free queue: many producers push, one consumer takes everything at once. The head is
// also the consumer's state, so that "was it asleep?" and "push" are one atomic step:
//   null      the consumer is idle; the producer that pushes next has to wake it
//   open()    the consumer is awake and has taken everything
//   a node    the newest of the waiting nodes, linked to the older ones, the last one to null or open()
//
// Producers: a CAS changes the head from the value that was read to their node (release: the node's contents
// are published; acquire in the null case: the thread that runs the consumer next sees what it wrote before
// it went idle). A CAS that succeeds is correct whatever happened to the nodes below in between, since only
// the whole list is ever taken: no ABA. Order: the list is newest first, so the consumer reverses it; the
// pushes of one producer keep their order, since each CAS follows the one before.
// Consumer: exchange(open(), acquire) takes all. To become idle it CASes open() to null (release); if that
// fails, something was pushed and it has to go on. So a push comes either before that CAS, and the consumer
// sees it, or after it, and the producer sees null and wakes the consumer. No wake-up is lost, and exactly
// one producer wakes. Pushing is lock-free, taking wait-free. tests/unit/runtime/structures/lifo_test.cpp
// runs this code in every interleaving.
#pragma once

#include <atomic>
#include <functional>

#include "runtime/structures/atomics.hpp"

namespace coppice::runtime {

// Link: the link to the next node, as a pointer to a member or as a function from Node& to Node*&.
template <class Node, auto Link = &Node::next, class Atomics = machine_atomics>
class lifo {
 public:
  // `awake`: false: starts idle.
  explicit lifo(bool awake = false) : head_(awake ? open() : nullptr) {}
  lifo(const lifo&) = delete;
  lifo& operator=(const lifo&) = delete;

  // Any thread. True: the consumer was idle, and the caller has to make it run.
  bool push(Node* node) { return push_chain(node, node); }

  // The chain from `newest` to `oldest` has to be linked already, newest first.
  bool push_chain(Node* newest, Node* oldest) {
    Node* seen = head_.load(std::memory_order_relaxed);
    do {
      next_of(*oldest) = seen;
    } while (
        !head_.compare_exchange_weak(seen, newest, std::memory_order_acq_rel, std::memory_order_relaxed));
    return seen == nullptr;
  }

  // Any thread. Wakes without a node. True: the consumer was idle, and the caller has to make it run.
  bool wake() {
    Node* seen = nullptr;
    return head_.compare_exchange_strong(seen, open(), std::memory_order_acq_rel, std::memory_order_relaxed);
  }

  // Consumer. Takes all nodes, oldest first, ended by null. The queue is open afterwards.
  Node* take_all() {
    bool was_idle = false;
    return take_all(was_idle);
  }

  // As take_all(). `was_idle`: the first node was pushed into an idle queue, so its producer wakes the
  // consumer or has done so.
  Node* take_all(bool& was_idle) {
    was_idle = false;
    if (head_.load(std::memory_order_relaxed) == open()) return nullptr;
    Node* newest = head_.exchange(open(), std::memory_order_acq_rel);
    Node* oldest_first = nullptr;
    while (newest != nullptr && newest != open()) {
      Node* older = next_of(*newest);
      next_of(*newest) = oldest_first;
      oldest_first = newest;
      newest = older;
    }
    was_idle = newest == nullptr;
    return oldest_first;
  }

  // Consumer. False: something was pushed meanwhile.
  bool try_idle() {
    Node* seen = open();
    return head_.compare_exchange_strong(seen, nullptr, std::memory_order_acq_rel, std::memory_order_relaxed);
  }

  // Any thread, a hint: nothing is waiting.
  bool empty() const {
    const Node* seen = head_.load(std::memory_order_relaxed);
    return seen == nullptr || seen == open();
  }
  bool idle() const { return head_.load(std::memory_order_relaxed) == nullptr; }

 private:
  static Node*& next_of(Node& node) { return std::invoke(Link, node); }
  // An address that no node has.
  static Node* open() { return reinterpret_cast<Node*>(&open_mark_); }
  alignas(16) static inline char open_mark_ = 0;

  typename Atomics::template atomic<Node*> head_;
};

} // namespace coppice::runtime
