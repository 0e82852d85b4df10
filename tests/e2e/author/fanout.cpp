// SPDX-License-Identifier: MIT
// A fan-out as a newcomer would write it: {ask, [Name], Request} asks all of them at once; the answer is the
// number of replies.
#include <coppice/server.hpp>

struct ask {
  std::vector<coppice::etf::atom> whom;
  coppice::term request;
};

class fanout : public coppice::server {
 public:
  std::int64_t handle_call(const ask& asked) {
    std::vector<coppice::destination> all;
    for (const auto& name : asked.whom) all.emplace_back(name.name);
    std::int64_t replied = 0;
    for (const auto& each : call_many(all, asked.request)) replied += each.status == COPPICE_OK ? 1 : 0;
    return replied;
  }
};
COPPICE_PLUGIN("fanout", "1.0.0", fanout);
