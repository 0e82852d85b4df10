// SPDX-License-Identifier: MIT
// What the node shows of its pools, and their change of size by hand. Any thread.
#include <fmt/format.h>

#include <coppice/etf/cursor.hpp>

#include "behaviours/application/order.hpp"
#include "behaviours/gen/map_values.hpp"
#include "behaviours/pool/pool.hpp"
#include "node/instance/components.hpp"
#include "node/instance/instance.hpp"
#include "node/instance/requester.hpp"
#include "runtime/messages/shown.hpp"

namespace coppice::node {
namespace {

using behaviours::gen::call_error;
using behaviours::gen::call_result;

std::uint64_t number(etf::bytes term) {
  std::uint64_t out = 0;
  etf::cursor(term).read_unsigned(out);
  return out;
}

base::nanos milliseconds(etf::bytes term) {
  return static_cast<base::nanos>(number(term)) * base::nanos_per_ms;
}

// Nothing: it is no report.
std::optional<pool_status> read_report(const runtime::message& report, runtime::node_names& names) {
  pool_status out;
  const std::pair<std::string_view, std::uint64_t*> numbers[] = {{"size", &out.size},
                                                                 {"max", &out.max},
                                                                 {"queued", &out.queued},
                                                                 {"held", &out.held},
                                                                 {"handled", &out.handled},
                                                                 {"rejected", &out.rejected},
                                                                 {"expired", &out.expired},
                                                                 {"retried", &out.retried},
                                                                 {"lost", &out.lost},
                                                                 {"unanswered", &out.unanswered},
                                                                 {"misdirected", &out.misdirected},
                                                                 {"grown", &out.grown},
                                                                 {"shrunk", &out.shrunk}};
  etf::bytes values[std::size(numbers)];
  etf::bytes dispatch, uptime, workers;
  std::vector<behaviours::key_and_value> keys{
      {"dispatch", &dispatch}, {"uptime_ms", &uptime}, {"workers", &workers}};
  for (std::size_t i = 0; i < std::size(numbers); ++i) keys.push_back({numbers[i].first, &values[i]});
  etf::cursor at(report.bytes());
  if (!behaviours::read_map_values(at, keys)) return std::nullopt;
  for (std::size_t i = 0; i < std::size(numbers); ++i) *numbers[i].second = number(values[i]);
  std::string_view word;
  etf::cursor(dispatch).read_atom(word);
  out.dispatch = word;
  out.uptime = milliseconds(uptime);
  etf::cursor in(workers);
  std::uint32_t count = 0;
  if (!in.read_list(count)) return std::nullopt;
  for (; count != 0; --count) {
    pool_worker_status& one = out.workers.emplace_back();
    etf::bytes parts[6];
    if (!in.read_tuple_of(6)) return std::nullopt;
    for (etf::bytes& part : parts)
      if (!in.read_term(part)) return std::nullopt;
    etf::cursor who(parts[0]);
    one.pid = runtime::read_pid(who, names).value_or(runtime::pid());
    one.held = number(parts[1]);
    one.queued = number(parts[2]);
    one.handled = number(parts[3]);
    one.lost = number(parts[4]);
    one.busy = milliseconds(parts[5]);
  }
  return out;
}

base::error failure_of(const call_error& error) {
  if (error.what == call_error::kind::timeout) return {base::errc::timeout, "not done in time; it goes on"};
  return {base::errc::closed, "the pool has ended"};
}

} // namespace

void instance::pool(const runtime::pid& of, std::optional<std::uint32_t> size, base::nanos timeout,
                    std::function<void(base::result<pool_status>)> done) {
  const base::nanos deadline = deadline_after(timeout);
  ask_from_outside<base::result<pool_status>>(
      components_->system,
      [this, of, size, deadline](runtime::process& self) -> base::result<pool_status> {
        using behaviours::pool;
        if (size) {
          const call_result resized =
              behaviours::call_engine(self, of, pool::resize_request(*size), deadline);
          if (!resized) return unexpected(failure_of(resized.error()));
          etf::cursor at(resized->bytes());
          if (at.read_tuple_of(2) && at.read_atom_is("error"))
            return base::fail(base::errc::refused, runtime::shown(resized->slice(at.rest()), 1000));
        }
        const call_result report = behaviours::call_engine(self, of, pool::report_request(), deadline);
        if (!report) return unexpected(failure_of(report.error()));
        auto read = read_report(*report, components_->system.nodes());
        if (!read) return base::fail(base::errc::internal, "its report cannot be read");
        for (std::size_t i = 0; i < read->workers.size(); ++i) {
          runtime::message_writer id;
          id.unsigned_integer(i + 1);
          if (const auto row = components_->tree.child(of, id.take().bytes()))
            read->workers[i].restarts = row->restarts;
        }
        return std::move(*read);
      },
      std::move(done), base::fail(base::errc::closed, "the node stops"));
}

} // namespace coppice::node
