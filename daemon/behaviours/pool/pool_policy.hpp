// SPDX-License-Identifier: MIT
// The decisions of an actor type in a pool of its actors, "coppice.pool/draft-1", and the port that finds
// their callbacks, which the loader implements. Any thread.
#pragma once

#include <coppice/draft/pool.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/heap_account.hpp"

namespace coppice::behaviours {

// The callbacks of one actor type. Its code stays loaded as long as this object lives. A pool keeps it for
// one request only, so that an idle pool does not keep code that a reload has replaced.
class pool_policy {
 public:
  virtual ~pool_policy() = default;
  virtual const coppice_pool& callbacks() const = 0;
  // The owner to which the allocations of the callbacks are charged.
  virtual base::heap::owner charged() const = 0;
};

class pool_policies {
 public:
  virtual ~pool_policies() = default;
  // Changes whenever the code of an actor type changes.
  virtual std::uint64_t code_version() const = 0;
  // The policy of the actor "PLUGIN" or "PLUGIN:ACTOR". Null: it has no such table, or is not loaded.
  virtual std::unique_ptr<pool_policy> policy_of(const std::string& actor) = 0;
};

} // namespace coppice::behaviours
