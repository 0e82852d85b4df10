// SPDX-License-Identifier: MIT
// The network between hosts: wires, each of which carries things in order, some time after they were sent,
// and not while its direction is cut. The seed chooses how long each pair of hosts needs. The baton's
// holder.
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "machine.hpp"

namespace coppice::simulated {

// Chooses the times. Called once, before anything is sent.
void prepare_network();

// One direction of a connection.
class wire : public std::enable_shared_from_this<wire> {
 public:
  wire(unsigned from, unsigned to) : from_(from), to_(to) {}
  void send(std::function<void()> arrives);
  // Whether nothing is on the way.
  bool empty() const { return waiting_.empty(); }
  // Continues after a cut, with the things that wait.
  void go_on();

 private:
  struct sent {
    nanos due;
    std::function<void()> arrives;
  };
  void plan();
  void deliver();

  unsigned from_;
  unsigned to_;
  std::deque<sent> waiting_;
  nanos last_due_ = 0;
  bool planned_ = false;
};

// How long something that is sent now is on its way.
nanos way_between(unsigned from, unsigned to);

// Nothing arrives in that direction until heal(). Things sent meanwhile arrive then, because TCP sends them
// again.
void cut(unsigned from, unsigned to);
void heal(unsigned from, unsigned to);
bool is_cut(unsigned from, unsigned to);
void heal_all();

} // namespace coppice::simulated
