// SPDX-License-Identifier: MIT
// See name_book.hpp. A process that was given a name is excused from having it in the end if a request to
// take the name away was open at the same time or came later, or if a rival had the name: where two
// partitions meet one of two processes loses the name, and the message or signal that says so can be lost
// with a connection, as in OTP. Two processes that were given
// the name while the cluster was calm are no rivals.
// rooms: node
#include "name_book.hpp"

#include <fmt/format.h>

#include <utility>

#include "../machine/story.hpp"
#include "ledger.hpp"

namespace coppice::simulated {
namespace {

// For this time after its end a process may still have its name on a node that is cut off, and a request of
// a killed host may still be handled.
constexpr nanos time_to_notice = 20 * second;
// The same while all nodes see each other.
constexpr nanos time_to_hear = 2 * second;

} // namespace

bearer& name_book::add(unsigned host) {
  bearers_.push_back(std::make_unique<bearer>());
  bearers_.back()->host = host;
  return *bearers_.back();
}

void name_book::named(bearer& who, runtime::message pid, std::string text) {
  who.pid = std::move(pid);
  who.text = std::move(text);
  by_text_[who.text] = &who;
}

void name_book::ends(bearer& who) {
  if (who.ended != never) return;
  who.ended = now();
  tell("the process {} ends", who.text);
  for (auto& [name, state] : names_) {
    if (state.sure != who.text) continue;
    state.sure.clear();
    ++state.version;
  }
}

std::vector<bearer*> name_book::alive(unsigned host) const {
  std::vector<bearer*> out;
  for (const auto& one : bearers_)
    if (one->ended == never && !one->text.empty() && (host == 0 || one->host == host))
      out.push_back(one.get());
  return out;
}

name_book::request& name_book::begin(unsigned host, std::string_view name, bearer* who, bool takes) {
  certainty& state = names_[std::string(name)];
  if (takes) {
    for (const auto& one : requests_)
      if (one->name == name && one->who != who) one->may_be_lost = true;
    state.sure.clear();
    ++state.changing;
    ++state.version;
  }
  auto made = std::make_unique<request>(begin_search(host, name));
  made->who = who;
  made->takes = takes;
  for (const auto& one : requests_)
    if (one->name == name && one->takes && one->who != who && one->over > now()) made->may_be_lost = true;
  ++open_[host];
  requests_.push_back(std::move(made));
  return *requests_.back();
}

void name_book::end(request& what, request::state is, bool reaches_all) {
  if (what.over != never) return; // its host was killed
  if (is != request::state::refused && !reaches_all)
    torn_.insert(what.name);
  else if (is == request::state::done && calm_ && what.in_calm)
    agrees(what.name);
  what.over = now();
  what.is = is;
  --open_[what.host];
  certainty& state = names_[what.name];
  if (what.takes) --state.changing;
  const bool undisturbed = calm_ && what.in_calm && state.version == what.version;
  const bool given = is == request::state::done && what.who != nullptr;
  if (undisturbed && given && !what.takes && !what.sure.empty() && what.sure != what.who->text)
    the_ledger().broken(fmt::format("a name is given to one process: {} was given to {}, and {} had it",
                                    what.name, what.who->text, what.sure));
  if (what.takes || given) ++state.version;
  if (undisturbed && given && state.changing == 0 && what.who->ended == never) state.sure = what.who->text;
}

void name_book::agrees(std::string_view name) {
  if (const auto at = torn_.find(name); at != torn_.end()) torn_.erase(at);
}

name_book::request name_book::begin_search(unsigned host, std::string_view name) const {
  const certainty& state = names_[std::string(name)];
  request made;
  made.name = name;
  made.host = host;
  made.begun = now();
  made.in_calm = calm_;
  made.version = state.version;
  made.sure = state.sure;
  return made;
}

void name_book::end_search(const request& what, const std::string& found) const {
  if (!calm_ || !what.in_calm) return;
  if (!what.sure.empty() && names_[what.name].version == what.version && found != what.sure)
    the_ledger().broken(
        fmt::format("every node finds the process of a name: host {} finds \"{}\" for {}, which {} has",
                    what.host, found, what.name, what.sure));
  const auto known = by_text_.find(found);
  if (known == by_text_.end() || known->second->ended == never) return;
  if (known->second->ended + time_to_hear < what.begun)
    the_ledger().broken(
        fmt::format("the names of a process end with it: host {} finds {} for {}, {} ms after its end",
                    what.host, found, what.name, (what.begun - known->second->ended) / millisecond));
}

unsigned name_book::open() const {
  unsigned all = 0;
  for (const unsigned one : open_) all += one;
  return all;
}

void name_book::takes_lock(std::string_view resource, const std::string& who, unsigned host) {
  const auto [at, is_free] = held_.try_emplace(std::string(resource), holder{who, host});
  if (!is_free)
    the_ledger().broken(fmt::format("a lock is held by one process at a time: {} has {}, and {} takes it",
                                    at->second.who, resource, who));
  the_ledger().lock_taken();
}

void name_book::leaves_lock(std::string_view resource, const std::string& who) {
  const auto at = held_.find(resource);
  if (at != held_.end() && at->second.who == who) held_.erase(at);
}

void name_book::lost(unsigned host) {
  for (const auto& one : bearers_)
    if (one->host == host) ends(*one);
  for (const auto& one : requests_) {
    if (one->host != host || one->over != never) continue;
    end(*one, request::state::unknown, false);
    one->over = now() + time_to_notice;
  }
  std::erase_if(held_, [host](const auto& one) { return one.second.host == host; });
}

void name_book::begin_calm() {
  calm_ = true;
  for (auto& [name, state] : names_) {
    state.sure.clear();
    ++state.version;
  }
}

void name_book::end_calm() {
  calm_ = false;
}

bool name_book::has_rival(const request& of) const {
  for (const auto& one : requests_) {
    if (one->name != of.name || one->who == nullptr || one->who == of.who) continue;
    if (one->is == request::state::refused || (of.in_calm && one->in_calm)) continue;
    if (one->who->ended == never || one->who->ended + time_to_notice > of.begun) return true;
  }
  return false;
}

void name_book::check_found(std::string_view name, const std::string& found) const {
  const auto known = by_text_.find(found);
  if (!found.empty() && known == by_text_.end())
    the_ledger().broken(fmt::format("a name is that of a process that was given it: {} is {}", name, found));
  if (!found.empty() && known->second->ended != never)
    the_ledger().broken(fmt::format("the names of a process end with it: {} is {}, which ended {} ms ago",
                                    name, found, (now() - known->second->ended) / millisecond));
  bool given = found.empty();
  for (const auto& one : requests_) {
    if (one->name != name || one->who == nullptr || one->is == request::state::refused) continue;
    given = given || one->who->text == found;
    const bool lost = one->may_be_lost || one->who->ended != never || one->who->told.contains(one->name);
    // A process of another node gets the name on its own node only if that node was in the partition.
    const bool kept = one->is == request::state::done && (one->in_calm || one->who->host == one->host);
    if (!kept || lost || one->who->text == found || has_rival(*one)) continue;
    the_ledger().broken(
        fmt::format("a process keeps the name that it was given: {} is \"{}\", not {}, which lives", name,
                    found, one->who->text));
  }
  if (!given)
    the_ledger().broken(fmt::format("a name is that of a process that was given it: {} is {}", name, found));
}

} // namespace coppice::simulated
