// SPDX-License-Identifier: MIT
// The two bodies of one request on a route that streams, its own and its answer's, as credit accounting
// without I/O or a clock: how much each side has asked for and may still send. Nothing is read from the
// client that no process has asked for. At most a window and one part wait for the client; a process that
// writes more than it was granted breaks the answer off. One for each such request; the thread of the
// connection's process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "behaviours/web/stream_term.hpp"
#include "net/http/http_server.hpp"

namespace coppice::behaviours {

class streamed_bodies {
 public:
  // Bytes of an answer that a process may write before it is granted more.
  static constexpr std::size_t window = 64 << 10;

  class connection {
   public:
    // The client may send so many more bytes of its body.
    virtual void grant_body(std::size_t bytes) = 0;
    virtual net::http_written write_answer(std::string_view part) = 0;
    // False: the answer cannot be ended, because its announced length differs.
    virtual bool end_answer() = 0;
    // Sends a message, which is kept until the receiver has room.
    virtual void tell(const runtime::pid& to, runtime::message m) = 0;
    // Whether a message of tell() is still kept.
    virtual bool is_behind() const = 0;

   protected:
    ~connection() = default;
  };

  // The state of the request after a call.
  enum class state : std::uint8_t {
    open,
    ended,   // the answer's last part was taken
    broken,  // the answer cannot be completed: the connection has to be closed
    overrun, // the process wrote more than it may: the connection has to be closed
  };

  streamed_bodies(const stream_id& id, bool has_body, connection& to) : id_(id), coming_(has_body), to_(to) {}

  const stream_id& id() const { return id_; }

  // A process asks for more of the body. No effect once the body has ended.
  void read_on(stream_wish wish);
  // Takes a part of the client's body, within what was granted.
  void take_body(std::string_view part, bool last);
  // Called when is_behind() has become false.
  void caught_up() { give(); }

  // Takes a part of the answer. Parts that come before begin() are kept, within the window.
  state write(stream_part part);
  // The answer has begun, and `writer` writes it.
  state begin(stream_place writer);
  // The answer has begun and has no body, which `writer` is told.
  void begin_without_body(const stream_place& writer);
  // The answer is complete. Tells the reader, if more of the request's body was to come, that none comes.
  void answered();
  // The client has taken what was written.
  void drained() { full_ = false; }
  // Grants the writer as much as it has written since the last grant. Called in the connection's turns.
  void ask_on();

  // Tells the reader and the writer that the bodies go no further.
  void abort(std::string_view reason);
  // Whether this place reads or writes, so that abort() tells it.
  bool tells(const stream_place& whom) const { return reader_ == whom || writer_ == whom; }
  bool tells_anybody() const { return reader_ || writer_; }

  // Whether more of the request's body, or its end, is still to come.
  bool is_coming() const { return coming_; }
  std::uint64_t written() const { return written_; }
  // Whether the client has to send a part of its body next.
  bool waits_for_client() const { return coming_ && granted_ != 0; }
  // Whether a process, rather than the client, has to do something next.
  bool waits_for_process() const { return granted_ == 0 && !full_; }

 private:
  void give();
  state pass_on(const stream_part& part);

  const stream_id id_;
  bool coming_; // the request's body, or the rest of it
  connection& to_;
  std::optional<stream_place> reader_;
  std::uint64_t wanted_ = 0; // asked for by the reader and not granted yet
  std::size_t granted_ = 0;  // granted and not received yet
  std::optional<stream_place> writer_;
  std::vector<stream_part> early_;
  bool ends_ = false;          // the last part was written
  std::size_t leave_ = window; // bytes the writer may still write; one part, or the last, may exceed it
  bool overrun_ = false;
  bool full_ = false;
  std::uint64_t written_ = 0;
};

} // namespace coppice::behaviours
