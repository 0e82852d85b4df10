// SPDX-License-Identifier: MIT
// The node's snapshots as the JSON documents of the manual page: keys, units and order in one place.
// Pure functions of copies; any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "node/instance/apply.hpp"
#include "node/instance/snapshots.hpp"
#include "node/reload/reload_report.hpp"
#include "runtime/occupation.hpp"
#include "services/cron/jobs.hpp"

namespace coppice::node {
class instance;
}

namespace coppice::control {

// `s` is what status_with_disk() of the node has made, `given_up` its degraded().
nlohmann::json status_document(const node::snapshots& of, const node::node_status& s,
                               const std::vector<std::string>& given_up);
nlohmann::json tree_document(const node::snapshots& of, const std::vector<node::application_tree>& trees);
// The handlers that hold threads.
nlohmann::json stuck_json(const node::snapshots& of, const std::vector<runtime::stuck_handler>& stuck);
// One process in a few words.
nlohmann::json summary_json(const node::snapshots& of, const runtime::process_summary& p);
nlohmann::json process_document(node::instance& of, const runtime::process_info& info);
// The jobs, and what they did. `away`: the nodes of distribution.peers that are not connected.
nlohmann::json jobs_document(const std::vector<services::cron_row>& jobs,
                             const std::vector<std::string>& away);
// The runs that come, in their order; `all`: nothing was left out.
nlohmann::json coming_document(const std::vector<std::pair<cron::instant, services::cron_row>>& coming,
                               bool all);
// The report of an engine: maps with atoms as keys, lists, whole numbers, atoms and binaries as texts, true
// and false; null for the atom `undefined` and all else.
nlohmann::json report_document(const runtime::message& report);
// The wait of a parked process; null: it waits for nothing any more.
nlohmann::json wait_json(const runtime::waited_for& wait);
// The callback of a process that is busy, and the process for which it works; null: neither is known.
nlohmann::json handles_json(const runtime::occupation& told);
// The first messages of a process's mailbox.
nlohmann::json waiting_json(const runtime::occupation& told);
nlohmann::json nodes_document(const node::snapshots& of);
nlohmann::json plugins_document(node::instance& of);
nlohmann::json changes_document(const node::apply_outcome& outcome);
nlohmann::json reload_document(const node::snapshots& of, const node::reload_report& report);

} // namespace coppice::control
