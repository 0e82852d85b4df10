// SPDX-License-Identifier: MIT
// A saga's core under arbitrary scripts: messages with and without sense, actors that answer anything, time,
// disks that lag, crashes that leave a prefix of what was written. The core starts from whatever a crash
// leaves; messages and records are the same after reading and writing. Each script is played twice: from an
// empty disk, and from arbitrary records, which the core refuses or continues from.
// rooms: saga
#include <limits>
#include <map>
#include <string>

#include "saga/core.hpp"
#include "script.hpp"

namespace {

using namespace coppice;
using namespace coppice::saga;
using fuzz::check;
using fuzz::script;

constexpr const char* nodes[] = {"a", "b", "c"};

class play {
 public:
  play(script from, bool damaged) : from_(from), damaged_(damaged) {
    how_.self = {"s", "a"};
    how_.hops = 3;
    how_.max_transactions = 4;
    how_.keep_count = 8;
    how_.max_in_doubt = 3;
    how_.max_steps = 6;
    if (damaged_)
      for (int i = 1 + from_.byte() % 8; i > 0; --i) damage();
    start();
  }
  void run() {
    for (int steps = 0; machine_ != nullptr && !from_.ended() && steps < 300; ++steps) step();
    if (machine_ != nullptr) crash();
  }

