//! The binary interface between native code and the runtime: layouts, how native code says what came of it, and doors
//! into the machine's state.
//!
//! Native code is called by the tier with the machine, the base of the top frame and that frame. It keeps values in
//! machine registers, writes them home before it leaves or calls anything that looks at the frame, and ends with an
//! [`Outcome`].
//!
//! | file | holds |
//! |---|---|
//! | `layout` | offsets for the code that is emitted |
//! | `outcome` | what native code says when it ends |
//! | `call` | calls between native code and the runtime |
//! | `frame` | the running frame, for the recorder and after an exit |
//! | `effects` | what an operation may do to memory |
//! | `program` | what the tier asks about the program |
//! | `state` | the part of the machine that is there for native code only |

mod call;
mod effects;
mod frame;
pub mod layout;
mod outcome;
mod program;
mod state;

pub use outcome::{Ended, NativeCode, NativeResult, Outcome, TakenExit};
pub use program::Called;
pub use state::NativeState;
