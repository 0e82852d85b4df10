// SPDX-License-Identifier: MIT
// A loaded plugin file as the engines use it: its identity, its actor types, and a count of the users of its
// code. An actor, a buffer of the plugin and a running function of it each hold a pin; the loader may close
// the file only when no pin is left. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/heap_account.hpp"
#include "base/stripes.hpp"
#include "host/boundary/actor_code.hpp"

namespace coppice::behaviours {
class event_channels;
}

namespace coppice::metrics {
class board;
}

namespace coppice::host {

// Users of an image's code.
enum class pin_of : std::uint8_t {
  actor,  // a process, or its stack that has not unwound
  buffer, // a message in memory of the plugin
  work,   // a function on the blocking pool
  thread, // a handle by which a thread of the plugin posts
};

class plugin_image {
 public:
  plugin_image(std::string id, std::uint64_t generation)
      : id_(std::move(id)), generation_(generation), charged_(base::heap::owner_of(id_)) {}
  plugin_image(const plugin_image&) = delete;
  plugin_image& operator=(const plugin_image&) = delete;

  const std::string& id() const { return id_; }
  // The board for the counters of its actors. Null: none. Set before there are actors; outlives the code.
  metrics::board* metrics() const { return metrics_; }
  void keep_metrics_in(metrics::board* board) { metrics_ = board; }
  // The node's named events. Null: none. Set before there are actors; outlives the code.
  behaviours::event_channels* events() const { return events_; }
  void publish_in(behaviours::event_channels* events) { events_ = events; }
  // Its actor types: added before there are actors, and kept as long as this image. Null: no such type.
  void keep(std::unique_ptr<const actor_code> code) { code_.push_back(std::move(code)); }
  const actor_code* find(std::string_view actor) const {
    for (const auto& each : code_)
      if (each->is->actor == actor) return each.get();
    return nullptr;
  }
  std::uint64_t generation() const { return generation_; }
  // The owner to which allocations of its code are charged: the plugin, whatever the generation.
  base::heap::owner charged() const { return charged_; }
  // The number of actors that have been made of it.
  std::uint64_t made() const { return made_.sum(); }
  void count_made() { made_.add(); }
  // No pin is missed: if a pin is held all the while, it was taken before both reads and is released after
  // both.
  std::size_t pins(pin_of kind) const {
    const std::uint64_t given_up = given_up_[index(kind)].sum();
    return static_cast<std::size_t>(taken_[index(kind)].sum() - given_up);
  }
  std::size_t pins() const {
    return pins(pin_of::actor) + pins(pin_of::buffer) + pins(pin_of::work) + pins(pin_of::thread);
  }

 private:
  template <pin_of>
  friend class image_pin_for;
  std::string id_;
  std::uint64_t generation_;
  base::heap::owner charged_;
  metrics::board* metrics_ = nullptr;
  behaviours::event_channels* events_ = nullptr;
  std::vector<std::unique_ptr<const actor_code>> code_;
  base::striped_count made_;
  static constexpr std::size_t index(pin_of kind) { return static_cast<std::size_t>(kind); }
  std::array<base::striped_count, 4> taken_, given_up_; // counts of pins, by kind
};

// Keeps an image loaded. The loader makes sure that the image object outlives every pin.
template <pin_of Kind>
class image_pin_for {
 public:
  image_pin_for() = default;
  explicit image_pin_for(plugin_image& image) : image_(&image) {
    image_->taken_[plugin_image::index(Kind)].add();
  }
  image_pin_for(image_pin_for&& other) noexcept : image_(std::exchange(other.image_, nullptr)) {}
  image_pin_for& operator=(image_pin_for&& other) noexcept {
    std::swap(image_, other.image_);
    return *this;
  }
  ~image_pin_for() {
    if (image_ != nullptr) image_->given_up_[plugin_image::index(Kind)].add();
  }

  plugin_image* get() const { return image_; }
  const plugin_image& operator*() const { return *image_; }
  const plugin_image* operator->() const { return image_; }

 private:
  plugin_image* image_ = nullptr;
};

using image_pin = image_pin_for<pin_of::actor>;

} // namespace coppice::host
