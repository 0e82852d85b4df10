// SPDX-License-Identifier: MIT
// The schema tables (schema/type.hpp) decide which keys differ and what a change of each key takes. Children
// that are the same at the beginning and the end of a list are recognised by their fingerprints alone, so
// that a change of one child among many thousands is quick. The children between are matched by id,
// applications by name; an element with the same name at the same position is tried first.
#include "spec/diff.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <string_view>
#include <unordered_map>

#include "base/json_text.hpp"
#include "spec/cron_tables.hpp"
#include "spec/named_event_table.hpp"
#include "spec/schema.hpp"
#include "spec/schema/json_changes.hpp"
#include "spec/schema/secrecy.hpp"
#include "spec/tree_tables.hpp"

namespace coppice::spec {
namespace {

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

// All settings but the applications.
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
  // The elements of `before` that have no pair, the last first.
  std::vector<const T*> gone() const {
    std::vector<const T*> out;
    for (std::size_t i = before_.size(); i-- > 0;)
      if (left_[i]) out.push_back(&before_[i]);
    return out;
  }

  bool reordered = false;
  bool inserted = false; // a new element stands in front of an old one

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
  return of.strategy == tree::strategy::simple_one_for_one;
}

// The changed keys of the child itself. `restarts`: a running process cannot take the key on; `live`: it
// can.
changed_keys compare(const child_spec& before, const child_spec& after) {
  changed_keys out;
  if (before.plugin != after.plugin || before.actor_type != after.actor_type)
    out.restarts.emplace_back("actor");
  if ((before.supervisor == nullptr) != (after.supervisor == nullptr))
    out.restarts.emplace_back("supervisor");
  child_table().compare(before, after, {}, out);
  // A supervisor starts anew if its children become a template, or are no longer one.
  if (before.supervisor && after.supervisor &&
      is_template(*before.supervisor) != is_template(*after.supervisor))
    out.restarts.emplace_back("supervisor.strategy");
  return out;
}

void move_to(std::vector<std::string>& to, std::vector<std::string>& from) {
  to.insert(to.end(), std::move_iterator(from.begin()), std::move_iterator(from.end()));
}

supervisor_change diff(const supervisor_spec& before, const supervisor_spec& after);

// No keys and nothing inside: there is nothing to do.
child_change diff(const child_spec& before, const child_spec& after) {
  child_change out{change_kind::update, &before, &after, {}, nullptr};
  changed_keys keys = compare(before, after);
  if (!keys.restarts.empty()) out.what = change_kind::restart;
  if (before.args != after.args && out.what == change_kind::update) out.what = change_kind::reconfigure;
  term::compare(before.args, after.args, {}, "args", change_effect::restarts, keys);
  out.keys = std::move(keys.restarts);
  move_to(out.keys, keys.live);
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
  changed_keys keys;
  supervisor_table().compare(before, after, {}, keys);
  out.keys = std::move(keys.live);
  skip_same(before, after, out);
  const auto between = [&out](const std::vector<child_spec>& all) {
    return std::span(all).subspan(out.front, all.size() - out.front - out.back);
  };
  const std::span<const child_spec> fresh = between(after.children);
  const matching pairs(between(before.children), fresh, &child_spec::id);
  out.reordered = pairs.reordered;
  const bool before_back = out.back > 0 && !fresh.empty() && pairs.old_of(fresh.size() - 1) == nullptr;
  out.inserted = pairs.inserted || before_back;
  // The child of a template is no process itself: there is nothing to stop or start, whatever changed.
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
  changed_keys keys;
  term::compare(before.env, after.env, {}, "env", change_effect::live, keys);
  out.env = !keys.live.empty();
  application_table().compare(before, after, {}, keys);
  if (is_template(before.supervisor) != is_template(after.supervisor)) {
    keys.restarts.emplace_back("supervisor.strategy");
    out.what = change_kind::restart;
  }
  out.keys = std::move(keys.restarts);
  move_to(out.keys, keys.live);
  if (out.what == change_kind::restart) return out;
  supervisor_change inside = diff(before.supervisor, after.supervisor);
  if (!inside.empty()) out.inside = std::make_unique<supervisor_change>(std::move(inside));
  return out;
}

// Replaces values below keys that name secrets with a mark. Recursion is as deep as a configuration may be.
json without_secrets(json value) {
  for (auto& [key, one] : value.items()) {
    if (value.is_object() && names_secret(key))
      one = hidden_mark;
    else if (one.is_structured())
      one = without_secrets(std::move(one));
  }
  return value;
}

// A value of the setting `key`, "node.log.level", for people.
std::string value_text(const std::string& key, const json& value) {
  if (any_key(key, &names_secret) && !value.is_null()) return base::json_text(json(hidden_mark));
  return base::json_text(value.is_structured() ? without_secrets(value) : value);
}

} // namespace

difference diff(const node_spec& before, const node_spec& after) {
  difference out;
  for_each_change(settings(before), settings(after), {},
                  [&out](const std::string& key, const json& old_value, const json& new_value) {
                    out.settings.push_back({key, value_text(key, old_value), value_text(key, new_value),
                                            configuration().is_live(key)});
                  });
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
