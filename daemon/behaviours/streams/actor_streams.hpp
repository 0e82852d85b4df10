// SPDX-License-Identifier: MIT
// The streams of one actor. From its first stream on, the actor stays on its worker, whose loop has the
// streams. In the actor's own turn, and by callbacks of that loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "behaviours/programs/actor_program.hpp"
#include "behaviours/streams/actor_stream.hpp"
#include "behaviours/streams/connection_keeper.hpp"
#include "behaviours/streams/given_stream.hpp"
#include "runtime/process.hpp"

namespace coppice::behaviours {

// A notice from a listener to the actors of its connections, which call actor_streams::drain().
constexpr std::string_view drain_notice = "$coppice_drain_streams";

// Returns a function that runs tasks between turns on the worker where the process is. The process must stay
// on that worker. Any thread, as long as the system lives.
std::function<void(std::function<void()>)> run_beside(const runtime::process& self);

class actor_streams final : private actor_stream::owner {
 public:
  explicit actor_streams(runtime::process& of) : process_(of) {}
  ~actor_streams();
  actor_streams(const actor_streams&) = delete;
  actor_streams& operator=(const actor_streams&) = delete;

  // Takes an accepted connection; the actor ends when it ends. An error: the socket is closed.
  base::status accept(accepted_stream from) { return accept(std::move(from), true); }
  // Opens a connection. An error: it can never succeed. All other failures are told by on_close.
  base::result<std::uint64_t> connect(outgoing_stream to);

  // Keeps this connection up from now on, by a new stream whenever the last one has ended. Called once. The
  // arguments are those of connection_keeper.
  void stay_connected(std::shared_ptr<const kept_connection> to, std::string label, connect_totals& totals);
  // null: it has none.
  const connection_keeper* keeper() const { return keeper_.get(); }
  // All streams, ordered by id.
  const std::vector<std::unique_ptr<actor_stream>>& all() const { return all_; }

  // Starts the program. Its input and output are the actor's first stream, and the actor ends when it ends.
  // Called once. Errors as base::program::start(). `totals` outlive this.
  base::status run(std::shared_ptr<const program_spec> what, std::string label, program_totals& totals);
  // Whether the actor traps exits only because of its program, so that the program is ended in an orderly
  // way when the actor is told to end.
  bool traps_for_program() const { return traps_for_program_; }
  // null: it has none.
  const actor_program* its_program() const { return program_.get(); }
  // null: it has none (any more).
  const actor_stream* program_stream() const { return find(programs_stream_); }
  // In the actor's last turn: the program reads the end of its input and gets SIGTERM, later SIGKILL. Parks
  // until the program has ended, while written bytes still go out.
  void end_program();

  // An error: one of its files cannot be used.
  base::status start_tls(actor_stream& stream, const stream_tls& how);

  // Takes a stream that another actor hands over or a listener gives; the actor goes on when it ends. An
  // error: the stream is closed.
  base::status take(stream_parcel& from);
  // Hands a stream over to another process. An error: it stays here.
  base::status hand_over(actor_stream& stream, const runtime::destination& to);

  // null: there is no such stream (any more).
  actor_stream* find(std::uint64_t id) const;

  // The work of behaviour::receive_io(). The actor ends if the stream it began with has ended.
  runtime::outcome handle(stream_callbacks& to);
  // Hands out the frames that have come whole, then closes all streams.
  void drain();
  // The actor has ended, and no callback follows. Written bytes still go out.
  void close();
  // Closes all streams at once, so that the peers notice (TCP: RST).
  void reset();

 private:
  void due(actor_stream& stream) override;
  void program_ended();
  void count_bytes(const actor_stream& ended) const;
  base::status accept(accepted_stream from, bool ends_actor);
  actor_stream& add(std::shared_ptr<const stream_options> options);
  using place = std::vector<std::unique_ptr<actor_stream>>::const_iterator;
  place at(std::uint64_t id) const; // all_.end(): there is none

  runtime::process& process_;
  std::vector<std::unique_ptr<actor_stream>> all_; // ordered by id; as a rule one
  std::vector<std::uint64_t> due_;
  std::unique_ptr<connection_keeper> keeper_;
  program_totals* totals_ = nullptr; // the program's
  std::unique_ptr<actor_program> program_;
  std::uint64_t programs_stream_ = 0;
  bool traps_for_program_ = false;
  std::uint64_t last_id_ = 0;
  bool asked_ = false; // receive_io() will be called
};

} // namespace coppice::behaviours
