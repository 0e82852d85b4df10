// SPDX-License-Identifier: MIT
// Tests which node runs the times that were missed before a node came to the group of a job for one node of
// several, and which node runs the jobs of a Raft group's leader.
#include "services/cron/cron_service.hpp"

#include <doctest/doctest.h>

#include "behaviours/raft/member.hpp"
#include "behaviours/terms.hpp"
#include "dist/hex.hpp"
#include "held_clock.hpp"
#include "runtime/messages/exit_reason.hpp"
#include "services/cron/fencing.hpp"
#include "temporary_folder.hpp"
#include "whole_node.hpp"

using namespace coppice;
using namespace coppice::dist::testing;
using namespace coppice::test;
using runtime::destination;
using runtime::message;
using runtime::message_writer;

namespace gen = coppice::behaviours::gen;

namespace {

constexpr const char* job = "nightly";

// A job that is due once a day, and was due an hour ago.
services::cron_job missed_job(cron::instant now) {
  const auto due = std::chrono::floor<std::chrono::minutes>(now - std::chrono::hours(1));
  const std::chrono::hh_mm_ss time(due - std::chrono::floor<std::chrono::days>(due));
  services::cron_job one;
  one.timing.name = job;
  const auto read = cron::expression::parse(
      std::to_string(time.minutes().count()) + " " + std::to_string(time.hours().count()) + " * * *", job);
  REQUIRE(read);
  one.timing.at = *read;
  one.timing.when_missed = cron::missed::once;
  one.action.to = "nobody";
  one.on_one_node = true;
  return one;
}

// {What, {Group, Job}}, with the process `who` as a third element. Null: without it.
message request(const runtime::process* who, std::string_view what, std::string_view group) {
  message_writer out;
  out.tuple(who == nullptr ? 2 : 3);
  out.atom(what);
  out.tuple(2);
  out.atom(group);
  out.binary(std::string_view(job));
  if (who != nullptr) runtime::write(out, who->self(), who->host().nodes());
  return out.take();
}

// Plays the member of a group: it answers that it leads in the test's term. 0: it answers that another node
// leads.
class member_of_test final : public behaviours::native_server {
 public:
  explicit member_of_test(const std::atomic<std::uint64_t>& term)
      : native_server(std::string(behaviours::raft::member::behaviour_name)), term_(term) {}

 protected:
  call_answer handle_call(runtime::process&, const message&, const message& request) override {
    CHECK(request == behaviours::raft::member::confirm_lead());
    if (const std::uint64_t term = term_; term != 0)
      return reply(test::term("{ok, " + std::to_string(term) + "}"));
    return reply(test::term("{error, {led_by, <<\"ledger@other@127.0.0.1\">>}}"));
  }

 private:
  const std::atomic<std::uint64_t>& term_;
};

// Joins less leaves of the groups that a service asks for, and how often it has asked to join {cron, Job}.
struct joined_groups {
  std::atomic<int> all = 0, older = 0, asked = 0;
};

// Stands for the scope. The first answer to a join is never heard, though the join counts, as in pg.
class scope_of_test final : public behaviours::native_server {
 public:
  explicit scope_of_test(joined_groups& in) : native_server("pg"), in_(in) {}

 protected:
  call_answer handle_call(runtime::process& self, const message&, const message& request) override {
    etf::cursor at(request.bytes());
    std::uint32_t arity = 0;
    std::string_view what, group;
    if (at.read_atom(what)) return reply(monitored(self));
    if (!at.read_tuple(arity) || !at.read_atom(what)) return reply(message::atom("badarg"));
    if (what == "demonitor") return reply(message::atom("ok"));
    etf::bytes name;
    if (!at.read_tuple_of(2) || !at.read_atom(group) || !at.read_binary(name))
      return reply(message::atom("badarg"));
    std::atomic<int>& in = group == "cron" ? in_.all : in_.older;
    if (what == "get_members") return reply(members(self, in));
    if (what == "leave_local") {
      if (in == 0) return reply(message::atom("not_joined"));
      --in;
      return reply(message::atom("ok"));
    }
    who_ = runtime::read_pid(at, self.host().nodes()).value_or(runtime::pid());
    ++in;
    if (group == "cron" && in_.asked++ == 0) return no_reply();
    return reply(message::atom("ok"));
  }

 private:
  static message monitored(runtime::process& self) {
    message_writer out;
    out.tuple(2);
    runtime::write(out, self.make_alias(true), self.host().nodes());
    out.map(0);
    return out.take();
  }
  message members(const runtime::process& self, int times) const {
    message_writer out;
    if (times > 0) out.list(static_cast<std::uint32_t>(times));
    for (; times > 0; --times) runtime::write(out, who_, self.host().nodes());
    out.nil();
    return out.take();
  }

