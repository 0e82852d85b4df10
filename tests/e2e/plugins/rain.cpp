// SPDX-License-Identifier: MIT
// rain: sends numbered casts to a server from inside the node, as many a second as it is told if the machine
// can. {rain, Dest, PerSecond} starts it; `stop` ends it and returns how many it has sent.
#include <coppice/server.hpp>

namespace rain {

using coppice::term;
namespace etf = coppice::etf;

struct start {
  static constexpr std::string_view etf_tag = "rain";
  etf::atom to;
  std::uint64_t per_second;
};
using stop = etf::constant<"stop">;
using due = etf::constant<"$due">;
constexpr std::chrono::milliseconds pace{2};

class rain_server : public coppice::server {
 public:
  using calls = std::variant<start, stop>;

  bool handle_call(const start& request) {
    to_ = coppice::destination(request.to.name);
    per_second_ = request.per_second;
    began_ = now();
    sent_ = 0;
    send_after(pace, due{});
    return true;
  }
  std::int64_t handle_call(const stop&) {
    per_second_ = 0;
    return sent_;
  }
  void handle_info(const due&) {
    if (per_second_ == 0) return;
    const auto passed = std::chrono::duration_cast<std::chrono::microseconds>(now() - began_).count();
    const auto whole = static_cast<std::int64_t>(per_second_) * passed / 1'000'000;
    // Casts that a busy machine could not send in time are not sent all at once later.
    const std::int64_t most = static_cast<std::int64_t>(per_second_) / 20;
    for (std::int64_t end = std::min(whole, sent_ + most); sent_ < end; ++sent_) cast(to_, sent_);
    send_after(pace, due{});
  }

 private:
  coppice::destination to_{""};
  std::uint64_t per_second_ = 0;
  std::chrono::nanoseconds began_{};
  std::int64_t sent_ = 0;
};

} // namespace rain

COPPICE_PLUGIN("rain", "1.0.0", rain::rain_server);
