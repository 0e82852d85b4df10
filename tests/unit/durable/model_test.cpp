// SPDX-License-Identifier: MIT
// Seeded runs against a model: random changes to some groups, with failures and crashes at any operation,
// also while the log is opened. What was acknowledged is there; of what was not acknowledged, a prefix; of
// what was refused, nothing.
#include <doctest/doctest.h>

#include <deque>
#include <map>

#include "durable/small_log.hpp"

using namespace coppice;
using namespace coppice::test;
using namespace coppice::durable;

namespace {

struct model_group {
  bool exists = false;
  std::uint64_t first = 1;
  std::uint64_t term_before = 0;
  std::deque<std::string> entries; // "term:bytes"
  std::map<std::string, std::string> values;

  bool operator==(const model_group&) const = default;
  std::uint64_t next() const { return first + entries.size(); }
};

void carry_out(model_group& on, const change& one) {
  on.exists = true;
  if (const auto* const added = std::get_if<append>(&one)) {
    on.entries.push_back(std::to_string(added->one.term) + ":" + added->one.bytes);
  } else if (const auto* const set = std::get_if<set_value>(&one)) {
    on.values[set->key] = set->value;
    if (set->value.empty()) on.values.erase(set->key);
  } else if (const auto* const after = std::get_if<cut_after>(&one)) {
    while (!on.entries.empty() && on.next() - 1 > after->index) on.entries.pop_back();
  } else if (const auto* const before = std::get_if<cut_before>(&one)) {
    while (!on.entries.empty() && on.first < before->index) {
      on.entries.pop_front();
      ++on.first;
    }
    on.first = before->index;
    on.term_before = before->term;
  } else {
    on = {};
  }
}

class run {
 public:
  explicit run(std::uint64_t seed) : random_(seed) {}

  void play(int steps) {
    reopen();
    for (int i = 0; i < steps; ++i) {
      step();
      if (has_failed()) return;
    }
    std::uint64_t segments = log_->report().segments;
    CHECK(segments > 0);
  }
  bool has_failed() const { return failed_; }
  std::uint64_t compacted = 0;
  std::uint64_t refused = 0; // requests refused because the disk was full

 private:
  static constexpr int groups = 4;
  static constexpr const char* keys[] = {"term", "vote"};

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  static std::string name(int number) { return "group" + std::to_string(number); }

  // Chooses a change at random. `on`: the group's newest state, which decides what fits.
  change choose(const model_group& on) {
    switch (below(12)) {
      case 0:
        return cut_after{on.first - 1 + below(on.entries.size() + 1)};
      case 1:
      case 2:
        return cut_before{on.first + below(on.entries.size() + 2), below(9)};
      case 3:
      case 4:
      case 5:
        return set_value{keys[below(2)], std::string(below(3) * below(30), 'v') + (below(4) == 0 ? "" : "w")};
      case 6:
        if (below(6) == 0) return remove_group{};
        [[fallthrough]];
      default:
        return append{{on.next(), below(5), std::string(below(4) == 0 ? below(600) : below(20), 'e')}};
    }
  }

