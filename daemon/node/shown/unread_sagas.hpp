// SPDX-License-Identifier: MIT
// Finds transactions in the durable log that no saga continues, because the child that had their saga's name
// was renamed or removed, or no longer keeps a log. Their participants wait meanwhile. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "durable/log.hpp"
#include "node/shown/snapshot.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

// The names of the configured sagas: of those with a durable log, and of those without one.
struct saga_names {
  std::set<std::string> durable, in_memory;
};
saga_names saga_names_of(const spec::node_spec& spec);

class unread_sagas {
 public:
  // `read`: the names of the sagas whose groups of the log are read. By name.
  std::vector<unread_saga> look(const durable::shared_log& log, const std::set<std::string>& read);

 private:
  std::mutex lock_;
  // Open records in the groups that no saga reads. The count changes only when a saga reads the group.
  std::map<durable::group_id, std::uint64_t> open_;
};

} // namespace coppice::node
