// SPDX-License-Identifier: MIT
// The say that an actor type has in a pool of its actors, "coppice.pool/draft-1", and who knows it: a port
// that the loader implements. Any thread.
#pragma once

#include <coppice/draft/pool.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/heap_account.hpp"

namespace coppice::behaviours {

// Its code stays loaded as long as this lives, which is for one request: so that no pool that rests keeps
// what a reload has replaced.
class pool_policy {
 public:
  virtual ~pool_policy() = default;
  virtual const coppice_pool& callbacks() const = 0;
  // To which the allocations of its callbacks are charged.
  virtual base::heap::owner charged() const = 0;
};

class pool_policies {
 public:
  virtual ~pool_policies() = default;
  // Another number whenever an actor type's code has become another.
  virtual std::uint64_t code_version() const = 0;
  // Of "PLUGIN" or "PLUGIN:ACTOR". Null: it has no such table, or is not loaded.
  virtual std::unique_ptr<pool_policy> policy_of(const std::string& actor) = 0;
};

} // namespace coppice::behaviours
