// SPDX-License-Identifier: MIT
// Tests of a member's group in the durable log: what is written is found again, a snapshot is stored in
// pieces and removed as a whole, and nothing is left of what is not needed any more.
#include "behaviours/raft/storage.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <mutex>

#include "behaviours/journal/journal.hpp"
#include "behaviours/test_host.hpp"
#include "consensus/core.hpp"
#include "durable/memory_disk.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using namespace coppice::behaviours::raft;
using namespace coppice::test;

namespace {

consensus::entry command(consensus::term_number term, std::string_view text) {
  return {term, 0, 0, consensus::entry_kind::command, consensus::payload(base::as_bytes(text))};
}

consensus::configuration one_voter() {
  consensus::configuration made;
  made.put({{1, 1}, consensus::member_role::voter, "l@a@h"});
  return made;
}

// Calls the test's function with the storage in the owner's turn, and notes the storage's news in the book.
class owner final : public native_server {
 public:
  using work = std::function<void(storage&)>;
  owner(diary& book, durable::shared_log& log, durable::group_id group)
      : native_server("owner"), book_(book), log_(log), group_(group) {}
  static inline work next; // set by the test before each call

 protected:
  runtime::outcome on_start(runtime::process& self) override {
    auto found = read_group(log_, group_);
    CHECK(found.has_value());
    storage_ = std::make_unique<storage>(log_, self.host(), self.self(), group_, *found);
    return runtime::carry_on();
  }
  call_answer handle_call(runtime::process&, const runtime::message&, const runtime::message&) override {
    next(*storage_);
    return reply(runtime::message::atom("ok"));
  }
  runtime::outcome handle_info(runtime::process& self, const runtime::message& m) override {
    if (!storage::is_news(self, m)) return runtime::carry_on();
    auto news = storage_->take();
    CHECK(news.has_value());
    if (news->failure) book_.write("failed: " + news->failure->text);
    if (news->identity_written) book_.write("identity");
    if (news->membership_written) book_.write("membership");
    if (news->core_written > 0) book_.write("core " + std::to_string(news->core_written));
    if (news->stored) book_.write("stored " + std::to_string(news->stored->index));
    return runtime::carry_on();
  }

 private:
  diary& book_;
  durable::shared_log& log_;
  const durable::group_id group_;
  std::unique_ptr<storage> storage_;
};

struct fixture {
  fixture() {
    REQUIRE(log.open().has_value());
    group = *log.log()->group("raft/one");
    start();
  }
  void start() {
    auto made = host.system.spawn({}, std::make_unique<owner>(host.book, *log.log(), group));
    REQUIRE(made.has_value());
    who = *made;
  }
  void restart() {
    host.system.exit(who, runtime::message::atom("kill"));
    CHECK(host.end_of(who) != "?");
    start();
  }
  // Runs `what` in the owner's turn, and returns once the owner has noted the news `until`.
  void run(owner::work what, std::string_view until) {
    owner::next = std::move(what);
    CHECK(host.call(who, "go") == "ok");
    wait_for(until);
  }
  void wait_for(std::string_view until) {
    for (int tries = 0; tries < 100; ++tries)
      for (const std::string& line : host.book.take(1))
        if (line == until) return;
    FAIL("no news: " << until);
  }
  group_contents read() {
    auto found = read_group(*log.log(), group);
    REQUIRE(found.has_value());
    return *found;
  }
  memory_disk disk;
  journal log{"/log", disk};
  durable::group_id group = 0;
  test_host host;
  runtime::pid who;
};

void log_settled(fixture& f) {
  f.log.log()->settle();
}

consensus::write entries(std::uint64_t number, consensus::log_index first,
                         std::vector<consensus::entry> all) {
  consensus::write out;
  out.number = number;
  out.first = first;
  out.entries = std::move(all);
  return out;
}

} // namespace

