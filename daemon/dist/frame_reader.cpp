// SPDX-License-Identifier: MIT
// Decides how much is read at once, and where to. One thread.
#include "dist/frame_reader.hpp"

#include "base/bytes.hpp"

namespace coppice::dist {
namespace {

constexpr std::size_t read_at_once = 64 * 1024;
constexpr std::size_t read_at_most = 1024 * 1024; // bytes of a frame, at a time
// Frames at least this long get memory of their own, unless they are longer than read_at_most. So much is
// read behind them, because the next frame most likely begins there.
constexpr std::size_t long_frame = 32 * 1024;
constexpr std::size_t read_behind = 4 * 1024;

} // namespace

// The stream is read once in a turn of the loop: as much as keeps the receiver busy.
std::span<std::uint8_t> frame_reader::room() {
  if (long_size_ > 0) return long_.room();
  std::size_t wanted = longest_seen_ < long_frame ? read_at_once : read_behind;
  if (buffer_.size() >= 4) {
    const std::size_t frame = std::size_t{4} + base::load_be32(buffer_.data());
    // A frame that is complete already was left by for_each().
    if (frame > buffer_.size() && frame >= long_frame && frame <= read_at_most &&
        long_.reserve(frame + read_behind)) {
      long_size_ = frame;
      long_.append(buffer_.readable());
      buffer_.clear();
      return long_.room();
    }
    wanted = std::clamp(frame - std::min(frame, buffer_.size()), wanted, read_at_most);
  }
  return buffer_.prepare(wanted).first(wanted);
}

void frame_reader::commit(std::size_t count) {
  if (long_size_ > 0)
    long_.commit(count);
  else
    buffer_.commit(count);
}

// Bytes behind the long frame go into the buffer, which is empty.
runtime::message frame_reader::end_long_frame() {
  const std::size_t size = std::exchange(long_size_, 0);
  runtime::message memory = long_.take();
  buffer_.append(memory.bytes().subspan(size));
  longest_seen_ = size - 4;
  return memory;
}

void frame_reader::keep(std::size_t count) {
  buffer_.consume(buffer_.size() - count);
  const bool long_again = count >= 4 && base::load_be32(buffer_.data()) > keep_buffer;
  if (buffer_.capacity() <= keep_buffer || count > read_at_once || long_again) return;
  base::buffer beginning;
  beginning.append(buffer_.readable());
  buffer_ = std::move(beginning);
}

} // namespace coppice::dist
