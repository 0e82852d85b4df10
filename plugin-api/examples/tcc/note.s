# SPDX-License-Identifier: MIT
# What COPPICE_NOTE makes: an allocated note section with the manifest, which the host reads without running the file.
	.section .note.coppice, "a", @note
	.balign 4
	.long 8, text_end - text, 1
	.asciz "Coppice"
text:
	.ascii "{\"coppice\":1,\"id\":\"greeter_tcc\",\"version\":\"1.0.0\",\"abi\":[1,0],"
	.ascii "\"actors\":[{\"name\":\"greeter_tcc\",\"behaviour\":\"server\","
	.ascii "\"tables\":[\"coppice.lifecycle/1\",\"coppice.server/1\"]}]}"
text_end:
	.balign 4
	.section .note.GNU-stack, "", @progbits
