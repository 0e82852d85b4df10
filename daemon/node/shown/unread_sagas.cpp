// SPDX-License-Identifier: MIT
// See unread_sagas.hpp.
#include "node/shown/unread_sagas.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/bytes.hpp"
#include "behaviours/saga/saga_settings.hpp"
#include "saga/record.hpp"
#include "spec/kinds/saga.hpp"

namespace coppice::node {
namespace {

void add(const spec::supervisor_spec& of, saga_names& to) {
  for (const spec::child_spec& one : of.children) {
    if (one.supervisor != nullptr) add(*one.supervisor, to);
    if (one.behaviour != "saga" || one.name.empty()) continue;
    const auto* const saga = one.find<spec::saga_options>();
    const bool is_durable = saga == nullptr || saga->log == tree::saga_log::durable;
    (is_durable ? to.durable : to.in_memory).insert(one.name);
  }
}

// Counts transactions that were started at the saga, and steps that it takes part in.
std::uint64_t open_in(const durable::shared_log& log, durable::group_id group) {
  const auto values = log.values(group);
  return static_cast<std::uint64_t>(std::count_if(values.begin(), values.end(), [](const auto& one) {
    const auto key = saga::decode_record_key(base::as_bytes(one.first));
    return key && (key->kind == saga::record_kind::begin || key->kind == saga::record_kind::entry);
  }));
}

} // namespace

saga_names saga_names_of(const spec::node_spec& spec) {
  saga_names out;
  for (const spec::application_spec& one : spec.applications) add(one.supervisor, out);
  return out;
}

std::vector<unread_saga> unread_sagas::look(const durable::shared_log& log,
                                            const std::set<std::string>& read) {
  const std::scoped_lock held(lock_);
  std::vector<unread_saga> out;
  for (const durable::group_report& one : log.groups()) {
    if (!one.name.starts_with(behaviours::saga_group_prefix) || !one.damage.empty()) continue;
    std::string name = one.name.substr(behaviours::saga_group_prefix.size());
    if (read.contains(name)) {
      open_.erase(one.id);
      continue;
    }
    auto known = open_.find(one.id);
    if (known == open_.end()) known = open_.emplace(one.id, open_in(log, one.id)).first;
    if (known->second > 0) out.push_back({std::move(name), known->second});
  }
  std::ranges::sort(out, {}, &unread_saga::name);
  return out;
}

} // namespace coppice::node
