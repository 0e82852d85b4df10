// SPDX-License-Identifier: MIT
// "coppice.stream_host/draft-2" for tests, and the order of an actor's callbacks for streams. A program that
// includes this has the interface; without it a plugin gets NULL, as on an older host. In the
// actor's callbacks.
#pragma once

#include <coppice/detail/behaviours.h>
#include <coppice/draft/stream.h>

#include <memory>
#include <vector>

#include <coppice/testing/calls.hpp>
#include <coppice/testing/host.hpp>
#include <coppice/testing/net_stream.hpp>

namespace coppice::testing::detail {

/// The streams of an actor and its process.
class streams final : public engine {
 public:
  using shared = std::shared_ptr<stream>;

  explicit streams(world& of) : world_(&of), on_(callbacks_of(of)) {}

  static constexpr std::string_view interface_name = COPPICE_STREAM_HOST_DRAFT_2;
  static streams& of(world& w) { return engine_of<streams>(w); }

  shared add(stream_options how, framing cut_by);
  /// Takes a stream that another actor has handed over: as a new one, but with its unused bytes.
  void take(const shared& handed, nanoseconds now);
  /// Null: there is no such stream (any more).
  shared find(std::uint64_t id) const;
  const std::vector<shared>& all() const { return all_; }
  /// The process that owns them. Null: between two generations.
  world* owner() const { return world_; }

  std::optional<call> next(world& w) override;
  nanoseconds due() const override;
  void carried_to(world* next) override;
  bool is_of(const world& w) const override { return world_ == &w; }
  void ended(bool orderly) override;

 private:
  using stage = stream::stage;

  static coppice_stream callbacks_of(const world& w);
  // A callback about `one`; does nothing if the callback is null.
  template <class Function, class... Arguments>
  static call make(const char* name, const shared& one, Function function, Arguments... arguments) {
    return {name, [one, function, arguments...](coppice_actor* self, void* state) {
              return function == nullptr ? COPPICE_OK : function(self, state, one->id, arguments...);
            }};
  }
  call with_info(const char* name, const shared& one,
                 std::int32_t (*function)(coppice_actor*, void*, std::uint64_t, const coppice_stream_info*));

  std::optional<call> next_of(const shared& one, nanoseconds now);
  // The stream belongs to another process now, and has no more callbacks here.
  std::optional<call> leave(const shared& one);
  call last_of(const shared& one);

  std::optional<call> next_input(const shared& one, nanoseconds now);
  // Gives all bytes that are there; unused ones come again with the next bytes.
  std::int32_t give_data(stream& one, coppice_actor* self, void* state);

  static world& of_self(coppice_actor* self) { return *reinterpret_cast<world*>(self); }

  /// A slice that a callback borrows.
  class lent_bytes {
   public:
    explicit lent_bytes(const std::string& bytes);
    lent_bytes(const lent_bytes&) = delete;
    lent_bytes& operator=(const lent_bytes&) = delete;
    ~lent_bytes() { give_up(block_); }
    const coppice_slice* get() const { return &raw_; }

   private:
    block* block_;
    coppice_slice raw_;
  };

  world* world_;
  coppice_stream on_;
  std::vector<shared> all_;
  std::uint64_t last_id_ = 0;
};

// ---- the interface ----

const coppice_stream_api* stream_interface();
inline const bool stream_interface_is_known =
    more_interfaces().emplace(COPPICE_STREAM_HOST_DRAFT_2, stream_interface()).second;

} // namespace coppice::testing::detail
