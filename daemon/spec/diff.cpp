// SPDX-License-Identifier: MIT
// Children that are the same at the beginning and the end of a list are told by their fingerprints alone,
// which is what makes a change of one among many thousands quick. Those between are matched by id (or name),
// first where they stood before.
#include "spec/diff.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <unordered_map>

#include "base/json_text.hpp"
#include "spec/schema.hpp"
#include "spec/schema_cron.hpp"
#include "spec/schema_named_events.hpp"
#include "spec/schema_port.hpp"
#include "spec/schema_web.hpp"
#include "spec/term.hpp"

namespace coppice::spec {
namespace {

// What a running node takes on; of those that end in a dot, whatever is below.
constexpr std::array<std::string_view, 8> changeable{
    "node.log.level", "node.log.messages",  "node.log.files", "node.log.modules.", "node.log.rate.",
    "cron.",          "distribution.peers", "events."};

bool is_changeable(std::string_view key) {
  return std::ranges::any_of(changeable, [key](std::string_view one) {
    return one.back() == '.' ? key.starts_with(one) : key == one;
  });
}

void compare(const json& before, const json& after, const std::string& key, std::vector<setting_change>& to) {
  if (before == after) return;
  if (before.is_object() && after.is_object()) {
    const std::string prefix = key.empty() ? key : key + ".";
    for (const auto& [name, value] : before.items())
      compare(value, after.contains(name) ? after.at(name) : json(), prefix + name, to);
    for (const auto& [name, value] : after.items())
      if (!before.contains(name)) compare(json(), value, prefix + name, to);
    return;
  }
  to.push_back({key, base::json_text(before), base::json_text(after), is_changeable(key)});
}

// Jobs are told apart by their names, not by their places.
json jobs_by_name(const node_spec& from) {
  json out = cron_table().print(from.cron != nullptr ? *from.cron : cron_options());
  json jobs = json::object();
  for (json& one : out["jobs"]) {
    std::string name = one["name"];
    one.erase("name");
    jobs[name] = std::move(one);
  }
  out["jobs"] = std::move(jobs);
  return out;
}

json events_by_name(const node_spec& from) {
  json out = json::object();
  for (const named_event& event : from.events) {
    json one = named_event_table().print(event);
    one.erase("name");
    out[event.name] = std::move(one);
  }
  return out;
}

// All but the applications.
json settings(const node_spec& from) {
  node_spec bare;
  bare.node = from.node;
  bare.epmd = from.epmd;
  bare.distribution = from.distribution;
  bare.control = from.control;
  bare.plugins = from.plugins;
  json out = configuration().print(bare);
  out["cron"] = jobs_by_name(from);
  out["events"] = events_by_name(from);
  return out;
}

json map_of(const encoded_term& term) {
  return term.empty() ? json::object() : term_to_json(term);
}

// The keys of the map `key` that changed: "args.max_entries".
void compare_terms(std::string_view key, const encoded_term& before, const encoded_term& after,
                   std::vector<std::string>& to) {
  if (before == after) return;
  const json old_value = map_of(before), new_value = map_of(after);
  std::vector<setting_change> inner;
  compare(old_value, new_value, std::string(key), inner);
  for (setting_change& one : inner) to.push_back(std::move(one.key));
  // JSON does not tell 1 from 1.0, a term does.
  if (inner.empty() && !(old_value.empty() && new_value.empty())) to.emplace_back(key);
}

// Pairs the elements of two lists by their names.
template <class T, class Name>
class matching {
 public:
  matching(std::span<const T> before, std::span<const T> after, Name name)
      : before_(before), after_(after), name_(name), left_(before.size(), true) {
    std::size_t last = 0;
    pairs_.reserve(after.size());
    for (std::size_t i = 0; i < after.size(); ++i) {
      const std::size_t at = find(i);
      pairs_.push_back(at);
      if (at == before.size()) continue;
      left_[at] = false;
      if (at < last) reordered = true;
      last = at;
      if (i > 0 && pairs_[i - 1] == before.size()) inserted = true;
    }
  }

  const T* old_of(std::size_t i) const { return pairs_[i] == before_.size() ? nullptr : &before_[pairs_[i]]; }
  // Those that have no pair, the last first.
  std::vector<const T*> gone() const {
    std::vector<const T*> out;
    for (std::size_t i = before_.size(); i-- > 0;)
      if (left_[i]) out.push_back(&before_[i]);
    return out;
  }

  bool reordered = false;
  bool inserted = false; // a new one stands in front of an old one