TEST_CASE("a member finds its identity, its group and its log again") {
  fixture f;
  CHECK_FALSE(f.read().self);
  f.run([](storage& s) { CHECK(s.put_identity({7, 8})); }, "identity");
  CHECK(f.read().self == consensus::member_id{7, 8});
  CHECK_FALSE(f.read().of);
  f.run(
      [](storage& s) {
        CHECK(s.put_membership({{3, 4}, 55}, consensus::core::first_state(one_voter())));
      },
      "membership");
  f.run(
      [](storage& s) {
        consensus::write one = entries(1, 2, {command(2, "a"), command(2, "b"), command(2, "c")});
        one.hard = consensus::hard_state{2, {7, 8}};
        CHECK(s.write(std::move(one)));
      },
      "core 1");
  f.run(
      [](storage& s) {
        consensus::write one = entries(2, 3, {command(3, "d")});
        one.truncate_from = 3;
        CHECK(s.write(std::move(one)));
      },
      "core 2");
  const group_contents found = f.read();
  REQUIRE(found.of);
  CHECK(found.of->cluster == consensus::cluster_id{3, 4});
  CHECK(found.of->clients == 55);
  CHECK(found.state.hard == consensus::hard_state{2, {7, 8}});
  CHECK(found.state.before == 0);
  REQUIRE(found.state.entries.size() == 3);
  CHECK(found.state.entries[0].kind == consensus::entry_kind::configuration);
  CHECK(found.state.entries[1] == command(2, "a"));
  CHECK(found.state.entries[2] == command(3, "d"));
}

TEST_CASE("a snapshot of its own is stored in pieces, is whole, and lets the log be cut") {
  fixture f;
  f.run(
      [](storage& s) {
        CHECK(s.put_membership({{3, 4}, 55}, consensus::core::first_state(one_voter())));
      },
      "membership");
  std::string state(3 * piece_bytes + 17, 'x');
  for (std::size_t i = 0; i < state.size(); ++i) state[i] = static_cast<char>('a' + i % 23);
  consensus::snapshot_meta meta;
  meta.index = 3;
  meta.term = 1;
  meta.size = state.size();
  meta.digest = digest_of(base::as_bytes(state));
  meta.members = one_voter();
  f.run(
      [](storage& s) {
        CHECK(s.write(entries(1, 2, {command(1, "a"), command(1, "b"), command(1, "c")})));
      },
      "core 1");
  f.run(
      [&](storage& s) {
        CHECK(s.keep(meta, consensus::payload(base::as_bytes(state))));
        CHECK(s.is_storing());
      },
      "stored 3");
  f.run(
      [&](storage& s) {
        CHECK_FALSE(s.is_storing());
        const auto whole = s.whole(meta);
        CHECK(whole.has_value());
        CHECK(*whole == state);
        CHECK(s.piece(meta, piece_bytes, piece_bytes).size() == piece_bytes);
        CHECK(s.piece(meta, 3 * piece_bytes, 17).size() == 17);
        CHECK(s.piece(meta, 5, 17).size() == 0);
        consensus::write cut;
        cut.number = 2;
        cut.compact_to = 3;
        cut.compact_term = 1;
        CHECK(s.write(std::move(cut)));
      },
      "core 2");
  const group_contents found = f.read();
  CHECK(found.state.snapshot == meta);
  CHECK(found.state.before == 3);
  CHECK(found.state.before_term == 1);
  REQUIRE(found.state.entries.size() == 1);
  CHECK(found.state.entries[0] == command(1, "c"));
  CHECK(found.stored == std::vector<stored_snapshot>{{3, meta.digest, meta.size}});
}

TEST_CASE("a snapshot that another member sends replaces the log, and pieces of one that broke off go") {
  fixture f;
  f.run([](storage& s) { CHECK(s.put_membership({{3, 4}, 55}, {})); }, "membership");
  const std::string text = "the state";
  consensus::snapshot_meta broken{5, 1, 100, 42, one_voter()};
  consensus::snapshot_meta meta{9, 2, text.size(), digest_of(base::as_bytes(text)), one_voter()};
  f.run(
      [&](storage& s) {
        consensus::write one;
        one.number = 1;
        one.piece = consensus::snapshot_piece{broken, 0, consensus::payload(base::as_bytes("half"))};
        CHECK(s.write(std::move(one)));
      },
      "core 1");
  CHECK(f.read().stored.size() == 1);
  f.run(
      [&](storage& s) {
        consensus::write one;
        one.number = 2;
        one.piece = consensus::snapshot_piece{meta, 0, consensus::payload(base::as_bytes(text))};
        one.install = meta;
        CHECK(s.write(std::move(one)));
      },
      "core 2");
  f.run([](storage& s) { CHECK(s.write(entries(3, 10, {command(2, "x")}))); }, "core 3");
  const group_contents found = f.read();
  CHECK(found.state.snapshot == meta);
  CHECK(found.state.before == 9);
  CHECK(found.state.before_term == 2);
  CHECK(found.state.entries.size() == 1);
  CHECK(found.stored == std::vector<stored_snapshot>{{9, meta.digest, meta.size}});
  // A newer snapshot arrives in part, and the member starts again.
  f.run(
      [&](storage& s) {
        consensus::write one;
        one.number = 4;
        one.piece = consensus::snapshot_piece{broken, 0, consensus::payload(base::as_bytes("half"))};
        CHECK(s.write(std::move(one)));
      },
      "core 4");
  f.restart();
  f.run([](storage& s) { CHECK(s.write(entries(1, 11, {command(2, "y")}))); }, "core 1");
  CHECK(f.read().stored == std::vector<stored_snapshot>{{9, meta.digest, meta.size}});
  f.run(
      [&](storage& s) {
        CHECK(s.whole(meta).value_or("") == text);
        CHECK(s.write(entries(2, 12, {command(2, "z")})));
      },
      "core 2");
}

