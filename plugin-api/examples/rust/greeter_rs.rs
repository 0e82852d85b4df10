// SPDX-License-Identifier: MIT
// greeter in Rust: the same call {hello, Name} -> {ok, <<"hello, NAME">>} as plugins/greeter, over the C ABI
// declared here by hand, so that no binding generator is needed: a struct of the headers is a #[repr(C)] struct,
// an entry that may be NULL an Option. Of a table of the host's only the beginning that is used is declared, of
// our own every entry. Rust 1.63 is enough. Build:
//
//   rustc -O -C panic=abort --edition 2021 --crate-type cdylib greeter_rs.rs -o greeter_rs.so
//
// A panic may not cross the boundary: with panic=abort it would end the node, so nothing below can panic.
#![allow(non_upper_case_globals)]

use std::mem::size_of;
use std::os::raw::{c_char, c_void};
use std::ptr::{null, null_mut};

// ---- coppice/message.h ----

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Bytes {
    data: *const u8,
    size: u64,
}

#[repr(C)]
pub struct Message {
    data: *const u8,
    size: u64,
    owner: *mut c_void,
}

type Actor = c_void; // the host's, as the writer's inside
type State = c_void;
type Writer = c_void;

// ---- coppice/call.h ----

#[repr(C)]
pub struct CallApi {
    size: u32,
    reserved: u32,
    reply: extern "C" fn(*mut Actor, Bytes, *mut Message) -> i32,
}

// ---- coppice/lifecycle.h ----

#[repr(C)]
pub struct Lifecycle {
    size: u32,
    reserved: u32,
    create: Option<extern "C" fn(*mut Actor, *mut *mut State) -> i32>,
    init: Option<extern "C" fn(*mut Actor, *mut State, *const Message) -> i32>,
    handle_continue: Option<extern "C" fn(*mut Actor, *mut State) -> i32>,
    config_change: Option<extern "C" fn(*mut Actor, *mut State, *const Message, *const Message) -> i32>,
    save_state: Option<extern "C" fn(*mut Actor, *mut State, *mut u32, *mut Writer) -> i32>,
    restore_state: Option<extern "C" fn(*mut Actor, *mut State, u32, *const Message) -> i32>,
    after_restore: Option<extern "C" fn(*mut Actor, *mut State) -> i32>,
    format_status: Option<extern "C" fn(*mut Actor, *mut State, *mut Writer) -> i32>,
    terminate: Option<extern "C" fn(*mut Actor, *mut State, *const Message)>,
    destroy: Option<extern "C" fn(*mut State)>,
}

// ---- coppice/server.h ----

#[repr(C)]
pub struct Server {
    size: u32,
    reserved: u32,
    handle_call: Option<extern "C" fn(*mut Actor, *mut State, *const Message, Bytes) -> i32>,
    handle_cast: Option<extern "C" fn(*mut Actor, *mut State, *const Message) -> i32>,
    handle_info: Option<extern "C" fn(*mut Actor, *mut State, *const Message) -> i32>,
    on_response: Option<extern "C" fn(*mut Actor, *mut State, u64, u64, i32, *const Message) -> i32>,
}

// ---- coppice/plugin.h ----

#[repr(C)]
pub struct Host {
    size: u32,
    abi_major: u32,
    abi_minor: u32,
    reserved: u32,
    version: *const c_char,
    get_interface: extern "C" fn(*const Host, *const c_char) -> *const c_void,
}

#[repr(C)]
pub struct Table {
    name: *const c_char,
    callbacks: *const c_void,
}

#[repr(C)]
pub struct ActorType {
    size: u32,
    state_version: u32,
    name: *const c_char,
    behaviour: *const c_char,
    tables: *const Table,
    args_schema: *const c_char,
}

#[repr(C)]
pub struct Descriptor {
    magic: u64,
    size: u32,
    abi_major: u32,
    abi_minor: u32,
    abi_minor_needed: u32,
    id: *const c_char,
    version: *const c_char,
    build_id: *const c_char,
    actor_count: u64,
    actors: *const Shared<*const ActorType>,
    init: Option<extern "C" fn(*const Host, *mut c_void) -> i32>,
    deinit: Option<extern "C" fn()>,
}

// Constants of this file, which nobody writes to.
unsafe impl Sync for Table {}
unsafe impl Sync for ActorType {}
unsafe impl Sync for Descriptor {}
#[repr(transparent)]
pub struct Shared<T>(T);
unsafe impl<T> Sync for Shared<T> {}

const OK: i32 = 0;
const UNHANDLED: i32 = 3;
const UNSUPPORTED: i32 = -3;

// ---- terms ----

