// SPDX-License-Identifier: MIT
// Whose the times are that a node missed before it came to the group of a job for one node of several.
#include "services/cron/cron_service.hpp"

#include <doctest/doctest.h>

#include "dist/hex.hpp"
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

// Due once a day, last an hour ago.
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

// {What, {Group, Job}}, and the process with it if it is for one.
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

} // namespace

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
    // It is in the group: the times are held since before.
    CHECK(eventually([&] {
      const message members = ask(member, scope, request(nullptr, "get_members", "cron"));
      std::uint32_t count = 0;
      return etf::cursor(members.bytes()).read_list(count) && count == 1;
    }));
    CHECK(eventually([&] { return jobs->report().front().here; }));
    CHECK(jobs->report().front().runs == (another ? 0 : 1));
  }
}

TEST_CASE(
    "a run that does not end is warned of once it was in the way a few times, a job that is held once that "
    "takes long") {
  using namespace std::chrono_literals;
  const auto warned = [](const cron::job_report& of) { return !services::warning_of(of).empty(); };
  cron::job_report told;
  CHECK_FALSE(warned(told));
  told.running = 2h;
  told.overlapped = 2;
  CHECK_FALSE(warned(told));
  told.overlapped = 3;
  CHECK(services::warning_of(told) ==
        "a run has not ended for 7200 s, and is in the way of the last 3 times that it was due");
  told.running = 59s;
  CHECK_FALSE(warned(told));
  told.held = 59s;
  CHECK_FALSE(warned(told));
  told.held = 75s;
  CHECK(services::warning_of(told).starts_with("does not run: for 75 s "));
  told.enabled = false;
  CHECK_FALSE(warned(told));
}
