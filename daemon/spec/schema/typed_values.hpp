// SPDX-License-Identifier: MIT
// Values of different types, at most one of each, which are found by their types.
#pragma once

#include <algorithm>
#include <memory>
#include <typeindex>
#include <vector>

namespace coppice::spec {

class typed_values {
 public:
  // nullptr: there is none of this type.
  template <class T>
  T* find() {
    return static_cast<T*>(value_of(typeid(T)));
  }
  template <class T>
  const T* find() const {
    return static_cast<const T*>(value_of(typeid(T)));
  }
  // The value of this type; it is made, with its defaults, if there is none.
  template <class T>
  T& get() {
    if (T* const found = find<T>()) return *found;
    all_.push_back({typeid(T), std::make_shared<T>()});
    return *find<T>();
  }

 private:
  struct entry {
    std::type_index type;
    std::shared_ptr<void> value;
  };
  void* value_of(std::type_index type) const {
    const auto found = std::ranges::find(all_, type, &entry::type);
    return found == all_.end() ? nullptr : found->value.get();
  }

  std::vector<entry> all_; // few
};

} // namespace coppice::spec
