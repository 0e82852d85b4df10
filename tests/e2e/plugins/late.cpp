// SPDX-License-Identifier: MIT
// late: a server whose init waits until the file args.gate exists, and fails while the file that args.needs
// names is missing.
#include <coppice/server.hpp>

#include <filesystem>
#include <stdexcept>

namespace late {

namespace etf = coppice::etf;

struct settings {
  static constexpr etf::form etf_form = etf::form::map;
  std::string gate;
  std::string needs;
};

class late_server : public coppice::server {
 public:
  using calls = std::variant<etf::constant<"ping">>;
  static constexpr auto unhandled = coppice::unhandled::reply_error;

  void init(const settings& args) {
    if (!std::filesystem::exists(args.needs)) throw std::runtime_error("nothing to begin with");
    while (!std::filesystem::exists(args.gate)) sleep(std::chrono::milliseconds(5));
  }

  etf::constant<"pong"> handle_call(const etf::constant<"ping">&) { return {}; }
};

} // namespace late

COPPICE_PLUGIN("late", "1.0.0", late::late_server);
