// SPDX-License-Identifier: MIT
// Cron expressions under arbitrary bytes: the job's name up to the first line end, then the expression. An
// accepted expression prints as text that reads back the same, has words, and is due at ascending times, each
// of which it confirms as due. A refusal says where the fault is.
// rooms: cron
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "cron/schedule.hpp"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace coppice;
  constexpr std::size_t most = 500; // bytes of an expression, far more than one needs
  const std::string_view all = base::as_text({data, size});
  const std::size_t cut = all.find('\n');
  const std::string_view job = cut == all.npos ? std::string_view() : all.substr(0, cut);
  const std::string_view text = (cut == all.npos ? all : all.substr(cut + 1)).substr(0, most);
  const auto read = cron::expression::parse(text, job);
  if (!read) {
    check(!read.error().text.empty());
    check(read.error().column >= 1 && read.error().column <= text.size() + 1);
    return 0;
  }
  check(!read->words().empty());
  const std::string printed = read->print();
  const auto again = cron::expression::parse(printed);
  check(again && *again == *read && again->print() == printed);
  if (read->is() == cron::expression::kind::every) check(read->span() > std::chrono::seconds(0));
  if (read->is() != cron::expression::kind::calendar) return 0;
  cron::instant at{};
  for (int i = 0; i < 3; ++i) {
    const auto found = cron::next(*read, cron::zone(), {}, at);
    if (!found) break;
    check(found->at > at && found->is == cron::occurrence::kind::plain);
    const cron::wall_seconds wall(found->at.time_since_epoch());
    check(read->is_due_on(std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(wall))));
    check(read->first(wall, wall + std::chrono::seconds(1)) == wall);
    at = found->at;
  }
  return 0;
}
