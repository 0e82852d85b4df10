// SPDX-License-Identifier: MIT
// The node's jobs as they are written. Each member's initial value is that key's default. Immutable once
// loaded; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cron/timetable.hpp"
#include "spec/node_spec.hpp"

namespace coppice::spec {

// The options of a send, and of a cast.
struct cron_send {
  std::string to;      // NAME or NAME@ALIVE@HOST
  std::string message; // Erlang's text of a term; empty: {cron, Name, Seconds}
  bool operator==(const cron_send&) const = default;
};

struct cron_call {
  std::string to;
  std::string message;
  time_or_infinity timeout = milliseconds(60'000);
  bool operator==(const cron_call&) const = default;
};

struct cron_start {
  std::string supervisor;             // its registered name
  std::string actor;                  // as written; empty: the supervisor's template
  encoded_term args;                  // as a child's args; with a template: laid over the template's args
  std::vector<std::string> durations; // where durations stand in args, as JSON pointers
  time_or_infinity timeout = milliseconds(60'000);
  std::string plugin; // id of the actor's plugin; actor_type: the actor's name in it
  std::string actor_type;
};

struct cron_remote {
  std::string node;
  std::string actor;     // PLUGIN:ACTOR of a Coppice node; empty: `function`
  encoded_term args;     // of the actor: a map
  std::string function;  // MODULE:FUNCTION; empty: `actor`
  std::string arguments; // of the function: Erlang's text of a list
  time_or_infinity timeout = milliseconds(60'000);
};

// Exactly one of these is set.
struct cron_do {
  std::optional<cron_send> send;
  std::optional<cron_send> cast;
  std::optional<cron_call> call;
  std::optional<cron_start> start;
  std::optional<cron_remote> remote;
};

struct cron_missed {
  cron::missed run = cron::missed::none;
  milliseconds within{std::chrono::hours(6)};
};

// Where a job runs: on each node, on one node, or on the leader of a Raft group.
struct cron_where {
  bool one = false;
  std::string group; // registered name of the group's member here; empty: the node with the lowest name
  std::string term;  // key of args that gets the term of the leader; empty: none
  bool operator==(const cron_where&) const = default;
};

struct cron_backoff {
  milliseconds first{10'000};
  milliseconds max{300'000};
};

struct cron_failure {
  std::uint32_t retry = 0; // attempts after the first
  cron_backoff backoff;
};

struct cron_job_options {
  std::string name;
  std::string due;      // an expression
  std::string timezone; // empty: see timezone_of()
  cron_do does;
  cron::overlap overlap = cron::overlap::skip;
  cron_missed missed;
  cron::clock_changes dst;
  milliseconds jitter{0};
  cron_where where;
  cron_failure on_failure;
  bool enabled = true;
};

struct cron_options {
  std::string timezone = "local";
  std::vector<cron_job_options> jobs;
};

// The job's own timezone, otherwise its expression's, otherwise that of all jobs.
inline const std::string& timezone_of(const cron_options& all, const cron_job_options& job,
                                      const cron::expression& at) {
  if (!job.timezone.empty()) return job.timezone;
  return at.timezone().empty() ? all.timezone : at.timezone();
}

} // namespace coppice::spec
