/* SPDX-License-Identifier: MIT
 * A C node made with OTP's erl_interface: it connects to NODE with COOKIE, prints the type of each message
 * that it gets, and answers a gen_server's calls with the atom `here`. It does not answer `forget`, and ends
 * at `die`. A message that libei does not know is an error.
 */
#include <arpa/inet.h>
#include <ei.h>
#include <stdio.h>
#include <string.h>

/* Reads {'$gen_call', {Pid, Tag}, Request} and writes the answer {Tag, here}. 0: no answer; -1: end. */
static int answer(ei_x_buff* in, ei_x_buff* out, erlang_pid* caller) {
  int at = 0;
  int version = 0;
  int arity = 0;
  int tag = 0;
  char atom[MAXATOMLEN] = "";
  if (ei_decode_version(in->buff, &at, &version) != 0 || ei_decode_tuple_header(in->buff, &at, &arity) != 0 ||
      arity != 3 || ei_decode_atom(in->buff, &at, atom) != 0 || strcmp(atom, "$gen_call") != 0 ||
      ei_decode_tuple_header(in->buff, &at, &arity) != 0 || ei_decode_pid(in->buff, &at, caller) != 0)
    return 0;
  tag = at;
  ei_skip_term(in->buff, &at);
  ei_x_encode_tuple_header(out, 2);
  ei_x_append_buf(out, in->buff + tag, at - tag);
  ei_x_encode_atom(out, "here");
  ei_decode_atom(in->buff, &at, atom);
  return strcmp(atom, "die") == 0 ? -1 : strcmp(atom, "forget") != 0;
}

int main(int count, char** arguments) {
  struct in_addr loopback = {htonl(INADDR_LOOPBACK)};
  ei_cnode self;
  int connection = 0;
  if (count != 3) return 2;
  ei_init();
  if (ei_connect_xinit(&self, "127.0.0.1", "c", "c@127.0.0.1", &loopback, arguments[2], 1) < 0) return 3;
  connection = ei_connect(&self, arguments[1]);
  if (connection < 0) return 4;
  printf("connected\n");
  for (;;) {
    erlang_msg message;
    erlang_pid caller;
    ei_x_buff in;
    ei_x_buff out;
    int got = 0;
    int what = 0;
    fflush(stdout);
    ei_x_new(&in);
    ei_x_new_with_version(&out);
    got = ei_xreceive_msg(connection, &message, &in);
    if (got == ERL_ERROR) {
      printf("error %d\n", erl_errno);
      return 5;
    }
    if (got == ERL_MSG) {
      printf("type %ld\n", message.msgtype);
      what = answer(&in, &out, &caller);
      if (what < 0) return 0;
      if (what > 0) ei_send(connection, &caller, out.buff, out.index);
    }
    ei_x_free(&in);
    ei_x_free(&out);
  }
}