TEST_CASE("a transfer that is begun anew removes nothing of the member's own snapshot at the same entry") {
  fixture f;
  f.run(
      [](storage& s) {
        CHECK(s.put_membership({{3, 4}, 55}, consensus::core::first_state(one_voter())));
      },
      "membership");
  const std::string state(2 * piece_bytes, 'x');
  const consensus::snapshot_meta own{3, 1, state.size(), digest_of(base::as_bytes(state)), one_voter()};
  const consensus::snapshot_meta newer{9, 2, 100, 42, one_voter()};
  const auto first_piece = [](std::uint64_t number, const consensus::snapshot_meta& of,
                              std::string_view bytes) {
    consensus::write one;
    one.number = number;
    one.piece = consensus::snapshot_piece{of, 0, consensus::payload(base::as_bytes(bytes))};
    return one;
  };
  const auto keep_own = [&](storage& s) { CHECK(s.keep(own, consensus::payload(base::as_bytes(state)))); };
  const auto begin_newer = [&](storage& s) { CHECK(s.write(first_piece(3, newer, "half"))); };
  f.run([](storage& s) { CHECK(s.write(entries(1, 2, {command(1, "a"), command(1, "b")}))); }, "core 1");
  f.run(
      [&](storage& s) {
        CHECK(s.write(first_piece(2, own, std::string_view(state).substr(0, piece_bytes))));
      },
      "core 2");
  SUBCASE("when it is stored") {
    f.run(keep_own, "stored 3");
    f.run(begin_newer, "core 3");
  }
  SUBCASE("while it is being stored") {
    f.run(
        [&](storage& s) {
          keep_own(s);
          begin_newer(s);
        },
        "stored 3");
  }
  f.restart();
  f.run(
      [&](storage& s) {
        CHECK(s.whole(own).value_or("") == state);
        CHECK(s.write(entries(1, 4, {command(2, "c")})));
      },
      "core 1");
  const group_contents found = f.read();
  CHECK(found.state.snapshot == own);
  CHECK(found.stored == std::vector<stored_snapshot>{{3, own.digest, own.size}});
}

TEST_CASE("a released snapshot's pieces go, but never those of the one in use") {
  fixture f;
  f.run(
      [](storage& s) {
        CHECK(s.put_membership({{3, 4}, 55}, consensus::core::first_state(one_voter())));
      },
      "membership");
  const auto meta_of = [](std::uint64_t index, std::string_view text) {
    return consensus::snapshot_meta{index, 1, text.size(), digest_of(base::as_bytes(text)), one_voter()};
  };
  f.run([](storage& s) { CHECK(s.write(entries(1, 2, {command(1, "a"), command(1, "b")}))); }, "core 1");
  f.run([&](storage& s) { CHECK(s.keep(meta_of(2, "two"), consensus::payload(base::as_bytes("two")))); },
        "stored 2");
  f.run([&](storage& s) { CHECK(s.keep(meta_of(3, "three"), consensus::payload(base::as_bytes("three")))); },
        "stored 3");
  f.run(
      [&](storage& s) {
        s.release(meta_of(2, "two"));
        s.release(meta_of(3, "three"));
        CHECK(s.write(entries(2, 4, {command(1, "c")})));
      },
      "core 2");
  CHECK(f.read().stored == std::vector<stored_snapshot>{{3, digest_of(base::as_bytes("three")), 5}});
  f.run(
      [&](storage& s) {
        CHECK_FALSE(s.whole(meta_of(2, "two")).has_value());
        CHECK(s.whole(meta_of(3, "three")).value_or("") == "three");
        CHECK(s.write(entries(3, 5, {command(1, "d")})));
      },
      "core 3");
}