  void step() {
    if (below(40) == 0) return close_and_reopen();
    if (below(20) == 0) disk_.capacity = disk_.used() + below(3) * below(3000);
    if (below(10) == 0) disk_.capacity = ~std::uint64_t{0};
    if (below(40) == 0) disk_.can_reserve = !disk_.can_reserve;
    std::vector<request> batch;
    std::vector<int> whose;
    std::map<int, model_group> ahead;
    std::map<int, bool> is_gone;
    for (std::uint64_t n = 1 + below(5); n > 0 && batch.size() < 5; --n) {
      const int who = static_cast<int>(below(groups));
      const auto id = log_->group(name(who));
      REQUIRE(id.has_value());
      if (is_gone[who]) continue;
      model_group& state = ahead.try_emplace(who, groups_[who]).first->second;
      request one{*id, {}};
      for (std::uint64_t m = 1 + below(3); m > 0 && !is_gone[who]; --m) {
        one.changes.push_back(choose(state));
        carry_out(state, one.changes.back());
        is_gone[who] = std::holds_alternative<remove_group>(one.changes.back());
      }
      if (engine::request_size(one) > log_->longest_request()) {
        ahead.erase(who);
        break;
      }
      whose.push_back(who);
      batch.push_back(std::move(one));
    }
    const bool bad = below(8) == 0;
    if (bad) disk_.plan(below(6), below(2) == 0 ? memory_disk::fault::fails : memory_disk::fault::crashes);
    const auto outcomes = log_->write(batch);
    log_->tidy();
    std::map<int, std::vector<model_group>> possible;
    std::map<int, std::vector<model_group>> without_entries;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      model_group& now = groups_[whose[i]];
      if (outcomes[i].has_value()) {
        for (const change& each : batch[i].changes) carry_out(now, each);
        continue;
      }
      const auto [at, is_first] = possible.try_emplace(whose[i], std::vector{now});
      auto& states = at->second;
      why_refused_ = outcomes[i].error().text;
      if (is_first && !now.exists) { // the group's name may be written, and nothing else
        states.push_back(now);
        states.back().exists = true;
      }
      for (const change& each : batch[i].changes) {
        states.push_back(states.back());
        carry_out(states.back(), each);
      }
      // On a full disk the log leaves out what appends, and tries the remaining part of the batch once more.
      if (disk_.capacity == ~std::uint64_t{0}) continue;
      auto& others = without_entries.try_emplace(whose[i], std::vector{now}).first->second;
      if (std::ranges::any_of(batch[i].changes,
                              [](const change& one) { return std::holds_alternative<append>(one); }))
        continue;
      for (const change& each : batch[i].changes) {
        others.push_back(others.back());
        carry_out(others.back(), each);
      }
    }
    for (const auto& [who, others] : without_entries)
      possible[who].insert(possible[who].end(), others.begin(), others.end());
    compacted += log_->report().compacted;
    // One write carries all of them, so if one is acknowledged, nothing is left of the others.
    if (std::ranges::any_of(outcomes, [](const base::status& one) { return one.has_value(); }))
      possible.clear();
    if (!log_->report().failure && !disk_.has_no_power()) {
      fail_if(!possible.empty() && !bad && disk_.capacity == ~std::uint64_t{0},
              "refused, and it fits: " + why_refused_);
      refused += possible.size();
      possible.clear(); // nothing of them may be on the disk
      disk_.plan(0, memory_disk::fault::none);
      if (below(30) != 0) return;
    }
    drop(disk_, log_);
    if (below(2) == 0) disk_.crash(random_);
    reopen();
    compare(possible);
  }

  void close_and_reopen() {
    log_.reset();
    reopen();
    compare({});
  }

  void reopen() {
    disk_.capacity = ~std::uint64_t{0};
    while (below(4) == 0) { // fails or crashes while the log is opened
      disk_.plan(below(6), below(2) == 0 ? memory_disk::fault::fails : memory_disk::fault::crashes);
      auto opened = try_open(disk_);
      if (opened) {
        log_ = std::move(*opened);
        drop(disk_, log_);
      }
      if (below(3) == 0) {
        disk_.kill();
      } else {
        disk_.crash(random_);
      }
    }
    log_ = open_log(disk_);
    for (const damage& one : log_->damages()) fail_if(true, one.text());
  }

  model_group seen(int who) {
    model_group out;
    for (const group_report& one : log_->groups()) {
      if (one.name != name(who)) continue;
      fail_if(!one.damage.empty(), one.damage);
      out.exists = true;
      out.first = one.first;
      out.term_before = one.term_before_first;
      for (const char* key : keys)
        if (const auto value = log_->value(one.id, key)) out.values[key] = *value;
      for (const std::string& each : entries_of(*log_, one.id))
        out.entries.push_back(each.substr(each.find(':') + 1));
      fail_if(out.next() != one.last + 1, "last index");
    }
    return out;
  }

  void compare(const std::map<int, std::vector<model_group>>& possible) {
    for (int who = 0; who < groups; ++who) {
      const model_group now = seen(who);
      const auto several = possible.find(who);
      const bool fits = several == possible.end()
                            ? now == groups_[who]
                            : std::ranges::find(several->second, now) != several->second.end();
      fail_if(!fits, name(who) + " is not what was written");
      groups_[who] = now;
    }
  }

  void fail_if(bool is_wrong, const std::string& why) {
    failed_ = failed_ || is_wrong;
    CHECK_MESSAGE(!is_wrong, why);
  }

  std::mt19937_64 random_;
  memory_disk disk_;
  std::unique_ptr<engine> log_;
  model_group groups_[groups];
  bool failed_ = false;
  std::string why_refused_;
};

} // namespace

TEST_CASE("whatever fails or crashes when, what was acknowledged is there and nothing else but a prefix") {
  std::uint64_t compacted = 0;
  std::uint64_t refused = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    run one(seed);
    one.play(150);
    compacted += one.compacted;
    refused += one.refused;
    if (one.has_failed()) break;
  }
  CHECK(compacted > 0);
  CHECK(refused > 0);
}
