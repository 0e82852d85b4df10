// SPDX-License-Identifier: MIT
// The programs of the machine. The baton's holder.
#pragma once

namespace coppice::simulated {

// Whether, of twelve trials of saved states, about one is refused, one crashes and one takes longer than a
// node waits. Before the first node starts.
void trials_may_fail(bool may);

} // namespace coppice::simulated
