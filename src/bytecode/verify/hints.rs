//! The rules about what a program can run without: loop regions, refusals and debug information. Facts are looked at by
//! `facts::check`.

use super::{Rule, VerifyError};
use crate::bytecode::facts::Region;
use crate::bytecode::{DebugInfo, LoopRegion, Program};
use crate::source::Span;

pub fn check(program: &Program) -> Result<(), VerifyError> {
    for (i, region) in program.loops.iter().enumerate() {
        if let Err(what) = check_loop(program, i, region) {
            return Err(VerifyError::pool(Rule::LoopRegion, "loops", i, what));
        }
    }
    if let Some(index) = first_wrong_refusal(program) {
        let what = "a refusal of what does not exist, or out of order";
        return Err(VerifyError::pool(Rule::Facts, "refusals", index, what));
    }
    let Some(debug) = &program.debug else { return Ok(()) };
    for (i, region) in program.loops.iter().enumerate() {
        if !span_ok(debug, region.span) {
            return Err(VerifyError::pool(Rule::DebugInfo, "loops", i, outside(region.span)));
        }
    }
    check_debug(program, debug)
}

/// The position of the first refusal that names no region of the program, or does not follow the one before it.
fn first_wrong_refusal(program: &Program) -> Option<usize> {
    let mut last = None;
    program.refused.iter().position(|refused| {
        let position = refused.region.position();
        let exists = match refused.region {
            Region::Loop(id) => id.index() < program.loops.len(),
            Region::Function(id) => id.index() < program.functions.len(),
        };
        !exists || last.replace(position).is_some_and(|last| last >= position)
    })
}

fn check_loop(program: &Program, id: usize, region: &LoopRegion) -> Result<(), &'static str> {
    let function = program.functions.get(region.func.index()).ok_or("its function does not exist")?;
    let code = &program.code[function.code.range()];
    if region.header >= region.end || region.end > function.code.len {
        return Err("it lies outside its function");
    }
    if region.span.lo > region.span.hi {
        return Err("its span ends before it starts");
    }
    let inside = region.header..region.end;
    for pc in &region.back_edges {
        let target = inside.contains(pc).then(|| code[*pc as usize].jump_offset()).flatten();
        if target.map(|offset| i64::from(*pc) + 1 + i64::from(offset)) != Some(region.header.into()) {
            return Err("a back edge is no jump from inside to the header");
        }
    }
    if region.exits.iter().any(|pc| inside.contains(pc) || *pc >= function.code.len) {
        return Err("an exit is inside the loop or outside the function");
    }
    if !region.back_edges.is_sorted_by(|a, b| a < b) || !region.exits.is_sorted_by(|a, b| a < b) {
        return Err("its edges do not ascend");
    }
    let depth = match region.parent {
        None => 1,
        Some(parent) => {
            let outer = program.loops[..id].get(parent.index()).ok_or("its parent does not come before it")?;
            if outer.func != region.func || outer.header > region.header || outer.end < region.end {
                return Err("its parent does not enclose it");
            }
            outer.depth.saturating_add(1)
        }
    };
    if region.depth != depth {
        return Err("its depth is not one more than its parent's");
    }
    Ok(())
}

fn check_debug(program: &Program, debug: &DebugInfo) -> Result<(), VerifyError> {
    let fail = |pool, index: usize, what: String| Err(VerifyError::pool(Rule::DebugInfo, pool, index, what));
    if debug.functions.len() != program.functions.len() {
        return fail("debug.functions", debug.functions.len(), format!("{} functions", program.functions.len()));
    }
    for (i, span) in debug.functions.iter().enumerate() {
        if !span_ok(debug, *span) {
            return fail("debug.functions", i, outside(*span));
        }
    }
    let mut next = 0;
    for (i, line) in debug.lines.iter().enumerate() {
        if line.pc < next || line.pc as usize >= program.code.len() {
            return fail("debug.lines", i, format!("pc {} after {next}", line.pc));
        }
        if !span_ok(debug, line.span) {
            return fail("debug.lines", i, outside(line.span));
        }
        next = line.pc + 1;
    }
    for (i, local) in debug.locals.iter().enumerate() {
        let Some(function) = program.functions.get(local.func.index()) else {
            return fail("debug.locals", i, format!("function {}", local.func.0));
        };
        if local.register.0 >= function.registers || local.start > local.end || local.end > function.code.len {
            return fail("debug.locals", i, format!("r{} in {}..{}", local.register.0, local.start, local.end));
        }
        if local.name.index() >= program.strings.len() {
            return fail("debug.locals", i, format!("string {}", local.name.0));
        }
    }
    Ok(())
}

/// Whether the span can be cut out of its file.
fn span_ok(debug: &DebugInfo, span: Span) -> bool {
    debug
        .files
        .get(span.file.0 as usize)
        .is_some_and(|file| file.text.get(span.lo as usize..span.hi as usize).is_some())
}

fn outside(span: Span) -> String {
    format!("{}..{} of file {}", span.lo, span.hi, span.file.0)
}