// The text after {hello, …}: a binary, a string or an atom.
fn name_in(request: &[u8]) -> Option<&[u8]> {
    let rest = request.strip_prefix(b"\x68\x02\x77\x05hello")?;
    let (head, size) = match *rest.first()? {
        109 => (5, u32::from_be_bytes(rest.get(1..5)?.try_into().ok()?) as usize),
        107 => (3, u16::from_be_bytes(rest.get(1..3)?.try_into().ok()?) as usize),
        119 => (2, *rest.get(1)? as usize),
        _ => return None,
    };
    rest.get(head..)?.get(..size)
}

// {ok, <<"hello, NAME">>}
fn greeting(name: &[u8]) -> Vec<u8> {
    let mut term = b"\x68\x02\x77\x02ok\x6d".to_vec();
    term.extend_from_slice(&((name.len() + 7) as u32).to_be_bytes());
    term.extend_from_slice(b"hello, ");
    term.extend_from_slice(name);
    term
}

// ---- the plugin ----

static mut calls: *const CallApi = null();

extern "C" fn init(host: *const Host, _error: *mut c_void) -> i32 {
    // Safety: the host's table is valid until deinit; init runs once, before any callback.
    unsafe {
        calls = ((*host).get_interface)(host, b"coppice.call/1\0".as_ptr().cast()).cast();
        if calls.is_null() { UNSUPPORTED } else { OK }
    }
}

extern "C" fn handle_call(this: *mut Actor, _state: *mut State, request: *const Message, from: Bytes) -> i32 {
    // Safety: request and from are valid until this returns; a message without owner is copied by reply.
    unsafe {
        let term = match name_in(std::slice::from_raw_parts((*request).data, (*request).size as usize)) {
            Some(name) => greeting(name),
            None => return UNHANDLED,
        };
        let mut reply = Message { data: term.as_ptr(), size: term.len() as u64, owner: null_mut() };
        ((*calls).reply)(this, from, &mut reply)
    }
}

static lifecycle: Lifecycle = Lifecycle {
    size: size_of::<Lifecycle>() as u32,
    reserved: 0,
    create: None,
    init: None,
    handle_continue: None,
    config_change: None,
    save_state: None,
    restore_state: None,
    after_restore: None,
    format_status: None,
    terminate: None,
    destroy: None,
};

static server: Server = Server {
    size: size_of::<Server>() as u32,
    reserved: 0,
    handle_call: Some(handle_call),
    handle_cast: None,
    handle_info: None,
    on_response: None,
};

static tables: [Table; 3] = [
    Table { name: b"coppice.lifecycle/1\0".as_ptr().cast(), callbacks: &lifecycle as *const Lifecycle as *const c_void },
    Table { name: b"coppice.server/1\0".as_ptr().cast(), callbacks: &server as *const Server as *const c_void },
    Table { name: null(), callbacks: null() },
];

static actor: ActorType = ActorType {
    size: size_of::<ActorType>() as u32,
    state_version: 0,
    name: b"greeter_rs\0".as_ptr().cast(),
    behaviour: b"server\0".as_ptr().cast(),
    tables: tables.as_ptr(),
    args_schema: null(),
};

static actors: [Shared<*const ActorType>; 1] = [Shared(&actor)];

#[no_mangle]
pub static coppice_plugin: Descriptor = Descriptor {
    magic: 0x0065636970706f63,
    size: size_of::<Descriptor>() as u32,
    abi_major: 1,
    abi_minor: 0,
    abi_minor_needed: 0,
    id: b"greeter_rs\0".as_ptr().cast(),
    version: b"1.0.0\0".as_ptr().cast(),
    build_id: null(),
    actor_count: actors.len() as u64,
    actors: actors.as_ptr(),
    init: Some(init),
    deinit: None,
};

// ---- the same in an ELF note ----

const MANIFEST: &str = "{\"coppice\":1,\"id\":\"greeter_rs\",\"version\":\"1.0.0\",\"abi\":[1,0],\
\"actors\":[{\"name\":\"greeter_rs\",\"behaviour\":\"server\",\
\"tables\":[\"coppice.lifecycle/1\",\"coppice.server/1\"]}]}";

const fn bytes_of<const SIZE: usize>(text: &str) -> [u8; SIZE] {
    let mut bytes = [0; SIZE];
    let mut i = 0;
    while i < SIZE {
        bytes[i] = text.as_bytes()[i];
        i += 1;
    }
    bytes
}

#[repr(C, align(4))]
pub struct Note {
    name_size: u32,
    text_size: u32,
    kind: u32,
    name: [u8; 8],
    text: [u8; MANIFEST.len()],
}

#[used]
#[link_section = ".note.coppice"]
static NOTE: Note = Note {
    name_size: 8,
    text_size: MANIFEST.len() as u32,
    kind: 1,
    name: *b"Coppice\0",
    text: bytes_of(MANIFEST),
};
