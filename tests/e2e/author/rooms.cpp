// SPDX-License-Identifier: MIT
// Chat rooms as a newcomer would write them: {join, Room, Pid}, {say, Room, Text}, {members, Room}. A process
// that ends leaves its rooms.
#include <coppice/info.hpp>
#include <coppice/server.hpp>

#include <map>

struct join {
  std::string room;
  coppice::owned_pid who;
};
struct say {
  std::string room;
  std::string text;
};
struct members {
  std::string room;
};
struct said {
  std::string room;
  std::string text;
};

class rooms : public coppice::server {
 public:
  using calls = std::variant<join, say, members>;
  bool handle_call(const join& request) {
    monitor(request.who);
    return rooms_[request.room].insert_or_assign(request.who, true).second;
  }
  std::int64_t handle_call(const say& request) {
    for (const auto& [who, here] : rooms_[request.room]) send(who, said{request.room, request.text});
    return std::int64_t(rooms_[request.room].size());
  }
  std::int64_t handle_call(const members& request) { return std::int64_t(rooms_[request.room].size()); }
  void handle_info(const coppice::down& gone) {
    const coppice::owned_term who(gone.whom);
    for (auto& [name, inside] : rooms_)
      std::erase_if(inside, [&](const auto& each) {
        return each.first.term().encoded.size() == who.bytes().size() &&
               std::ranges::equal(each.first.bytes(), who.bytes());
      });
  }

 private:
  std::map<std::string, std::map<coppice::owned_pid, bool>> rooms_;
};
COPPICE_PLUGIN("rooms", "1.0.0", rooms);
