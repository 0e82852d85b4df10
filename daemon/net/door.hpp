// SPDX-License-Identifier: MIT
// Who may wait inside before he has said anything: the one policy for strangers, whatever they knock at. A
// stranger holds a place from his accept until he is settled (he proved what he has to prove) or closed. When
// more come than there are places, one goes: of those who share the address with the most of them, the one
// that has gone longest without saying anything whole. So no address keeps another one out, and of one
// address, who speaks outlives who is silent. While more than half of the places are taken a newcomer has
// less time for his first words, and who has used up that time goes as soon as the next one comes.
//
// Any thread: listeners and the strangers they took in may live on different ones. Its lock is a leaf.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace coppice::net {

struct door_options {
  std::string name; // for the log: distribution, epmd
  std::size_t places = 64;
  std::chrono::milliseconds patience{7000}; // from the accept to the first whole message
  std::chrono::milliseconds crowded_patience{2000};
};

class door {
 private:
  struct state;

 public:
  // Of one stranger; given back when destroyed. An empty one, of a listener without a door, does nothing.
  class place {
   public:
    place() = default;
    place(place&& other) noexcept;
    place& operator=(place&& other) noexcept;
    ~place() { settle(); }

    // What is to happen when somebody else gets the place: called once at most, on any thread, which may
    // be inside a call of another place's function or of enter(). False: it is somebody else's already.
    bool on_dismissal(std::function<void()> does);
    // Something whole was said.
    void spoke();
    // While the stranger is the one who waits, for an answer he is owed, he is not dismissed.
    void hold(bool held);
    // He is no stranger any more.
    void settle();
    // For the first whole message, as of the accept.
    std::chrono::milliseconds patience() const { return patience_; }

   private:
    friend class door;
    std::shared_ptr<state> of_;
    std::string share_;
    std::uint64_t turn_ = 0; // the key among those of its share
    std::chrono::milliseconds patience_ = std::chrono::milliseconds::max();
  };

  explicit door(door_options chosen);

  // A place for somebody from `share`, an address without its port or what else strangers have in common.
  place enter(std::string share);
  // Dismisses one, for a reason of the caller's; false: there is none who could be.
  bool dismiss_one();
  std::size_t taken() const;

 private:
  std::shared_ptr<state> state_;
};

} // namespace coppice::net