 private:
  // Puts a record on the disk, with few different numbers and names.
  void damage() {
    record made;
    const auto kind = static_cast<commit_kind>(from_.byte() % 2);
    const std::uint8_t small = from_.byte() % 4;
    const bool yes = from_.byte() % 2 == 0;
    switch (from_.byte() % 8) {
      case 0:
        made = begin_record{tx(), "a", kind, small, time(), value(), how_.self, small};
        break;
      case 1:
        made = plan_record{static_cast<plan_record::verdict>(from_.byte() % 4),
                           yes,
                           small,
                           from_.byte() % 4U,
                           value(),
                           value(),
                           some_verdict().steps};
        for (step_spec& one : std::get<plan_record>(made).steps) one.retry_first = one.retry_max = time();
        break;
      case 2:
        made = decision_record{yes, value()};
        break;
      case 3:
        made = skip_record{yes};
        break;
      case 4: {
        const auto state = static_cast<entry_state>(from_.byte() % 6);
        const std::uint8_t flags = from_.byte();
        made =
            entry_record{key(),   kind,    state,     small, time(), yes, (flags & 1) != 0, (flags & 2) != 0,
                         value(), value(), how_.self, small};
        break;
      }
      case 5:
        made = ended_record{tx(), "a", {static_cast<outcome_kind>(from_.byte() % 5), value()}, time()};
        break;
      case 6:
        made = reversed_record{};
        break;
      default: {
        const auto read = decode_record(from_.term());
        if (!read) return;
        made = *read;
      }
    }
    const std::string bytes = encode(made);
    const auto read = decode_record(base::as_bytes(bytes));
    if (!read) return; // it is out of range, so the reader refuses it
    check(*read == made);
    record_key at{1 + from_.byte() % 3U, static_cast<record_kind>(made.index()), 0};
    if (from_.byte() % 16 == 0) at.kind = static_cast<record_kind>(from_.byte() % 7);
    if (at.kind == record_kind::plan || at.kind == record_kind::skip) at.step = from_.byte() % 4;
    disk_.insert_or_assign(at, *read);
  }
  base::nanos time() {
    const std::uint8_t shape = from_.byte();
    if (shape == 255) return std::numeric_limits<base::nanos>::max();
    return shape * base::nanos_per_second / 16;
  }
  void start() {
    std::vector<kept_record> kept;
    for (const auto& [key, what] : disk_) {
      const std::string bytes = encode(what);
      auto read = decode_record(base::as_bytes(bytes));
      check(read && *read == what);
      kept.push_back({key, std::move(*read)});
    }
    how_.commit = from_.byte() % 2 == 0 ? commit_kind::compensate : commit_kind::two_phase;
    auto made = core::start(how_, std::move(kept), now_, out_);
    check(made.has_value() || damaged_);
    machine_ = made ? std::move(*made) : nullptr;
    if (machine_ != nullptr) take();
  }
  void crash() {
    std::size_t left = from_.byte() % 8;
    for (const saga::write& one : waiting_)
      for (const change& each : one.changes)
        if (left > 0) --left, store(each);
    waiting_.clear();
    calls_.clear();
    out_.clear();
    start();
  }
  void store(const change& one) {
    if (one.what)
      disk_.insert_or_assign(one.key, *one.what);
    else
      disk_.erase(one.key);
  }
  void take() {
    for (saga::write& one : out_.writes) waiting_.push_back(std::move(one));
    for (call& one : out_.calls)
      if (one.token != 0) calls_.push_back(std::move(one));
    for (const message& one : out_.messages) {
      const std::string bytes = encode(one.body);
      const auto read = decode_message(base::as_bytes(bytes));
      check(read && encode(*read) == bytes);
      if (const auto* const asked = std::get_if<request>(&one.body)) asked_.push_back({one.to, *asked});
      if (asked_.size() > 16) asked_.erase(asked_.begin());
    }
    out_.clear();
    check(machine_->open() <= how_.max_transactions);
    check(machine_->entries() <= how_.keep_count);
    check(machine_->in_doubt() <= how_.max_in_doubt);
    // The lists agree with a look at everything.
    std::size_t in_doubt = 0, parked = 0;
    for (const open_unit& one : machine_->open_units(1000)) {
      in_doubt += one.in_doubt ? 1 : 0;
      parked += one.parked ? 1 : 0;
    }
    check(machine_->in_doubt() == in_doubt);
    check(machine_->open_units(1000, wanted_units::in_doubt).size() == in_doubt);
    check(machine_->open_units(1000, wanted_units::parked).size() == parked);
    check(machine_->parked() >= parked);
    check(machine_->open_units(1000, wanted_units::overdue).empty() || machine_->first_ending() < now_);
    check((machine_->in_doubt_since() == never) == (in_doubt == 0));
  }
  term value() { return {std::string{'a', static_cast<char>(from_.byte())}}; }
  std::string tx() { return std::string(1, static_cast<char>('t' + from_.byte() % 3)); }
  step_key key() {
    step_key made{tx(), {from_.byte() % 4U, {{{"s", nodes[from_.byte() % 3]}, from_.byte() % 3U}}}};
    if (from_.byte() % 4 == 0) made.step.path = made.step.path.below({{"s", nodes[from_.byte() % 3]}, 1});
    return made;
  }
  verdict some_verdict() {
    verdict made;
    made.what = static_cast<verdict::kind>(from_.byte() % 7);
    made.value = value();
    for (int i = from_.byte() % 3; i > 0; --i)
      made.steps.push_back({{"s", nodes[from_.byte() % 3]}, value(), from_.byte() % 2 == 0, 0, 0});
    return made;
  }
  void receive(const address& from, message_body body) {
    machine_->receive(now_, {from, how_.self, std::move(body)}, out_);
  }
  void step() {
    const auto kind = static_cast<commit_kind>(from_.byte() % 2);
    const auto what = static_cast<request_kind>(from_.byte() % 4);
    const address peer{"s", nodes[from_.byte() % 3]};
    switch (from_.byte() % 12) {
      case 0:
        machine_->begin(now_, 1, "a", {tx(), value(), 0}, out_);
        break;
      case 1:
        machine_->cancel(now_, 2, "a", tx(), value(), out_);
        break;
      case 2:
        machine_->resolve(now_, 3, tx(), from_.byte() % 2 == 0, out_);
        break;
      case 3:
        receive(peer, request{what, kind, key(), value(), from_.byte()});
        break;
      case 4:
        receive(peer, reply{what, static_cast<answer_kind>(from_.byte() % 3), key(), value()});
        break;
      case 5:
        if (from_.byte() % 2 == 0)
          receive(peer, question{key()});
        else
          receive(peer, interim_message{key(), value()});
        break;
      case 6:
        if (auto read = decode_message(from_.term())) receive(peer, std::move(*read));
        break;
      case 7:
        now_ += from_.byte() * base::nanos_per_ms * (from_.byte() % 2 == 0 ? 1 : 1000);
        machine_->advance(now_, out_);
        break;
      case 8:
        return crash();
      case 9:
        if (calls_.empty()) break;
        machine_->answered(now_, calls_.back().token, some_verdict(), out_);
        calls_.pop_back();
        break;
      case 10: { // answers one of its requests
        if (asked_.empty()) break;
        const auto asked = asked_[from_.byte() % asked_.size()];
        receive(asked.first, reply{asked.second.what, static_cast<answer_kind>(from_.byte() % 3),
                                   asked.second.key, value()});
        break;
      }
      default: {
        if (waiting_.empty()) break;
        for (const change& each : waiting_.front().changes) store(each);
        const std::uint64_t number = waiting_.front().number;
        waiting_.erase(waiting_.begin());
        machine_->written(now_, number, out_);
      }
    }
    take();
  }

  script from_;
  const bool damaged_; // the disk may have records that no core wrote
  options how_;
  base::nanos now_ = base::nanos_per_second;
  effects out_;
  std::map<record_key, record> disk_;
  std::vector<saga::write> waiting_;
  std::vector<call> calls_;
  std::vector<std::pair<address, request>> asked_;
  std::unique_ptr<core> machine_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static_cast<void>(decode_message({data, size}));
  static_cast<void>(decode_record_key({data, size}));
  if (const auto read = decode_record({data, size})) {
    const std::string bytes = encode(*read);
    const auto again = decode_record(base::as_bytes(bytes));
    check(again && encode(*again) == bytes);
  }
  for (const bool damaged : {false, true}) play(script({data, size}), damaged).run();
  return 0;
}