  joined_groups& in_;
  runtime::pid who_;
};

// Whether the service of that node has nothing to do before its next timer.
bool sleeps(const whole_node& node) {
  const auto found = node.host.info(services::cron_service::registered_name);
  return found && found->summary.status == runtime::process_status::waiting;
}

// Moves the clock until `holds`. False: it did not hold in time. While the service does something the clock
// goes slowly, so that none of its requests is answered too late.
template <class Condition>
bool in_time(held_clock& clock, const whole_node& node, Condition holds) {
  return eventually([&] {
    if (holds()) return true;
    clock.advance(std::chrono::milliseconds(sleeps(node) ? 100 : 1));
    return false;
  });
}

// A node with a member of a group and a job that the group's leader runs.
struct node_with_member {
  node_with_member(epmd_server& epmd, const std::string& name) : node(epmd, name) {
    services::cron_job one;
    one.timing.name = job;
    one.timing.at = *cron::expression::parse("0 0 1 1 *", job);
    one.action.to = "keeper";
    one.action.group = "ledger";
    REQUIRE(jobs->start({one}));
    jobs->begin();
    runtime::spawn_options named;
    named.name = "ledger";
    REQUIRE(node.host.spawn(std::move(named), std::make_unique<member_of_test>(term)));
    runtime::spawn_options options;
    options.name = services::cron_service::registered_name;
    REQUIRE(node.host.spawn(std::move(options),
                            std::make_unique<services::cron_service>(
                                jobs, node.router, services::peer_bounds{}, nullptr, &leads)));
  }
  static runtime::spawn_options as_keeper() {
    runtime::spawn_options options;
    options.name = "keeper";
    return options;
  }
  cron::job_report report() const { return jobs->report().front(); }
  bool here() const { return report().here; }
  bool held() const { return report().held.has_value(); }
  // Waits for the end of the run number `count`, and returns whether it succeeded.
  bool runs(std::uint64_t count) {
    REQUIRE(jobs->run_now(job));
    REQUIRE(eventually([&] { return report().runs == count && report().under_way == 0; }));
    return *report().last_succeeded;
  }

  const temporary_folder folder;
  std::atomic<std::uint64_t> term = 0; // the term in which its member leads; 0: it does not lead
  behaviours::raft::lead_board leads;
  std::shared_ptr<services::cron_jobs> jobs = std::make_shared<services::cron_jobs>(folder.path() + "/cron");
  whole_node node;
  const actor keeper{node.host, as_keeper()};
};

} // namespace

TEST_CASE(
    "a job of a group's leader follows the lead from node to node, and each run has the leader's term") {
  epmd_server epmd;
  node_with_member a(epmd, "a@127.0.0.1"), b(epmd, "b@127.0.0.1");
  CHECK(eventually([&] { return a.held() && b.held(); })); // no leader is known
  a.leads.enter("ledger", {true, true, 3});
  b.leads.enter("ledger", {true, false, 3});
  a.term = 3;
  CHECK(eventually([&] { return a.here() && !b.here() && !b.held(); }));
  CHECK(a.runs(1));
  const auto is_of = [](const message& m, std::string_view term) {
    const std::string said = text(m);
    CAPTURE(said);
    CHECK(said.starts_with("{cron,<<\"nightly\">>,"));
    CHECK(said.ends_with(std::string(term) + "}"));
  };
  is_of(a.keeper.next(), ",3");
  CHECK_FALSE(b.runs(1)); // an operator cannot make it run beside the leader

  // The lead is lost. Until the next leader is known, no node runs it.
  a.term = 0;
  a.leads.enter("ledger", {});
  b.leads.enter("ledger", {});
  CHECK(eventually([&] { return a.held() && b.held(); }));

  // a still takes itself for the leader, and b leads in a later term. The group is asked, and a's run fails.
  a.leads.enter("ledger", {true, true, 3});
  b.leads.enter("ledger", {true, true, 5});
  b.term = 5;
  CHECK(eventually([&] { return a.here() && b.here(); }));
  CHECK_FALSE(a.runs(2));
  CHECK(b.runs(2));
  is_of(b.keeper.next(), ",5");
  CHECK(a.keeper.waiting() == 0);
  CHECK(b.keeper.waiting() == 0);

  // A member that has ended knows no leader.
  b.leads.remove("ledger");
  CHECK(eventually([&] { return b.held(); }));
}