TEST_CASE("a failed write is told, and what makes no sense on the disk is refused") {
  fixture f;
  f.run([](storage& s) { CHECK(s.put_identity({7, 8})); }, "identity");
  f.disk.plan(0, memory_disk::fault::fails);
  owner::next = [](storage& s) { CHECK(s.write(entries(1, 1, {command(1, "a")}))); };
  CHECK(f.host.call(f.who, "go") == "ok");
  const auto lines = f.host.book.take(1);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].starts_with("failed: "));

  memory_disk other;
  journal log("/log", other);
  REQUIRE(log.open().has_value());
  const auto group = *log.log()->group("raft/two");
  std::promise<base::status> done;
  REQUIRE(log.log()->submit({group, {durable::set_value{"id", "short"}}},
                            [&](base::status how) { done.set_value(std::move(how)); }));
  REQUIRE(done.get_future().get().has_value());
  const auto found = read_group(*log.log(), group);
  REQUIRE_FALSE(found.has_value());
  CHECK(found.error().text == "the value id of the group makes no sense");
}

TEST_CASE("behind a write that was refused nothing is written, although it fits what the disk has") {
  fixture f;
  f.disk.can_reserve = false; // so that a full disk shows at once
  f.run(
      [](storage& s) {
        CHECK(s.put_membership({{3, 4}, 55}, consensus::core::first_state(one_voter())));
      },
      "membership");
  f.run([](storage& s) { CHECK(s.write(entries(1, 2, {command(1, "a"), command(1, "b")}))); }, "core 1");
  log_settled(f);
  f.disk.capacity = f.disk.used();
  f.run(
      [](storage& s) {
        consensus::write one = entries(2, 3, {command(2, std::string(4096, 'x'))});
        one.truncate_from = 3;
        CHECK(s.write(std::move(one)));
      },
      "failed: the disk is full: no entries are taken until there is room");
  f.disk.capacity = ~std::uint64_t{0};
  // What a member does that has not yet heard of it.
  owner::next = [](storage& s) {
    CHECK(s.write(entries(3, 4, {command(2, "c")})));
    consensus::write one;
    one.number = 4;
    one.hard = consensus::hard_state{3, {7, 8}};
    CHECK(s.write(std::move(one)));
  };
  CHECK(f.host.call(f.who, "go") == "ok");
  const group_contents found = f.read();
  CHECK(found.last == 3);
  CHECK(found.state.entries.back() == command(1, "b"));
  CHECK(found.state.hard.term < 3);
  f.restart();
  f.run([](storage& s) { CHECK(s.write(entries(1, 4, {command(2, "c")}))); }, "core 1");
}

TEST_CASE("entries that do not follow the last one are refused, and nothing of them is written") {
  fixture f;
  f.run(
      [](storage& s) {
        CHECK(s.put_membership({{3, 4}, 55}, consensus::core::first_state(one_voter())));
      },
      "membership");
  owner::next = [](storage& s) {
    for (const consensus::log_index first : {1, 3}) {
      const auto refused = s.write(entries(1, first, {command(2, "x")}));
      CHECK_FALSE(refused.has_value());
      CHECK(refused.error().code == base::errc::invalid);
    }
  };
  CHECK(f.host.call(f.who, "go") == "ok");
  log_settled(f);
  CHECK(f.read().last == 1);
}

TEST_CASE("a snapshot goes on where the log's queue had no room for a piece") {
  fixture f;
  f.run(
      [](storage& s) {
        CHECK(s.put_membership({{3, 4}, 55}, consensus::core::first_state(one_voter())));
      },
      "membership");
  const std::string text = "the state";
  const consensus::snapshot_meta meta{1, 1, text.size(), digest_of(base::as_bytes(text)), one_voter()};
  const auto other = *f.log.log()->group("other");
  std::mutex gate;
  f.disk.before_sync = [&gate] { const std::scoped_lock held(gate); };
  gate.lock();
  const std::string much(std::size_t{2} << 20, 'x');
  const std::string little(1024, 'x');
  const std::string least(1, 'x'); // now there is no room for a piece of the snapshot
  for (const std::string* const one : {&much, &little, &least})
    while (f.log.log()->submit({other, {durable::set_value{"much", *one}}}, {}).has_value()) continue;
  owner::next = [&](storage& s) {
    CHECK(s.keep(meta, consensus::payload(base::as_bytes(text))));
    CHECK(s.is_storing());
    CHECK(s.catch_up());
  };
  CHECK(f.host.call(f.who, "go") == "ok");
  gate.unlock();
  log_settled(f);
  f.run([](storage& s) { CHECK(s.catch_up()); }, "stored 1");
  CHECK(f.read().stored == std::vector<stored_snapshot>{{1, meta.digest, meta.size}});
  CHECK(f.read().state.snapshot == meta);
}
