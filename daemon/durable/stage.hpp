// SPDX-License-Identifier: MIT
// Turns requests into records, after looking whether they fit the groups as those will be by then. Requests
// of one batch see what those before them change. Pure; the caller holds the index still.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "durable/change.hpp"
#include "durable/index.hpp"

namespace coppice::durable {

// A record that is to be written; batch and place come later.
struct staged_record {
  record head;
  std::string_view borrowed; // body of whoever wrote it
  std::string owned;         // body that was put together. Empty: `borrowed` is it

  std::string_view body() const { return owned.empty() ? borrowed : std::string_view(owned); }
  std::size_t size() const { return record_head_size + body().size(); }
};

class stage {
 public:
  // `takes_entries`: else requests that append are refused with errc::limit.
  stage(const group_index& now, bool takes_entries) : index_(now), takes_entries_(takes_entries) {}
  // Adds the request's records, or none and says why. The request has to outlive them.
  base::status add(const request& one);
  std::vector<staged_record>& records() { return records_; }

 private:
  // A group as it will be.
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