TEST_CASE("times of a group's leader that come due while no leader is known are the next leader's") {
  for (const bool leads : {true, false}) {
    CAPTURE(leads);
    epmd_server epmd;
    const temporary_folder folder;
    const std::string file = folder.path() + "/cron";
    const cron::instant now(std::chrono::seconds(base::wall_now() / base::nanos_per_second));
    services::cron_job one = missed_job(now);
    one.on_one_node = false;
    one.action.group = "ledger";
    const std::string at = one.timing.at.print() + " in " + one.timing.in.name();
    REQUIRE(cron::write_kept(file, {{job, {at, now - std::chrono::hours(2), std::nullopt}}}));
    const auto jobs = std::make_shared<services::cron_jobs>(file);
    REQUIRE(jobs->start({one}));
    jobs->begin();
    behaviours::raft::lead_board board;
    whole_node node(epmd, "a@127.0.0.1");
    runtime::spawn_options options;
    options.name = services::cron_service::registered_name;
    REQUIRE(node.host.spawn(std::move(options),
                            std::make_unique<services::cron_service>(
                                jobs, node.router, services::peer_bounds{}, nullptr, &board)));
    CHECK(eventually([&] { return jobs->report().front().held.has_value(); }));
    CHECK(jobs->report().front().runs == 0);
    board.enter("ledger", {true, leads, 1});
    CHECK(eventually([&] { return !jobs->report().front().held; }));
    CHECK(jobs->report().front().here == leads);
    CHECK(eventually([&] { return jobs->report().front().runs == (leads ? 1 : 0); }));
  }
}

TEST_CASE("the term stands in place of its word in a message, and of a number in arguments") {
  const auto filled = [](const char* written) {
    const message from = term(written);
    const auto made = services::with_token(from.bytes(), 7);
    return text(message::copy_of(made));
  };
  CHECK(filled("'$term'") == "7");
  CHECK(filled("{put, \"abc\", ['$term', {a, '$term'} | '$term'], <<\"$term\">>}") ==
        text(term("{put, \"abc\", [7, {a, 7} | 7], <<\"$term\">>}")));
  CHECK(filled("#{epoch => '$term', more => #{a => ['$term']}}") ==
        text(term("#{epoch => 7, more => #{a => [7]}}")));
  CHECK(filled("{1.5, -3, [], #{}, {}}") == text(term("{1.5, -3, [], #{}, {}}")));
  const message args = term("#{limit => 3, epoch => 0, tail => [1, x]}");
  const auto worded = services::with_token_word_at(args.bytes(), "epoch");
  CHECK(text(message::copy_of(services::with_token(worded, 9))) ==
        text(term("#{limit => 3, epoch => 9, tail => [1, x]}")));
  const auto same = services::with_token_word_at(args.bytes(), "epoche");
  CHECK(text(message::copy_of(same)) == text(args));
}

TEST_CASE("what was missed before a node came is run by it only if nobody was there before") {
  for (const bool another : {true, false}) {
    CAPTURE(another);
    const temporary_folder folder;
    const std::string file = folder.path() + "/cron";
    const cron::instant now(std::chrono::seconds(base::wall_now() / base::nanos_per_second));
    const services::cron_job one = missed_job(now);
    const std::string at = one.timing.at.print() + " in " + one.timing.in.name();
    REQUIRE(cron::write_kept(file, {{job, {at, now - std::chrono::hours(2), std::nullopt}}}));
    const auto jobs = std::make_shared<services::cron_jobs>(file);
    REQUIRE(jobs->start({one}));
    jobs->begin();
    epmd_server epmd;
    whole_node node(epmd, "a@127.0.0.1", {.pg = {services::cron_service::scope}});
    held_clock clock; // destroyed first, so that time goes on before the node ends
    const actor member(node.host);
    const destination scope = destination::named(services::cron_service::scope);
    if (another) {
      const bool joined = member.run([&](runtime::process& self) {
        return gen::call(self, scope, request(&self, "join_local", "cron_served").bytes(),
                         self.now() + 20 * base::nanos_per_second)
            .has_value();
      });
      REQUIRE(joined);
    }
    runtime::spawn_options options;
    options.name = services::cron_service::registered_name;
    REQUIRE(node.host.spawn(std::move(options), std::make_unique<services::cron_service>(
                                                    jobs, node.router, services::peer_bounds{})));
    // Once the service is in the group, the missed times are held already.
    CHECK(in_time(clock, node, [&] {
      const message members = ask(member, scope, request(nullptr, "get_members", "cron"));
      std::uint32_t count = 0;
      return etf::cursor(members.bytes()).read_list(count) && count == 1;
    }));
    CHECK(in_time(clock, node, [&] { return jobs->report().front().here; }));
    CHECK(in_time(clock, node, [&] { return sleeps(node); })); // it has looked for runs that are due
    CHECK(jobs->report().front().runs == (another ? 0 : 1));
  }
}

