//! `std/http`: queries, paths, routes and the text of responses; and what the other functions give to programs and take
//! from them. Serving and fetching themselves are in [`crate::runtime::net`].

pub(in crate::runtime) mod exchange;
mod message;
mod network;
mod uri;

pub use message::{
    make_response, make_response_with_headers, parse_request_line, response, response_with_headers, serialize_response,
    status_text,
};
pub use network::{fetch, read_request, serve};
pub use uri::{encode_query, match_route, normalize_path, parse_query, parse_query_pairs};

use super::value::insert_named;
use crate::runtime::error::Result;
use crate::runtime::object::{Dict, Gc};
use crate::runtime::value::Value;
use crate::runtime::vm::Vm;

/// A dict of names and values.
fn dict_of(vm: &mut Vm, entries: &[(&str, Value)]) -> Result<Value> {
    let dict = Dict::new(&mut vm.heap);
    for &(name, value) in entries {
        insert_named(vm, dict, name, value)?;
    }
    Ok(Value::from_dict(dict))
}

/// Puts a text at a name in a new dict; both as a pair.
fn put(vm: &mut Vm, dict: Gc<Dict>, name: &str, text: &str) -> Result<[Value; 2]> {
    let pair = [vm.heap.str_value(name), vm.heap.str_value(text)];
    dict.insert(&mut vm.heap, pair[0], pair[1])?;
    Ok(pair)
}
