// SPDX-License-Identifier: MIT
// The durable log's group of a saga. In the process's own turn.
#include "behaviours/saga/saga_log.hpp"

#include <algorithm>
#include <utility>

#include "base/bound.hpp"
#include "base/log.hpp"
#include "behaviours/saga/saga_settings.hpp"
#include "saga/term_codec.hpp"

namespace coppice::behaviours {
namespace {

constexpr std::string_view module = "saga";

// Bytes of the writes that become one request to the log. A single write is at most
// saga::options::longest_write, or one record, and the log takes four MiB.
constexpr std::size_t most_requested_bytes = std::size_t{1} << 20;

// Writes that can wait are submitted when there are so many, even if no write comes that cannot wait.
const base::bound<std::size_t> most_waiting("saga: writes that wait for others", 64);

// Pause until a request that the log has refused is submitted again. It doubles up to longest_refused.
constexpr base::nanos first_refused = 100 * base::nanos_per_ms;
constexpr base::nanos longest_refused = 5 * base::nanos_per_second;

std::size_t bytes_of(const saga::write& what) {
  std::size_t sum = 0;
  for (const saga::change& one : what.changes) sum += saga::weight(one.what);
  return sum;
}

std::vector<durable::change> changes_of(const saga::write& what) {
  std::vector<durable::change> out;
  out.reserve(what.changes.size());
  for (const saga::change& one : what.changes) {
    durable::set_value made;
    made.key = saga::encode(one.key);
    if (one.what) made.value = saga::encode(*one.what); // an empty value erases the key
    out.emplace_back(std::move(made));
  }
  return out;
}

} // namespace

base::result<saga_log::contents> saga_log::open(const std::string& name, std::string shown) {
  shown_ = std::move(shown);
  if (log_ == nullptr) return base::fail(base::errc::unsupported, "this node has no durable log");
  struct found {
    base::status how;
    std::optional<base::error> ended;
    durable::group_id group = 0;
    std::vector<std::pair<std::string, std::string>> values;
  };
  const auto came = std::make_shared<found>();
  const auto ran = self_.blocking_run([came, name, log = log_] {
    came->how = log->open();
    if (!came->how) return;
    durable::shared_log& open = *log->log();
    auto group = open.group(std::string(saga_group_prefix) + name);
    if (!group) {
      came->how = unexpected(std::move(group.error()));
      return;
    }
    came->group = *group;
    open.settle();
    came->ended = open.report().failure;
    if (came->ended) return; // what the log has in memory may not be on the disk
    if (const auto report = open.report(*group); report && !report->damage.empty())
      came->how = base::fail(base::errc::invalid, report->damage);
    else
      came->values = open.values(*group);
  });
  if (!ran) return unexpected(ran.error());
  if (!came->how) return unexpected(std::move(came->how.error()));
  contents out;
  if (came->ended) {
    out.ended = came->ended->text;
    return out;
  }
  writer_ = make_writer(came->group);
  out.records.reserve(came->values.size());
  for (const auto& [key, value] : came->values) {
    auto at = saga::decode_record_key(base::as_bytes(key));
    if (!at) return unexpected(std::move(at.error()));
    auto what = saga::decode_record(base::as_bytes(value));
    if (!what) return unexpected(std::move(what.error()));
    out.records.push_back({*at, std::move(*what)});
  }
  return out;
}

std::unique_ptr<journal_writer> saga_log::make_writer(durable::group_id group) const {
  return std::make_unique<journal_writer>(*log_->log(), self_.host(), self_.self(), group);
}

base::status saga_log::submit(base::nanos now) {
  if (writes_.empty() || under_way_) return {};
  if (writer_ == nullptr) {
    submitted_ = writes_.back().number;
    writes_.clear();
    return {};
  }
  if (refusals_ > 0 && now < submit_at_) return {};
  if (writes_.size() < most_waiting && std::ranges::all_of(writes_, &saga::write::can_wait)) return {};
  std::vector<durable::change> changes;
  std::uint64_t last = 0;
  std::size_t bytes = 0;
  for (const saga::write& one : writes_) {
    bytes += bytes_of(one);
    if (last != 0 && bytes > most_requested_bytes) break;
    last = one.number;
    for (durable::change& each : changes_of(one)) changes.push_back(std::move(each));
  }
  if (auto done = writer_->write(std::move(changes), last); !done) return refused(done.error(), now);
  under_way_ = true;
  return {};
}

// By a writer of its own, since a writer's request is refused if the request before it was.
base::status saga_log::submit_last(const saga::write& one) {
  return writer_ == nullptr ? base::status()
                            : make_writer(writer_->group())->write(changes_of(one), one.number);
}

// A log that is full, or has too much to do, has carried out nothing of the request and takes others later. A
// log that has ended never does.
base::status saga_log::refused(const base::error& why, base::nanos now) {
  under_way_ = false;
  if (why.code != base::errc::limit && why.code != base::errc::refused) return unexpected(why);
  const base::nanos wait = std::min(longest_refused, first_refused << std::min(refusals_, std::uint32_t{6}));
  submit_at_ = now + wait;
  if (refusals_++ == 0)
    base::log::warning(module, "{}: starts nothing while the durable log takes no more: {}", shown_,
                       why.text);
  return {};
}

std::optional<base::result<std::uint64_t>> saga_log::take_news(const runtime::message& m, base::nanos now) {
  if (writer_ == nullptr || !journal_writer::is_news(self_, m)) return std::nullopt;
  const journal_writer::news known = writer_->take();
  if (known.failure) {
    // A writer keeps its first failure. Nothing else of this writer is under way.
    writer_ = make_writer(writer_->group());
    if (auto later = refused(known.failure->why, now); !later) return unexpected(std::move(later.error()));
    return std::uint64_t{0};
  }
  if (!under_way_ || writes_.empty() || known.written < writes_.front().number) return std::uint64_t{0};
  under_way_ = false;
  refusals_ = 0;
  while (!writes_.empty() && writes_.front().number <= known.written) writes_.pop_front();
  return known.written;
}

} // namespace coppice::behaviours
