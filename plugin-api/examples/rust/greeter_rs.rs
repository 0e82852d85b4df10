// SPDX-License-Identifier: MIT
// greeter in Rust: the same call {hello, Name} -> {ok, <<"hello, NAME">>} as plugins/greeter, over the C ABI
// declared here by hand, so that no binding generator is needed. Only what is used is declared; members of a
// table that are not are counted pointers. Rust 1.63 is enough. Build:
//
//   rustc -O -C panic=abort --edition 2021 --crate-type cdylib greeter_rs.rs -o greeter_rs.so
//
// A panic may not cross the boundary: with panic=abort it would end the node, so nothing below can panic.
#![allow(non_upper_case_globals)]

use std::os::raw::{c_char, c_void};
use std::ptr::{null, null_mut};

// ---- coppice/message.h, call.h, server.h, plugin.h ----

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

#[repr(C)]
pub struct CallApi {
    size: u32,
    reserved: u32,
    reply: extern "C" fn(*mut c_void, Bytes, *mut Message) -> i32,
}

#[repr(C)]
pub struct Host {
    size: u32,
    abi_major: u32,
    abi_minor: u32,
    reserved: u32,
    version: *const c_char,
    get_interface: extern "C" fn(*const Host, *const c_char) -> *const c_void,
}

type HandleCall = extern "C" fn(*mut c_void, *mut c_void, *const Message, Bytes) -> i32;

#[repr(C)]
pub struct Server {
    size: u32,
    reserved: u32,
    create_init_continue: [*const c_void; 3],
    handle_call: HandleCall,
    others: [*const c_void; 9],
}

#[repr(C)]
pub struct ActorType {
    size: u32,
    state_version: u32,
    name: *const c_char,
    behaviour: *const c_char,
    table: *const c_char,
    callbacks: *const Server,
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
    actors: *const [*const ActorType; 1],
    init: extern "C" fn(*const Host, *mut c_void) -> i32,
    deinit: *const c_void,
}

// Constants of this file, which nobody writes to.
unsafe impl Sync for Server {}
unsafe impl Sync for ActorType {}
unsafe impl Sync for Descriptor {}
struct Types([*const ActorType; 1]);
unsafe impl Sync for Types {}

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

extern "C" fn handle_call(this: *mut c_void, _state: *mut c_void, request: *const Message, from: Bytes) -> i32 {
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

static server: Server = Server {
    size: std::mem::size_of::<Server>() as u32,
    reserved: 0,
    create_init_continue: [null(); 3],
    handle_call,
    others: [null(); 9],
};

static actor: ActorType = ActorType {
    size: std::mem::size_of::<ActorType>() as u32,
    state_version: 0,
    name: b"greeter_rs\0".as_ptr().cast(),
    behaviour: b"server\0".as_ptr().cast(),
    table: b"coppice.server/1\0".as_ptr().cast(),
    callbacks: &server,
    args_schema: null(),
};

static types: Types = Types([&actor]);

#[no_mangle]
pub static coppice_plugin: Descriptor = Descriptor {
    magic: 0x0065636970706f63,
    size: std::mem::size_of::<Descriptor>() as u32,
    abi_major: 1,
    abi_minor: 0,
    abi_minor_needed: 0,
    id: b"greeter_rs\0".as_ptr().cast(),
    version: b"1.0.0\0".as_ptr().cast(),
    build_id: null(),
    actor_count: 1,
    actors: &types.0,
    init,
    deinit: null(),
};

// ---- the same in an ELF note ----

// As many bytes as the array says; a zero at the end is no part of it.
const MANIFEST: [u8; 116] = *b"{\"coppice\":1,\"id\":\"greeter_rs\",\"version\":\"1.0.0\",\"abi\":[1,0],\
\"actors\":[{\"name\":\"greeter_rs\",\"behaviour\":\"server\"}]}\0";

#[repr(C, align(4))]
pub struct Note {
    name_size: u32,
    text_size: u32,
    kind: u32,
    name: [u8; 8],
    text: [u8; 116],
}

#[used]
#[link_section = ".note.coppice"]
static NOTE: Note = Note { name_size: 8, text_size: 116, kind: 1, name: *b"Coppice\0", text: MANIFEST };
