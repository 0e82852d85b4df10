// SPDX-License-Identifier: MIT
//! Plugins of a Coppice node in Rust: a struct with `coppice::Server` is an actor of the Erlang world,
//! called with `gen_server:call`, supervised, and replaced in the running node without losing its state.
//!
//! ```ignore
//! use coppice::{reply, Actor, Answer, Exit, Message, Server, Term, TermBytes};
//!
//! #[derive(Default)]
//! struct Greeter;
//!
//! impl Server for Greeter {
//!     fn handle_call(&mut self, _: &Actor, request: &Message, _: TermBytes<'_>) -> Result<Answer, Exit> {
//!         match request.term()?.as_tuple() {
//!             Some([Term::Atom("hello"), Term::Binary(name)]) => Ok(reply([b"hello, ", *name].concat().as_slice())),
//!             _ => Ok(Answer::unhandled("{hello, Name} was expected")),
//!         }
//!     }
//! }
//!
//! coppice::plugin! { id: "hello_rs", version: "1.0.0", actors: [Greeter { name: "hello_rs" }] }
//! ```
//!
//! - A panic anywhere in a callback ends the actor with the reason `{panic, Text}`, and its supervisor starts
//!   it anew; it never reaches the node. So a plugin is built with `panic = "unwind"`, cargo's default.
//! - Calls that wait (marked *waits*) park the handler, which may go on on another thread. Hold no lock and no
//!   borrow of a `thread_local` across one: the compiler does not check this rule.
//! - A thread of the plugin's own has to end before the plugin's code goes, and the compiler does not check this
//!   either: after an unload or a reload a thread that `std::thread::spawn` detached would run code that is gone. Keep
//!   its handle and join it in `terminate`, use `std::thread::scope` inside of `blocking_run`, or have the thread hold
//!   a `Poster` until its last instruction in the plugin: what is behind the drop of the last one is not covered.
//! - Handlers run on a stack of 256 KiB, unless `node.runtime.stack` says otherwise: what is large
//!   goes into a `Box` or a `Vec`.
#![warn(missing_docs)]
#![deny(unsafe_op_in_unsafe_fn)]

#[doc(hidden)]
#[allow(missing_docs)]
pub mod abi;
mod actor;
mod boundary;
mod host;
mod message;
mod metric;
mod order;
mod plugin;
mod post;
mod reader;
mod server;
mod spawn;
mod term;
mod work;
mod writer;

pub use actor::{Actor, CallError, Flags, Level};
pub use host::Error;
pub use message::Message;
pub use metric::{Counter, Gauge, Histogram};
pub use order::TermKey;
#[doc(hidden)]
pub use plugin::{note_bytes, start, tables, Note};
pub use post::{OwnThread, Poster};
pub use reader::Reader;
pub use server::{reply, Answer, Carried, Exit, Init, Next, Server};
pub use spawn::{Spawn, SpawnAt};
pub use term::{OwnedTerm, Term, TermBytes};
pub use writer::{Atom, Encode, Map, Writer};
