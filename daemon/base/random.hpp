// SPDX-License-Identifier: MIT
// Randomness from the kernel, for challenges, creations, keys and jitter, and the comparison that
// secrets need. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace coppice::base {

// Fills `out` from getrandom(2). Cannot fail once the system has booted; a kernel without the call
// ends the process, because nothing that follows could be trusted.
void random_bytes(std::span<std::uint8_t> out);

std::uint32_t random_u32();
std::uint64_t random_u64();

// Uniform in [0, bound); bound > 0.
std::uint64_t random_below(std::uint64_t bound);
// Uniform from 0 to 1, without 1.
double random_share();

// Takes the same time wherever the two differ. Lengths are not secret.
bool equal_secret(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b);

// Overwrites a secret; the compiler may not leave it out.
void wipe(std::span<std::uint8_t> secret);

} // namespace coppice::base
