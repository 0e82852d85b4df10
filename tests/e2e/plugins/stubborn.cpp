// SPDX-License-Identifier: MIT
// stubborn: a server that does not want to end. {wait, Ms} parks it in a call that is never answered. If it
// is killed there, it catches the exception that unwinds it, and stays in its handler for that time. {deep,
// Bytes} uses that much of the stack.
#include <alloca.h>
#include <coppice/server.hpp>

#include <thread>

namespace stubborn {

namespace etf = coppice::etf;

struct wait {
  std::uint64_t ms;
};
struct deep {
  std::uint64_t bytes;
};
using ping = etf::constant<"ping">;
using ok = etf::constant<"ok">;

class stubborn_server : public coppice::server {
 public:
  using calls = std::variant<wait, deep, ping>;

  etf::constant<"pong"> handle_call(const ping&) { return {}; }

  ok handle_call(const deep& request) {
    constexpr std::uint64_t page = 4096;
    for (std::uint64_t used = 0; used < request.bytes; used += page)
      *static_cast<volatile char*>(alloca(page)) = 1;
    return {};
  }

  ok handle_call(const wait& request) {
    try {
      static_cast<void>(
          call("silent", std::pair(etf::constant<"sleep">{}, 3'600'000), std::chrono::hours(1)));
    } catch (...) {
      std::this_thread::sleep_for(std::chrono::milliseconds(request.ms));
      for (int i = 0; i < 3; ++i) try_again();
    }
    return {};
  }

 private:
  // Every later host call says too that the actor is over.
  void try_again() {
    try {
      static_cast<void>(call("silent", ping{}));
    } catch (...) {
      return;
    }
    std::terminate();
  }
};

} // namespace stubborn

COPPICE_PLUGIN("stubborn", "1.0.0", stubborn::stubborn_server);
