// SPDX-License-Identifier: MIT
// Which lost connections `global` has heard of. A loss goes round: every node that hears of one tells all it
// knows, once. So a node that forgot a loss while it still goes round would send it round again, and with
// many of them for ever. Therefore a loss is kept for longer than it may go round; each node from which they
// come has room for so many, and what finds no room there is not passed on. Of one process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "base/clock.hpp"
#include "services/peers/kept_memory.hpp"

namespace coppice::services {

class lost_connections {
 public:
  static constexpr std::size_t most_by_one = 1024; // that came from one node first
  static constexpr base::nanos kept = 60 * base::nanos_per_second;

  struct loss {
    std::string_view reporter;
    std::string_view lost;
    std::uint64_t creation = 0; // of the reporter
    std::int64_t id = 0;        // the reporter's; grows
  };
  enum class heard : std::uint8_t {
    first,   // now: to be passed on
    again,   // it has been passed on
    no_room, // now, but it is not kept
  };
  // `from`: the node that told, by the index of its name; `now`: monotonic.
  heard hear(std::uint32_t from, const loss& one, base::nanos now);

  std::size_t size() const { return losses_.size(); }

 private:
  struct entry {
    std::int64_t id = 0;
    std::uint32_t from = 0;
    base::nanos at = 0; // heard last
  };
  // Reporter, lost node and the reporter's creation, which have no order: each of its lives counts by itself.
  using entries = std::map<std::tuple<std::string, std::string, std::uint64_t>, entry>;

  static std::size_t memory_of(const entries::value_type& one);
  void forget_old(base::nanos now);

  entries losses_;
  std::unordered_map<std::uint32_t, std::size_t> by_node_;
  kept_memory memory_;
  base::nanos looked_ = 0; // for old ones
};

} // namespace coppice::services
