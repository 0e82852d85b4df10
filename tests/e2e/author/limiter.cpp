// SPDX-License-Identifier: MIT
// A rate limiter as a newcomer would write it: {allow, Key} is true at most `burst` times; every `every`
// milliseconds allow one more. Its buckets survive a reload.
#include <coppice/server.hpp>

#include <algorithm>
#include <map>

namespace etf = coppice::etf;

struct settings {
  static constexpr auto etf_form = etf::form::map;
  std::int64_t burst;
  std::int64_t every;
};
struct allow {
  std::string key;
};
using refill = etf::constant<"refill">;

class limiter : public coppice::server {
 public:
  static constexpr std::string_view args_schema =
      R"({"type":"object","additionalProperties":false,"required":["burst","every"],"properties":{)"
      R"("burst":{"type":"integer","minimum":1},"every":{"type":"integer","minimum":1}}})";
  static constexpr std::uint32_t state_version = 1;

  void init(const settings& args) {
    burst_ = args.burst;
    every(std::chrono::milliseconds(args.every), refill{});
  }
  bool handle_call(const allow& request) {
    std::int64_t& used = used_[request.key];
    if (used >= burst_) return false;
    ++used;
    return true;
  }
  void handle_info(const refill&) {
    for (auto& [key, used] : used_) --used;
    std::erase_if(used_, [](const auto& each) { return each.second <= 0; });
  }

  using state = std::pair<std::int64_t, std::vector<std::pair<std::string, std::int64_t>>>;
  state save_state() const { return {burst_, {used_.begin(), used_.end()}}; }
  void restore_state(std::uint32_t, const state& saved) {
    burst_ = saved.first;
    used_ = {saved.second.begin(), saved.second.end()};
  }

 private:
  std::int64_t burst_ = 0;
  std::map<std::string, std::int64_t> used_;
};
COPPICE_PLUGIN("limiter", "1.0.0", limiter);
