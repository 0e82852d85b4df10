// SPDX-License-Identifier: MIT
// flood: casts one term again and again from inside the node, as fast as the receiver's node takes it.
// {flood, Dest, Term} starts it.
#include <coppice/server.hpp>

namespace flood {

namespace etf = coppice::etf;

struct start {
  static constexpr std::string_view etf_tag = "flood";
  coppice::term to, what;
};
using due = etf::constant<"$due">;
constexpr std::chrono::milliseconds pace{1};
constexpr int at_once = 64; // casts; each may have to wait for the receiver's node

class flood_server : public coppice::server {
 public:
  using calls = std::variant<start>;

  bool handle_call(const start& request) {
    to_ = request.to;
    what_ = request.what;
    send_after(pace, due{});
    return true;
  }
  void handle_info(const due&) {
    for (int i = 0; i < at_once; ++i) cast(to_, what_.term());
    send_after(pace, due{});
  }

 private:
  coppice::owned_term to_, what_;
};

} // namespace flood

COPPICE_PLUGIN("flood", "1.0.0", flood::flood_server);
