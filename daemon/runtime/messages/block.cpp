// SPDX-License-Identifier: MIT
// Block pools: allocating from free lists and from malloc, and returning blocks to their owners. See
// block.hpp.
#include "runtime/messages/block.hpp"

#include <malloc.h>

#include <bit>
#include <cstdlib>

#include "base/heap_account.hpp"
