// SPDX-License-Identifier: MIT
// The port by which an actor is given something before its process is made: a connection, UDP sockets, a
// program, the node's log, or a step of a saga. An actor returns it by
// runtime::behaviour::as_stream_taker(); plugins' actors implement it.
#pragma once

#include <memory>

namespace coppice::behaviours {

struct accepted_stream;
struct kept_connection;
class datagram_sockets;
class journal;
struct program_spec;
class saga_ticket;
struct saga_worker_spec;

class stream_taker {
 public:
  // The actor begins with this stream, and ends with it.
  virtual void begin_with(accepted_stream stream) = 0;
  // The actor has this connection all the time, from the end of its init on.
  virtual void begin_with(std::shared_ptr<const kept_connection> connection) = 0;
  // The actor has these UDP sockets from before its init on. False: it takes no datagrams.
  virtual bool begin_with(std::shared_ptr<datagram_sockets> sockets) = 0;
  // The actor runs this program from the end of its init on, and ends with it. False: it takes no streams.
  virtual bool begin_with(std::shared_ptr<const program_spec> program) = 0;
  // The actor keeps its state in the node's log, which outlives it. False: it keeps none there.
  virtual bool begin_with(journal& log) = 0;
  // The actor is a saga whose steps are done by such workers. False: it is no saga.
  virtual bool begin_with(std::shared_ptr<const saga_worker_spec> workers) = 0;
  // The actor is a worker of a saga: it runs the callback of this ticket, and ends with it. False: it is no
  // saga.
  virtual bool begin_with(std::unique_ptr<saga_ticket> step) = 0;

 protected:
  ~stream_taker() = default;
};

} // namespace coppice::behaviours
