//! temp
use super::error::{Error, Result};
use super::value::Value;
use super::vm::Vm;
#[derive(Default)]
pub struct State;
pub type NativeFn = fn(&mut Vm, &[Value]) -> Result<Value>;
fn none(_: &mut Vm, _: &[Value]) -> Result<Value> {
    Err(Error::message("native not there"))
}
pub static FUNCTIONS: [NativeFn; 100] = [none; 100];
