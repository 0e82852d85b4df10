// SPDX-License-Identifier: MIT
// Turns requests into records, after checking that they fit the groups. A request sees the changes of the
// earlier requests of its batch. Pure; the caller keeps the index unchanged meanwhile.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "durable/change.hpp"
#include "durable/index.hpp"

namespace coppice::durable {

// A record to be written. Its batch and place are set later.
struct staged_record {
  record head;
  std::string_view borrowed; // body that belongs to the request
  std::string owned;         // body that was put together here. Empty: the body is `borrowed`

  std::string_view body() const { return owned.empty() ? borrowed : std::string_view(owned); }
  std::size_t size() const { return record_head_size + body().size(); }
};

class stage {
 public:
  // `takes_entries`: if false, requests that append are refused with errc::limit.
  stage(const group_index& now, bool takes_entries) : index_(now), takes_entries_(takes_entries) {}
  // Adds the request's records; on an error it adds none. The request has to outlive the records.
  base::status add(const request& one);
  std::vector<staged_record>& records() { return records_; }

 private:
  // State of a group after the requests so far.
  struct ahead {
    std::uint64_t serial = 0;
    std::uint64_t first = 1;
    std::uint64_t last = 0;
    bool is_gone = false;
  };
  base::result<ahead> find(group_id group) const;
  base::status carry_out(const change& one, group_id group, ahead& of, std::vector<staged_record>& out) const;

  const group_index& index_;
  bool takes_entries_;
  std::map<group_id, ahead> ahead_;
  std::vector<staged_record> records_;
};

} // namespace coppice::durable
