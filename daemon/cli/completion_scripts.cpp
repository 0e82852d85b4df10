// SPDX-License-Identifier: MIT
// The scripts as texts, one for each shell.
#include "cli/completion_scripts.hpp"

namespace coppice::cli {

namespace {

// bash splits node names at @ and :, so its script splits the line again at blanks, and then returns only the
// part of a candidate behind the last such character. The other shells pass words as they were typed: the
// scripts remove the quotes before they ask the client, and the shell quotes the inserted word.
constexpr const char* for_bash = R"(# bash completion for coppice; made by: coppice completion bash
_coppice() {
  local line="${COMP_LINE:0:COMP_POINT}" word kept one
  local -a words
  read -ra words <<< "$line"
  case "$line" in *[[:blank:]]) words+=("") ;; esac
  word="${words[${#words[@]}-1]}"
  kept="${word%"${word##*[@:=]}"}"
  COMPREPLY=()
  while IFS= read -r one; do
    printf -v one '%q' "${one#"$kept"}"
    COMPREPLY+=("$one")
  done < <("${words[0]}" complete -- "${words[@]:1}" 2>/dev/null)
}
complete -o default -F _coppice coppice
)";

constexpr const char* for_zsh = R"(#compdef coppice
# zsh completion for coppice; made by: coppice completion zsh
_coppice() {
  local -a found
  found=("${(@f)$("${words[1]}" complete -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
  found=("${(@)found:#}")
  if (( ${#found} )); then
    compadd -a found
  else
    _files
  fi
}
if [ "${funcstack[1]}" = "_coppice" ]; then
  _coppice "$@"
else
  compdef _coppice coppice
fi
)";

constexpr const char* for_fish = R"(# fish completion for coppice; made by: coppice completion fish
function __coppice_complete
  set -l words (commandline -opc)
  set -l typed (commandline -ct)
  # An open quote is closed first.
  set -l word (string unescape -- $typed; or string unescape -- $typed\'; or string unescape -- $typed\")
  set -l found ($words[1] complete -- $words[2..-1] "$word" 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c coppice -f -a '(__coppice_complete)'
)";

} // namespace

std::string completion_script(std::string_view shell) {
  if (shell == "bash") return for_bash;
  if (shell == "zsh") return for_zsh;
  if (shell == "fish") return for_fish;
  return {};
}

} // namespace coppice::cli
