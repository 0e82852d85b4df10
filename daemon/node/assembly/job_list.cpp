// SPDX-License-Identifier: MIT
// See job_list.hpp. Does not repeat the checks that were made when the configuration was read.
#include "node/assembly/job_list.hpp"

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/text.hpp>
#include <coppice/etf/writer.hpp>

#include "runtime/messages/message.hpp"
#include "services/cron/fencing.hpp"
#include "spec/cron_options.hpp"

namespace coppice::node {
namespace {

using services::cron_action;
using services::cron_job;

base::nanos nanos_of(spec::time_or_infinity time) {
  return time ? time->count() * base::nanos_per_ms : 0;
}

std::chrono::seconds seconds_of(spec::milliseconds time) {
  return std::chrono::ceil<std::chrono::seconds>(time);
}

std::vector<std::uint8_t> term_of(const std::string& text) {
  if (text.empty()) return {};
  auto term = etf::parse(text);
  return term ? std::vector<std::uint8_t>(term->begin(), term->end()) : std::vector<std::uint8_t>();
}

// The args, with the word for the token put in place of the number that stands there.
std::vector<std::uint8_t> with_token_word(const spec::encoded_term& args, const std::string& term) {
  return term.empty() ? args : services::with_token_word_at(args, term);
}

void take(cron_action& out, const spec::cron_start& from, const std::string& term) {
  out.is = cron_action::kind::start;
  out.to = from.supervisor;
  if (!from.actor.empty()) out.actor = from.plugin + ":" + from.actor_type;
  out.args = with_token_word(from.args, term);
  out.timeout = nanos_of(from.timeout);
}

// Writes each argument as a term of its own, also if the list was encoded as a string of bytes.
void take_arguments(cron_action& out, const std::string& text) {
  const std::vector<std::uint8_t> list = term_of(text);
  etf::cursor at(list);
  etf::bytes small;
  runtime::message_writer to;
  if (!list.empty() && at.read_string(small)) {
    out.arity = static_cast<std::uint32_t>(small.size());
    to.list(out.arity);
    for (const std::uint8_t one : small) to.integer(one);
    to.nil();
  } else if (!list.empty() && at.read_list(out.arity)) {
    to.raw(list);
  } else {
    to.nil();
  }
  const runtime::message made = to.take();
  out.args.assign(made.bytes().begin(), made.bytes().end());
}

void take(cron_action& out, const spec::cron_remote& from, const std::string& term) {
  out.is = cron_action::kind::remote;
  out.node = from.node;
  out.timeout = nanos_of(from.timeout);
  if (!from.function.empty()) {
    const std::size_t colon = from.function.find(':');
    out.module = from.function.substr(0, colon);
    out.function = from.function.substr(colon + 1);
    return take_arguments(out, from.arguments);
  }
  out.module = "coppice";
  out.function = "spawn";
  out.arity = 2;
  runtime::message_writer to;
  to.list(2);
  to.atom(from.actor);
  if (from.args.empty())
    to.map(0);
  else
    to.raw(with_token_word(from.args, term));
  to.nil();
  const runtime::message made = to.take();
  out.args.assign(made.bytes().begin(), made.bytes().end());
}

// `term`: see spec::cron_where.
cron_action action_of(const spec::cron_do& from, const std::string& term) {
  cron_action out;
  const auto& plain = from.send ? from.send : from.cast;
  if (plain) {
    out.is = from.send ? cron_action::kind::send : cron_action::kind::cast;
    out.to = plain->to;
    out.message = term_of(plain->message);
  } else if (from.call) {
    out.is = cron_action::kind::call;
    out.to = from.call->to;
    out.message = term_of(from.call->message);
    out.timeout = nanos_of(from.call->timeout);
  } else if (from.start) {
    take(out, *from.start, term);
  } else if (from.remote) {
    take(out, *from.remote, term);
  }
  return out;
}

} // namespace

std::vector<cron_job> job_list(const spec::node_spec& spec) {
  std::vector<cron_job> out;
  if (spec.cron == nullptr) return out;
  out.reserve(spec.cron->jobs.size());
  for (const spec::cron_job_options& from : spec.cron->jobs) {
    const auto at = cron::expression::parse(from.due, from.name);
    if (!at) continue;
    const auto zone = cron::zone::find(spec::timezone_of(*spec.cron, from, *at));
    cron_job& one = out.emplace_back();
    one.timing.name = from.name;
    one.timing.at = *at;
    one.timing.in = zone.value_or(cron::zone());
    one.timing.changes = from.dst;
    one.timing.when_busy = from.overlap;
    one.timing.when_missed = from.missed.run;
    one.timing.within = seconds_of(from.missed.within);
    one.timing.jitter = seconds_of(from.jitter);
    one.timing.on_failure = {from.on_failure.retry, seconds_of(from.on_failure.backoff.first),
                             seconds_of(from.on_failure.backoff.max)};
    one.timing.enabled = from.enabled;
    one.action = action_of(from.does, from.where.term);
    one.action.group = from.where.group;
    one.on_one_node = from.where.one && from.where.group.empty();
  }
  return out;
}

} // namespace coppice::node
