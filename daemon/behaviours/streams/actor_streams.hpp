// SPDX-License-Identifier: MIT
// The streams of one actor. From its first one on it stays on its worker, on whose loop they are. In the
// actor's own turn, and by callbacks of that loop.
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

// What a listener tells the actors of its connections, as a notice: actor_streams::drain().
constexpr std::string_view drain_notice = "$coppice_drain_streams";

// Has tasks run between turns on the worker where the process is, which stays there. Any thread, as long as
// the system lives.
std::function<void(std::function<void()>)> run_beside(const runtime::process& self);

class actor_streams final : private actor_stream::owner {
 public:
  explicit actor_streams(runtime::process& of) : process_(of) {}
  ~actor_streams();
  actor_streams(const actor_streams&) = delete;
  actor_streams& operator=(const actor_streams&) = delete;

  // The actor ends with it. An error: the socket is closed.
  base::status accept(accepted_stream from) { return accept(std::move(from), true); }
  // An error: it can never be right. All else is told by on_close.
  base::result<std::uint64_t> connect(outgoing_stream to);

  // From now on it has this one all the time, by a new stream whenever the last has ended. Once.
  // As connection_keeper.
  void stay_connected(std::shared_ptr<const kept_connection> to, std::string label, connect_totals& totals);
  // Null: it has none.
  const connection_keeper* keeper() const { return keeper_.get(); }
  // All there are, by id.
  const std::vector<std::unique_ptr<actor_stream>>& all() const { return all_; }

  // Starts it: its input and output are the actor's first stream, and the actor ends with it. Once. As
  // base::program::start(). `totals` outlive this.
  base::status run(std::shared_ptr<const program_spec> what, std::string label, program_totals& totals);
  // With its program it began to trap exits, which it did not of its own: so that it ends the program in an
  // orderly way when it is told to end.
  bool traps_for_program() const { return traps_for_program_; }
  // Null: it has none.
  const actor_program* its_program() const { return program_.get(); }
  // Null: it has none (any more).
  const actor_stream* program_stream() const { return find(programs_stream_); }
  // In the actor's last turn: its program reads its end and has SIGTERM, later SIGKILL. Parks until it has
  // ended, and while what was written goes out.
  void end_program();

  // An error: a file of it cannot be used.
  base::status start_tls(actor_stream& stream, const stream_tls& how);

  // One that was another's, or that a listener gives it; the actor goes on when it ends. An error: it is
  // closed.
  base::status take(stream_parcel& from);
  // To whoever takes it. An error: it stays.
  base::status hand_over(actor_stream& stream, const runtime::destination& to);

  // Null: there is none (any more).
  actor_stream* find(std::uint64_t id) const;

  // What behaviour::receive_io() is to do. The actor ends if its first stream has.
  runtime::outcome handle(stream_callbacks& to);
  // What has come whole is told, then they are closed.
  void drain();
  // Its actor is no more, and hears nothing more. What is written goes out.
  void close();
  // At once, and peers notice.
  void reset();

 private:
  void due(actor_stream& stream) override;
  void program_ended();
  void count_bytes(const actor_stream& ended) const;
  base::status accept(accepted_stream from, bool ends_actor);
  actor_stream& add(std::shared_ptr<const stream_options> options);
  using place = std::vector<std::unique_ptr<actor_stream>>::const_iterator;
  place at(std::uint64_t id) const; // the end: there is none

  runtime::process& process_;
  std::vector<std::unique_ptr<actor_stream>> all_; // by id; few, as a rule one
  std::vector<std::uint64_t> due_;
  std::unique_ptr<connection_keeper> keeper_;
  program_totals* totals_ = nullptr; // of its program
  std::unique_ptr<actor_program> program_;
  std::uint64_t programs_stream_ = 0;
  bool traps_for_program_ = false;
  std::uint64_t last_id_ = 0;
  bool asked_ = false; // receive_io() is to come
};

} // namespace coppice::behaviours