 private:
  std::size_t find(std::size_t i) {
    if (i < before_.size() && before_[i].*name_ == after_[i].*name_) return i;
    if (index_.empty())
      for (std::size_t at = 0; at < before_.size(); ++at) index_.emplace(before_[at].*name_, at);
    const auto found = index_.find(after_[i].*name_);
    return found == index_.end() ? before_.size() : found->second;
  }

  std::span<const T> before_;
  std::span<const T> after_;
  Name name_;
  std::vector<bool> left_;
  std::vector<std::size_t> pairs_; // index in before_, or its size
  std::unordered_map<std::string_view, std::size_t> index_;
};

bool is_template(const supervisor_spec& of) {
  return of.strategy == strategy::simple_one_for_one;
}

// Then the queue bounds its mailbox, and that is fixed.
bool parks_senders(const pool_options& pool) {
  return pool.queue.on_full == pool_overload::park_sender;
}

// What a pool cannot change as it runs.
void same_pool(const pool_options& a, const pool_options& b, std::vector<std::string>& keys) {
  compare_terms("pool.args", a.args, b.args, keys);
  if (a.dispatch != b.dispatch) keys.emplace_back("pool.dispatch");
  if (a.key != b.key) keys.emplace_back("pool.key");
  if (a.mailbox != b.mailbox) keys.emplace_back("pool.mailbox");
  if (a.unhandled != b.unhandled) keys.emplace_back("pool.unhandled");
  if (a.backoff != b.backoff) keys.emplace_back("pool.backoff");
  if (a.shutdown != b.shutdown) keys.emplace_back("pool.shutdown");
  if (parks_senders(a) != parks_senders(b)) keys.emplace_back("pool.queue.on_full");
  if (parks_senders(a) && parks_senders(b) && a.queue.limit != b.queue.limit)
    keys.emplace_back("pool.queue.limit");
}

// What it can.
void compare_pool(const pool_options& a, const pool_options& b, std::vector<std::string>& keys) {
  if (a.size != b.size) keys.emplace_back("pool.size");
  if (a.max != b.max) keys.emplace_back("pool.max");
  if (a.idle != b.idle) keys.emplace_back("pool.idle");
  if (a.in_flight != b.in_flight) keys.emplace_back("pool.in_flight");
  if (a.queue.limit != b.queue.limit && !(parks_senders(a) && parks_senders(b)))
    keys.emplace_back("pool.queue.limit");
  if (a.queue.wait != b.queue.wait) keys.emplace_back("pool.queue.wait");
  if (a.queue.on_full != b.queue.on_full && parks_senders(a) == parks_senders(b))
    keys.emplace_back("pool.queue.on_full");
  if (a.on_worker_death != b.on_worker_death) keys.emplace_back("pool.on_worker_death");
  if (a.drain != b.drain) keys.emplace_back("pool.drain");
  if (a.intensity != b.intensity) keys.emplace_back("pool.intensity");
  if (a.period != b.period) keys.emplace_back("pool.period");
}

void compare_tcp(const tcp_options& a, const tcp_options& b, std::vector<std::string>& keys);

// What a listener cannot change as it runs, and all of one that connects.
void same_tcp(const tcp_options& a, const tcp_options& b, std::vector<std::string>& keys) {
  compare_terms("tcp.args", a.args, b.args, keys);
  if (a.listen != b.listen) keys.emplace_back("tcp.listen");
  if (a.accept_backlog != b.accept_backlog) keys.emplace_back("tcp.accept_backlog");
  if (a.shed != b.shed) keys.emplace_back("tcp.shed");
  if (a.handlers != b.handlers) keys.emplace_back("tcp.handlers");
  if (a.connect != b.connect) keys.emplace_back("tcp.connect");
  if (a.connect && b.connect) compare_tcp(a, b, keys);
}

// What a listener can, for connections to come.
void compare_tcp(const tcp_options& a, const tcp_options& b, std::vector<std::string>& keys) {
  if (a.max_connections != b.max_connections) keys.emplace_back("tcp.max_connections");
  if (a.frame != b.frame) keys.emplace_back("tcp.frame");
  if (a.read != b.read) keys.emplace_back("tcp.read");
  if (a.write != b.write) keys.emplace_back("tcp.write");
  if (a.keepalive != b.keepalive) keys.emplace_back("tcp.keepalive");
  if (a.nodelay != b.nodelay) keys.emplace_back("tcp.nodelay");
  if (a.half_close != b.half_close) keys.emplace_back("tcp.half_close");
  if (a.access != b.access) keys.emplace_back("tcp.access");
  if (a.proxy_protocol != b.proxy_protocol) keys.emplace_back("tcp.proxy_protocol");
  if (a.drain != b.drain) keys.emplace_back("tcp.drain");
  if (a.mailbox != b.mailbox) keys.emplace_back("tcp.mailbox");
  if (a.unhandled != b.unhandled) keys.emplace_back("tcp.unhandled");
}

// Its sockets are its process's: nothing of them changes as it runs.
void same_udp(const udp_options& a, const udp_options& b, std::vector<std::string>& keys) {
  compare_terms("udp.args", a.args, b.args, keys);
  if (a.listen != b.listen) keys.emplace_back("udp.listen");
  if (a.handlers != b.handlers) keys.emplace_back("udp.handlers");
  if (a.max_datagram != b.max_datagram) keys.emplace_back("udp.max_datagram");
  if (a.receive_buffer != b.receive_buffer) keys.emplace_back("udp.receive_buffer");
  if (a.batch != b.batch) keys.emplace_back("udp.batch");
  if (a.multicast != b.multicast) keys.emplace_back("udp.multicast");
  if (a.unhandled != b.unhandled) keys.emplace_back("udp.unhandled");
}

// What the process itself was started with, but for its args.
bool same_process(const child_spec& a, const child_spec& b, std::vector<std::string>& keys) {
  const std::size_t before = keys.size();
  if (a.plugin != b.plugin || a.actor_type != b.actor_type) keys.emplace_back("actor");
  if (a.supervisor && !b.supervisor) keys.emplace_back("supervisor");
  if (!a.supervisor && b.supervisor) keys.emplace_back("supervisor");
  if (a.pool.has_value() != b.pool.has_value()) keys.emplace_back("pool");
  if (a.pool && b.pool) same_pool(*a.pool, *b.pool, keys);
  if (a.tcp.has_value() != b.tcp.has_value()) keys.emplace_back("tcp");
  if (a.tcp && b.tcp) same_tcp(*a.tcp, *b.tcp, keys);
  if (a.consumer_supervisor != b.consumer_supervisor) keys.emplace_back("consumer_supervisor");
  if (a.event_manager != b.event_manager) keys.emplace_back("event_manager");
  if (a.udp.has_value() != b.udp.has_value()) keys.emplace_back("udp");
  if (a.udp && b.udp) same_udp(*a.udp, *b.udp, keys);
  if ((a.port != nullptr) != (b.port != nullptr)) keys.emplace_back("port");
  if (a.port != nullptr && b.port != nullptr) {
    compare_terms("port.args", a.port->args, b.port->args, keys);
    same_port(*a.port, *b.port, keys);
  }
  if ((a.web != nullptr) != (b.web != nullptr)) keys.emplace_back("web");
  if (a.web != nullptr && b.web != nullptr) same_web(*a.web, *b.web, keys);
  if (a.name != b.name) keys.emplace_back("name");
  if (a.mailbox != b.mailbox) keys.emplace_back("mailbox");
  if (a.priority != b.priority) keys.emplace_back("priority");
  if (a.isolation != b.isolation) keys.emplace_back("isolation");
  if (a.unhandled != b.unhandled) keys.emplace_back("unhandled");
  if (a.statem != b.statem) keys.emplace_back("statem");
  if (a.stage != b.stage) keys.emplace_back("stage");
  // A supervisor that is to treat its children as a template, or no longer, begins anew.
  if (a.supervisor && b.supervisor && is_template(*a.supervisor) != is_template(*b.supervisor))
    keys.emplace_back("supervisor.strategy");
  return keys.size() == before;
}

void compare_supervision(const child_spec& a, const child_spec& b, std::vector<std::string>& keys) {
  if (a.restart != b.restart) keys.emplace_back("restart");
  if (a.start_timeout != b.start_timeout) keys.emplace_back("start_timeout");
  if (a.shutdown != b.shutdown) keys.emplace_back("shutdown");
  if (a.significant != b.significant) keys.emplace_back("significant");
  if (a.backoff != b.backoff) keys.emplace_back("backoff");
  if (a.compression != b.compression) keys.emplace_back("compression");
  if (a.router != b.router) keys.emplace_back("router");
  if (a.pool && b.pool) compare_pool(*a.pool, *b.pool, keys);
  if (a.tcp && b.tcp && !b.tcp->connect) compare_tcp(*a.tcp, *b.tcp, keys);
  if (a.web != nullptr && b.web != nullptr) compare_web(*a.web, *b.web, keys);
}

supervisor_change diff(const supervisor_spec& before, const supervisor_spec& after);

// Nothing to do: no keys and nothing inside.
child_change diff(const child_spec& before, const child_spec& after) {
  child_change out{change_kind::update, &before, &after, {}, nullptr};
  if (!same_process(before, after, out.keys)) out.what = change_kind::restart;
  if (before.args != after.args) {
    if (out.what == change_kind::update) out.what = change_kind::reconfigure;
    compare_terms("args", before.args, after.args, out.keys);
  }
  compare_supervision(before, after, out.keys);
  if (out.what != change_kind::update || !before.supervisor) return out;
  supervisor_change inside = diff(*before.supervisor, *after.supervisor);
  if (!inside.empty()) out.inside = std::make_unique<supervisor_change>(std::move(inside));
  return out;
}

void skip_same(const supervisor_spec& before, const supervisor_spec& after, supervisor_change& out) {
  const auto &a = before.prints, &b = after.prints;
  if (a.size() != before.children.size() || b.size() != after.children.size()) return;
  const std::size_t most = std::min(a.size(), b.size());
  while (out.front < most && a[out.front] == b[out.front]) ++out.front;
  while (out.back < most - out.front && a[a.size() - out.back - 1] == b[b.size() - out.back - 1]) ++out.back;
}

supervisor_change diff(const supervisor_spec& before, const supervisor_spec& after) {
  supervisor_change out;
  out.before = &before;
  out.after = &after;
  if (before.name != after.name) out.keys.emplace_back("name");
  if (before.strategy != after.strategy) out.keys.emplace_back("strategy");
  if (before.intensity != after.intensity) out.keys.emplace_back("intensity");
  if (before.period != after.period) out.keys.emplace_back("period");
  if (before.on_exceeded != after.on_exceeded) out.keys.emplace_back("on_exceeded");
  if (before.auto_shutdown != after.auto_shutdown) out.keys.emplace_back("auto_shutdown");
  skip_same(before, after, out);
  const auto between = [&out](const std::vector<child_spec>& all) {
    return std::span(all).subspan(out.front, all.size() - out.front - out.back);
  };
  const std::span<const child_spec> fresh = between(after.children);
  const matching pairs(between(before.children), fresh, &child_spec::id);
  out.reordered = pairs.reordered;
  const bool before_back = out.back > 0 && !fresh.empty() && pairs.old_of(fresh.size() - 1) == nullptr;
  out.inserted = pairs.inserted || before_back;
  // A template runs nowhere: there is nothing to stop or start, whatever changed.
  const bool runs = !is_template(after);
  if (runs)
    for (const child_spec* gone : pairs.gone())
      out.children.push_back({change_kind::stop, gone, nullptr, {}, nullptr});
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    const child_spec* old = pairs.old_of(i);
    if (!old && runs) {
      out.children.push_back({change_kind::start, nullptr, &fresh[i], {}, nullptr});
      continue;
    }
    child_change one = diff(old ? *old : before.children.front(), fresh[i]);
    if (!old) one.keys.insert(one.keys.begin(), "id");
    if (one.keys.empty() && !one.inside) continue;
    if (!runs) one.what = change_kind::update;
    out.children.push_back(std::move(one));
  }
  return out;
}

application_change diff(const application_spec& before, const application_spec& after) {
  application_change out{change_kind::update, &before, &after, {}, false, nullptr};
  compare_terms("env", before.env, after.env, out.keys);
  out.env = !out.keys.empty();
  if (is_template(before.supervisor) != is_template(after.supervisor)) {
    out.keys.emplace_back("supervisor.strategy");
    out.what = change_kind::restart;
  }
  if (before.type != after.type) out.keys.emplace_back("type");
  if (before.depends_on != after.depends_on) out.keys.emplace_back("depends_on");
  if (before.max_runtime != after.max_runtime) out.keys.emplace_back("max_runtime");
  if (out.what == change_kind::restart) return out;
  supervisor_change inside = diff(before.supervisor, after.supervisor);
  if (!inside.empty()) out.inside = std::make_unique<supervisor_change>(std::move(inside));
  return out;
}

} // namespace

difference diff(const node_spec& before, const node_spec& after) {
  difference out;
  compare(settings(before), settings(after), {}, out.settings);
  const matching pairs(std::span(before.applications), std::span(after.applications),
                       &application_spec::name);
  out.reordered = pairs.reordered;
  out.inserted = pairs.inserted;
  for (const application_spec* gone : pairs.gone())
    out.applications.push_back({change_kind::stop, gone, nullptr, {}, false, nullptr});
  for (std::size_t i = 0; i < after.applications.size(); ++i) {
    const application_spec* old = pairs.old_of(i);
    if (!old) {
      out.applications.push_back({change_kind::start, nullptr, &after.applications[i], {}, false, nullptr});
      continue;
    }
    application_change one = diff(*old, after.applications[i]);
    if (!one.keys.empty() || one.inside) out.applications.push_back(std::move(one));
  }
  return out;
}

} // namespace coppice::spec
