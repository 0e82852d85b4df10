// SPDX-License-Identifier: MIT
// tally: counts numbered casts, and casts that do not follow the number before. LAYOUT is the version of its
// saved state, a pair or a map; each version reads both.
#include <coppice/server.hpp>

namespace tally {

namespace etf = coppice::etf;

struct tallied {
  static constexpr etf::form etf_form = etf::form::map;
  std::int64_t next;
  std::int64_t wrong;
};
using pair = std::pair<std::int64_t, std::int64_t>;
using result = etf::constant<"result">;

class tally_server : public coppice::server {
 public:
  static constexpr std::uint32_t state_version = LAYOUT;

  void handle_cast(const std::int64_t& number) {
    if (number != next_) ++wrong_;
    next_ = number + 1;
  }
  pair handle_call(const result&) { return {next_, wrong_}; }

#if LAYOUT == 2
  tallied save_state() const {
    return {next_, wrong_};
  }
#else
  pair save_state() const {
    return {next_, wrong_};
  }
#endif
  void restore_state(coppice::version<1>, const pair& saved) {
    std::tie(next_, wrong_) = saved;
  }
  void restore_state(coppice::version<2>, const tallied& saved) {
    next_ = saved.next;
    wrong_ = saved.wrong;
  }

 private:
  std::int64_t next_ = 0;
  std::int64_t wrong_ = 0;
};

} // namespace tally

#if LAYOUT == 2
COPPICE_PLUGIN("tally", "2.0.0", tally::tally_server);
#else
COPPICE_PLUGIN("tally", "1.0.0", tally::tally_server);
#endif
