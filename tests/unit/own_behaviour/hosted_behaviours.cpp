// rooms: node
// SPDX-License-Identifier: MIT
// The list of behaviours for plugins, one line for each. This file has nothing else, so that a test program
// can use a longer list. Any thread.
#include "host/actors/hosted_behaviours.hpp"

#include <vector>

namespace coppice::host {
namespace {

struct entry_of_list {
  const char* behaviour;
  hosted_behaviour (*hosted_by)(const coppice_behaviour* facts);
};

} // namespace

// Naming a class here declares it; the file of its actors defines hosted<> of it.
constexpr entry_of_list list_of_behaviours[] = {
    {.behaviour = "consumer", .hosted_by = &hosted<class stage>},
    {.behaviour = "event_handler", .hosted_by = &hosted<class event_handler>},
    {.behaviour = "producer", .hosted_by = &hosted<class stage>},
    {.behaviour = "producer_consumer", .hosted_by = &hosted<class stage>},
    {.behaviour = "raft", .hosted_by = &hosted<class raft_actor>},
    {.behaviour = "router", .hosted_by = &hosted<class router>},
    {.behaviour = "saga", .hosted_by = &hosted<class saga_actor>},
    {.behaviour = "server", .hosted_by = &hosted<class server>},
    {.behaviour = "sieve", .hosted_by = &hosted<class sieve>},
    {.behaviour = "statem", .hosted_by = &hosted<class statem>},
    {.behaviour = "tcp", .hosted_by = &hosted<class server>}, // its server table is optional
    {.behaviour = "udp", .hosted_by = &hosted<class server>}, // its server table is optional
};

behaviour_list hosted_behaviours() {
  static const std::vector<hosted_behaviour> all = [] {
    std::vector<hosted_behaviour> made;
    for (const entry_of_list& one : list_of_behaviours)
      made.push_back(one.hosted_by(coppice_find_behaviour(coppice_behaviours, one.behaviour)));
    return made;
  }();
  return all;
}

} // namespace coppice::host
