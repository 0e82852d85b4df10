// SPDX-License-Identifier: MIT
// The lost connections that `global` has been told of. A loss is passed on: every node that hears of one
// tells all nodes that it knows, once. A node that forgot a loss too early would pass it on again, and many
// losses could circulate for ever. So a loss is kept longer than it can circulate. Each reporting node has
// room for a fixed number of losses; a loss beyond that is not passed on. One process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "base/clock.hpp"
#include "runtime/messages/kept_memory.hpp"

namespace coppice::services {

class lost_connections {
 public:
  static constexpr std::size_t most_by_one = 1024; // losses that first came from one node
  static constexpr base::nanos kept = 60 * base::nanos_per_second;

  struct loss {
    std::string_view reporter;
    std::string_view lost;
    std::uint64_t creation = 0; // creation of the reporter
    std::int64_t id = 0;        // number given by the reporter; ascending
  };
  enum class heard : std::uint8_t {
    first,   // the first time: pass it on
    again,   // it has been passed on
    no_room, // the first time, but there is no room to keep it
  };
  // `from`: the node that told it, by the index of its name; `now`: monotonic.
  heard hear(std::uint32_t from, const loss& one, base::nanos now);

  std::size_t size() const { return losses_.size(); }

 private:
  struct entry {
    std::int64_t id = 0;
    std::uint32_t from = 0;
    base::nanos at = 0; // last time heard
  };
  // Key: reporter, lost node and the reporter's creation. Creations have no order, so each life of a reporter
  // counts by itself.
  using entries = std::map<std::tuple<std::string, std::string, std::uint64_t>, entry>;

  static std::size_t memory_of(const entries::value_type& one);
  void forget_old(base::nanos now);

  entries losses_;
  std::unordered_map<std::uint32_t, std::size_t> by_node_;
  runtime::kept_memory memory_;
  base::nanos looked_ = 0; // last search for old losses
};

} // namespace coppice::services
