// SPDX-License-Identifier: MIT
// The program of an actor under test (`port:` in the tree), simulated: its output, in pieces of any size,
// what it reads and when it stops reading, its standard error, and its end; and what the actor has written,
// and whether the program was told to end.
//
//   actor filter(plugin::linked());
//   program sed(filter, {.framing = coppice::lines()});
//   answer waits = filter.call(text{"abc"});
//   CHECK(sed.take() == "abc\n");
//   sed.send("ABC\n");
//   CHECK(waits.reply() == value("ABC"));
//   sed.exit(3); // the actor ends with {exit_status, 3}
//
// It is a stream of coppice/testing/net.hpp with its own kind of end. In the test's thread.
#pragma once

#include <coppice/testing/net.hpp>

namespace coppice::testing {

/// A program that was started for this actor. Copies refer to the same program. It stays valid when the actor
/// has ended and over a reload. `how` holds the options of `port:`; its `peer` is the program's path.
class program {
 public:
  explicit program(actor& of, stream_options how = {});

  std::uint64_t id() const { return end_.id(); }

  /// Writes to its standard output, in one piece.
  program& send(std::string_view bytes);
  program& send(bytes raw) { return send(to_text(raw)); }
  program& send_in_pieces(std::string_view bytes, std::size_t size);
  /// Writes to its standard error: lines of the node's log, which `did.logs` has as well. The actor does not
  /// get them.
  program& complain(std::string_view text);

  /// Reads its standard input, at most `most` bytes, and makes room for as much again.
  std::string take(std::size_t most = detail::stream::unlimited) { return end_.take(most); }
  /// How many unread bytes can arrive; what is written beyond that waits at the actor's end. 0: it reads
  /// nothing.
  void window(std::size_t bytes) { end_.window(bytes); }
  std::size_t queued() const { return end_.queued(); }
  /// Its standard input has ended, and all that the actor wrote has arrived.
  bool input_ended() const { return end_.ended(); }
  bool paused() const { return end_.paused(); }
  std::size_t unread() const { return end_.unread(); }

  /// Closes its standard input and output and runs on; it must exit within a second.
  void close_output();
  /// Exits. The actor gets everything written before, then on_close; it ends with `normal` if `status` is 0,
  /// else with {exit_status, Status}.
  void exit(int status = 0);
  /// A signal ends the program; the actor ends with {exit_signal, Number}.
  void die(int signal);

  /// The last step of the node to end the program.
  enum class told : std::uint8_t {
    nothing,
    to_end, ///< SIGTERM: its actor has ended, or its streams are closed and it did not exit within a second
    killed, ///< SIGKILL: its actor has failed
  };
  told was_told() const;
  /// How its stream ended at the actor's end, and the reason given to on_close. Empty: it has not.
  std::optional<close_reason> closed() const { return end_.closed(); }
  const std::string& why() const { return end_.why(); }

 private:
  static stream_options as_program(stream_options how);
  static bool has_ended_of(const detail::stream& at) { return bool(at.end_reason); }
  void need_running() const;
  void note_complaint();
  // Bytes that it has not read are lost with it, and the connection breaks.
  void end(std::string how, value reason);

  peer end_;
};

} // namespace coppice::testing
