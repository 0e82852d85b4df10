// SPDX-License-Identifier: MIT
// The locks of `global` as one node keeps them: a resource is held by one requester, on whose behalf several
// processes may hold it at once. Resources and requesters are terms, equal when their bytes are. One thread.
#pragma once

#include <coppice/etf/types.hpp>
#include <map>
#include <string>
#include <vector>

#include "runtime/messages/ids.hpp"

namespace coppice::services {

class global_locks {
 public:
  // True if `holder` holds it now, also when it did already; false if another requester has it.
  bool set(etf::bytes resource, etf::bytes requester, const runtime::pid& holder);
  // Whether set() would succeed.
  bool free_for(etf::bytes resource, etf::bytes requester) const;
  // Whether a process of that node holds it.
  bool is_held_by(etf::bytes resource, std::uint32_t node) const;
  void remove(etf::bytes resource, etf::bytes requester, const runtime::pid& holder);
  // Every lock of a process that is gone.
  void remove_all(const runtime::pid& holder);
  bool holds_any(const runtime::pid& holder) const;
  std::size_t size() const { return locks_.size(); }

 private:
  struct lock {
    std::string requester;
    std::vector<runtime::pid> holders;
  };
  std::map<std::string, lock, std::less<>> locks_; // by resource
};

} // namespace coppice::services
