// SPDX-License-Identifier: MIT
// my_tcp: an actor for each connection of a listener with `frame: { kind: line }`. A line is sent back with
// its number in front; `quit` closes the connection. A client that does not read is disconnected.
#include <coppice/tcp.hpp>

#include <string>

namespace {

class session : public coppice::tcp {
 public:
  // The schema of the `args` of the listener: `coppice check` holds a configuration against it.
  static constexpr std::string_view args_schema = R"({"type":"object","additionalProperties":false})";
  // The version of the state that save_state returns. Raise it when its form changes, and overload
  // restore_state by the number: restore_state(coppice::version<1>, …) reads the former state.
  static constexpr std::uint32_t state_version = 1;

  void on_frame(coppice::connection from, coppice::bytes line) {
    const std::string text(coppice::to_text(line));
    if (text == "quit") return from.close(), void();
    // The client has left `write.high` bytes unread, and this answer has no room. An actor that must lose
    // none uses pause() and on_drained in place of close().
    if (from.write(std::to_string(++lines_) + " " + text + "\n") == COPPICE_E_FULL) from.close();
  }

  std::uint64_t save_state() const { return lines_; }
  void restore_state(const std::uint64_t& saved) { lines_ = saved; }

 private:
  std::uint64_t lines_ = 0;
};

} // namespace

COPPICE_PLUGIN("my_tcp", "0.1.0", session);
