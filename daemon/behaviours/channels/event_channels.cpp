// SPDX-License-Identifier: MIT
// Lock order: first the lock here, then a channel's. A function that a channel calls under its own lock takes
// only the lock of the notices.
#include "behaviours/channels/event_channels.hpp"

#include <algorithm>
#include <coppice/etf/utf8.hpp>
#include <set>
#include <utility>

#include "base/random.hpp"
#include "behaviours/channels/event_fan_out.hpp"
#include "behaviours/channels/event_mirror.hpp"

namespace coppice::behaviours {

using runtime::message;

namespace {

constexpr std::size_t most_ended = 10'000; // events that have ended and whose last number is remembered

base::error fault(base::errc code, std::string_view what) {
  return {code, std::string(what)};
}

// Whether an atom may have this name.
bool is_name(std::string_view name) {
  const auto characters = etf::utf8::length(reinterpret_cast<const std::uint8_t*>(name.data()), name.size());
  return characters > 0 && characters <= event_channels::longest_name;
}

message label_of(std::string_view name, std::string_view node) {
  runtime::message_writer out;
  if (!node.empty()) out.tuple(2);
  out.atom(name);
  if (!node.empty()) out.atom(node);
  return out.take();
}

} // namespace

event_channels::event_channels(runtime::system& host) : host_(host), processes_(host.workers()) {
  for (std::size_t i = 0; i < processes_.size(); ++i)
    outlets_.push_back(std::make_unique<event_outlet>(i, [this, i] {
      runtime::pid to;
      {
        const std::scoped_lock held(processes_lock_);
        to = processes_[i];
      }
      if (to) host_.notify(runtime::destination(to), event_fan_out::wake());
    }));
}

event_channels::~event_channels() = default;

void event_channels::runs(std::size_t outlet, const runtime::pid& process) {
  const std::scoped_lock held(processes_lock_);
  processes_[outlet] = process;
}

void event_channels::wake_service() {
  host_.notify(runtime::destination::named(service_name), message::atom("wake"));
}

std::vector<event_outlet*> event_channels::every_outlet() const {
  std::vector<event_outlet*> out;
  for (const auto& one : outlets_) out.push_back(one.get());
  return out;
}

// ---- making and ending events ----

std::shared_ptr<event_channel> event_channels::make(std::string_view name, const channel_options& options) {
  auto made =
      std::make_shared<event_channel>(label_of(name, {}), every_outlet(),
                                      [this, name = std::string(name)](std::size_t) { count_changed(name); });
  made->begin(host_.creation(), last_of(name), options);
  return made;
}

std::uint64_t event_channels::last_of(std::string_view name) const {
  const auto found = ended_.find(name);
  return found == ended_.end() ? forgotten_last_ : found->second;
}

void event_channels::remember_last(std::string_view name, std::uint64_t last) {
  const auto [at, is_new] = ended_.insert_or_assign(std::string(name), last);
  if (!is_new) return;
  ended_in_order_.push_back(at->first);
  if (ended_in_order_.size() <= most_ended) return;
  const auto oldest = ended_.find(ended_in_order_.front());
  forgotten_last_ = std::max(forgotten_last_, oldest->second);
  ended_.erase(oldest);
  ended_in_order_.pop_front();
}

// The producer no longer owns this event.
void event_channels::release(entry& of) {
  if (!of.producer) return;
  by_token_.erase(of.token);
  const auto found = producing_.find(of.producer);
  if (--found->second == 0) producing_.erase(found);
  of.producer = {};
  of.token = 0;
  of.told_of_subscribers = false;
}

void event_channels::end(entries::iterator which, message reason) {
  release(which->second);
  which->second.channel->end(std::move(reason));
  remember_last(which->first, which->second.channel->last());
  events_.erase(which);
  ends_.fetch_add(1, std::memory_order_release);
}

void event_channels::declare(std::vector<declared_event> all) {
  const std::scoped_lock held(lock_);
  std::set<std::string, std::less<>> wanted;
  for (const declared_event& one : all) wanted.insert(one.name);
  for (auto at = events_.begin(); at != events_.end();) {
    const auto which = at++;
    if (which->second.declared && !wanted.contains(which->first)) end(which, message::atom("removed"));
  }
  for (declared_event& one : all) {
    const auto [at, is_new] = events_.try_emplace(one.name);
    entry& its = at->second;
    if (is_new)
      its.channel = make(one.name, one.options);
    else
      its.channel->change(one.options);
    if (its.declared && its.declared->producer != one.producer) release(its);
    its.declared = std::move(one);
  }
}

base::result<std::uint64_t> event_channels::enroll(std::string_view name, const channel_options& options,
                                                   const runtime::pid& producer, std::string_view its_name) {
  if (!is_name(name) || name.starts_with(own_prefix))
    return unexpected(fault(base::errc::invalid, "no name for an event"));
  const std::scoped_lock held(lock_);
  auto found = events_.find(name);
  if (found != events_.end()) {
    entry& its = found->second;
    if (its.producer == producer) {
      if (!its.declared) its.channel->change(options);
      return its.token;
    }
    if (its.producer) return unexpected(fault(base::errc::exists, "another process has the event"));
    if (!its.declared->producer.empty() && its.declared->producer != its_name)
      return unexpected(fault(base::errc::refused, "the event is another process's by the configuration"));
  } else {
    if (events_.size() >= most_events) return unexpected(fault(base::errc::limit, "too many events"));
    found = events_.emplace(std::string(name), entry()).first;
    found->second.channel = make(name, options);
  }
  entry& its = found->second;
  its.producer = producer;
  do its.token = base::random_u64();
  while (its.token == 0 || by_token_.contains(its.token));
  by_token_.emplace(its.token, its.channel);
  if (++producing_[producer] == 1) {
    new_producers_.push_back(producer);
    wake_service();
  }
  if (its.channel->options().notify) count_changed(found->first);
  return its.token;
}

bool event_channels::withdraw(std::uint64_t token) {
  const std::scoped_lock held(lock_);
  const auto found = std::ranges::find_if(
      events_, [token](const auto& one) { return one.second.token == token && one.second.producer; });
  if (found == events_.end()) return false;
  if (found->second.declared)
    release(found->second);
  else
    end(found, message::atom("unregistered"));
  return true;
}

// ---- publishing ----

std::shared_ptr<event_channel> event_channels::find(std::uint64_t token) const {
  const std::shared_lock held(lock_);
  const auto found = by_token_.find(token);
  return found == by_token_.end() ? nullptr : found->second;
}

base::result<std::shared_ptr<event_channel>> event_channels::find_open(std::string_view name) const {
  const std::shared_lock held(lock_);
  const auto found = events_.find(name);
  if (found == events_.end()) return unexpected(fault(base::errc::not_found, "there is no such event"));
  if (!found->second.channel->options().open)
    return unexpected(fault(base::errc::refused, "the event is not open: its producer publishes"));
  return found->second.channel;
}

void event_channels::tell(std::string_view name, etf::bytes payload) {
  const std::shared_lock held(lock_);
  const auto found = events_.find(name);
  if (found != events_.end()) (void)found->second.channel->publish(payload);
}

// ---- subscribing ----

std::size_t event_channels::outlet_for(const runtime::pid& who) const {
  const int worker = who.here() ? host_.current_worker() : -1;
  if (worker >= 0 && static_cast<std::size_t>(worker) < outlets_.size())
    return static_cast<std::size_t>(worker);
  return runtime::pid_hash()(who) % outlets_.size();
}

base::result<subscription_begin> event_channels::subscribe(std::string_view name, const runtime::pid& who,
                                                           const event_subscribe_options& how) {
  const std::shared_lock held(lock_);
  const auto found = events_.find(name);
  if (found == events_.end()) return unexpected(fault(base::errc::not_found, "there is no such event"));
  return found->second.channel->subscribe(who, outlet_for(who), how);
}

base::result<subscription_begin> event_channels::subscribe_to(std::string_view name, std::string_view node,
                                                              const runtime::pid& who,
                                                              const event_subscribe_options& how) {
  if (node == host_.node_name()) return subscribe(name, who, how);
  if (!is_name(name) || !is_name(node))
    return unexpected(fault(base::errc::invalid, "no name for an event of a node"));
  std::unique_lock held(lock_);
  std::pair<std::string, std::string> key(node, name);
  const auto found = mirrors_.find(key);
  if (found != mirrors_.end()) {
    auto done = found->second->subscribe(who, outlet_for(who), how);
    if (done || done.error().code != base::errc::closed) return done;
  } else if (mirrors_.size() >= most_events) {
    return unexpected(fault(base::errc::limit, "too many events"));
  }
  const auto index = host_.nodes().intern(node);
  if (!index) return unexpected(fault(base::errc::limit, "no room for the name of a node more"));
  auto made = std::make_shared<event_channel>(label_of(name, node), every_outlet(), nullptr);
  auto done = made->subscribe(who, outlet_for(who), how);
  mirrors_.insert_or_assign(std::move(key), made);
  held.unlock(); // released: the mirror's end calls forget()
  runtime::spawn_options options;
  options.of_node = true;
  options.label = "services/" + std::string(service_name) + "/" + std::string(name) + "@" + std::string(node);
  auto mirror =
      host_.spawn(std::move(options), std::make_unique<event_mirror>(*this, made, std::string(name), *index));
  if (!mirror) return unexpected(std::move(mirror.error()));
  return done;
}

void event_channels::forget(const event_channel& mirror) {
  const std::scoped_lock held(lock_);
  const auto found =
      std::ranges::find_if(mirrors_, [&mirror](const auto& one) { return one.second.get() == &mirror; });
  if (found != mirrors_.end()) mirrors_.erase(found);
}

bool event_channels::unsubscribe(std::string_view name, std::string_view node, const runtime::pid& who) {
  const std::shared_lock held(lock_);
  if (node.empty() || node == host_.node_name()) {
    const auto found = events_.find(name);
    return found != events_.end() && found->second.channel->unsubscribe(who);
  }
  const auto found = mirrors_.find(std::pair<std::string, std::string>(node, name));
  return found != mirrors_.end() && found->second->unsubscribe(who);
}

bool event_channels::has(std::string_view name, const runtime::pid& who) const {
  const std::shared_lock held(lock_);
  const auto found = events_.find(name);
  return found != events_.end() && found->second.channel->has(who);
}

// ---- for the service ----

std::vector<runtime::pid> event_channels::producers() const {
  const std::shared_lock held(lock_);
  std::vector<runtime::pid> out;
  for (const auto& [who, count] : producing_) out.push_back(who);
  return out;
}

std::vector<runtime::pid> event_channels::take_new_producers() {
  const std::scoped_lock held(lock_);
  return std::exchange(new_producers_, {});
}

void event_channels::producer_ended(const runtime::pid& who, const message& reason) {
  const std::scoped_lock held(lock_);
  for (auto at = events_.begin(); at != events_.end();) {
    const auto which = at++;
    if (which->second.producer != who) continue;
    if (which->second.declared)
      release(which->second);
    else
      end(which, reason);
  }
}

void event_channels::count_changed(const std::string& name) {
  {
    const std::scoped_lock held(notices_lock_);
    if (std::ranges::find(changed_, name) != changed_.end()) return;
    changed_.push_back(name);
    if (changed_.size() > 1) return;
  }
  wake_service();
}

std::vector<event_channels::notice> event_channels::take_notices() {
  std::vector<std::string> names;
  {
    const std::scoped_lock held(notices_lock_);
    names.swap(changed_);
  }
  std::vector<notice> out;
  const std::scoped_lock held(lock_);
  for (std::string& name : names) {
    const auto found = events_.find(name);
    if (found == events_.end() || !found->second.producer || !found->second.channel->options().notify)
      continue;
    const std::size_t count = found->second.channel->counts().subscribers;
    if (std::exchange(found->second.told_of_subscribers, count != 0) == (count != 0)) continue;
    out.push_back({std::move(name), found->second.producer, count});
  }
  return out;
}

void event_channels::not_told(const notice& what) {
  {
    const std::scoped_lock held(lock_);
    const auto found = events_.find(what.name);
    if (found == events_.end() || found->second.producer != what.producer) return;
    found->second.told_of_subscribers = what.subscribers == 0;
  }
  const std::scoped_lock held(notices_lock_);
  if (std::ranges::find(changed_, what.name) == changed_.end()) changed_.push_back(what.name);
}

// ---- for people ----

std::vector<event_report> event_channels::report() const {
  const std::shared_lock held(lock_);
  std::vector<event_report> out;
  for (const auto& [name, one] : events_) out.push_back(report_of(name, one));
  for (const auto& [key, channel] : mirrors_)
    out.push_back({key.second, key.first, {}, false, channel->options(), channel->counts()});
  return out;
}

event_report event_channels::report_of(const std::string& name, const entry& one) {
  return {name, {}, one.producer, one.declared.has_value(), one.channel->options(), one.channel->counts()};
}

std::vector<runtime::pid> event_channels::some_subscribers(std::string_view name, std::string_view node,
                                                           std::size_t most) const {
  const std::shared_lock held(lock_);
  if (node.empty()) {
    const auto found = events_.find(name);
    return found == events_.end() ? std::vector<runtime::pid>()
                                  : found->second.channel->some_subscribers(most);
  }
  const auto found = mirrors_.find(std::pair(std::string(node), std::string(name)));
  return found == mirrors_.end() ? std::vector<runtime::pid>() : found->second->some_subscribers(most);
}

std::vector<event_report> event_channels::some_reports(std::string_view behind, std::size_t most) const {
  const std::shared_lock held(lock_);
  std::vector<event_report> out;
  for (auto at = events_.upper_bound(behind); at != events_.end() && out.size() < most; ++at)
    out.push_back(report_of(at->first, at->second));
  return out;
}

} // namespace coppice::behaviours
