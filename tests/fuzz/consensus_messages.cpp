// SPDX-License-Identifier: MIT
// rooms: consensus
// A member of a Raft group gets any bytes from the two other members. What decodes gives the same bytes when
// it is encoded again. Whatever the member takes, terms never fall, it votes once in a term, and committed
// entries stay. In between time passes, writes reach the disk, and its own callers send requests.
#include <algorithm>
#include <memory>
#include <utility>

#include "consensus/core.hpp"
#include "consensus/wire.hpp"
#include "script.hpp"

namespace {

using namespace coppice;
using namespace coppice::consensus;
using fuzz::check;
using fuzz::script;

const cluster_id cluster{7, 7};
identity id(std::uint64_t number) {
  return {7, number};
}

class shortest final : public random_source {
 public:
  std::uint64_t next() override { return 0; }
};

// Mostly near `about`, sometimes as large as possible.
std::uint64_t number(script& from, std::uint64_t about) {
  const std::uint8_t byte = from.byte();
  return byte < 200 ? std::max<std::uint64_t>(about + byte % 8, 3) - 3 : ~std::uint64_t{0} >> (byte - 200);
}

payload some_bytes(script& from) {
  std::vector<std::uint8_t> made(from.byte() % 32);
  for (std::uint8_t& one : made) one = from.byte();
  return payload(made);
}

configuration some_members(script& from) {
  configuration made;
  for (int left = from.byte() % 5; left > 0; --left)
    made.put({id(1 + from.byte() % 5), static_cast<member_role>(from.byte() % 3), {}});
  return made;
}

entry some_entry(script& from, const core& of) {
  entry made{number(from, of.term()),
             number(from, 0),
             number(from, 0),
             static_cast<entry_kind>(from.byte() % 6),
             {}};
  made.body = made.kind == entry_kind::configuration && from.byte() % 4 != 0 ? some_members(from).encode()
                                                                             : some_bytes(from);
  return made;
}

message_body some_body(script& from, const core& of) {
  const log_index last = of.log().last();
  const auto flag = [&] { return from.byte() % 2 == 0; };
  switch (from.byte() % 11) {
    case 0:
      return vote_request{number(from, last), number(from, of.log().last_term()), flag(), flag()};
    case 1:
      return vote_answer{flag(), flag()};
    case 2: {
      append_request made{number(from, last), number(from, of.log().last_term()), number(from, last), {}};
      for (int left = from.byte() % 4; left > 0; --left) made.entries.push_back(some_entry(from, of));
      return made;
    }
    case 3:
      return append_answer{flag(), number(from, last), number(from, last), number(from, of.term())};
    case 4:
      return heartbeat{number(from, last), number(from, 1)};
    case 5:
      return heartbeat_answer{number(from, 2), number(from, last), number(from, last), {}};
    case 6:
      return read_request{number(from, 0)};
    case 7:
      return read_answer{number(from, 1), number(from, last)};
    case 8: {
      snapshot_chunk made{{number(from, last), number(from, of.term()), number(from, 8), from.byte() % 2U,
                           some_members(from)},
                          number(from, 0),
                          0,
                          some_bytes(from)};
      if (made.of.members.voters() == 0) made.of.members = {};
      made.length = static_cast<std::uint32_t>(made.bytes.size());
      return made;
    }
    case 9:
      return snapshot_answer{number(from, last), from.byte() % 2U, number(from, 0), flag()};
    default:
      return elect_now{};
  }
}

class watched {
 public:
  watched() {
    configuration members;
    for (std::uint64_t i = 1; i <= 3; ++i) members.put({id(i), member_role::voter, {}});
    options how;
    how.cluster = cluster;
    how.self = id(1);
    how.pending = 16;
    auto made = core::start(how, chance_, core::first_state(members), now_, out_);
    check(made.has_value());
    member_ = std::move(*made);
    look();
  }
  const core& member() const { return *member_; }
  void take(message one) {
    member_->receive(now_, std::move(one), out_);
    look();
  }
  void act(script& from) {
    switch (from.byte() % 8) {
      case 0:
        now_ += (1 + from.byte()) * 10 * base::nanos_per_ms;
        member_->advance(now_, out_);
        break;
      case 1: {
        const proposal one{1, entry_kind::command, 0, 0, some_bytes(from)};
        member_->append(now_, std::span(&one, 1), out_);
        break;
      }
      case 2:
        member_->read(now_, 2, out_);
        break;
      case 3:
        member_->transfer(now_, 3, id(1 + from.byte() % 4), out_);
        break;
      case 4:
        member_->change(now_, 4,
                        {static_cast<change_request::action>(from.byte() % 3),
                         {id(1 + from.byte() % 5), member_role::voter, {}}},
                        out_);
        break;
      default:
        member_->written(now_, last_write_, out_);
    }
    look();
  }

 private:
  void look() {
    for (const consensus::write& one : out_.writes) {
      check(one.number == ++last_write_);
      if (!one.hard) continue;
      check(one.hard->term >= hard_.term);
      check(one.hard->term > hard_.term || !hard_.voted_for || one.hard->voted_for == hard_.voted_for);
      hard_ = *one.hard;
    }
    const raft_log& log = member_->log();
    check(member_->commit() >= commit_ && member_->commit() <= log.last() &&
          member_->on_disk() <= log.last());
    check(commit_ < log.base() || log.term_at(commit_) == commit_term_);
    commit_ = member_->commit();
    commit_term_ = log.term_at(commit_);
    check(member_->members().members().empty() || member_->members().voters() > 0);
    out_.clear();
  }

  shortest chance_;
  base::nanos now_ = base::nanos_per_second;
  effects out_;
  std::unique_ptr<core> member_;
  std::uint64_t last_write_ = 0;
  hard_state hard_;
  log_index commit_ = 0;
  term_number commit_term_ = 0;
};

std::vector<std::uint8_t> encoded(const message& one) {
  etf::vector_writer out;
  encode(one, out);
  return out.take();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  watched of;
  if (auto read = decode_message({data, size})) {
    const auto again = decode_message(encoded(*read));
    check(again && *again == *read);
    of.take(*read);
    read->cluster = cluster;
    read->from = id(2);
    read->to = id(1);
    of.take(std::move(*read));
  }
  script from({data, size});
  while (!from.ended()) {
    if (from.byte() % 3 == 0) {
      of.act(from);
      continue;
    }
    message made{cluster, id(2 + from.byte() % 3), id(1), number(from, of.member().term() + 2), {}};
    made.body = some_body(from, of.member());
    auto back = decode_message(encoded(made));
    check(back && *back == made);
    of.take(std::move(*back));
  }
  return 0;
}
