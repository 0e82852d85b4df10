// SPDX-License-Identifier: MIT
// The bodies of one request of a route that streams, its own and its answer's, between the client and
// processes: who asks for how much and has how much to come, in both directions, without I/O or a clock.
// Nothing is read of the client that no process has asked for, and nothing waits for the client beyond a
// window and one part: what is written without leave breaks the answer off. The connection's process has one
// for each such request; its thread.
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
  // What a process may write of an answer before it is told of more.
  static constexpr std::size_t window = 64 << 10;

  class connection {
   public:
    // The client may send so much more of its body.
    virtual void grant_body(std::size_t bytes) = 0;
    virtual net::http_written write_answer(std::string_view part) = 0;
    // False: it could not be, since the length that was said is another.
    virtual bool end_answer() = 0;
    // Kept until the receiver has room.
    virtual void tell(const runtime::pid& to, runtime::message m) = 0;
    // Something that was told is still kept.
    virtual bool is_behind() const = 0;

   protected:
    ~connection() = default;
  };

  // What has become of the request by what was done.
  enum class state : std::uint8_t {
    open,
    ended,   // the answer's last part was taken
    broken,  // it cannot be ended: the connection is to be closed
    overrun, // likewise, since more was written than may be
  };

  streamed_bodies(const stream_id& id, bool has_body, connection& to) : id_(id), coming_(has_body), to_(to) {}

  const stream_id& id() const { return id_; }

  // A process asks for more of the body; of one that has ended it may.
  void read_on(stream_wish wish);
  // Of the client's body, within what was granted.
  void take_body(std::string_view part, bool last);
  // is_behind() is no more.
  void caught_up() { give(); }

  // What is written before the answer has begun is kept, within the window.
  state write(stream_part part);
  // The answer has begun, and is this place's to write.
  state begin(stream_place writer);
  // The client has taken what was written.
  void drained() { full_ = false; }
  // The writer is told that it may go on, of all that it has written since; now and then.
  void ask_on();

  // Whoever reads or writes is told that nobody takes or sends the rest.
  void abort(std::string_view reason);
  // It reads or writes, and so is told by abort().
  bool tells(const stream_place& whom) const { return reader_ == whom || writer_ == whom; }
  bool tells_anybody() const { return reader_ || writer_; }

  // More of the request's body, or its end.
  bool is_coming() const { return coming_; }
  std::uint64_t written() const { return written_; }
  // The client is to send some of the body next.
  bool waits_for_client() const { return coming_ && granted_ != 0; }
  // A process is to do something next, rather than the client.
  bool waits_for_process() const { return granted_ == 0 && !full_; }

 private:
  void give();
  state pass_on(const stream_part& part);

  const stream_id id_;
  bool coming_; // the request's body, or the rest of it
  connection& to_;
  std::optional<stream_place> reader_;
  std::uint64_t wanted_ = 0; // by the reader, and not granted yet
  std::size_t granted_ = 0;  // and has not come
  std::optional<stream_place> writer_;
  std::vector<stream_part> early_;
  bool ends_ = false;          // the last part has come
  std::size_t leave_ = window; // to write; a part may be beyond what is left, and the last one in any case
  bool overrun_ = false;
  bool full_ = false;
  std::uint64_t written_ = 0;
};

} // namespace coppice::behaviours