TEST_CASE("a service that was killed still counts as one that had the job, for those that come") {
  const temporary_folder folder;
  const auto jobs = std::make_shared<services::cron_jobs>(folder.path() + "/cron");
  const cron::instant now(std::chrono::seconds(base::wall_now() / base::nanos_per_second));
  REQUIRE(jobs->start({missed_job(now)}));
  jobs->begin();
  epmd_server epmd;
  whole_node node(epmd, "a@127.0.0.1", {.pg = {services::cron_service::scope}});
  held_clock clock; // destroyed first, so that time goes on before the node ends
  const actor asker(node.host);
  const auto members_are = [&](const char* group, std::uint32_t wanted) {
    return in_time(clock, node, [&] {
      const message members = ask(asker, destination::named(services::cron_service::scope),
                                  request(nullptr, "get_members", group));
      std::uint32_t count = 0;
      return wanted == 0 ? etf::cursor(members.bytes()).read_nil()
                         : etf::cursor(members.bytes()).read_list(count) && count == wanted;
    });
  };
  const auto start = [&] {
    runtime::spawn_options options;
    options.name = services::cron_service::registered_name;
    const auto made = node.host.spawn(std::move(options), std::make_unique<services::cron_service>(
                                                              jobs, node.router, services::peer_bounds{}));
    REQUIRE(made);
    return *made;
  };
  const runtime::pid first = start();
  REQUIRE(members_are("cron_served", 1));
  node.host.exit(first, runtime::reasons::kill());
  REQUIRE(members_are("cron", 0));
  REQUIRE(members_are("cron_served", 0));
  start();
  REQUIRE(members_are("cron", 1));
  REQUIRE(in_time(clock, node, [&] { return jobs->report().front().here; }));
  const message served = ask(asker, destination::named(services::cron_service::scope),
                             request(nullptr, "get_members", "cron_served"));
  std::uint32_t count = 0;
  CHECK((etf::cursor(served.bytes()).read_list(count) && count == 1));
}

TEST_CASE("a service whose scope answers too late is in each group once, and in none without a job") {
  const temporary_folder folder;
  const auto jobs = std::make_shared<services::cron_jobs>(folder.path() + "/cron");
  const cron::instant now(std::chrono::seconds(base::wall_now() / base::nanos_per_second));
  REQUIRE(jobs->start({missed_job(now)}));
  jobs->begin();
  joined_groups joined;
  epmd_server epmd;
  whole_node node(epmd, "a@127.0.0.1");
  held_clock clock; // destroyed first, so that time goes on before the node ends
  runtime::spawn_options named;
  named.name = services::cron_service::scope;
  REQUIRE(node.host.spawn(std::move(named), std::make_unique<scope_of_test>(joined)));
  runtime::spawn_options options;
  options.name = services::cron_service::registered_name;
  REQUIRE(node.host.spawn(std::move(options), std::make_unique<services::cron_service>(
                                                  jobs, node.router, services::peer_bounds{})));
  REQUIRE(in_time(clock, node, [&] { return joined.asked == 1; })); // it waits for the first answer
  clock.advance(std::chrono::seconds(6));
  REQUIRE(in_time(clock, node, [&] { return joined.asked == 2; })); // it has given up waiting
  REQUIRE(in_time(clock, node, [&] { return joined.older == 1; })); // it knows its place
  CHECK(joined.all == 1);
  CHECK(jobs->report().front().here);
  jobs->change({});
  CHECK(in_time(clock, node, [&] { return joined.all == 0 && joined.older == 0; }));
}

TEST_CASE(
    "a run that does not end is warned of once it was in the way a few times, a job that is held once that "
    "takes long") {
  using namespace std::chrono_literals;
  const auto warned = [](const services::cron_row& of) { return !services::warning_of(of).empty(); };
  services::cron_row row;
  cron::job_report& told = row.told;
  CHECK_FALSE(warned(row));
  told.running = 2h;
  told.overlapped = 2;
  CHECK_FALSE(warned(row));
  told.overlapped = 3;
  CHECK(services::warning_of(row) ==
        "a run has not ended for 7200 s, and is in the way of the last 3 times that it was due");
  told.running = 59s;
  CHECK_FALSE(warned(row));
  told.held = 59s;
  CHECK_FALSE(warned(row));
  told.held = 75s;
  CHECK(services::warning_of(row).starts_with("does not run: for 75 s "));
  row.group = "ledger";
  CHECK(services::warning_of(row) ==
        "does not run: for 75 s this node has had no member 'ledger' of a Raft group, or that member has "
        "known no leader");
  told.enabled = false;
  CHECK_FALSE(warned(row));
}
