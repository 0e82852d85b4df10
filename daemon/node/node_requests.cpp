// SPDX-License-Identifier: MIT
// What a node shows and does for those outside its runtime. Snapshots are copies; a request that has to
// wait does so in a process of its own. Any thread.
#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>

#include "node/node.hpp"
#include "node/parts.hpp"
#include "node/requester.hpp"
#include "node/target.hpp"

namespace coppice::node {
namespace {

using behaviours::gen::call_error;
using behaviours::gen::call_result;

application_status status_of(const behaviours::application_row& row) {
  application_status out;
  out.name = row.name;
  out.type = text(row.type);
  out.state = text(row.state);
  if (row.reason) out.reason = etf::print(row.reason.bytes());
  out.pid = row.top;
  out.started = row.started;
  return out;
}

// Children started at run time have no behaviour in their specification; their process knows it.
void complete(std::vector<behaviours::tree_entry>& entries, const runtime::system& host) {
  for (behaviours::tree_entry& entry : entries) {
    if (entry.pid && entry.behaviour.empty()) {
      if (const auto info = host.info(entry.pid)) entry.behaviour = info->summary.is.behaviour;
    }
    complete(entry.children, host);
  }
}

void collect_parked(const behaviours::tree_entry& entry, const std::string& path,
                    std::vector<std::string>& to) {
  if (entry.state == behaviours::child_state::parked) to.push_back(path);
  for (const auto& child : entry.children) collect_parked(child, path + "/" + child.id, to);
}

base::status sent(runtime::send_status how) {
  if (how == runtime::send_status::ok) return {};
  return base::fail(base::errc::limit, "its mailbox is full");
}

} // namespace

node_status node::status() const {
  const parts& p = *parts_;
  node_status out;
  out.name = spec().node.name;
  out.creation = p.system.creation();
  out.version = COPPICE_VERSION;
  out.state = p.state;
  out.started = p.started_wall;
  out.uptime = base::mono_now() - p.started;
  out.workers = p.system.workers();
  out.runtime = p.system.counters();
  out.processes = out.runtime.processes;
  out.connections = p.net->connections();
  out.plugins = p.plugins.loaded().size();
  out.restarts = p.tree.restarts();
  out.parked = p.tree.parked();
  out.listening = p.net->listening();
  out.epmd = p.net->epmd_text();
  for (const auto& row : p.board.rows()) out.applications.push_back(status_of(row));
  return out;
}

base::result<std::vector<application_tree>> node::tree(std::string_view application) const {
  std::vector<application_tree> out;
  for (const auto& row : parts_->board.rows()) {
    if (!application.empty() && row.name != application) continue;
    application_tree& one = out.emplace_back();
    one.application = status_of(row);
    one.top.id = row.name;
    one.top.behaviour = "supervisor";
    one.top.name = row.top_name;
    if (!row.top) continue;
    one.top.pid = row.top;
    one.top.state = behaviours::child_state::running;
    one.top.children = parts_->tree.children_of(row.top);
    complete(one.top.children, parts_->system);
  }
  if (out.empty() && !application.empty()) {
    return base::fail(base::errc::not_found, "there is no application " + std::string(application));
  }
  return out;
}

std::vector<std::string> node::degraded() const {
  if (parts_->tree.parked() == 0) return {};
  std::vector<std::string> out;
  for (const auto& row : parts_->board.rows()) {
    if (!row.top) continue;
    behaviours::tree_entry top;
    top.children = parts_->tree.children_of(row.top);
    collect_parked(top, row.name, out);
  }
  return out;
}

std::vector<behaviours::child_end> node::ends_of(const runtime::process_info& process) const {
  return parts_->tree.ends(process.parent, process.summary.pid);
}

std::vector<runtime::process_summary> node::processes() const {
  return parts_->system.processes();
}

base::result<runtime::process_info> node::info(std::string_view process) const {
  auto to = parse_target(process, parts_->system);
  if (!to) return tl::unexpected(std::move(to.error()));
  if (!to->here()) return base::fail(base::errc::invalid, "it lives on another node: ask that one");
  using kind = runtime::destination::kind;
  auto found =
      to->what() == kind::process ? parts_->system.info(to->process()) : parts_->system.info(to->name());
  if (!found) return base::fail(base::errc::not_found, "no process here has that pid or name");
  return std::move(*found);
}

std::vector<peer_status> node::peers() const {
  return parts_->net->peers();
}

std::vector<plugin_status> node::plugins() const {
  std::vector<plugin_status> out;
  const auto kept = parts_->plugins.kept();
  for (const loader::loaded_plugin& from : parts_->plugins.loaded()) {
    plugin_status& one = out.emplace_back();
    one = {from.id, from.version, from.file, from.generation, from.actors, {}};
    for (const loader::kept_image& former : kept)
      if (former.plugin == from.id) one.kept.push_back({former.generation, former.reason});
  }
  return out;
}

plugin_metrics node::counted() const {
  return {parts_->metrics.families(), parts_->metrics.refused()};
}

const std::string& node::cookie_file() const {
  return parts_->cookie_file;
}

std::string node::text_of(const runtime::pid& pid) const {
  return runtime::to_text(pid, parts_->system.nodes());
}

base::result<runtime::message> node::parse(std::string_view term) const {
  return parse_term(term, parts_->system);
}

base::result<runtime::destination> node::resolve(std::string_view target) const {
  return parse_target(target, parts_->system);
}

void node::call(const runtime::destination& to, runtime::message request, base::nanos timeout,
                call_done done) {
  const base::nanos deadline = deadline_after(timeout);
  ask_from_outside<call_result>(
      parts_->system,
      [to, request = std::move(request), deadline](runtime::process& self) {
        return behaviours::gen::call(self, to, request.bytes(), deadline);
      },
      std::move(done), tl::unexpected(call_error{call_error::kind::exiting, {}}));
}

base::status node::cast(const runtime::destination& to, const runtime::message& request) {
  runtime::message_writer out(request.size() + 16);
  out.tuple(2);
  out.atom("$gen_cast");
  out.raw(request.bytes());
  return sent(parts_->system.send(to, out.take()));
}

base::status node::send(const runtime::destination& to, runtime::message m) {
  return sent(parts_->system.send(to, std::move(m)));
}

void node::connect(std::string_view peer, base::nanos timeout, std::function<void(base::status)> done) {
  const auto index = parts_->system.nodes().intern(peer);
  if (!index) return done(base::fail(base::errc::limit, "too many node names are known to take another"));
  if (*index == 0) return done({});
  const base::nanos deadline = deadline_after(timeout);
  ask_from_outside<base::status>(
      parts_->system,
      [this, name = std::string(peer), node = *index, deadline](runtime::process& self) -> base::status {
        const runtime::reference ref = self.make_ack();
        parts_->net->router().connect(node, ref);
        const auto answer = self.await(ref, deadline);
        if (!answer) return base::fail(base::errc::timeout, "no answer in time");
        etf::cursor at(answer->bytes());
        bool connected = false;
        if (at.read_tuple_of(2) && at.skip() && at.read_bool(connected) && connected) return {};
        for (const peer_status& one : peers()) {
          if (one.name == name && !one.last_error.empty())
            return base::fail(base::errc::refused, one.last_error);
        }
        return base::fail(base::errc::refused, "it cannot be reached");
      },
      std::move(done), base::fail(base::errc::closed, "the node stops"));
}

base::status node::disconnect(std::string_view peer) {
  const auto index = parts_->system.nodes().find(peer);
  if (!index || *index == 0)
    return base::fail(base::errc::not_found, "no connection to " + std::string(peer));
  return parts_->net->router().disconnect(*index);
}

} // namespace coppice::node
