// SPDX-License-Identifier: MIT
// my_udp: an actor with UDP sockets. Each datagram is answered with its bytes; the call `get` with their
// number.
#include <coppice/udp.hpp>

namespace {

using get = coppice::etf::constant<"get">;

class echo : public coppice::udp {
 public:
  // The schema of the `args` of a child of this type: `coppice check` holds a configuration against it.
  static constexpr std::string_view args_schema = R"({"type":"object","additionalProperties":false})";
  // The version of the state that save_state returns. Raise it when its form changes, and overload
  // restore_state by the number: restore_state(coppice::version<1>, …) reads the former state.
  static constexpr std::uint32_t state_version = 1;

  void on_datagram(const coppice::datagram& one) {
    ++count_;
    reply(one, one.bytes()); // an answer without room in the socket is lost, as datagrams are
  }
  std::uint64_t handle_call(const get&) { return count_; }

  std::uint64_t save_state() const { return count_; }
  void restore_state(const std::uint64_t& saved) { count_ = saved; }

 private:
  std::uint64_t count_ = 0;
};

} // namespace

COPPICE_PLUGIN("my_udp", "0.1.0", echo);
