// SPDX-License-Identifier: MIT
// Random numbers from the kernel, for challenges, creations, keys and jitter; and comparison and erasure of
// secrets. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace coppice::base {

// Fills `out` from getrandom(2). Cannot fail once the system has booted. A kernel without that call ends the
// process, since nothing that follows would be secure.
void random_bytes(std::span<std::uint8_t> out);

std::uint32_t random_u32();
std::uint64_t random_u64();

// Uniform in [0, bound); bound > 0.
std::uint64_t random_below(std::uint64_t bound);
// Uniform in [0, 1).
double random_share();

// Takes the same time wherever the two differ. Lengths are not treated as secret.
bool equal_secret(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b);

// Overwrites a secret in a way that the compiler cannot remove.
void wipe(std::span<std::uint8_t> secret);

} // namespace coppice::base
