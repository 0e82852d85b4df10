// SPDX-License-Identifier: MIT
// A loaded plugin file as the engines see it: who it is, and a count of what still needs its code. An
// actor, a buffer of the plugin's own and a function running in it each hold a pin; only when none is left
// may the loader close the file. Any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace coppice::behaviours {

class plugin_image {
 public:
  plugin_image(std::string id, std::uint64_t generation) : id_(std::move(id)), generation_(generation) {}
  plugin_image(const plugin_image&) = delete;
  plugin_image& operator=(const plugin_image&) = delete;

  const std::string& id() const { return id_; }
  std::uint64_t generation() const { return generation_; }
  std::size_t pins() const { return pins_.load(std::memory_order_acquire); }

 private:
  friend class image_pin;
  std::string id_;
  std::uint64_t generation_;
  std::atomic<std::size_t> pins_{0};
};

// Keeps an image loaded. The image object itself outlives every pin: its loader sees to that.
class image_pin {
 public:
  image_pin() = default;
  explicit image_pin(plugin_image& image) : image_(&image) {
    image_->pins_.fetch_add(1, std::memory_order_relaxed);
  }
  image_pin(image_pin&& other) noexcept : image_(std::exchange(other.image_, nullptr)) {}
  image_pin& operator=(image_pin&& other) noexcept {
    std::swap(image_, other.image_);
    return *this;
  }
  ~image_pin() {
    if (image_ != nullptr) image_->pins_.fetch_sub(1, std::memory_order_release);
  }

  plugin_image* get() const { return image_; }
  const plugin_image& operator*() const { return *image_; }
  const plugin_image* operator->() const { return image_; }

 private:
  plugin_image* image_ = nullptr;
};

} // namespace coppice::behaviours
