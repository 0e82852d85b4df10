// SPDX-License-Identifier: MIT
// Limits connections whose client has proved nothing yet: how many may be open, how long each may stay
// silent, and which one is closed when the limit is reached. A connection holds a place from its accept until
// it is settled (the client proved what it has to prove) or closed. When no place is free, the limit closes
// one connection: of the address that holds the most places, the one whose last complete message is the
// oldest. So no address keeps another one out, and within one address a client that speaks outlives a silent
// one. While more than half of the places are taken, a new client has less time for its first message, and a
// client that has used up that time is closed as soon as the next one comes.
//
// Any thread: a listener and the connections it accepted may live on different threads. Its lock is a leaf.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace coppice::net {

struct admission_options {
  std::string name; // for the log: distribution, epmd
  std::size_t places = 64;
  std::chrono::milliseconds patience{7000}; // from the accept to the first whole message
  std::chrono::milliseconds crowded_patience{2000};
};

class admission_limit {
 private:
  struct state;

 public:
  // The place of one connection; the destructor gives it back. A default-constructed place does nothing.
  class place {
   public:
    place() = default;
    place(place&& other) noexcept;
    place& operator=(place&& other) noexcept;
    ~place() { settle(); }

    // Sets what closes the connection when another one gets its place. Called at most once, on any thread,
    // possibly inside a call of another place's function or of enter(). False: another connection has the
    // place already.
    bool on_dismissal(std::function<void()> does);
    // The client sent a complete message.
    void spoke();
    // While it is held, because its client waits for an answer, the connection is not closed by the limit.
    void hold(bool held);
    // The client has proved what it has to prove; the place is free again.
    void settle();
    // How long the client has for its first complete message, counted from the accept.
    std::chrono::milliseconds patience() const { return patience_; }

   private:
    friend class admission_limit;
    std::shared_ptr<state> of_;
    std::string share_;
    std::uint64_t turn_ = 0; // the key in its share's map
    std::chrono::milliseconds patience_ = std::chrono::milliseconds::max();
  };

  explicit admission_limit(admission_options chosen);

  // Takes a place for a connection of `share`: the client's address without its port, or something else that
  // these clients have in common.
  place enter(std::string share);
  // Closes one connection for a reason of the caller's. False: no connection could be closed.
  bool dismiss_one();
  std::size_t taken() const;

 private:
  std::shared_ptr<state> state_;
};

} // namespace coppice::net
