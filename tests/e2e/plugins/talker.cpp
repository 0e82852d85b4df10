// SPDX-License-Identifier: MIT
// talker: logs what it is told. call {say, Level, Text, Times} -> true; Level is 0 (error) to 3 (debug).
#include <coppice/server.hpp>

namespace talker {

struct say {
  static constexpr std::string_view etf_tag = "say";
  std::int32_t level;
  std::string text;
  std::int64_t times;
};

class talker_server : public coppice::server {
 public:
  bool handle_call(const say& request) {
    for (std::int64_t i = 0; i < request.times; ++i) log(request.level, request.text);
    return true;
  }
};

} // namespace talker

COPPICE_PLUGIN("talker", "1.0.0", talker::talker_server);
