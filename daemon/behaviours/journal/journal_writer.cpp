// SPDX-License-Identifier: MIT
// See journal_writer.hpp.
#include "behaviours/journal/journal_writer.hpp"

#include <mutex>
#include <string_view>
#include <utility>

#include "runtime/messages/exit_reason.hpp"

namespace coppice::behaviours {
namespace {

constexpr std::string_view news_tag = "$coppice_journal";

} // namespace

struct journal_writer::outcomes {
  outcomes(runtime::system& in, const runtime::pid& owner) : system(in), to(owner) {}

  std::mutex lock; // of all below
  runtime::system& system;
  const runtime::pid to;
  bool has_owner = true;
  bool told = false; // a notice is under way
  news known;

  // On the log's thread. The owner's destructor waits for it, so the system still exists.
  void came(std::uint64_t number, base::status how) {
    const std::scoped_lock held(lock);
    if (!has_owner) return;
    if (!known.failure) {
      if (how)
        known.written = number;
      else
        known.failure = failed_write{number, std::move(how.error())};
    }
    if (std::exchange(told, true)) return;
    system.notify(to, runtime::message::atom(news_tag));
  }
};

journal_writer::journal_writer(durable::shared_log& log, runtime::system& system, const runtime::pid& owner,
                               durable::group_id group)
    : log_(log), group_(group), outcomes_(std::make_shared<outcomes>(system, owner)) {}

journal_writer::~journal_writer() {
  const std::scoped_lock held(outcomes_->lock);
  outcomes_->has_owner = false;
}

base::status journal_writer::write(std::vector<durable::change> changes, std::uint64_t number) {
  return log_.submit({group_, std::move(changes), fence_},
                     [to = outcomes_, number](base::status how) { to->came(number, std::move(how)); });
}

bool journal_writer::is_news(const runtime::process& self, const runtime::message& m) {
  return self.origin().notice && runtime::is_atom(m, news_tag);
}

journal_writer::news journal_writer::take() {
  const std::scoped_lock held(outcomes_->lock);
  outcomes_->told = false;
  return outcomes_->known;
}

} // namespace coppice::behaviours
