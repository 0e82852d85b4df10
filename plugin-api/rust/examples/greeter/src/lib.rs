// SPDX-License-Identifier: MIT
//! greeter in Rust: the same call {hello, Name} -> {ok, <<"hello, NAME">>} as plugins/greeter, where Name is a
//! binary, a string or an atom.
use coppice::{reply, Actor, Answer, Atom, Exit, Message, Server, Term, TermBytes};

#[derive(Default)]
struct Greeter;

impl Server for Greeter {
    fn handle_call(&mut self, _me: &Actor, request: &Message, _from: TermBytes<'_>) -> Result<Answer, Exit> {
        if let Some([Term::Atom("hello"), name]) = request.term()?.as_tuple() {
            if let Some(name) = name.as_text() {
                return Ok(reply((Atom("ok"), [b"hello, ", name].concat())));
            }
        }
        Ok(Answer::unhandled("{hello, Name} was expected"))
    }
}

coppice::plugin! { id: "greeter_rs", version: "1.0.0", actors: [Greeter { name: "greeter_rs" }] }
