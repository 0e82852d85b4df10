// SPDX-License-Identifier: MIT
// A resource whose use blocks, such as a database, as a member of an actor's class. It is made at the first
// use, and used, on the pool for blocking work, while the actor is parked. It is no part of the state: after
// a reload the new object's member is made anew. Header-only. Only in the actor's callbacks that may call.
//
//   coppice::blocking<database> db_{"/var/lib/shop/items.db"};
//   …
//   const auto name = db_.run(*this, [id](database& db) { return db.name_of(id); });
#pragma once

#include <coppice/actor.hpp>

#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

namespace coppice {

/// A Resource that lives on the pool for blocking work. One use runs at a time.
template <class Resource>
class blocking {
 public:
  /// The resource will be made from copies of `args`, by its constructor. The arguments must own what they
  /// refer to.
  template <class... Args>
  requires(std::is_constructible_v<Resource, Args&...>) explicit blocking(Args... args) {
    set(std::move(args)...);
  }
  blocking(const blocking&) = delete;
  blocking& operator=(const blocking&) = delete;

  /// Has the resource made from other arguments, at the next use. The former one is closed then, before it.
  /// May be called where an actor only computes, such as in configure.
  template <class... Args>
  requires(std::is_constructible_v<Resource, Args&...>) void set(Args... args) {
    auto next = std::make_shared<held>();
    next->make = [args = std::tuple<Args...>(std::move(args)...)]() mutable {
      return std::apply([](auto&... each) { return std::make_unique<Resource>(each...); }, args);
    };
    next->former = std::move(held_);
    held_ = std::move(next);
  }
  /// Runs work(Resource&) on the pool and returns its result; the rules are those of actor::blocking_run. An
  /// exception of the resource's constructor is thrown here, and the next use tries again.
  template <class Work>
  std::invoke_result_t<Work&, Resource&> run(actor& by, Work work) {
    by.warn_of_references_(work);
    return by.blocking_run(
        [held = held_, work = std::move(work)]() mutable -> std::invoke_result_t<Work&, Resource&> {
          held->former.reset();
          if (!held->is) held->is = held->make();
          return work(*held->is);
        });
  }
  /// Closes the resource on the pool; the next use makes it again. Without this call it is closed where the
  /// actor's object is destroyed, and blocks a worker there: call it in terminate if closing takes long.
  void close(actor& by) {
    by.blocking_run([held = held_] {
      held->former.reset();
      held->is.reset();
    });
  }

 private:
  // Shared with the work that runs: an actor that is killed leaves it alone with it.
  struct held {
    std::function<std::unique_ptr<Resource>()> make;
    std::unique_ptr<Resource> is;
    std::shared_ptr<held> former;
  };
  std::shared_ptr<held> held_;
};

} // namespace coppice
