// SPDX-License-Identifier: MIT
// The one lock-free queue of the runtime: many producers push, one consumer takes everything at once.
// Its head is also the consumer's state, so that "was it asleep?" and "push" are one atomic step:
//   null      the consumer is idle; the producer that pushes next must wake it
//   open()    the consumer is awake and has taken everything
//   a node    the newest of the nodes waiting, linked to the older ones, the last to null or open()
//
// Producers: CAS head from what they saw to their node (release: the node's contents are published; acquire
// on the null case: what the consumer wrote before it went idle is seen by whoever runs it next). A CAS
// that succeeds is correct whatever happened to the nodes below in between, since the whole list is only
// ever taken, never a part of it: no ABA. Order: the list is newest first, so the consumer turns it round,
// and the pushes of one producer keep their order since each CAS follows the one before.
// Consumer: exchange(open(), acquire) takes all. To become idle it CASes open() to null (release); if that
// fails something was pushed and it must go on. A push therefore either comes before that CAS (the consumer
// sees it) or after it (the producer sees null and wakes): no wake-up is lost, and exactly one producer
// wakes. Pushing is lock-free, taking wait-free. tests/unit/runtime/structures/lifo_test.cpp runs this code
// in every interleaving.
#pragma once

#include <atomic>

#include "runtime/structures/atomics.hpp"

namespace coppice::runtime {

// Node has a member `next`, or Link names another.
template <class Node, Node* Node::*Link = &Node::next, class Atomics = machine_atomics>
class lifo {
 public:
  // Starts idle, or awake.
  explicit lifo(bool awake = false) : head_(awake ? open() : nullptr) {}
  lifo(const lifo&) = delete;
  lifo& operator=(const lifo&) = delete;

  // Any thread. True: the consumer was idle and the caller must see that it runs.
  bool push(Node* node) { return push_chain(node, node); }

  // `newest` … `oldest` are linked already, newest first.
  bool push_chain(Node* newest, Node* oldest) {
    Node* seen = head_.load(std::memory_order_relaxed);
    do {
      oldest->*Link = seen;
    } while (
        !head_.compare_exchange_weak(seen, newest, std::memory_order_acq_rel, std::memory_order_relaxed));
    return seen == nullptr;
  }

  // Any thread. Wakes without a node: true if the consumer was idle, and the caller must see that it runs.
  bool wake() {
    Node* seen = nullptr;
    return head_.compare_exchange_strong(seen, open(), std::memory_order_acq_rel, std::memory_order_relaxed);
  }

  // Consumer. All that was pushed, oldest first, ended by null; the queue is open afterwards.
  Node* take_all() {
    bool was_idle = false;
    return take_all(was_idle);
  }

  // The same; `was_idle`: the first of them was pushed into an idle queue, so its producer wakes or has woken
  // the consumer.
  Node* take_all(bool& was_idle) {
    was_idle = false;
    if (head_.load(std::memory_order_relaxed) == open()) return nullptr;
    Node* newest = head_.exchange(open(), std::memory_order_acq_rel);
    Node* oldest_first = nullptr;
    while (newest != nullptr && newest != open()) {
      Node* older = newest->*Link;
      newest->*Link = oldest_first;
      oldest_first = newest;
      newest = older;
    }
    was_idle = newest == nullptr;
    return oldest_first;
  }

  // Consumer. False if something was pushed meanwhile.
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
  // An address no node has.
  static Node* open() { return reinterpret_cast<Node*>(&open_mark_); }
  alignas(16) static inline char open_mark_ = 0;

  typename Atomics::template atomic<Node*> head_;
};

} // namespace coppice::runtime
